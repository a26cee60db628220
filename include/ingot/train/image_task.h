// Image classification by name: which data, and what must be done to them so that a model of the
// zoo can read them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/shape.h>
#include <ingot/data/augmentation.h>
#include <ingot/data/dataset.h>
#include <ingot/data/split.h>
#include <ingot/data/transforms.h>
#include <ingot/models/registry.h>

namespace ingot::train {

using data::parse_split;
using data::Split;

/// Names image data: "mnist" (the 1,000 + 1,000 images that Ingot carries), "mnist:FOLDER",
/// "fashion-mnist:FOLDER", or "folder:FOLDER", which holds train/ and, where there are such data,
/// val/ and test/, each with a sub-folder of JPEG and PNG images per class; or the sub-folders
/// themselves, with val_split.
struct ImageData {
  std::string kind;    ///< "mnist", "fashion-mnist" or "folder"
  std::string folder;  ///< empty: the embedded images
  /// The share of the training images that is split off for validation, above 0 and below 1, where
  /// the data have no validation images of their own. Which they are depends on the order of the
  /// images (in "folder" that of the files' names) and the share alone.
  std::optional<double> val_split = std::nullopt;
  std::int64_t num_classes = 10;          ///< of "folder": 0 before read_classes()
  std::vector<std::string> classes = {};  ///< their names, where the data have any
  Shape image{1, 28, 28};  ///< [channels, height, width] as stored; sizes that differ are 0

  /// The kind in any case. Throws ValueError listing what there is. Looks at no file.
  static ImageData parse(const std::string& text);
  std::string str() const { return folder.empty() ? kind : kind + ":" + folder; }
  /// Whether there are such images, as far as the names of folders tell. A folder without train/
  /// has only what val_split makes of it.
  bool has(Split split) const;
  /// Whether val_split could make validation images of the training images.
  bool can_split() const;
  /// Finds the classes of "folder" in its sub-folders. Throws IoError naming folder and cause;
  /// ValueError when val_split is out of range or there is a val/ already.
  void read_classes();
  /// The images of that part. Throws IoError naming file and cause; ValueError when there is none.
  /// Appends to `left_out` the files and folders that are no images or classes
  /// (data::ImageFolder::left_out).
  std::shared_ptr<const data::Dataset> open(
      Split split, const data::Transform& transform,
      std::vector<std::filesystem::path>* left_out = nullptr) const;

 private:
  bool holds(const char* part) const;
  void check_classes(Split split) const;
  /// The folder of that part; that of the training images where val_split divides it.
  std::filesystem::path part(Split split) const;
};

/// How a model of the zoo is fed: images as float32 [channels, size, size], normalised.
struct ImageInput {
  std::int64_t channels = 1;
  std::int64_t size = 28;
  data::Transform transform;

  Shape batch_shape(std::int64_t batch_size) const { return {batch_size, channels, size, size}; }
};

/// For training images `augment` says what is done besides: its crop takes the place of resizing.
/// Resize (where the size differs; images of different sizes: the smaller edge to 8/7 of the size,
/// then CenterCrop, as usual for ImageNet), Grayscale (where the model wants three channels),
/// ToTensor and Normalize with the model's own figures. `size` replaces the size the model was
/// designed for. Throws ValueError when size < 1.
ImageInput image_input(const models::ModelInfo& model, const ImageData& data,
                       std::optional<std::int64_t> size = {},
                       const data::Augmentation& augment = {});

/// Throws ShapeError, naming the model, when it cannot take such images. Computes nothing.
void check_input(nn::Module& model, const std::string& name, const ImageInput& input);

}  // namespace ingot::train
