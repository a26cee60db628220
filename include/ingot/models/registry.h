// Models by name, each with the input it was designed for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/shape.h>
#include <ingot/nn/module.h>

namespace ingot::models {

struct ModelOptions {
  std::int64_t num_classes = 10;
  std::optional<std::int64_t> in_channels = {};  ///< those of ModelInfo unless given
};

/// What a data pipeline must know to feed a model.
struct ModelInfo {
  std::string name;
  std::string description;
  Shape input;               ///< [channels, height, width]
  std::vector<double> mean;  ///< per channel, for Normalize
  std::vector<double> std;
};

/// The names create() knows, in alphabetical order.
std::vector<std::string> names();
/// Throws ValueError listing the known names for any other.
const ModelInfo& info(std::string_view name);
/// A model with fresh random weights. Throws ValueError for an unknown name (listing the known
/// ones) and for sizes below 1.
std::unique_ptr<nn::Module> create(std::string_view name, const ModelOptions& options = {});

}  // namespace ingot::models
