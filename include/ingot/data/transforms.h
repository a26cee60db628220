// Image transforms with torchvision's names and results, on plain buffers.
//
// A Transform is an immutable value that many threads may apply at once. Those on 8-bit images are
// bit-equal to torchvision on PIL images (the random ones: given what they drew), ToTensor and
// Normalize to torchvision's float32 results; docs/transforms.md has the measured differences.
// A transform draws randomness only from the SampleKey it is given, so a sample depends on (seed,
// epoch, index) and never on the thread that made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/data/functional.h>
#include <ingot/data/image.h>
#include <ingot/data/random_stream.h>

namespace ingot::data {

/// Names one sample of one pass over a data set.
struct SampleKey {
  std::int64_t index = 0;
  std::uint64_t epoch = 0;
  std::uint64_t seed = 0;
  /// Which transform of a chain draws: Compose gives each of its steps another one, so that they
  /// draw different numbers. See RandomStream.
  std::uint64_t place = 0;

  SampleKey(std::int64_t index_, std::uint64_t epoch_ = 0, std::uint64_t seed_ = 0)
      : index(index_), epoch(epoch_), seed(seed_) {}
};

/// The place of step `step` inside what stands at `place`; no step of a chain, however nested,
/// shares its place with another.
constexpr std::uint64_t place_in(std::uint64_t place, std::size_t step) {
  return (place + 1) * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(step);
}

/// The meaning of a transform; derive from it for a transform of your own with parameters.
class TransformRule {
 public:
  virtual ~TransformRule() = default;
  /// Must be safe to call from several threads. Throws ShapeError for an image it cannot take.
  virtual Picture apply(Picture picture, const SampleKey& key) const = 0;
  /// One line, as torchvision prints it: "Resize(224)".
  virtual std::string describe() const = 0;
};

/// A value handle to a rule, or to any function from Picture to Picture.
class Transform {
 public:
  /// Leaves pictures as they are.
  Transform();
  Transform(std::shared_ptr<const TransformRule> rule);
  Transform(std::function<Picture(Picture)> function);

  Picture operator()(Picture picture, const SampleKey& key = {0}) const;
  std::string describe() const;
  const TransformRule& rule() const { return *rule_; }

 private:
  std::shared_ptr<const TransformRule> rule_;
};

/// Resizes so that the smaller edge is `size` pixels; the other edge is truncated(size * long /
/// short), as in torchvision. Antialiased bilinear, PIL's 8-bit arithmetic.
/// Throws ValueError when size < 1.
Transform Resize(std::int64_t size);
/// Resizes to exactly height x width. Throws ValueError when one of them is < 1.
Transform Resize(std::int64_t height, std::int64_t width);

/// Grey value L = (19595 R + 38470 G + 7471 B + 0x8000) >> 16 (PIL's ITU-R 601-2 luma), in one
/// channel or repeated in three. Throws ValueError for other channel counts.
Transform Grayscale(std::int64_t num_output_channels = 1);

/// 8-bit HWC to float32 CHW in [0, 1]: value / 255.
Transform ToTensor();

/// (value - mean[c]) / std[c] on a float image. mean and std have one entry per channel, or one for
/// all. Throws ValueError for a std of 0 or for lists of different length.
Transform Normalize(std::vector<float> mean, std::vector<float> std);

/// A function of the user's own under a name for describe(). The stream is the sample's: what is
/// drawn from it depends on (seed, epoch, index) and on the place in the chain alone.
Transform Lambda(std::string name, std::function<Picture(Picture, RandomStream&)> function);

/// functional::pad, center_crop. Throw ValueError for numbers that those refuse.
Transform Pad(std::vector<std::int64_t> padding, std::vector<double> fill = {0},
              PaddingMode mode = PaddingMode::Constant);
Transform CenterCrop(std::int64_t size);
Transform CenterCrop(std::int64_t height, std::int64_t width);

struct RandomCropOptions {
  std::vector<std::int64_t> padding = {};  ///< before cropping; see functional::pad
  bool pad_if_needed = false;              ///< where the image is smaller, on both sides
  std::vector<double> fill = {0};
  PaddingMode mode = PaddingMode::Constant;
};

/// A crop of that size; each place is equally likely. Throws ShapeError for an image that is
/// smaller, unless padding makes it large enough.
Transform RandomCrop(std::int64_t size, RandomCropOptions options = {});
Transform RandomCrop(std::int64_t height, std::int64_t width, RandomCropOptions options = {});

struct RandomResizedCropOptions {
  double min_scale = 0.08, max_scale = 1.0;         ///< share of the area
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;  ///< width / height
};

/// A crop of random area (uniform) and random ratio (log-uniform), resized to the given size. After
/// ten crops that do not fit, the middle one with a ratio as near as possible.
Transform RandomResizedCrop(std::int64_t size, RandomResizedCropOptions options = {});
Transform RandomResizedCrop(std::int64_t height, std::int64_t width,
                            RandomResizedCropOptions options = {});

/// Flips with that probability. Throws ValueError unless it is in 0..1.
Transform RandomHorizontalFlip(double probability = 0.5);
Transform RandomVerticalFlip(double probability = 0.5);

/// A range that factors are drawn from, uniformly; 1 to 1 (0 to 0 for hue) changes nothing.
struct JitterRange {
  double low, high;
};
struct ColorJitterRanges {
  JitterRange brightness{1, 1}, contrast{1, 1}, saturation{1, 1};  ///< 0 <= low <= high
  JitterRange hue{0, 0};                                           ///< -0.5 <= low <= high <= 0.5
};

/// Changes brightness, contrast, saturation and hue in random order. A number x stands for the
/// range max(0, 1 - x) to 1 + x, for hue (at most 0.5) -x to x. Throws ValueError for others.
Transform ColorJitter(double brightness, double contrast = 0, double saturation = 0,
                      double hue = 0);
Transform ColorJitter(const ColorJitterRanges& ranges);

/// functional::rotate by an angle drawn from -degrees to degrees, or low to high.
Transform RandomRotation(double degrees, Interpolation interpolation = Interpolation::Nearest,
                         std::vector<double> fill = {0});
Transform RandomRotation(double low, double high, Interpolation interpolation,
                         std::vector<double> fill = {0});

struct RandomErasingOptions {
  double probability = 0.5;
  double min_scale = 0.02, max_scale = 0.33;  ///< share of the area
  double min_ratio = 0.3, max_ratio = 3.3;    ///< height / width
  std::vector<float> value = {0};             ///< one number, or one per channel
  bool noise = false;                         ///< standard normal numbers instead of `value`
};

/// On a float image: writes over a random rectangle, where one of ten tries fits inside.
Transform RandomErasing(RandomErasingOptions options = {});

struct RandAugmentOptions {
  std::int64_t num_ops = 2;
  std::int64_t magnitude = 9;  ///< 0 to num_magnitude_bins - 1
  std::int64_t num_magnitude_bins = 31;
  Interpolation interpolation = Interpolation::Nearest;
  std::vector<double> fill = {0};
};

/// RandAugment (Cubuk et al., 2019, arXiv:1909.13719) with torchvision's operations and magnitudes:
/// num_ops times one of identity, shear and translation in x and y, rotation, brightness, colour,
/// contrast, sharpness, posterize, solarize, autocontrast and equalize, each equally likely, and
/// each sign where it has one. Takes 8-bit images. Throws ValueError for numbers out of range.
Transform RandAugment(RandAugmentOptions options = {});

/// Applies `transforms` in order. Two shortcuts change no bit of the result: Grayscale(3) directly
/// before Resize moves behind it (three equal channels stay equal), and a tail of Grayscale(3),
/// ToTensor and Normalize runs as one table look-up per value.
Transform Compose(std::vector<Transform> transforms);

}  // namespace ingot::data
