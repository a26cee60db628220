// Many terms that are added at one place. A chain of float loses digits with each of them, so from
// kLongChain terms on a place is summed up in double; the others cost nothing more.
#pragma once

#include <atomic>
#include <cstdint>

namespace ingot::cpu {

inline constexpr std::int64_t kLongChain = 1024;

/// How many places can have that many of `terms` terms.
constexpr std::int64_t most_long_chains(std::int64_t terms) { return terms / kLongChain; }

/// Counts the terms of every place; `place(i)` is that of term i. `chains` has an entry for each of
/// `places` places, all 0; it becomes the number of the place's accumulator, −1 for a short chain.
/// Gives how many are long.
template <class Place>
std::int64_t find_long_chains(std::int32_t* chains, std::int64_t places, std::int64_t terms,
                              Place place) {
  for (std::int64_t i = 0; i < terms; ++i) {
    std::int32_t& count = chains[place(i)];
    count += count < kLongChain ? 1 : 0;
  }
  std::int32_t found = 0;
  for (std::int64_t p = 0; p < places; ++p) chains[p] = chains[p] < kLongChain ? -1 : found++;
  return found;
}

/// Sums of single elements: a place moves to an accumulator in double when it has kLongChain terms.
/// Threads that share no place may add at once.
class ElementChains {
 public:
  /// `state`: an entry for each sum, all 0. `accumulators` and `owners`: most_long_chains entries.
  ElementChains(float* sums, std::int32_t* state, double* accumulators, std::int64_t* owners)
      : sums_(sums), state_(state), accumulators_(accumulators), owners_(owners) {}

  void add(std::int64_t place, float value) {
    std::int32_t& s = state_[place];
    if (s < 0) {
      accumulators_[-1 - s] += static_cast<double>(value);
      return;
    }
    sums_[place] += value;
    if (++s == kLongChain) s = promoted(place);
  }

  void finish() const {
    for (std::int32_t k = 0; k < found_; ++k)
      sums_[owners_[k]] = static_cast<float>(accumulators_[k]);
  }

 private:
  std::int32_t promoted(std::int64_t place) {
    const std::int32_t k = found_++;
    accumulators_[k] = static_cast<double>(sums_[place]);
    owners_[k] = place;
    return -1 - k;
  }

  float* sums_;
  std::int32_t* state_;
  double* accumulators_;
  std::int64_t* owners_;
  std::atomic<std::int32_t> found_ = 0;
};

}  // namespace ingot::cpu
