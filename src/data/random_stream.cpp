#include <ingot/data/random_stream.h>

#include <bit>
#include <cmath>

#include <ingot/data/transforms.h>

namespace ingot::data {
namespace {

std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return (std::uint64_t{high} << 32) | std::uint64_t{low};
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, StreamKind kind, std::uint64_t number)
    : seed_(seed), stream_(static_cast<std::uint64_t>(kind) + number) {}

RandomStream::RandomStream(const SampleKey& key) {
  // One block turns (seed, epoch, index) into a seed and a stream number of the sample's own.
  const PhiloxBlock own =
      philox4x32(key.seed, static_cast<std::uint64_t>(StreamKind::Sample) + key.epoch,
                 static_cast<std::uint64_t>(key.index));
  seed_ = joined(own[0], own[1]);
  stream_ = joined(own[2], own[3]) ^ key.place;
}

std::uint64_t RandomStream::next() {
  if (half_ == 0) block_ = philox4x32(seed_, stream_, counter_++);
  const std::uint64_t word = joined(block_[2 * half_], block_[2 * half_ + 1]);
  half_ ^= 1;
  return word;
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  const int bits = std::bit_width(bound - 1);
  if (bits == 0) return 0;
  while (true) {  // words are cut to the bits that bound - 1 needs, and drawn again if too large
    const std::uint64_t value = next() >> (64 - bits);
    if (value < bound) return value;
  }
}

std::int64_t RandomStream::between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

double RandomStream::uniform(double low, double high) {
  return std::fma(high - low, uniform(), low);
}

}  // namespace ingot::data
