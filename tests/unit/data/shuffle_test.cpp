#include "data/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>

#include "support/json_tensor.h"

namespace ingot::data {
namespace {

using Order = std::vector<std::int64_t>;

TEST(Shuffle, IsTheIdentityWhenOff) {
  EXPECT_EQ(epoch_order(4, false, 1, 2), (Order{0, 1, 2, 3}));
  EXPECT_TRUE(epoch_order(0, true, 1, 2).empty());
  EXPECT_EQ(epoch_order(1, true, 1, 2), Order{0});
}

TEST(Shuffle, IsAPermutation) {
  for (const std::int64_t count : {2, 3, 64, 65, 1000, 60000}) {
    Order order = epoch_order(count, true, 42, 7);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, epoch_order(count, false, 0, 0));
  }
}

TEST(Shuffle, DependsOnSeedAndEpochAlone) {
  const Order order = epoch_order(1000, true, 1, 0);
  EXPECT_EQ(order, epoch_order(1000, true, 1, 0));
  EXPECT_NE(order, epoch_order(1000, true, 2, 0));
  EXPECT_NE(order, epoch_order(1000, true, 1, 1));
}

// Pinned: a run resumed on another machine or by a later version must visit the same samples.
TEST(Shuffle, NeverChanges) {
  EXPECT_EQ(epoch_order(10, true, 0, 0), (Order{3, 5, 1, 4, 6, 7, 8, 2, 9, 0}));
  EXPECT_EQ(epoch_order(10, true, 1234, 5), (Order{1, 5, 7, 4, 2, 8, 3, 0, 6, 9}));
}

TEST(Rule19, OrdersAndDrawsOfALoaderAreThoseOfExactArithmetic) {
  const nlohmann::json fixture = testing_support::read_json("random/bits.json");
  ASSERT_FALSE(fixture.at("orders").empty());
  for (const auto& stored : fixture.at("orders")) {
    const auto order = stored.at("order").get<Order>();
    EXPECT_EQ(epoch_order(static_cast<std::int64_t>(order.size()), true, stored.at("seed"),
                          stored.at("epoch")),
              order);
  }
  RandomStream random(9, StreamKind::Order, 3);
  const auto& limits = fixture.at("stream").at("limits");
  ASSERT_FALSE(limits.empty());
  for (std::size_t i = 0; i < limits.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint64_t>(random.uniform(limits[i][0], limits[i][1])),
              fixture.at("stream").at("bits")[i])
        << i;
}

TEST(Shuffle, IsFair) {  // each item at each place equally often: 9 degrees of freedom per place
  constexpr int kItems = 10, kRounds = 20000;
  std::array<std::array<int, kItems>, kItems> counts{};
  for (int round = 0; round < kRounds; ++round) {
    const Order order = epoch_order(kItems, true, 99, static_cast<std::uint64_t>(round));
    for (std::size_t place = 0; place < kItems; ++place) {
      ++counts[place][static_cast<std::size_t>(order[place])];
    }
  }
  for (const auto& place : counts) {
    double chi2 = 0;
    for (const int count : place) {
      const double expected = static_cast<double>(kRounds) / kItems;
      chi2 += (count - expected) * (count - expected) / expected;
    }
    EXPECT_LT(chi2, 33.7);  // p = 1e-4
  }
}

}  // namespace
}  // namespace ingot::data
