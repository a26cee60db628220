// Feeds arbitrary bytes to the IDX reader: any input is an array that agrees with itself, or
// IoError.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "ingot/core/error.h"
#include "ingot/data/idx.h"
#include "ingot/data/mnist_arrays.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  try {
    const auto array = ingot::data::parse_idx(bytes, "input");
    const auto numel =
        std::accumulate(array.shape.begin(), array.shape.end(), std::int64_t{1},
                        [](std::int64_t a, std::int64_t b) { return b == 0 ? 0 : a * b; });
    if (static_cast<std::int64_t>(array.values.size()) != numel) std::abort();
  } catch (const ingot::IoError&) {
  }
  try {  // as a pair: the first half as images, the second as labels
    const auto arrays = ingot::data::parse_mnist(bytes.first(size / 2), "images",
                                                 bytes.subspan(size / 2), "labels");
    if (arrays.labels.size() != static_cast<std::size_t>(arrays.count)) std::abort();
  } catch (const ingot::IoError&) {
  }
  return 0;
}
