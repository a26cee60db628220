// Image classification by name: which data, and what must be done to them so that a model of the
// zoo can read them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <ingot/core/shape.h>
#include <ingot/data/dataset.h>
#include <ingot/data/transforms.h>
#include <ingot/models/registry.h>

namespace ingot::train {

/// Names image data: "mnist" (the 1,000 + 1,000 images that Ingot carries) or "mnist:FOLDER".
struct ImageData {
  std::string kind;    ///< "mnist"
  std::string folder;  ///< empty: the embedded images
  std::int64_t num_classes = 10;
  Shape image{1, 28, 28};  ///< [channels, height, width] as stored

  /// Throws ValueError listing what there is.
  static ImageData parse(const std::string& text);
  std::string str() const { return folder.empty() ? kind : kind + ":" + folder; }
  /// Training or test half. Throws IoError naming file and cause.
  std::shared_ptr<const data::Dataset> open(bool train, const data::Transform& transform) const;
};

/// How a model of the zoo is fed: images as float32 [channels, size, size], normalised.
struct ImageInput {
  std::int64_t channels = 1;
  std::int64_t size = 28;
  data::Transform transform;

  Shape batch_shape(std::int64_t batch_size) const { return {batch_size, channels, size, size}; }
};

/// Resize (where the size differs), Grayscale (where the model wants three channels), ToTensor and
/// Normalize with the model's own figures. `size` replaces the size the model was designed for.
/// Throws ValueError when size < 1.
ImageInput image_input(const models::ModelInfo& model, const ImageData& data,
                       std::optional<std::int64_t> size = {});

/// Throws ShapeError, naming the model, when it cannot take such images. Computes nothing.
void check_input(nn::Module& model, const std::string& name, const ImageInput& input);

}  // namespace ingot::train
