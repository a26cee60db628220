// What fails on a device is found later: at the next wait, as the error of the op that failed, with
// everything as it was before.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/update.h>

#include "core/record.h"
#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kTwin;
using test::message_of;
using test::settle_all;
using test::TwinScope;
using V = std::vector<float>;

// Each with a memory of the twin's own, and with one that the host shares.
class TwinFailure : public testing::TestWithParam<bool> {
 protected:
  static TwinOptions slow() {
    TwinOptions o;
    o.max_delay_us = 30;
    o.unified = GetParam();
    return o;
  }
};
class TwinAhead : public TwinFailure {};
std::string memory_name(const testing::TestParamInfo<bool>& test) {
  return test.param ? "Unified" : "Own";
}
INSTANTIATE_TEST_SUITE_P(Memory, TwinFailure, testing::Bool(), memory_name);
INSTANTIATE_TEST_SUITE_P(Memory, TwinAhead, testing::Bool(), memory_name);

Tensor indices(std::vector<std::int64_t> v) {
  const auto n = static_cast<std::int64_t>(v.size());
  return from_vector(v, {n}).to(kTwin);
}

TEST_P(TwinFailure, ACheckFailsAtTheWaitAndNamesItsLine) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin);
  const Tensor bad = index_select(x, 0, indices({0, 7}));
  const Tensor good = x * 2;
  bad.eval();  // submitted, nothing more
  const std::string text = message_of<IndexError>([&] { bad.to_vector<float>(); });
  EXPECT_NE(text.find("index_select"), std::string::npos) << text;
  EXPECT_NE(text.find("twin_failure_test.cpp:"), std::string::npos) << text;
  // It stays an error for who asks, and nobody else's.
  EXPECT_THROW(bad.to_vector<float>(), IndexError);
  EXPECT_EQ(good.to_vector<float>(), (V{2, 4, 6}));
  EXPECT_EQ((x + 1).to_vector<float>(), (V{2, 3, 4}));
}

TEST_P(TwinFailure, WhatWasSubmittedBehindIsComputedAnew) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  const Tensor bad = index_select(x, 0, indices({5})).eval();
  std::vector<Tensor> later;
  for (int i = 0; i < 5; ++i) {
    later.push_back(x * static_cast<float>(i));
    later.back().eval();
  }
  for (int i = 4; i >= 0; --i) {
    const auto f = static_cast<float>(i);
    EXPECT_EQ(later[static_cast<std::size_t>(i)].to_vector<float>(), (V{f, 2 * f, 3 * f}));
  }
  EXPECT_THROW(bad.to_vector<float>(), IndexError);
}

// A view or a copy that is the value itself comes without a step that could fail with it.
TEST_P(TwinFailure, WhatHasNoStepOfItsOwnFailsWithItsSource) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3, 4}, {4}).to(kTwin).eval();
  settle_all();
  TwinOptions failing = slow();
  failing.max_delay_us = 3000;
  failing.fail_at = 0;
  twin->configure(failing);
  const Tensor y = (x * 2).eval();
  const Tensor view = y.reshape({2, 2}).eval(), there = view.t().eval();
  const Tensor here = y.to(Device{}, true);
  EXPECT_THROW(plan::synchronize_all(), InternalError);
  EXPECT_EQ(here.to_vector<float>(), (V{2, 4, 6, 8}));
  EXPECT_EQ(there.to_vector<float>(), (V{2, 6, 4, 8}));
  EXPECT_EQ(view.to_vector<float>(), (V{2, 4, 6, 8}));
  EXPECT_EQ(y.to_vector<float>(), (V{2, 4, 6, 8}));
}

TEST_P(TwinFailure, SynchronizeTellsOnce) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin);
  const Tensor bad = index_select(x, 0, indices({9}));
  bad.eval();
  EXPECT_THROW(plan::synchronize_all(), IndexError);
  EXPECT_NO_THROW(plan::synchronize_all());
  EXPECT_THROW(bad.to_vector<float>(), IndexError);
}

// Parameters that are updated in place: a run that fails leaves them as they were, also when the
// host has submitted several steps behind it.
TEST_P(TwinFailure, UpdatesOfFailedRunsAreTakenBack) {
  const TwinScope twin(slow());
  Tensor w = ones({4}).to(kTwin), unrelated = ones({4}).to(kTwin);
  eval({w, unrelated});
  plan::synchronize_all();
  const auto update = [](const Tensor& t, const Tensor& grad) {
    rebind(t, sgd_update(std::vector{t}, std::vector{grad}, {}, {.lr = 0.5}).params[0]);
  };
  const auto step = [&](std::int64_t index) {
    const Tensor picked = index_select(w, 0, indices({index}).eval());
    update(w, w * -2 + picked.sum() * 0);  // doubles it
    update(unrelated, unrelated * -2);
    eval({w, unrelated});
  };
  step(0);
  step(1);
  step(99);  // fails
  step(2);
  EXPECT_THROW(w.to_vector<float>(), IndexError);
  EXPECT_EQ(w.to_vector<float>(), (V{4, 4, 4, 4}));
  EXPECT_EQ(unrelated.to_vector<float>(), (V{16, 16, 16, 16})) << "nothing before it has failed";
  EXPECT_NO_THROW(plan::synchronize_all());
  step(3);
  EXPECT_EQ(w.to_vector<float>(), (V{8, 8, 8, 8}));
}

// A device that fails before the check does: what the update was to update is computed anew, and
// only then it is taken back.
TEST_P(TwinFailure, UpdatesAreTakenBackAlsoBehindAFailedStep) {
  const TwinScope twin(slow());
  int failures = 0;
  for (std::int64_t at = 0; at < 60; ++at) {
    Tensor w = ones({4}).to(kTwin);
    w.eval();
    plan::synchronize_all();
    TwinOptions failing = slow();
    failing.fail_at = at;
    twin->configure(failing);
    // Each step may find that an earlier one has failed; it is not repeated then.
    bool device_failed = false;
    int told = 0;
    const auto attempt = [&](const auto& f) {
      try {
        f();
        return true;
      } catch (const InternalError&) {
        device_failed = true;
      } catch (const IndexError&) {
        ++told;
      }
      return false;
    };
    const auto step = [&](std::int64_t index) {
      const Tensor rows = from_vector(std::vector<std::int64_t>{index}, {1}).to(kTwin);
      const Tensor picked = index_select(w, 0, rows);
      rebind(w, sgd_update(std::vector{w}, std::vector{w * -2 + picked.sum() * 0}, {}, {.lr = 0.5})
                    .params[0]);
      attempt([&] { w.eval(); });
    };
    step(0);
    step(1);
    step(99);
    bool there = false;
    for (int i = 0; !there && i < 4; ++i)
      there = attempt([&] { EXPECT_EQ(w.to_vector<float>(), (V{4, 4, 4, 4})); });
    EXPECT_TRUE(there) << "failure at " << at;
    EXPECT_EQ(told, 1) << "failure at " << at;
    failures += device_failed;
    settle_all();
    twin->configure(slow());  // what was not met will not fail another time
  }
  EXPECT_GT(failures, 3);
}

// What is no update has no value then, for whoever asks, until it is given one; as on the cpu.
TEST_P(TwinFailure, OtherChangesInPlaceCannotBeComputed) {
  const TwinScope twin(slow());
  Tensor w = ones({4}).to(kTwin);
  w.copy_(w * 2 + index_select(w, 0, indices({99}).eval()).sum());
  w.eval();
  EXPECT_THROW(w.to_vector<float>(), IndexError);
  EXPECT_THROW(w.to_vector<float>(), IndexError);
  w.copy_(ones({4}).to(kTwin));
  EXPECT_EQ(w.to_vector<float>(), (V{1, 1, 1, 1}));
}

TEST_P(TwinFailure, EveryPlaceOfATraining) {
  // As long as some step fails, the training is repeated; in the end it is what it should be.
  const auto train = [](Tensor& w, Tensor& m, const Tensor& x) {
    for (int i = 0; i < 3; ++i) {
      const Tensor g = matmul(x.t(), matmul(x, w) - 1) + w * 0.1;
      m.copy_(m * 0.9 + g);
      w.copy_(w - m * 0.01);
      w.eval();
    }
  };
  const TwinScope twin(slow());
  const Tensor x = (arange(0, 9, 1, DType::Float32).reshape({3, 3}) / 9).to(kTwin).eval();
  plan::synchronize_all();
  Tensor w0 = ones({3, 1}).to(kTwin), m0 = zeros({3, 1}).to(kTwin);
  train(w0, m0, x);
  const V expected = w0.to_vector<float>(), moments = m0.to_vector<float>();
  int failures = 0;
  for (std::int64_t at = 0;; ++at) {
    Tensor w = ones({3, 1}).to(kTwin), m = zeros({3, 1}).to(kTwin);
    w.eval();
    plan::synchronize_all();
    TwinOptions failing = slow();
    failing.fail_at = at;
    twin->configure(failing);
    const std::uint64_t before = twin->steps_run();
    train(w, m, x);
    bool failed = false;
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        EXPECT_EQ(w.to_vector<float>(), expected) << "failure at " << at;
        EXPECT_EQ(m.to_vector<float>(), moments) << "failure at " << at;
        break;
      } catch (const InternalError& e) {
        failed = true;
        EXPECT_NE(std::string(e.what()).find("told to fail"), std::string::npos);
        EXPECT_NE(std::string(e.what()).find("twin_failure_test.cpp:"), std::string::npos)
            << e.what();
      }
    }
    if (!failed) {
      EXPECT_LE(twin->steps_run() - before, static_cast<std::uint64_t>(at) + 1);
      break;
    }
    ++failures;
    ASSERT_LT(failures, 200);
  }
  EXPECT_GT(failures, 8);
}

// Two updates that no step joins: a device that fails between the writes has changed one leaf and
// not the other. It is said, every time; nothing is computed from the half.
TEST_P(TwinFailure, BetweenTwoWritesTheHalfIsNotTakenForTheWhole) {
  const TwinScope twin(slow());
  const auto train = [](Tensor& w, Tensor& b) {
    const Tensor g = matmul(w.t(), matmul(w, w)) * 0.01;
    const Tensor h = (b * b).sum() * b;
    w.copy_(w - g);
    b.copy_(b - h * 0.1);
    w.eval();
  };
  const auto start = [](Tensor& w, Tensor& b) {
    w = (arange(0, 9, 1, DType::Float32).reshape({3, 3}) / 9).to(kTwin).eval();
    b = ones({5}).to(kTwin).eval();
    plan::synchronize_all();
  };
  Tensor w, b;
  start(w, b);
  train(w, b);
  const V weights = w.to_vector<float>(), biases = b.to_vector<float>();
  int recovered = 0, lost = 0;
  for (std::int64_t at = 0;; ++at) {
    ASSERT_LT(at, 100);
    start(w, b);
    TwinOptions failing = slow();
    failing.fail_at = at;
    twin->configure(failing);
    train(w, b);
    bool failed = false, over = false;
    for (int attempt = 0; attempt < 4 && !over; ++attempt) {
      try {
        const V got = w.to_vector<float>();
        EXPECT_EQ(got, weights) << "failure at " << at;
        EXPECT_EQ(b.to_vector<float>(), biases) << "failure at " << at;
        recovered += failed;
        over = true;
      } catch (const DeviceError& e) {
        EXPECT_NE(std::string(e.what()).find("checkpoint"), std::string::npos) << e.what();
        EXPECT_THROW(w.to_vector<float>(), DeviceError);
        EXPECT_THROW(b.to_vector<float>(), DeviceError);
        w.copy_(ones({3, 3}).to(kTwin));
        EXPECT_EQ(w.to_vector<float>(), V(9, 1.0f));
        ++lost;
        over = true;
      } catch (const InternalError&) {
        failed = true;
      }
    }
    ASSERT_TRUE(over) << "failure at " << at;
    if (!failed) break;
  }
  EXPECT_GT(recovered, 3);
  EXPECT_GT(lost, 0);
}

TEST_P(TwinFailure, OutOfMemoryLeavesEverythingUsable) {
  TwinOptions small = slow();
  small.memory_nbytes = std::size_t{1} << 20;
  const TwinScope twin(small);
  empty_cache(kTwin);
  const Tensor x = ones({1 << 16}).to(kTwin);
  x.eval();
  const std::string text = message_of<OutOfMemoryError>([&] {
    (x.reshape({1, 1 << 16}).expand({64, 1 << 16}) * 2).eval();
  });
  EXPECT_NE(text.find("twin:0: cannot allocate"), std::string::npos) << text;
  EXPECT_EQ(x.sum().item<float>(), 65536.f);
  plan::synchronize_all();
  EXPECT_LE(memory_allocated(kTwin), std::size_t{1} << 20);
}

// Temporaries of a plan that ran before stand in nobody's way.
TEST_P(TwinFailure, AnIdleArenaMakesPlace) {
  const TwinScope twin(slow());
  empty_cache(kTwin);
  const Tensor x = arange(0, 1 << 20, 1, DType::Float32).reshape({1024, 1024}).to(kTwin) / 1e6;
  x.eval();                                                        // 4 MiB
  const Tensor total = [&] { return (x.exp().t() * x).sum(); }();  // what it goes through is gone
  EXPECT_GT(total.item<float>(), 0.f);
  const std::size_t used = memory_allocated(kTwin) + memory_cached(kTwin);
  EXPECT_GE(used, std::size_t{8} << 20) << "the temporaries are not there";
  const std::size_t before = set_memory_limit(used + (std::size_t{1} << 20), kTwin);
  const Tensor y = x + 1;
  EXPECT_NEAR(y.to_vector<float>()[7], 1 + 7e-6f, 1e-6f);
  set_memory_limit(before, kTwin);
}

// A view of a value that is on its way, evaluated by itself: no step of its own makes it, so it
// must fail and come back with what it shows.
TEST_P(TwinFailure, AViewIsGivenBackWithWhatItShows) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3, 4}, {4}).to(kTwin).eval();
  plan::synchronize_all();
  for (const bool waits : {false, true}) {
    TwinOptions failing = slow();
    failing.fail_at = 0;
    twin->configure(failing);
    const Tensor y = (x * 3).eval();
    const Tensor view = y.view({2, 2}).eval();
    if (waits) {
      EXPECT_THROW(plan::synchronize_all(), InternalError);
    }
    const Tensor sums = view.sum(0);
    if (!waits) {
      EXPECT_THROW(sums.to_vector<float>(), InternalError);
    }
    EXPECT_EQ(sums.to_vector<float>(), (V{12, 18}));
    EXPECT_EQ(view.to_vector<float>(), (V{3, 6, 9, 12}));
  }
}

// What one thread records of a leaf while another gives the leaf's run back.
TEST_P(TwinFailure, LeavesAreReadWhileTheirRunIsGivenBack) {
  const TwinScope twin;
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  plan::synchronize_all();
  for (int round = 0; round < 150; ++round) {
    TwinOptions failing;
    failing.fail_at = 0;
    twin->configure(failing);
    const Tensor w = (x * 2).eval();
    std::atomic<bool> ready{false}, over{false};
    std::vector<Tensor> products;
    std::thread reader([&] {
      ready = true;
      do {
        const Tensor leaf = w.detach().requires_grad_();  // its first use makes a variable of it
        products.push_back(leaf * 5);
      } while (!over && products.size() < 2000);
      while (!over) std::this_thread::yield();
      if (products.size() > 20) products.erase(products.begin() + 10, products.end() - 10);
      for (const Tensor& p : products) EXPECT_EQ(p.to_vector<float>(), (V{10, 20, 30}));
    });
    while (!ready) std::this_thread::yield();
    EXPECT_THROW(plan::synchronize_all(), InternalError);
    over = true;
    reader.join();
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

TEST_P(TwinFailure, SeveralThreads) {
  const TwinScope twin(slow());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  std::atomic<int> wrong{0}, thrown{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const auto f = static_cast<float>(t * 100 + i);
        const Tensor y = x * f;
        const Tensor bad = index_select(x, 0, indices({i % 8 == 0 ? 7 : 1}));
        y.eval();
        try {
          bad.to_vector<float>();
          if (i % 8 == 0) ++wrong;
        } catch (const IndexError&) {
          ++thrown;
        }
        if (y.to_vector<float>() != V{f, 2 * f, 3 * f}) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(thrown, 4 * 5);
  settle_all();
}

TEST_P(TwinAhead, TheHostDoesNotWait) {
  TwinOptions very_slow = slow();
  very_slow.max_delay_us = 20000;
  const TwinScope twin(very_slow);
  const Tensor x = ones({8}).to(kTwin).eval();
  Tensor y = x;
  for (int i = 0; i < 8; ++i) {
    y = y * 2;
    y.eval();
  }
  EXPECT_TRUE(y.is_evaluated());
  Stream& stream = *twin->stream();
  EXPECT_FALSE(stream.passed(stream.submitted())) << "the device was done before the host looked";
  EXPECT_EQ(y.to_vector<float>(), V(8, 256.f));
}

// In place on the device, also while the host is ahead: as many blocks as one step needs.
TEST_P(TwinAhead, UpdatesStayInPlace) {
  TwinOptions o = slow();
  o.max_delay_us = 200;
  const TwinScope twin(o);
  empty_cache(kTwin);
  Tensor w = ones({1 << 14}).to(kTwin);
  w.eval();
  plan::synchronize_all();
  const std::size_t before = memory_allocated(kTwin);
  reset_peak_memory_stats(kTwin);
  for (int i = 0; i < 12; ++i) {
    w.copy_(w * 0.5 + 1);
    w.eval();
  }
  EXPECT_EQ(w.to_vector<float>()[5], 2 - std::ldexp(1.f, -12));
  // In one memory `ones` is the host's block, which the first updates leave.
  const std::size_t moves = GetParam() ? (std::size_t{1} << 14) * sizeof(float) : 0;
  EXPECT_LE(max_memory_allocated(kTwin), before + moves + (std::size_t{1} << 14));
}

}  // namespace
}  // namespace ingot
