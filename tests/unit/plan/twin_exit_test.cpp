// The end of a process while a device is at work, slow or failed: it comes, with the exit code that
// was meant. Each case runs in a process of its own, which an alarm ends if it hangs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>
#include <ingot/core/stream.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/matmul.h>

#include "backend/twin/twin.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kTwin;

class TwinExit : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// Steps that take a while: at the end of the process some are still queued.
void begin(int delay_us = 20000, std::int64_t fail_at = -1) {
  ::alarm(60);
  TwinOptions options;
  options.max_delay_us = delay_us;
  options.fail_at = fail_at;
  twin().configure(options);
}

Tensor busy(const Tensor& start, int steps) {
  Tensor x = start;
  for (int i = 0; i < steps; ++i) {
    x = matmul(x, x) * 0.01f + 1;
    x.eval();
  }
  return x;
}

bool is_busy() {
  const DeviceStream stream = current_stream(kTwin);
  return !stream.query();
}

[[noreturn]] void leave(int code) {
  // The exit code tells whether the case was one.
  std::exit(is_busy() ? code : 99);
}

TEST_F(TwinExit, WithStepsInFlight) {
  EXPECT_EXIT(
      {
        begin();
        const Tensor x = busy(ones({64, 64}).to(kTwin), 6);
        leave(3);
      },
      testing::ExitedWithCode(3), "");
}

// Kernels of many pieces use the host's threads, also at the very end.
TEST_F(TwinExit, WithLargeStepsInFlight) {
  EXPECT_EXIT(
      {
        begin(2000);
        set_num_threads(4);
        const Tensor x = busy(ones({256, 256}).to(kTwin), 12);
        leave(3);
      },
      testing::ExitedWithCode(3), "");
}

TEST_F(TwinExit, WithStaticTensorsInFlight) {
  EXPECT_EXIT(
      {
        static std::vector<Tensor> kept;  // dies when the process ends
        begin();
        static Tensor later;
        kept.push_back(busy(ones({32, 32}).to(kTwin), 6));
        later = kept[0] + 1;
        later.eval();
        leave(4);
      },
      testing::ExitedWithCode(4), "");
}

TEST_F(TwinExit, WithWhatIsRecordedOnly) {
  EXPECT_EXIT(
      {
        begin();
        static Tensor x = busy(ones({32, 32}).to(kTwin), 4);
        static Tensor y = x * 2;  // never evaluated
        leave(5);
      },
      testing::ExitedWithCode(5), "");
}

TEST_F(TwinExit, WithAFailureThatNobodyWasToldOf) {
  for (const std::int64_t at : {0, 3, 8})
    EXPECT_EXIT(
        {
          begin(2000, at);
          const Tensor x = busy(ones({32, 32}).to(kTwin), 6);
          std::exit(6);
        },
        testing::ExitedWithCode(6), "")
        << at;
}

TEST_F(TwinExit, AfterAFailureWasCaught) {
  EXPECT_EXIT(
      {
        begin(200, 2);
        static Tensor x = busy(ones({32, 32}).to(kTwin), 6);
        try {
          x.to_vector<float>();
          std::exit(98);
        } catch (const InternalError&) {
        }
        std::exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(TwinExit, WithTwoDevicesInFlight) {
  EXPECT_EXIT(
      {
        begin();
        twin(1).configure({.max_delay_us = 20000});
        const Tensor x = busy(ones({32, 32}).to(kTwin), 4);
        const Tensor y = busy(x.to(test::kOtherTwin), 3);
        leave(8);
      },
      testing::ExitedWithCode(8), "");
}

TEST_F(TwinExit, FromAnotherThread) {
  EXPECT_EXIT(
      {
        begin();
        std::thread([] {
          const Tensor x = busy(ones({32, 32}).to(kTwin), 6);
          leave(9);
        }).join();
      },
      testing::ExitedWithCode(9), "");
}

// A thread that ends with work in flight leaves the rest usable.
TEST_F(TwinExit, OfAThreadOnly) {
  EXPECT_EXIT(
      {
        begin(2000);
        Tensor x;
        std::thread([&] { x = busy(ones({8, 8}).to(kTwin), 6); }).join();
        if (!is_busy()) std::exit(99);
        const Tensor y = busy(ones({8, 8}), 6);
        std::exit(x.to_vector<float>() == y.to_vector<float>() ? 10 : 97);
      },
      testing::ExitedWithCode(10), "");
}

// Whoever does not wait for anything: the system takes the process as it is.
TEST_F(TwinExit, AtOnce) {
  EXPECT_EXIT(
      {
        begin(200000);
        const Tensor x = busy(ones({8, 8}).to(kTwin), 6);
        ::_exit(is_busy() ? 11 : 99);
      },
      testing::ExitedWithCode(11), "");
}

}  // namespace
}  // namespace ingot
