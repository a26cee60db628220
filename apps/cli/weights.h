// Files of weights as the commands take them: a run's model or checkpoint, any other safetensors
// file, or a file of torch.save.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/state_dict.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/registry.h>
#include <ingot/nn/module.h>

#include "cli/options.h"

namespace ingot::cli {

/// In Checkpoint::extra: the metadata of the run's weights, and its options, as JSON.
inline constexpr const char* kWeightsKey = "weights";
inline constexpr const char* kOptionsKey = "options";

}  // namespace ingot::cli

namespace ingot::cli {

struct Weights {
  StateDict tensors;
  Metadata metadata;                  ///< empty for torch.save's files
  std::vector<std::string> left_out;  ///< what is no tensor, or no part of the model
};

/// Reads `path`; of a checkpoint, the model's tensors, with the metadata that the run's weights
/// have. options.key names the part of a .pth file that holds the weights; without, it is found
/// (find_state_dict). Throws IoError or ValueError, naming the file; UsageError for a key of a
/// safetensors file.
Weights read_weights(const std::string& path, const WeightsOptions& options = {});

/// Throws ValueError when the metadata says that the weights are of another model of the zoo.
void check_model(const Weights& weights, const std::string& path, const std::string& model);
/// Throws ValueError naming the first tensor that holds NaN: nothing comes of such weights.
void check_numbers(const StateDict& weights, const std::string& path);
/// Runs load(), which fits weights into the model; the ValueError it throws gets the file's name
/// and, where only a prefix of all names is in the way, the option that takes it off.
void fit(const std::string& path, const StateDict& weights, const nn::Module& model,
         const std::function<void()>& load);

/// What the metadata say of the images that the weights were trained on. Each throws IoError,
/// naming `path`, for damaged text.
std::optional<std::int64_t> image_size_of(const Weights& weights, const std::string& path);
std::optional<std::int64_t> num_classes_of(const Weights& weights, const std::string& path);
/// `info` with the mean and the deviation of the metadata, if there are any.
models::ModelInfo normalised_as(const Weights& weights, const std::string& path,
                                models::ModelInfo info);

}  // namespace ingot::cli
