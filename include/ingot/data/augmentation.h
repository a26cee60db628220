// Augmentation: what is done to training images, as a few numbers under names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ingot/data/transforms.h>

namespace ingot::data {

/// The steps stand in this order. All are drawn from the sample's own stream, so that an image of
/// an epoch is the same however often, and by whichever worker, it is made.
struct Augmentation {
  std::optional<double> crop;  ///< RandomResizedCrop of this share of the area or more, in 0..1
  double flip = 0;             ///< RandomHorizontalFlip with that probability
  double rotation = 0;         ///< RandomRotation by so many degrees at most, bilinear
  double color_jitter = 0;  ///< ColorJitter of brightness, contrast, saturation; of hue a quarter
  std::optional<std::int64_t> rand_augment;  ///< RandAugment of two operations of this magnitude
  double erase = 0;  ///< RandomErasing with that probability, of the normalised image

  /// "none", "light" (crop 0.8, flip 0.5), "strong" (crop 0.4, flip 0.5, rotation 15, color_jitter
  /// 0.3), "imagenet" (crop 0.08, flip 0.5, as the networks of torchvision were trained),
  /// "randaugment" (crop 0.4, flip 0.5, rand_augment 9).
  static const std::vector<std::string>& names();
  /// Throws ValueError listing the names for any other.
  static Augmentation preset(const std::string& name);

  bool any() const;
  /// Those between resizing and ToTensor; without the crop, which takes the place of resizing.
  std::vector<Transform> on_bytes() const;
  /// Those behind Normalize.
  std::vector<Transform> on_floats() const;
  /// "crop 0.8, flip 0.5"; "none".
  std::string str() const;
};

}  // namespace ingot::data
