// Waiting for a device, and the time it takes: synchronize, streams and events.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/stream.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>

#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using test::settle_all;
using test::slow_twin;
using test::TwinScope;
using V = std::vector<float>;

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

// Steps on the device, each an evaluation of its own.
Tensor submit(Tensor x, int steps) {
  for (int i = 0; i < steps; ++i) {
    x = x + 1;
    x.eval();
  }
  return x;
}

TEST(TwinSurface, SynchronizeWaitsForAllThatWasSubmitted) {
  const TwinScope twin(slow_twin(200));
  const DeviceStream stream = current_stream(kTwin);
  EXPECT_EQ(stream.device(), kTwin);
  const Tensor x = submit(from_vector(V{1, 2}, {2}).to(kTwin), 5);
  synchronize(kTwin);
  EXPECT_TRUE(stream.query());
  EXPECT_EQ(x.to_vector<float>(), (V{6, 7}));
  submit(x, 5);
  stream.synchronize();
  EXPECT_TRUE(stream.query());
  submit(x, 5);
  synchronize();
  EXPECT_TRUE(stream.query());
}

TEST(TwinSurface, AWaitThrowsWhatFailedOnTheDevice) {
  const TwinScope twin(slow_twin(30));
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  const Tensor bad_index = tensor({7}).to(kTwin).eval();
  synchronize(kTwin);
  for (const auto& wait : std::vector<std::function<void()>>{
           [] { synchronize(kTwin); }, [] { synchronize(); },
           [] { current_stream(kTwin).synchronize(); },
           [] { current_stream(kTwin).record_event().synchronize(); }}) {
    const Tensor bad = index_select(x, 0, bad_index).eval();
    const std::string text = message_of<IndexError>(wait);
    EXPECT_NE(text.find("index_select"), std::string::npos) << text;
    EXPECT_NE(text.find("twin_surface_test.cpp:"), std::string::npos) << text;
    EXPECT_NO_THROW(synchronize());  // told once
    EXPECT_EQ((x + 1).to_vector<float>(), (V{2, 3, 4}));
  }
}

TEST(TwinSurface, AnEventIsPassedAfterWhatCameBefore) {
  const TwinScope twin(slow_twin(200));
  const Tensor x = submit(from_vector(V{1, 2}, {2}).to(kTwin), 8);
  Event event;
  EXPECT_TRUE(event.query());  // nothing was recorded
  EXPECT_NO_THROW(event.synchronize());
  event.record(current_stream(kTwin));
  const std::uint64_t before = twin->steps_run();
  event.synchronize();
  EXPECT_TRUE(event.query());
  EXPECT_TRUE(current_stream(kTwin).query());  // it was the last
  EXPECT_GE(twin->steps_run(), before);
  EXPECT_EQ(x.to_vector<float>(), (V{9, 10}));
}

TEST(TwinSurface, EventsTellTheDevicesTime) {
  const TwinScope twin(slow_twin(500));
  const auto begin = std::chrono::steady_clock::now();
  const Event first = current_stream(kTwin).record_event();
  submit(ones({4}).to(kTwin), 20);
  const Event last = current_stream(kTwin).record_event();
  const double elapsed = first.elapsed_time(last);  // waits
  EXPECT_TRUE(last.query());
  EXPECT_GT(elapsed, 0.5);  // 20 waits of 0 to 0.5 ms
  EXPECT_LE(elapsed, milliseconds_since(begin));
  EXPECT_DOUBLE_EQ(last.elapsed_time(first), -elapsed);
  EXPECT_EQ(first.elapsed_time(first), 0.0);
}

TEST(TwinSurface, AnEventCanBeForgottenAndRecordedAnew) {
  const TwinScope twin(slow_twin(200));
  for (int i = 0; i < 200; ++i) {
    const Event forgotten = current_stream(kTwin).record_event();  // gone before it is passed
    (void)forgotten;
  }
  Event event = current_stream(kTwin).record_event();
  const Event first = event;
  submit(ones({4}).to(kTwin), 4);
  event.record(current_stream(kTwin));
  EXPECT_GT(first.elapsed_time(event), 0.0);
}

TEST(TwinSurface, EventsThatCannotBeComparedSaySo) {
  const TwinScope twin(slow_twin(0)), other(slow_twin(0), 1);
  const Event none, here = current_stream(kTwin).record_event(),
                    there = current_stream(kOtherTwin).record_event();
  EXPECT_EQ(message_of<ValueError>([&] { none.elapsed_time(here); }),
            "elapsed_time: record() both events first");
  EXPECT_EQ(message_of<ValueError>([&] { here.elapsed_time(none); }),
            "elapsed_time: record() both events first");
  EXPECT_EQ(message_of<DeviceError>([&] { here.elapsed_time(there); }),
            "elapsed_time: one event is of twin:0, the other of twin:1");
  EXPECT_THROW(current_stream("twin:9"), DeviceError);
  EXPECT_THROW(synchronize("twin:9"), DeviceError);
}

TEST(TwinSurface, AnEventBehindAFailureHasNoTime) {
  const TwinScope twin(slow_twin(30));
  const Tensor x = from_vector(V{1, 2, 3}, {3}).to(kTwin).eval();
  const Event before = current_stream(kTwin).record_event();
  const Tensor bad = index_select(x, 0, tensor({7}).to(kTwin)).eval();
  const Event behind = current_stream(kTwin).record_event();
  EXPECT_THROW(behind.synchronize(), IndexError);
  EXPECT_TRUE(behind.query());
  EXPECT_EQ(message_of<DeviceError>([&] { before.elapsed_time(behind); }),
            "elapsed_time: twin:0 failed before it came by the event, which has no time");
}

TEST(TwinSurface, AStreamWaitsForAnothersEvent) {
  const TwinScope twin(slow_twin(2000)), other(slow_twin(0), 1);
  submit(ones({4}).to(kTwin), 5);
  const Event event = current_stream(kTwin).record_event();
  const DeviceStream waiting = current_stream(kOtherTwin);
  waiting.wait_event(event);
  const Event behind = waiting.record_event();
  behind.synchronize();
  EXPECT_TRUE(event.query());
  waiting.wait_event(Event());  // nothing to wait for
  EXPECT_TRUE(current_stream(kOtherTwin).query());
  // The cpu's stream is the host: it waits itself.
  submit(ones({4}).to(kTwin), 5);
  const Event again = current_stream(kTwin).record_event();
  current_stream(Device()).wait_event(again);
  EXPECT_TRUE(again.query());
}

TEST(Surface, TheCpuHasNothingToWaitFor) {
  settle_all();
  EXPECT_NO_THROW(synchronize(Device()));
  const DeviceStream stream = current_stream(Device());
  EXPECT_TRUE(stream.query());
  const auto begin = std::chrono::steady_clock::now();
  const Event first = stream.record_event();
  EXPECT_TRUE(first.query());
  while (milliseconds_since(begin) < 2) {
  }
  const Event last = stream.record_event();
  EXPECT_GT(first.elapsed_time(last), 0.0);
  EXPECT_LE(first.elapsed_time(last), milliseconds_since(begin));
}

TEST(Surface, SizesOfAVectorInBraces) {
  const V v{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(from_vector(v, {2, 3}).shape(), (Shape{2, 3}));
  EXPECT_EQ(from_vector(v, {1, 2, 3}).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(from_vector(v, {6}).shape(), Shape{6});
  EXPECT_EQ(from_vector(v, {{2, 3}}).shape(), (Shape{2, 3}));
  EXPECT_EQ(from_vector(v, {}).shape(), Shape{6});
  EXPECT_EQ(from_vector(v, 6).shape(), Shape{6});
  EXPECT_EQ(from_vector(std::vector<bool>{true, false}, {2, 1}).shape(), (Shape{2, 1}));
  EXPECT_EQ(from_vector(v, {3, 2}, Device()).to_vector<float>(), v);
  EXPECT_THROW(from_vector(v, {2, 2}), ShapeError);
}

}  // namespace
}  // namespace ingot
