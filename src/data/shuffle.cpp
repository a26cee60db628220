#include "data/shuffle.h"

#include <bit>
#include <numeric>
#include <utility>

#include "ingot/core/philox.h"

namespace ingot::data {
namespace {

/// Random 64-bit words of one epoch. The stream number keeps them apart from the tensors' random
/// numbers (stream 0) under the same seed.
class EpochRandom {
 public:
  EpochRandom(std::uint64_t seed, std::uint64_t epoch)
      : seed_(seed), stream_(kLoaderStream + epoch) {}

  /// Uniform in [0, bound), exactly: words are cut to the bits that bound - 1 needs, and drawn
  /// again while they are too large.
  std::uint64_t below(std::uint64_t bound) {
    const int bits = std::bit_width(bound - 1);
    if (bits == 0) return 0;
    while (true) {
      const std::uint64_t value = next() >> (64 - bits);
      if (value < bound) return value;
    }
  }

 private:
  static constexpr std::uint64_t kLoaderStream = 0x6c6f616465720000;  // "loader"

  std::uint64_t next() {
    if (half_ == 0) block_ = philox4x32(seed_, stream_, counter_++);
    const std::uint64_t word =
        (std::uint64_t{block_[2 * half_ + 1]} << 32) | std::uint64_t{block_[2 * half_]};
    half_ ^= 1;
    return word;
  }

  std::uint64_t seed_, stream_, counter_ = 0;
  PhiloxBlock block_{};
  std::size_t half_ = 0;
};

}  // namespace

std::vector<std::int64_t> epoch_order(std::int64_t count, bool shuffle, std::uint64_t seed,
                                      std::uint64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (!shuffle) return order;
  EpochRandom random(seed, epoch);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  return order;
}

}  // namespace ingot::data
