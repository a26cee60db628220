// Highway's settings for this backend; include before hwy headers. Targets: AVX-512, AVX2, NEON and
// the compiler's baseline. Every target more costs build time, so those between are left out, and
// vectors without a size at compile time (SVE) cannot be kept in the arrays of our kernels.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

/// The iterations of the next loop are independent even where pointers are equal.
#if defined(__clang__)
#define INGOT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INGOT_INDEPENDENT _Pragma("GCC ivdep")
#endif
