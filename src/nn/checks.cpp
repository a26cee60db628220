#include "nn/checks.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

namespace ingot::nn {
namespace {

// Layers multiply their sizes by small numbers (gates, directions, kernels): that must not overflow
// before a shape can refuse the product.
constexpr std::int64_t kLargest = std::int64_t{1} << 53;

[[noreturn]] void too_large(std::string_view layer, std::string_view what,
                            const std::string& value) {
  throw ValueError(fmt::format("{}: {} must be at most {}, got {}", layer, what, kLargest, value));
}

}  // namespace

void require_at_least(std::string_view layer, std::string_view what, std::int64_t value,
                      std::int64_t least) {
  if (value < least)
    throw ValueError(fmt::format("{}: {} must be at least {}, got {}", layer, what, least, value));
  if (value > kLargest) too_large(layer, what, std::to_string(value));
}

void require_at_least(std::string_view layer, std::string_view what, const Pair& value,
                      std::int64_t least) {
  if (value.h < least || value.w < least)
    throw ValueError(
        fmt::format("{}: {} must be at least {}, got {}", layer, what, least, pair_str(value)));
  if (value.h > kLargest || value.w > kLargest) too_large(layer, what, pair_str(value));
}

void require_probability(std::string_view layer, double value) {
  if (!(value >= 0 && value <= 1))
    throw ValueError(
        fmt::format("{}: the probability must be between 0 and 1, got {}", layer, value));
}

std::string pair_str(const Pair& p) { return fmt::format("[{}, {}]", p.h, p.w); }

}  // namespace ingot::nn
