// Generator: where random numbers come from — a seed and a position in its Philox sequence. An
// operation that draws numbers reserves its range when it is recorded, so results depend on the
// seed and the order of recording alone: not on the device, the number of threads or the layout.
#pragma once

#include <atomic>
#include <cstdint>

namespace ingot {

class Generator {
 public:
  /// PyTorch's default seed.
  static constexpr std::uint64_t kDefaultSeed = 67280421310721u;

  explicit Generator(std::uint64_t seed = kDefaultSeed) : seed_(seed) {}
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Everything there is to save: a generator set to it draws the same numbers again.
  struct State {
    std::uint64_t seed = kDefaultSeed;
    std::uint64_t offset = 0;
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const { return {seed_.load(), offset_.load()}; }
  void set_state(const State& state) {
    seed_ = state.seed;
    offset_ = state.offset;
  }
  std::uint64_t seed() const { return seed_; }
  /// Words drawn so far.
  std::uint64_t offset() const { return offset_; }
  /// Starts again at the beginning of another sequence.
  void manual_seed(std::uint64_t seed) { set_state({seed, 0}); }

  /// Sets `count` 32-bit words apart and returns where they begin; element i of an operation uses
  /// word offset + i. Ranges begin at multiples of four, the words of one Philox block.
  State reserve(std::uint64_t count) {
    const std::uint64_t rounded = (count + 3) / 4 * 4;
    return {seed_.load(), offset_.fetch_add(rounded)};
  }

 private:
  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint64_t> offset_{0};
};

/// The generator of operations that are not given one.
Generator& default_generator();
/// Seeds the default generator.
void manual_seed(std::uint64_t seed);

}  // namespace ingot
