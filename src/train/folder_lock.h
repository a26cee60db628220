// A lock on a folder that a run writes into.
#pragma once

#include <filesystem>
#include <memory>

namespace ingot::train {

/// Locks `folder` for as long as the result lives, at most until the process ends; no file is left
/// behind. Null for a folder that is not there, and on a file system that has no locks for folders.
/// Throws IoError when another run has it.
std::shared_ptr<void> lock_folder(const std::filesystem::path& folder);

}  // namespace ingot::train
