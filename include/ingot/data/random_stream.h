// RandomStream: the random numbers of samplers and transforms, a function of named keys alone.
//
// Two streams with different keys have nothing in common, so that a sample's numbers depend neither
// on the thread that makes it nor on the samples made before it. The numbers come from Philox
// 4x32-10 (see ingot/core/philox.h), apart from those of tensors under the same seed.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ingot/core/philox.h>

namespace ingot::data {

struct SampleKey;

/// What a stream is for; keeps the streams of one seed apart.
enum class StreamKind : std::uint64_t {
  Order = 0x6c6f616465720000,   ///< "loader": the order of an epoch
  Sample = 0x73616d706c650000,  ///< "sample": the transforms of a sample
  Split = 0x73706c6974000000,   ///< "split": random_split
};

class RandomStream {
 public:
  /// The stream of (seed, kind, number): number is the epoch, for orders.
  RandomStream(std::uint64_t seed, StreamKind kind, std::uint64_t number);
  /// The stream of one transform and one sample: of (seed, epoch, index, place).
  explicit RandomStream(const SampleKey& key);

  std::uint64_t next();
  /// Uniform in [0, bound), exactly; bound >= 1.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [low, high], exactly; low <= high.
  std::int64_t between(std::int64_t low, std::int64_t high);
  /// Uniform in [0, 1): 53 bits.
  double uniform();
  /// Uniform in [low, high): low + (high - low) * uniform(), rounded once, so that `high` itself
  /// may come out.
  double uniform(double low, double high);
  /// True with that probability.
  bool bernoulli(double probability) { return uniform() < probability; }

 private:
  std::uint64_t seed_, stream_, counter_ = 0;
  PhiloxBlock block_{};
  std::size_t half_ = 0;  // which 64 bits of the block come next
};

}  // namespace ingot::data
