// What a run left behind, found from its folder or from one of its files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/output.h"

namespace ingot::cli {

/// The file of weights that `path` means: itself; of a run folder best.safetensors where the run
/// kept it, else model.safetensors, else checkpoint.safetensors. Throws IoError naming the path and
/// what is missing.
std::string weights_of(const std::string& path);

/// The options of the run whose checkpoint lies beside that file, or is that file; an empty object
/// when there is none. Throws IoError, naming the checkpoint, when it is damaged.
Json run_options_beside(const std::string& weights);

/// The options of the run with that checkpoint. Throws IoError.
Json run_options(const std::filesystem::path& checkpoint);
/// Its Checkpoint::extra of that key; empty when there is none. Throws IoError.
std::string run_extra(const std::filesystem::path& checkpoint, const std::string& key);

}  // namespace ingot::cli
