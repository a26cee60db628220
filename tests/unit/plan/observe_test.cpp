// What evaluations tell those who watch (core/observe.h).
#include <gtest/gtest.h>
#include <ingot/core/site_scope.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "core/observe.h"
#include "core/record.h"
#include "plan/watch.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using Kind = RunEvent::Kind;

class Notebook final : public RunObserver {
 public:
  struct Entry {
    RunEvent event;
    std::string text;
    std::thread::id thread = std::this_thread::get_id();
  };

  bool knows(std::uint64_t plan) const noexcept override {
    const std::lock_guard lock(mutex_);
    return plans_.contains(plan);
  }
  void add_plan(PlanInfo plan) override {
    const std::lock_guard lock(mutex_);
    plans_.insert_or_assign(plan.plan, std::move(plan));
  }
  void add(const RunEvent& e) noexcept override {
    const std::lock_guard lock(mutex_);
    entries_.push_back({e, std::string(e.text)});
  }

  std::vector<Entry> all(Kind kind) const {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> found;
    for (const Entry& e : entries_)
      if (e.event.kind == kind) found.push_back(e);
    return found;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }
  const StepInfo& step_of(const RunEvent& e) const {
    const std::lock_guard lock(mutex_);
    return plans_.at(e.plan).steps.at(e.step);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, PlanInfo> plans_;
  std::vector<Entry> entries_;
};

struct Watch {
  std::shared_ptr<Notebook> notes = std::make_shared<Notebook>();
  Watch() { EXPECT_TRUE(start_observing(notes)); }
  ~Watch() { stop_observing(*notes); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
};

bool inside(const RunEvent& inner, const RunEvent& outer) {
  return outer.begin <= inner.begin && inner.end <= outer.end;
}

TEST(Observe, AStepSaysWhatItDoes) {
  const Tensor x = ones({8, 16}), w = ones({16, 4});
  eval();
  const Watch watch;
  const Tensor y = matmul(x, w);
  const Site line = Site::current();  // the line after
  y.eval();
  const auto steps = watch.notes->all(Kind::Step);
  ASSERT_EQ(steps.size(), 1u);
  const RunEvent& e = steps[0].event;
  EXPECT_EQ(e.site.line(), line.line() - 1);
  EXPECT_STREQ(e.site.file_name(), line.file_name());
  EXPECT_LE(e.begin, e.end);
  EXPECT_NE(e.run, 0u);
  const StepInfo& info = watch.notes->step_of(e);
  EXPECT_EQ(info.what, "matmul");
  ASSERT_EQ(info.inputs.size(), 2u);
  ASSERT_EQ(info.outputs.size(), 1u);
  EXPECT_EQ(info.inputs[0], (TensorSpec{{8, 16}, DType::Float32, Device()}));
  EXPECT_EQ(info.inputs[1], (TensorSpec{{16, 4}, DType::Float32, Device()}));
  EXPECT_EQ(info.outputs[0], (TensorSpec{{8, 4}, DType::Float32, Device()}));
  EXPECT_EQ(info.nbytes_read, 4u * (8 * 16 + 16 * 4));
  EXPECT_EQ(info.nbytes_written, 4u * 8 * 4);
}

TEST(Observe, EveryPartLiesInItsEvaluation) {
  const Watch watch;
  const Tensor y = exp(ones({3, 5, 7}) * 2.5) + 1;
  y.eval();
  const auto evaluations = watch.notes->all(Kind::Evaluation);
  ASSERT_EQ(evaluations.size(), 1u);
  for (const Kind kind : {Kind::Plan, Kind::Bind, Kind::Step}) {
    const auto parts = watch.notes->all(kind);
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_TRUE(inside(parts[0].event, evaluations[0].event));
  }
  const RunEvent plan = watch.notes->all(Kind::Plan)[0].event;
  EXPECT_TRUE(plan.built);
  std::string passes;
  for (const auto& pass : watch.notes->all(Kind::Pass)) {
    EXPECT_TRUE(inside(pass.event, plan));
    passes += pass.text + " ";
  }
  EXPECT_EQ(passes, "expand simplify place group program layout lower donate memory ");
}

TEST(Observe, APlanThatIsKnownIsFoundNotBuilt) {
  const auto once = [] { (ones({2, 3, 11}) * 3 + 1).eval(); };
  once();
  const Watch watch;
  once();
  once();
  const auto plans = watch.notes->all(Kind::Plan);
  ASSERT_EQ(plans.size(), 2u);
  EXPECT_FALSE(plans[0].event.built);
  EXPECT_TRUE(watch.notes->all(Kind::Pass).empty());
  const auto steps = watch.notes->all(Kind::Step);  // of a plan made before somebody watched
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].event.plan, steps[1].event.plan);
  EXPECT_NE(steps[0].event.run, steps[1].event.run);
  EXPECT_EQ(watch.notes->step_of(steps[0].event).outputs[0].shape, Shape({2, 3, 11}));
}

// Two lines that record the same share a plan; each run names its own.
TEST(Observe, TheLineIsThatOfTheRun) {
  const Tensor x = ones({5, 3});
  eval();
  const Watch watch;
  const Tensor first = exp(x);
  const std::uint32_t line = Site::current().line() - 1;
  first.eval();
  const Tensor second = exp(x);
  second.eval();
  const auto steps = watch.notes->all(Kind::Step);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].event.plan, steps[1].event.plan);
  EXPECT_EQ(steps[0].event.site.line(), line);
  EXPECT_EQ(steps[1].event.site.line(), line + 3);
  const SiteScope scope(Site("user.cpp", 7, "main"));
  exp(x).eval();
  EXPECT_EQ(watch.notes->all(Kind::Step)[2].event.outer_site.line(), 7u);
}

TEST(Observe, ArithmeticIsCounted) {
  const Tensor x = ones({10, 20}), row = ones({20}), n = ones({10, 20}, {.dtype = DType::Int64});
  eval();
  const Watch watch;
  const auto flops = [&](const Tensor& t) {
    t.eval();
    return watch.notes->step_of(watch.notes->all(Kind::Step).back().event);
  };
  EXPECT_EQ(flops(x + row).flops, 200);
  EXPECT_EQ(flops(exp(x * row) + 1).flops, 600);
  EXPECT_EQ(flops(n + 1).flops, 0) << "of integers";
  EXPECT_EQ(flops(x.to(DType::Float64)).flops, 0) << "moves only";
  EXPECT_EQ(flops(x > 0.5).flops, 200);
  const StepInfo sum = flops(x - row);
  EXPECT_EQ(sum.nbytes_read, 4u * (200 + 20)) << "what is broadcast is read once";
  EXPECT_EQ(sum.nbytes_written, 4u * 200);
}

TEST(Observe, NobodyWatchesNothingIsTold) {
  const auto notes = std::make_shared<Notebook>();
  (ones({4}) + 1).eval();
  ASSERT_TRUE(start_observing(notes));
  EXPECT_FALSE(start_observing(std::make_shared<Notebook>())) << "one at a time";
  stop_observing(*notes);
  (ones({4}) + 1).eval();
  EXPECT_EQ(notes->size(), 0u);
  EXPECT_EQ(current_observer(), nullptr);
  EXPECT_EQ(notes.use_count(), 1);
}

TEST(Observe, AnEvaluationOfNothingIsNotTold) {
  const Tensor x = ones({4});
  x.eval();
  const Watch watch;
  eval();
  x.eval();
  EXPECT_EQ(watch.notes->size(), 0u);
}

TEST(Observe, WatchingMayEndWhileOthersEvaluate) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; !done; ++i) (ones({t + 1, i % 5 + 1}) * 2).eval();
    });
  for (int i = 0; i < 50; ++i) {
    const Watch watch;
    while (watch.notes->all(Kind::Step).empty()) std::this_thread::yield();
    for (const auto& step : watch.notes->all(Kind::Step)) watch.notes->step_of(step.event);
  }
  done = true;
  for (std::thread& t : threads) t.join();
}

TEST(Observe, AnErrorEndsTheStepUntold) {
  const Tensor x = ones({4}, {.dtype = DType::Int64}), zero = zeros({4}, {.dtype = DType::Int64});
  eval();
  const Watch watch;
  const Tensor bad = floor_divide(x, zero);
  EXPECT_THROW(bad.eval(), ValueError);
  for (const auto& step : watch.notes->all(Kind::Step))
    EXPECT_NE(watch.notes->step_of(step.event).what, "check_divisor");
  EXPECT_EQ(watch.notes->all(Kind::Evaluation).size(), 1u);
}

TEST(Observe, ADeviceTellsWhenItRanAStep) {
  const test::TwinScope twin;
  const Tensor x = ones({4}).to(test::kTwin).eval();
  plan::synchronize_all();
  const Watch watch;
  EXPECT_EQ((x * 2).to_vector<float>(), std::vector<float>(4, 2));
  const auto submitted = watch.notes->all(Kind::Submit), ran = watch.notes->all(Kind::Device);
  ASSERT_EQ(submitted.size(), 2u);  // the product, and its way back
  ASSERT_EQ(ran.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(ran[i].event.plan, submitted[i].event.plan);
    EXPECT_EQ(ran[i].event.run, submitted[i].event.run);
    EXPECT_EQ(ran[i].event.step, submitted[i].event.step);
    EXPECT_GE(ran[i].event.begin, submitted[i].event.begin);
    EXPECT_GE(ran[i].event.end, ran[i].event.begin);
    EXPECT_EQ(watch.notes->step_of(submitted[i].event).device, test::kTwin);
  }
}

}  // namespace
}  // namespace ingot
