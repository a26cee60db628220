// RandAugment (Cubuk et al., 2019, arXiv:1909.13719), with the operations and ranges of
// torchvision.transforms.RandAugment.
#include <fmt/format.h>
#include <ingot/data/functional.h>
#include <ingot/data/transforms.h>

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include <ingot/core/error.h>

#include "data/picture.h"

namespace ingot::data {
namespace {

namespace F = functional;

enum class Kind {
  Identity,
  ShearX,
  ShearY,
  TranslateX,
  TranslateY,
  Rotate,
  Brightness,
  Color,
  Contrast,
  Sharpness,
  Posterize,
  Solarize,
  AutoContrast,
  Equalize,
};
constexpr std::uint64_t kKinds = 14;

/// torch.linspace(start, end, bins)[at] in float32.
double between(float start, float end, std::int64_t bins, std::int64_t at) {
  const float step = (end - start) / static_cast<float>(bins - 1);
  return at < bins / 2 ? start + step * static_cast<float>(at)
                       : end - step * static_cast<float>(bins - 1 - at);
}

/// How strong the operation is, without a sign, and whether one is drawn.
struct Strength {
  double magnitude = 0;
  bool is_signed = false;
};

Strength strength(Kind kind, const RandAugmentOptions& o, const Picture& picture) {
  const auto part = [&](double end) {
    return between(0, static_cast<float>(end), o.num_magnitude_bins, o.magnitude);
  };
  switch (kind) {
    case Kind::ShearX:
    case Kind::ShearY:
      return {part(0.3), true};
    case Kind::TranslateX:
      return {part(150.0 / 331.0 * static_cast<double>(width_of(picture))), true};
    case Kind::TranslateY:
      return {part(150.0 / 331.0 * static_cast<double>(height_of(picture))), true};
    case Kind::Rotate:
      return {part(30), true};
    case Kind::Brightness:
    case Kind::Color:
    case Kind::Contrast:
    case Kind::Sharpness:
      return {part(0.9), true};
    case Kind::Posterize: {
      const auto quarter = static_cast<float>(o.num_magnitude_bins - 1) / 4;
      return {8 - static_cast<double>(std::nearbyint(static_cast<float>(o.magnitude) / quarter)),
              false};
    }
    case Kind::Solarize:
      return {between(255, 0, o.num_magnitude_bins, o.magnitude), false};
    case Kind::Identity:
    case Kind::AutoContrast:
    case Kind::Equalize:
      break;
  }
  return {};
}

Picture apply(Kind kind, const Picture& picture, double magnitude, const RandAugmentOptions& o) {
  const auto shear = [&](double x, double y) {
    const auto degrees = [](double share) { return std::atan(share) * 180 / std::numbers::pi; };
    return F::affine(picture, 0, {0, 0}, 1, {degrees(x), degrees(y)}, o.interpolation, o.fill,
                     std::array<double, 2>{0, 0});
  };
  const auto move = [&](double x, double y) {
    return F::affine(picture, 0, {std::trunc(x), std::trunc(y)}, 1, {0, 0}, o.interpolation,
                     o.fill);
  };
  switch (kind) {
    case Kind::ShearX:
      return shear(magnitude, 0);
    case Kind::ShearY:
      return shear(0, magnitude);
    case Kind::TranslateX:
      return move(magnitude, 0);
    case Kind::TranslateY:
      return move(0, magnitude);
    case Kind::Rotate:
      return F::rotate(picture, magnitude, o.interpolation, o.fill);
    case Kind::Brightness:
      return F::adjust_brightness(picture, 1 + magnitude);
    case Kind::Color:
      return F::adjust_saturation(picture, 1 + magnitude);
    case Kind::Contrast:
      return F::adjust_contrast(picture, 1 + magnitude);
    case Kind::Sharpness:
      return F::adjust_sharpness(picture, 1 + magnitude);
    case Kind::Posterize:
      return F::posterize(picture, static_cast<int>(magnitude));
    case Kind::Solarize:
      return F::solarize(picture, magnitude);
    case Kind::AutoContrast:
      return F::autocontrast(picture);
    case Kind::Equalize:
      return F::equalize(picture);
    case Kind::Identity:
      break;
  }
  return picture;
}

}  // namespace

Transform RandAugment(RandAugmentOptions options) {
  const std::string name =
      fmt::format("RandAugment(num_ops={}, magnitude={}, num_magnitude_bins={})", options.num_ops,
                  options.magnitude, options.num_magnitude_bins);
  if (options.num_ops < 0) throw ValueError(fmt::format("{}: num_ops is negative", name));
  if (options.num_magnitude_bins < 2)
    throw ValueError(fmt::format("{}: there must be 2 bins or more", name));
  if (options.magnitude < 0 || options.magnitude >= options.num_magnitude_bins)
    throw ValueError(
        fmt::format("{}: the magnitude must be in 0..{}", name, options.num_magnitude_bins - 1));
  return Lambda(name, [name, options](Picture picture, RandomStream& random) {
    expect_bytes(picture, name);
    for (std::int64_t i = 0; i < options.num_ops; ++i) {
      const auto kind = static_cast<Kind>(random.below(kKinds));
      Strength how = strength(kind, options, picture);
      if (how.is_signed && random.below(2) == 1) how.magnitude = -how.magnitude;
      picture = apply(kind, picture, how.magnitude, options);
    }
    return picture;
  });
}

}  // namespace ingot::data
