#include "data/shuffle.h"

#include <numeric>
#include <utility>

#include <ingot/data/random_stream.h>

#include "core/host_room.h"

namespace ingot::data {

void shuffle(std::vector<std::int64_t>& items, RandomStream& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
}

std::vector<std::int64_t> epoch_order(std::int64_t count, bool shuffled, std::uint64_t seed,
                                      std::uint64_t epoch) {
  check_host_room("the order of a data set", count, sizeof(std::int64_t));
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (!shuffled) return order;
  RandomStream random(seed, StreamKind::Order, epoch);
  shuffle(order, random);
  return order;
}

}  // namespace ingot::data
