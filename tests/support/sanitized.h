// Whether the tests run under a sanitizer, which makes some of them many times as long.
#pragma once

#include "core/sanitizers.h"

namespace ingot::test {

#if defined(INGOT_ADDRESS_SANITIZER) || defined(INGOT_THREAD_SANITIZER)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace ingot::test
