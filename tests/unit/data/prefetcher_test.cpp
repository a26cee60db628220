#include "data/prefetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace ingot::data {
namespace {

using Items = std::vector<std::int64_t>;

template <class Item>
std::vector<Item> drain(Prefetcher<Item>& prefetcher) {
  std::vector<Item> items;
  while (auto item = prefetcher.next()) items.push_back(std::move(*item));
  return items;
}

void pause(int microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

TEST(Prefetcher, DeliversInOrder) {
  for (const int workers : {0, 1, 2, 5}) {
    for (const std::int64_t depth : {1, 2, 7, 100}) {
      // Later items are often finished first.
      Prefetcher<std::int64_t> prefetcher(
          [](std::int64_t i) {
            pause(static_cast<int>((i * 7919) % 5) * 50);
            return i * i;
          },
          3, 40, workers, depth);
      Items expected;
      for (std::int64_t i = 3; i < 40; ++i) expected.push_back(i * i);
      EXPECT_EQ(drain(prefetcher), expected) << workers << " workers, depth " << depth;
      EXPECT_EQ(prefetcher.next(), std::nullopt);
    }
  }
}

TEST(Prefetcher, TakesAnEmptyRange) {
  for (const int workers : {0, 2}) {
    Prefetcher<int> prefetcher([](std::int64_t) -> int { throw std::logic_error("made"); }, 5, 5,
                               workers, 2);
    EXPECT_EQ(prefetcher.next(), std::nullopt);
  }
}

TEST(Prefetcher, MovesItemsThatCannotBeCopied) {
  Prefetcher<std::unique_ptr<std::int64_t>> prefetcher(
      [](std::int64_t i) { return std::make_unique<std::int64_t>(i); }, 0, 10, 2, 3);
  std::int64_t expected = 0;
  while (auto item = prefetcher.next()) EXPECT_EQ(**item, expected++);
  EXPECT_EQ(expected, 10);
}

TEST(Prefetcher, RunsInlineWithoutWorkers) {
  Prefetcher<bool> prefetcher([caller = std::this_thread::get_id()](
                                  std::int64_t) { return std::this_thread::get_id() == caller; },
                              0, 3, 0, 4);
  EXPECT_EQ(drain(prefetcher), (std::vector<bool>{true, true, true}));
}

TEST(Prefetcher, WorkersUseOneThreadEach) {
  Prefetcher<int> prefetcher([](std::int64_t) { return num_threads(); }, 0, 4, 2, 2);
  EXPECT_EQ(drain(prefetcher), (std::vector<int>{1, 1, 1, 1}));
}

TEST(Prefetcher, WorkersWorkAtOnce) {
  // Each of the two items can only finish while the other is in the making.
  std::atomic<int> inside{0};
  Prefetcher<int> prefetcher(
      [&](std::int64_t) {
        ++inside;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (inside < 2 && std::chrono::steady_clock::now() < limit) pause(50);
        return inside.load();
      },
      0, 2, 2, 2);
  EXPECT_EQ(drain(prefetcher), (std::vector<int>{2, 2}));
}

TEST(Prefetcher, StaysWithinItsDepth) {
  std::atomic<std::int64_t> made{0};
  Prefetcher<std::int64_t> prefetcher(
      [&](std::int64_t i) {
        ++made;
        return i;
      },
      0, 1000, 2, 4);
  for (std::int64_t delivered = 0; delivered < 20; ++delivered) {
    pause(200);
    EXPECT_LE(made.load(), delivered + 4);
    EXPECT_EQ(*prefetcher.next(), delivered);
  }
}

TEST(Prefetcher, RethrowsAtThePlaceOfTheItem) {
  for (const int workers : {0, 1, 3}) {
    Prefetcher<std::int64_t> prefetcher(
        [](std::int64_t i) {
          if (i >= 6) throw std::runtime_error("bad item " + std::to_string(i));
          pause(static_cast<int>(6 - i) * 100);
          return i;
        },
        0, 50, workers, 8);
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(*prefetcher.next(), i);
    try {
      prefetcher.next();
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "bad item 6");
    }
    EXPECT_EQ(prefetcher.next(), std::nullopt);
  }
}

TEST(Prefetcher, StopsInTheMiddle) {
  for (int round = 0; round < 50; ++round) {
    auto alive = std::make_shared<std::atomic<int>>(0);
    {
      Prefetcher<std::int64_t> prefetcher(
          [alive](std::int64_t i) {
            ++*alive;
            pause(20);
            --*alive;
            return i;
          },
          0, 1000000, 3, 5);
      for (int i = 0; i < round % 7; ++i) EXPECT_EQ(*prefetcher.next(), i);
    }
    EXPECT_EQ(alive->load(), 0);      // nobody is still at work
    EXPECT_EQ(alive.use_count(), 1);  // and nothing of the engine is left
  }
}

}  // namespace
}  // namespace ingot::data
