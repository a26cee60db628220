// Files of weights as the commands take them: a run's model or checkpoint, any other safetensors
// file, or a file of torch.save.
#pragma once

#include <string>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/io/safetensors.h>

namespace ingot::cli {

struct Weights {
  StateDict tensors;
  Metadata metadata;                  ///< empty for torch.save's files
  std::vector<std::string> left_out;  ///< what is no tensor, or no part of the model
};

/// Reads `path`; of a checkpoint, the model's tensors. `key` names the part of a .pth file that
/// holds the weights; without, it is found (find_state_dict). Throws IoError or ValueError, naming
/// the file; UsageError for a key of a safetensors file.
Weights read_weights(const std::string& path, const std::string& key = {});

/// Throws ValueError when the metadata says that the weights are of another model of the zoo.
void check_model(const Weights& weights, const std::string& path, const std::string& model);

}  // namespace ingot::cli
