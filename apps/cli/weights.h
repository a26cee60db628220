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
/// The device that the run was trained on last.
inline constexpr const char* kDeviceKey = "device";
/// In the metadata of weights: how images came to their size. "crop": the smaller edge to 8/7 of
/// it, then the middle, as train::image_input does with images of different sizes; "stretch": both
/// edges to it.
inline constexpr const char* kResizeKey = "resize";
inline constexpr const char* kCropped = "crop";
inline constexpr const char* kStretched = "stretch";

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
/// How many classes: what the metadata say, else the first dimension of the weights that have more
/// or fewer rows than those of the model with `usual` classes; `usual` where none has.
std::int64_t num_classes_of(const Weights& weights, const std::string& path,
                            const std::string& model, std::int64_t usual);
/// The names of the classes; empty when the metadata have none.
std::vector<std::string> classes_of(const Weights& weights, const std::string& path);
/// The model that the metadata tell, as models::info spells it. Throws UsageError when they do not.
std::string model_of(const Weights& weights, const std::string& path);
/// `info` with the mean and the deviation of the metadata, if there are any.
models::ModelInfo normalised_as(const Weights& weights, const std::string& path,
                                models::ModelInfo info);

}  // namespace ingot::cli
