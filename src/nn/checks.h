// Checks of constructor arguments, so that an impossible layer fails where it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ingot/ops/pair.h>

namespace ingot::nn {

/// Throws ValueError "Conv2d: stride must be at least 1, got 0", and above 2^53.
void require_at_least(std::string_view layer, std::string_view what, std::int64_t value,
                      std::int64_t least);
/// The same for both numbers of a pair.
void require_at_least(std::string_view layer, std::string_view what, const Pair& value,
                      std::int64_t least);
/// Throws ValueError unless 0 <= value <= 1.
void require_probability(std::string_view layer, double value);

/// "[3, 3]"
std::string pair_str(const Pair& p);

}  // namespace ingot::nn
