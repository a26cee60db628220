// The order in which a loader visits a data set: a function of (seed, epoch) alone.
#pragma once

#include <cstdint>
#include <vector>

namespace ingot::data {

/// A permutation of 0..count-1, drawn by Fisher-Yates from Philox stream (seed, epoch); the
/// identity when `shuffle` is false. The same on every machine, whatever the number of workers.
std::vector<std::int64_t> epoch_order(std::int64_t count, bool shuffle, std::uint64_t seed,
                                      std::uint64_t epoch);

}  // namespace ingot::data
