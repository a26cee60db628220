#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/upsample.h>

#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

void Upsample::check(const InterpolateOptions& options, const NoOptions&) {
  if (options.size.has_value() == options.scale_factor.has_value())
    throw ValueError("Upsample: exactly one of size and scale_factor must be given");
  if (options.size) require_at_least("Upsample", "size", *options.size, 1);
  if (options.scale_factor &&
      !(options.scale_factor->h > 0 && options.scale_factor->w > 0 &&
        std::isfinite(options.scale_factor->h) && std::isfinite(options.scale_factor->w)))
    throw ValueError(fmt::format("Upsample: scale_factor must be positive and finite, got [{}, {}]",
                                 options.scale_factor->h, options.scale_factor->w));
}

Tensor Upsample::forward(const Tensor& x) { return interpolate(x, options()); }

std::string Upsample::description() const {
  static constexpr const char* kModes[] = {"nearest", "nearest-exact", "linear", "bilinear",
                                           "bicubic"};
  const char* mode = kModes[static_cast<int>(options().mode)];
  if (options().size) return fmt::format("size={}, mode={}", pair_str(*options().size), mode);
  return fmt::format("scale_factor=[{}, {}], mode={}", options().scale_factor->h,
                     options().scale_factor->w, mode);
}

}  // namespace ingot::nn
