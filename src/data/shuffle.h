// The order in which a loader visits a data set: a function of (seed, epoch) alone.
#pragma once

#include <cstdint>
#include <vector>

#include <ingot/data/random_stream.h>

namespace ingot::data {

/// Fisher-Yates: every order is equally likely.
void shuffle(std::vector<std::int64_t>& items, RandomStream& random);

/// A permutation of 0..count-1, drawn by Fisher-Yates from Philox stream (seed, epoch); the
/// identity when `shuffled` is false. The same on every machine, whatever the number of workers.
std::vector<std::int64_t> epoch_order(std::int64_t count, bool shuffled, std::uint64_t seed,
                                      std::uint64_t epoch);

}  // namespace ingot::data
