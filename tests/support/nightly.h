// Tests that CI runs as a sample run as a whole where INGOT_NIGHTLY is set: the target `nightly`.
#pragma once

#include <cstdlib>

namespace ingot::test {

inline bool nightly() {
  const char* text = std::getenv("INGOT_NIGHTLY");  // NOLINT(concurrency-mt-unsafe)
  return text && *text && *text != '0';
}

}  // namespace ingot::test
