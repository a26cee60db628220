// The texts of kernels and dialects, embedded into the library.
#pragma once

#include <string_view>

namespace ingot::gpu {

/// "map" is kernels/map.h, "dialect/host" is dialect/host.h. Throws InternalError when there is no
/// such text.
std::string_view text_of(std::string_view name);

/// Belongs to the keys of compiled kernels: what the dialect means may change without its text.
inline constexpr int kDialectVersion = 1;

}  // namespace ingot::gpu
