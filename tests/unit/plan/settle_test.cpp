// Failures of devices that are met by several threads, at several devices, or without memory: each
// is told once, nobody waits for ever, and what leaves is one of Ingot's errors.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/stream.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/update.h>

#include "core/cell.h"
#include "core/record.h"
#include "support/ever_more_allocations.h"
#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::TwinScope;
using V = std::vector<float>;

// Threads that always have a value between them, each letting go only when the other has one.
TEST(Settling, IsNotStarvedByEvaluations) {
  using Clock = std::chrono::steady_clock;
  const TwinScope twin;
  const Tensor x = ones({4}).to(kTwin).eval();
  synchronize();
  TwinOptions failing;
  failing.fail_at = 0;
  twin->configure(failing);
  (x * 2).eval();
  twin->stream()->wait(twin->stream()->submitted());
  std::atomic<int> turn{0};
  std::atomic<bool> settled{false}, given_up{false};
  const auto hold_on = [&](int self) {
    const auto end = Clock::now() + std::chrono::seconds(3);
    while (!settled) {
      const plan::ValuesStay stay;
      turn = self;
      const auto patience = Clock::now() + std::chrono::milliseconds(50);
      while (!settled && turn == self && Clock::now() < patience) std::this_thread::yield();
      if (Clock::now() > end) {
        given_up = true;
        return;
      }
    }
  };
  std::thread a(hold_on, 1), b(hold_on, 2);
  while (turn == 0) std::this_thread::yield();
  EXPECT_THROW(synchronize(), InternalError);
  settled = true;
  a.join();
  b.join();
  EXPECT_FALSE(given_up);
}

// A device that fails and, on another one, a check for which updates are taken back.
TEST(Settling, TellsEachOfTwoFailures) {
  const TwinScope first, second({}, 1);
  const Tensor x = ones({4}).to(kOtherTwin).eval();
  Tensor w = ones({4}).to(kTwin).eval();
  const Tensor bad = tensor({9}).to(kTwin).eval();
  synchronize();
  first->hold(true);
  const Tensor picked = index_select(w, 0, bad);
  rebind(
      w,
      sgd_update(std::vector{w}, std::vector{w * 2 + picked.sum() * 0}, {}, {.lr = 0.5}).params[0]);
  w.eval();
  TwinOptions failing;
  failing.fail_at = 0;
  second->configure(failing);
  const Tensor y = (x * 2).eval();
  second->stream()->wait(second->stream()->submitted());
  first->hold(false);
  first->stream()->wait(first->stream()->submitted());
  int checks = 0, devices = 0;
  for (int i = 0; i < 4; ++i) try {
      synchronize();
    } catch (const IndexError&) {
      ++checks;
    } catch (const InternalError&) {
      ++devices;
    }
  EXPECT_EQ(checks, 1);
  EXPECT_EQ(devices, 1);
  EXPECT_EQ(w.to_vector<float>(), V(4, 1.0f));
  EXPECT_EQ(y.to_vector<float>(), V(4, 2.0f));
}

// What a copy ahead of time has met is told by the thread's next evaluation; by others, if it has
// none any more, and by an event.
TEST(Settling, WhatAThreadKeepsIsNotLostWithIt) {
  const TwinScope twin;
  const Tensor x = ones({4}).to(kTwin).eval();
  for (const bool ends : {true, false}) {
    synchronize();
    const Event before = current_stream(kTwin).record_event();
    TwinOptions failing;
    failing.fail_at = 0;
    twin->configure(failing);
    std::vector<Tensor> behind;
    for (int i = 0; i < 16; ++i) behind.push_back((x * i).eval());
    twin->stream()->wait(twin->stream()->submitted());
    const auto copy = [&] { ones({2}).eval().to(kTwin, /*non_blocking=*/true); };
    if (ends) {
      std::thread(copy).join();
      EXPECT_THROW(synchronize(), InternalError);
    } else {
      copy();
      EXPECT_THROW(before.synchronize(), InternalError);
    }
    EXPECT_NO_THROW(synchronize());
    EXPECT_EQ(behind[3].to_vector<float>(), V(4, 3.0f));
  }
}

TEST(Settling, WithoutMemoryChangesNothing) {
  const TwinScope twin;
  const Tensor x = ones({4}).to(kTwin).eval();
  synchronize();
  const int failures = optest::with_ever_more_allocations([&](std::int64_t left) {
    TwinOptions failing;
    failing.fail_at = 0;
    twin->configure(failing);
    const Tensor y = (x * 2).eval(), z = (x + 1).eval();
    twin->stream()->wait(twin->stream()->submitted());
    bool told = false;
    const bool more = optest::runs_out(left, [&] {
      try {
        synchronize();
      } catch (const InternalError&) {
        told = true;
      }
    });
    EXPECT_NE(more, told);
    if (!told) {
      EXPECT_THROW(synchronize(), InternalError);
    }
    EXPECT_EQ(y.to_vector<float>(), V(4, 2.0f));
    EXPECT_EQ(z.to_vector<float>(), V(4, 2.0f));
    return more;
  });
  EXPECT_GT(failures, 3);
}

}  // namespace
}  // namespace ingot
