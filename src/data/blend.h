// PIL's Image.blend, which brightness, contrast, saturation and sharpness rest on.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <ingot/core/error.h>

namespace ingot::data {

inline void check_factor(double factor, const char* who) {
  if (!(factor >= 0) || std::isinf(factor))
    throw ValueError(
        fmt::format("{}: the factor must be finite and not negative, got {}", who, factor));
}

inline std::uint8_t blend(std::uint8_t from, std::uint8_t to, float factor) {
  const int difference = static_cast<int>(to) - static_cast<int>(from);
  const float value = static_cast<float>(from) + factor * static_cast<float>(difference);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

}  // namespace ingot::data
