// Memory of the host that is not a tensor's: lists whose length a caller chose are asked for before
// they are made, since a system that promises more than it has would end the process instead of
// refusing; and where the C++ library has none left, the error is one of ours.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ingot {

/// Throws OutOfMemoryError, beginning with `what`, when `count` entries of `entry_nbytes` bytes
/// would go beyond the memory limit.
void check_host_room(const char* what, std::int64_t count, std::size_t entry_nbytes);

/// In a catch (...) block: throws on what was caught; what the standard library throws for want of
/// memory as an OutOfMemoryError that begins with `what` (see detail::own_errors).
[[noreturn]] void rethrow_own(const char* what);

}  // namespace ingot
