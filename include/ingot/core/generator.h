// Generator: where random numbers come from — a seed and a position in its Philox sequence. An
// operation that draws numbers reserves its range when it is recorded, so results depend on the
// seed and the order of recording alone: not on the device, the number of threads or the layout.
#pragma once

#include <cstdint>
#include <mutex>

namespace ingot {

class Generator {
 public:
  /// PyTorch's default seed.
  static constexpr std::uint64_t kDefaultSeed = 67280421310721u;

  explicit Generator(std::uint64_t seed = kDefaultSeed) : state_{seed, 0} {}
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Everything there is to save: a generator set to it draws the same numbers again.
  struct State {
    std::uint64_t seed = kDefaultSeed;
    std::uint64_t offset = 0;
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  void set_state(const State& state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
  }
  std::uint64_t seed() const { return state().seed; }
  /// Words drawn so far.
  std::uint64_t offset() const { return state().offset; }
  /// Starts again at the beginning of another sequence.
  void manual_seed(std::uint64_t seed) { set_state({seed, 0}); }

  /// Sets `count` 32-bit words apart and returns where they begin; element i of an operation uses
  /// word offset + i. Ranges begin at multiples of four, the words of one Philox block.
  State reserve(std::uint64_t count) {
    const std::uint64_t rounded = (count + 3) / 4 * 4;
    const std::lock_guard lock(mutex_);
    const State begin = state_;
    state_.offset += rounded;
    return begin;
  }

 private:
  // Seed and offset change together: a range of one seed must not begin where another's ended.
  mutable std::mutex mutex_;
  State state_;
};

/// The generator of operations that are not given one.
Generator& default_generator();
/// Seeds the default generator, which serves all devices: a draw is encoded on the host as a seed
/// and a position, so that every device computes the same bits.
void manual_seed(std::uint64_t seed);

}  // namespace ingot
