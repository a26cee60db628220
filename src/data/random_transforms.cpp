// The transforms that draw from the sample's RandomStream, and the crops and pads without chance.
// Each draws its parameters and leaves the pixels to functional.h.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/data/random_stream.h>
#include <ingot/data/transforms.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <ingot/core/error.h>

#include "core/random_math.h"
#include "data/picture.h"

namespace ingot::data {
namespace {

namespace F = functional;

constexpr std::int64_t kMaxEdge = 1 << 16;
constexpr int kTries = 10;  // for a rectangle that fits

/// A rule made of a name and a function of the picture and its stream.
class NamedRule final : public TransformRule {
 public:
  using Function = std::function<Picture(Picture, RandomStream&)>;
  NamedRule(std::string name, Function function)
      : name_(std::move(name)), function_(std::move(function)) {}
  Picture apply(Picture picture, const SampleKey& key) const override {
    RandomStream random(key);
    return function_(std::move(picture), random);
  }
  std::string describe() const override { return name_; }

 private:
  std::string name_;
  Function function_;
};

Transform named(std::string name, NamedRule::Function function) {
  return Transform(std::make_shared<NamedRule>(std::move(name), std::move(function)));
}

void check_size(std::int64_t height, std::int64_t width, const std::string& who) {
  if (height < 1 || width < 1 || height > kMaxEdge || width > kMaxEdge)
    throw ValueError(fmt::format("{}: sizes must be in 1..{}", who, kMaxEdge));
}

void check_probability(double p, const std::string& who) {
  if (!(p >= 0 && p <= 1)) throw ValueError(fmt::format("{}: a probability is in 0..1", who));
}

/// Ranges of sizes: above 0, finite and in order.
void check_range(double low, double high, const char* what, const std::string& who) {
  if (!(low > 0 && low <= high) || std::isinf(high))
    throw ValueError(
        fmt::format("{}: the {} {} to {} is no range of numbers above 0", who, what, low, high));
}

std::int64_t rounded(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

struct Box {
  std::int64_t top, left, height, width;
};

Box random_resized_box(std::int64_t height, std::int64_t width, const RandomResizedCropOptions& o,
                       RandomStream& random) {
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int i = 0; i < kTries; ++i) {
    const double wanted = area * random.uniform(o.min_scale, o.max_scale);
    const double ratio = std::exp(random.uniform(std::log(o.min_ratio), std::log(o.max_ratio)));
    const std::int64_t w = rounded(std::sqrt(wanted * ratio)),
                       h = rounded(std::sqrt(wanted / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const std::int64_t top = random.between(0, height - h);
    return {top, random.between(0, width - w), h, w};
  }
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  std::int64_t w = width, h = height;
  if (ratio < o.min_ratio) h = rounded(static_cast<double>(width) / o.min_ratio);
  if (ratio > o.max_ratio) w = rounded(static_cast<double>(height) * o.max_ratio);
  h = std::clamp<std::int64_t>(h, 1, height);
  w = std::clamp<std::int64_t>(w, 1, width);
  return {(height - h) / 2, (width - w) / 2, h, w};
}

JitterRange around_one(double amount) { return {std::max(0.0, 1 - amount), 1 + amount}; }

void erase(FloatImage& image, const RandomErasingOptions& o, RandomStream& random) {
  const double area = static_cast<double>(image.height) * static_cast<double>(image.width);
  for (int i = 0; i < kTries; ++i) {
    const double wanted = area * random.uniform(o.min_scale, o.max_scale);
    const double ratio = std::exp(random.uniform(std::log(o.min_ratio), std::log(o.max_ratio)));
    const std::int64_t h = rounded(std::sqrt(wanted * ratio)),
                       w = rounded(std::sqrt(wanted / ratio));
    if (h >= image.height || w >= image.width) continue;
    const std::int64_t top = random.between(0, image.height - h),
                       left = random.between(0, image.width - w);
    for (std::int64_t c = 0; c < image.channels; ++c) {
      const float value = o.value[o.value.size() == 1 ? 0 : static_cast<std::size_t>(c)];
      for (std::int64_t y = top; y < top + h; ++y) {
        float* row = image.values.data() + (c * image.height + y) * image.width;
        for (std::int64_t x = left; x < left + w; ++x)
          row[x] = o.noise ? normal_from_bits(static_cast<std::uint32_t>(random.next())) : value;
      }
    }
    return;
  }
}

}  // namespace

Transform Lambda(std::string name, std::function<Picture(Picture, RandomStream&)> function) {
  if (!function) throw ValueError("Lambda: the function is empty");
  return named(std::move(name), std::move(function));
}

Transform Pad(std::vector<std::int64_t> padding, std::vector<double> fill, PaddingMode mode) {
  const std::string name = fmt::format("Pad(padding=[{}])", fmt::join(padding, ", "));
  // Finds out now what is wrong with the padding.
  try {
    F::pad(
        Image{1, 1, fill.size() == 3 ? 3 : 1, std::vector<std::uint8_t>(fill.size() == 3 ? 3 : 1)},
        padding, {0}, mode);
  } catch (const IoError& e) {  // no image can be padded that far
    throw ValueError(fmt::format("{}: {}", name, e.what()));
  }
  return named(
      name, [=](Picture picture, RandomStream&) { return F::pad(picture, padding, fill, mode); });
}

Transform CenterCrop(std::int64_t size) { return CenterCrop(size, size); }

Transform CenterCrop(std::int64_t height, std::int64_t width) {
  const std::string name = fmt::format("CenterCrop(size=({}, {}))", height, width);
  check_size(height, width, name);
  return named(
      name, [=](Picture picture, RandomStream&) { return F::center_crop(picture, height, width); });
}

Transform RandomCrop(std::int64_t size, RandomCropOptions options) {
  return RandomCrop(size, size, std::move(options));
}

Transform RandomCrop(std::int64_t height, std::int64_t width, RandomCropOptions options) {
  std::string name = fmt::format("RandomCrop(size=({}, {})", height, width);
  if (!options.padding.empty())
    name += fmt::format(", padding=[{}]", fmt::join(options.padding, ", "));
  name += options.pad_if_needed ? ", pad_if_needed=True)" : ")";
  check_size(height, width, name);
  if (!options.padding.empty()) Pad(options.padding);
  return named(name, [=](Picture picture, RandomStream& random) {
    if (!options.padding.empty())
      picture = F::pad(picture, options.padding, options.fill, options.mode);
    if (options.pad_if_needed && width_of(picture) < width)
      picture = F::pad(picture, {width - width_of(picture), 0}, options.fill, options.mode);
    if (options.pad_if_needed && height_of(picture) < height)
      picture = F::pad(picture, {0, height - height_of(picture)}, options.fill, options.mode);
    if (height_of(picture) < height || width_of(picture) < width)
      throw ShapeError(fmt::format("{}: the image is smaller: {} x {}; pad_if_needed pads it", name,
                                   height_of(picture), width_of(picture)));
    const std::int64_t top = random.between(0, height_of(picture) - height);
    const std::int64_t left = random.between(0, width_of(picture) - width);
    return F::crop(picture, top, left, height, width);
  });
}

Transform RandomResizedCrop(std::int64_t size, RandomResizedCropOptions options) {
  return RandomResizedCrop(size, size, options);
}

Transform RandomResizedCrop(std::int64_t height, std::int64_t width,
                            RandomResizedCropOptions options) {
  const std::string name = fmt::format(
      "RandomResizedCrop(size=({}, {}), scale=({}, {}), ratio=({:.4}, {:.4}))", height, width,
      options.min_scale, options.max_scale, options.min_ratio, options.max_ratio);
  check_size(height, width, name);
  check_range(options.min_scale, options.max_scale, "scale", name);
  check_range(options.min_ratio, options.max_ratio, "ratio", name);
  return named(name, [=](Picture picture, RandomStream& random) {
    const Image& image = expect_bytes(picture, name);
    const Box box = random_resized_box(image.height, image.width, options, random);
    return F::resized_crop(picture, box.top, box.left, box.height, box.width, height, width);
  });
}

Transform RandomHorizontalFlip(double probability) {
  const std::string name = fmt::format("RandomHorizontalFlip(p={})", probability);
  check_probability(probability, name);
  return named(name, [=](Picture picture, RandomStream& random) {
    return random.bernoulli(probability) ? F::hflip(picture) : std::move(picture);
  });
}

Transform RandomVerticalFlip(double probability) {
  const std::string name = fmt::format("RandomVerticalFlip(p={})", probability);
  check_probability(probability, name);
  return named(name, [=](Picture picture, RandomStream& random) {
    return random.bernoulli(probability) ? F::vflip(picture) : std::move(picture);
  });
}

Transform ColorJitter(double brightness, double contrast, double saturation, double hue) {
  for (const double amount : {brightness, contrast, saturation, hue}) {
    if (!(amount >= 0) || std::isinf(amount))
      throw ValueError(fmt::format("ColorJitter: an amount must not be negative, got {}", amount));
  }
  return ColorJitter({.brightness = around_one(brightness),
                      .contrast = around_one(contrast),
                      .saturation = around_one(saturation),
                      .hue = {-hue, hue}});
}

Transform ColorJitter(const ColorJitterRanges& ranges) {
  const std::array<JitterRange, 4> all{ranges.brightness, ranges.contrast, ranges.saturation,
                                       ranges.hue};
  const std::string name = fmt::format(
      "ColorJitter(brightness=[{}, {}], contrast=[{}, {}], saturation=[{}, {}], hue=[{}, {}])",
      all[0].low, all[0].high, all[1].low, all[1].high, all[2].low, all[2].high, all[3].low,
      all[3].high);
  for (std::size_t i = 0; i < 4; ++i) {
    const double least = i == 3 ? -0.5 : 0, most = i == 3 ? 0.5 : 1e6;
    if (!(all[i].low >= least && all[i].low <= all[i].high && all[i].high <= most))
      throw ValueError(
          fmt::format("{}: a range is low to high, factors not negative, hue in "
                      "-0.5..0.5",
                      name));
  }
  return named(name, [=](Picture picture, RandomStream& random) {
    expect_bytes(picture, name);
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    for (std::size_t i = 4; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    std::array<double, 4> factor{};
    for (std::size_t i = 0; i < 4; ++i) factor[i] = random.uniform(all[i].low, all[i].high);
    for (const std::size_t which : order) {
      const double unchanged = which == 3 ? 0 : 1;
      if (all[which].low == unchanged && all[which].high == unchanged) continue;
      if (which == 0) picture = F::adjust_brightness(picture, factor[0]);
      if (which == 1) picture = F::adjust_contrast(picture, factor[1]);
      if (which == 2) picture = F::adjust_saturation(picture, factor[2]);
      if (which == 3) picture = F::adjust_hue(picture, factor[3]);
    }
    return picture;
  });
}

Transform RandomRotation(double degrees, Interpolation interpolation, std::vector<double> fill) {
  if (!(degrees >= 0))
    throw ValueError(
        fmt::format("RandomRotation: a single angle must not be negative, got {}", degrees));
  return RandomRotation(-degrees, degrees, interpolation, std::move(fill));
}

Transform RandomRotation(double low, double high, Interpolation interpolation,
                         std::vector<double> fill) {
  const std::string name = fmt::format("RandomRotation(degrees=[{}, {}])", low, high);
  if (!(low <= high) || std::isinf(low) || std::isinf(high))
    throw ValueError(fmt::format("{}: no range of angles", name));
  return named(name, [=](Picture picture, RandomStream& random) {
    return F::rotate(picture, random.uniform(low, high), interpolation, fill);
  });
}

Transform RandomErasing(RandomErasingOptions options) {
  const std::string name =
      fmt::format("RandomErasing(p={}, scale=({}, {}), ratio=({}, {}))", options.probability,
                  options.min_scale, options.max_scale, options.min_ratio, options.max_ratio);
  check_probability(options.probability, name);
  check_range(options.min_scale, options.max_scale, "scale", name);
  check_range(options.min_ratio, options.max_ratio, "ratio", name);
  if (options.value.empty()) throw ValueError(fmt::format("{}: the value is missing", name));
  return named(name, [=](Picture picture, RandomStream& random) {
    auto* image = std::get_if<FloatImage>(&picture);
    if (image == nullptr)
      throw ShapeError(fmt::format("{}: takes a float image; put ToTensor() before it", name));
    if (options.value.size() != 1 &&
        static_cast<std::int64_t>(options.value.size()) != image->channels)
      throw ShapeError(fmt::format("{}: {} values for {} channels", name, options.value.size(),
                                   image->channels));
    if (random.bernoulli(options.probability)) erase(*image, options, random);
    return picture;
  });
}

}  // namespace ingot::data
