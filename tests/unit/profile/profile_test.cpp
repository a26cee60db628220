// Profile: what it sees, in which step, and what it leaves alone.
#include <gtest/gtest.h>
#include <ingot/ingot.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/observe.h"
#include "plan/plan.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

const ProfileRow* find_row(const ProfileResult& result, const std::string& op) {
  for (const ProfileRow& row : result.rows())
    if (row.op == op) return &row;
  return nullptr;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

TEST(Profile, ARowSaysWhatWasComputedAndWhere) {
  const Tensor x = randn({64, 32}), w = randn({32, 16});
  eval();
  Profile profile;
  const Tensor y = matmul(x, w);
  const std::uint32_t line = Site::current().line() - 1;
  y.eval();
  const ProfileResult result = profile.stop();
  ASSERT_EQ(result.rows().size(), 1u);
  const ProfileRow& row = result.rows()[0];
  EXPECT_EQ(row.op, "matmul");
  EXPECT_EQ(row.shapes, "float32[64, 32], float32[32, 16] -> float32[64, 16]");
  EXPECT_TRUE(ends_with(row.source, "profile_test.cpp:" + std::to_string(line))) << row.source;
  EXPECT_EQ(row.within, "");
  EXPECT_EQ(row.device, Device());
  EXPECT_EQ(row.calls, 1);
  EXPECT_GT(row.total_ms, 0);
  EXPECT_EQ(row.share, 1);
  EXPECT_EQ(row.nbytes, 4u * (64 * 32 + 32 * 16 + 64 * 16));
  EXPECT_EQ(row.flops, 2.0 * 64 * 32 * 16);
  EXPECT_NEAR(*row.gflops_per_second(), 2.0 * 64 * 32 * 16 / row.total_ms / 1e6, 1e-9);
  EXPECT_NEAR(row.gigabytes_per_second(), static_cast<double>(row.nbytes) / row.total_ms / 1e6,
              1e-9);
}

TEST(Profile, AModulesStepsNameTheUsersLine) {
  nn::Linear layer(8, 4);
  eval();
  Profile profile;
  const Tensor y = layer(randn({2, 8}));
  const std::uint32_t line = Site::current().line() - 1;
  y.sum().backward();
  eval();
  const ProfileResult result = profile.stop();
  for (const char* op : {"linear", "matmul"}) {  // the matrix product is the weight's gradient
    const ProfileRow* row = find_row(result, op);
    ASSERT_NE(row, nullptr) << op;
    EXPECT_TRUE(ends_with(row->source, "profile_test.cpp:" + std::to_string(line))) << row->source;
    EXPECT_NE(row->within.find("linear.cpp:"), std::string::npos) << row->within;
  }
}

TEST(Profile, LinesAreRowsOfTheirOwnIfAskedFor) {
  const auto run = [](const ProfileOptions& options) {
    const Tensor x = randn({5, 5}), more = randn({6, 6});
    eval();
    return profile(
        [&] {
          exp(x).eval();
          exp(x).eval();
          exp(more).eval();
        },
        options);
  };
  EXPECT_EQ(run({}).rows().size(), 3u);
  const ProfileResult one = run({.sources = false});
  ASSERT_EQ(one.rows().size(), 1u);
  EXPECT_EQ(one.rows()[0].calls, 3);
  EXPECT_EQ(one.rows()[0].shapes, "") << "they differ";
  EXPECT_EQ(one.rows()[0].source, "");
  EXPECT_EQ(one.rows()[0].flops, 25 + 25 + 36);
  EXPECT_EQ(run({.sources = false, .shapes = true}).rows().size(), 2u);
}

// -- Steps ----------------------------------------------------------------------------------------

TEST(Profile, TheFirstStepIsToldApart) {
  plan::clear_plan_cache();
  const Tensor x = randn({31, 7});
  eval();
  Profile profile;
  for (int i = 0; i < 4; ++i) {
    (exp(x) * 2).eval();
    profile.step();
  }
  const ProfileResult result = profile.stop();
  ASSERT_EQ(result.steps().size(), 4u);
  EXPECT_TRUE(result.first_is_apart());
  const ProfileStep &first = result.steps()[0], &second = result.steps()[1];
  EXPECT_EQ(first.plans_made, 1);
  EXPECT_GT(first.planning_ms, second.planning_ms);
  EXPECT_GT(first.kernels_ms, 0);
  EXPECT_LE(first.kernels_ms, first.planning_ms);
  for (const ProfileStep& s : result.steps()) {
    EXPECT_EQ(s.evaluations, 1);
    EXPECT_GT(s.running_ms, 0);
    EXPECT_GE(s.peak_nbytes, 4u * 31 * 7 * 2);
    EXPECT_GE(s.wall_ms, s.running_ms + s.planning_ms + s.memory_ms);
    EXPECT_LE(s.program_ms, s.wall_ms);
    EXPECT_EQ(s.submit_ms, 0) << "the host runs its own steps";
  }
  EXPECT_EQ(second.plans_made, 0);
  EXPECT_EQ(second.kernels_ms, 0);
  EXPECT_EQ(result.steps()[3].number, 3);
  ASSERT_EQ(result.rows().size(), 1u);
  EXPECT_EQ(result.rows()[0].calls, 3) << "without the first step";
  EXPECT_EQ(result.rows()[0].first_calls, 1);
  EXPECT_GT(result.rows()[0].first_ms, 0);
}

TEST(Profile, StepsCanBeSkippedAndLimited) {
  const Tensor x = randn({3, 7});
  eval();
  Profile profile({.skip_steps = 2, .steps = 3});
  EXPECT_EQ(current_observer(), nullptr) << "nothing is looked at yet";
  for (int i = 0; i < 9; ++i) {
    exp(x).eval();
    EXPECT_TRUE(profile.is_running());
    profile.step();
    EXPECT_EQ(current_observer() != nullptr, i >= 1 && i < 4) << i;
  }
  const ProfileResult result = profile.stop();
  EXPECT_FALSE(profile.is_running());
  ASSERT_EQ(result.steps().size(), 3u);
  EXPECT_EQ(result.steps()[0].number, 2);
  EXPECT_EQ(result.steps()[2].number, 4);
  EXPECT_FALSE(result.first_is_apart()) << "the first step of the program was skipped";
  EXPECT_EQ(result.rows().at(0).calls, 3);
}

TEST(Profile, APauseIsNotSeen) {
  const Tensor x = randn({3, 7});
  eval();
  Profile profile;
  exp(x).eval();
  profile.pause();
  profile.pause();
  sin(x).eval();
  profile.step();
  profile.resume();
  profile.resume();
  exp(x).eval();
  profile.step();
  const ProfileResult result = profile.stop();
  EXPECT_EQ(result.steps().size(), 2u);
  EXPECT_EQ(find_row(result, "sin"), nullptr);
}

TEST(Profile, WithoutStepsAllIsOne) {
  const Tensor x = randn({3, 9});
  eval();
  const ProfileResult result = profile([&] {
    exp(x).eval();
    sin(x).eval();
  });
  ASSERT_EQ(result.steps().size(), 1u);
  EXPECT_EQ(result.steps()[0].evaluations, 2);
  EXPECT_EQ(result.rows().size(), 2u);
  EXPECT_EQ(result.rows()[0].calls, 1);
  EXPECT_FALSE(result.first_is_apart());
}

// -- Beginning and ending -------------------------------------------------------------------------

TEST(Profile, NothingIsSeenBeforeAndAfter) {
  const Tensor x = randn({3, 11});
  sin(x).eval();
  Profile profile;
  exp(x).eval();
  const ProfileResult result = profile.stop();
  cos(x).eval();
  EXPECT_EQ(current_observer(), nullptr);
  ASSERT_EQ(result.rows().size(), 1u);
  EXPECT_EQ(result.rows()[0].op, "exp");
  EXPECT_EQ(profile.stop().rows().size(), 1u) << "the same again";
  profile.step();
  profile.resume();
  EXPECT_EQ(current_observer(), nullptr);
}

TEST(Profile, ProfilesDoNotNest) {
  Profile outer;
  EXPECT_THROW(Profile inner, ValueError);
  randn({2, 2}).eval();
  EXPECT_FALSE(outer.stop().rows().empty()) << "the outer one goes on";
  Profile next;
  EXPECT_TRUE(next.is_running());
}

TEST(Profile, AlsoWhileStepsAreSkipped) {
  Profile outer({.skip_steps = 1});
  EXPECT_THROW(Profile inner, ValueError);
}

TEST(Profile, RefusesNegativeCounts) {
  EXPECT_THROW(Profile({.skip_steps = -1}), ValueError);
  EXPECT_THROW(Profile({.steps = -1}), ValueError);
  Profile profile;  // and the failed ones left nothing behind
}

TEST(Profile, AnExceptionEndsIt) {
  const Tensor x = randn({3, 13});
  EXPECT_THROW(std::ignore = profile([&] {
                 exp(x).eval();
                 throw std::runtime_error("the user's");
               }),
               std::runtime_error);
  EXPECT_EQ(current_observer(), nullptr);
  Profile outside;
  try {
    const ProfileRange range("forward");
    exp(x).eval();
    const Tensor label = full({1}, 99, {.dtype = DType::Int64});
    cross_entropy(randn({1, 3}), label).eval();
    FAIL();
  } catch (const Error&) {
  }
  const ProfileResult result = outside.stop();
  EXPECT_NE(find_row(result, "exp"), nullptr) << "what was seen until then stays";
}

TEST(Profile, AnEmptyResultIsOne) {
  const ProfileResult none;
  EXPECT_TRUE(none.rows().empty());
  EXPECT_EQ(none.table(), "nothing was seen\n");
  Profile profile;
  const ProfileResult nothing = profile.stop();
  EXPECT_TRUE(nothing.rows().empty());
  EXPECT_NE(nothing.table().find("running 0.000"), std::string::npos) << nothing.table();
}

// -- Threads --------------------------------------------------------------------------------------

TEST(Profile, SeesAllThreads) {
  Profile profile({.sources = false});
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([] {
      const Tensor x = ones({4, 17});
      x.eval();
      for (int i = 0; i < 20; ++i) tanh(x).eval();
    });
  for (std::thread& t : threads) t.join();
  const ProfileResult result = profile.stop();
  const ProfileRow* row = find_row(result, "tanh");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->calls, 60);
}

TEST(Profile, EndsWhileOthersEvaluate) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; !done; ++i) (ones({t + 1, i % 7 + 1}) * 2).eval();
    });
  for (int i = 0; i < 40; ++i) {
    Profile profile;
    (ones({3, 3}) + 1).eval();
    profile.step();
    const ProfileResult result = profile.stop();
    EXPECT_FALSE(result.rows().empty());
    EXPECT_FALSE(result.table().empty());
  }
  done = true;
  for (std::thread& t : threads) t.join();
}

// A device's threads may tell when the profile has ended.
TEST(Profile, WhatComesLateIsDropped) {
  std::shared_ptr<RunObserver> held;
  {
    Profile profile;
    held = current_observer();
  }
  ASSERT_NE(held, nullptr);
  held->add({.kind = RunEvent::Kind::Device, .step = 1, .plan = 1, .run = 1});
  held->add_plan({.plan = 1, .steps = {}});
  EXPECT_EQ(held.use_count(), 1);
}

// -- Devices that run later -----------------------------------------------------------------------

constexpr std::uint64_t kPlan = ~std::uint64_t{0};  // no plan's number

void tell(RunEvent::Kind kind, std::int64_t begin, std::int64_t end, std::uint64_t run) {
  current_observer()->add(
      {.kind = kind,
       .plan = kPlan,
       .run = run,
       .begin = begin,
       .end = end,
       .site = kind == RunEvent::Kind::Submit ? Site("a.cpp", 5, "f") : Site()});
}

TEST(Profile, SubmittingAndRunningAreApart) {
  Profile profile({.memory = false});
  current_observer()->add_plan(
      {.plan = kPlan,
       .steps = {{.what = "far", .device = Device("cuda:0"), .flops = 7, .nbytes_read = 100}}});
  const std::int64_t now = observer_clock();
  tell(RunEvent::Kind::Submit, now, now + 2000, 1);
  tell(RunEvent::Kind::Submit, now + 2000, now + 5000, 2);
  tell(RunEvent::Kind::Device, now + 10'000, now + 60'000, 1);
  profile.step();
  tell(RunEvent::Kind::Device, now + 60'000, now + 160'000, 2);
  profile.step();
  const ProfileResult result = profile.stop();
  ASSERT_EQ(result.rows().size(), 1u);
  const ProfileRow& row = result.rows()[0];
  EXPECT_EQ(row.device, Device("cuda:0"));
  EXPECT_EQ(row.source, "a.cpp:5");
  EXPECT_EQ(row.first_calls, 2) << "both were given in the first step";
  EXPECT_NEAR(row.first_ms, 0.15, 1e-9);
  EXPECT_NEAR(result.steps()[0].submit_ms, 0.005, 1e-9);
  EXPECT_NEAR(result.steps()[0].device_ms, 0.15, 1e-9);
  EXPECT_EQ(result.steps()[1].device_ms, 0);
}

TEST(Profile, ADeviceThatDoesNotTellHasNoTimes) {
  Profile profile({.memory = false});
  current_observer()->add_plan(
      {.plan = kPlan, .steps = {{.what = "far", .device = Device("mps"), .flops = 7}}});
  tell(RunEvent::Kind::Submit, 1000, 3000, 1);
  const ProfileResult result = profile.stop();
  const ProfileRow& row = result.rows().at(0);
  EXPECT_EQ(row.calls, 1);
  EXPECT_EQ(row.total_ms, 0);
  EXPECT_NEAR(row.submit_ms, 0.002, 1e-9);
  EXPECT_EQ(row.gflops_per_second(), std::nullopt);
  EXPECT_NE(result.table().find("submit us"), std::string::npos);
}

// -- The rest -------------------------------------------------------------------------------------

TEST(Profile, MemoryOverTime) {
  Profile running;
  Tensor large = ones({1024, 256});
  large.eval();
  const std::size_t with = memory_allocated();
  large = Tensor();
  (ones({2}) + 1).eval();
  const ProfileResult result = running.stop();
  ASSERT_GE(result.memory().size(), 2u);
  std::size_t most = 0;
  for (std::size_t i = 0; i < result.memory().size(); ++i) {
    most = std::max(most, result.memory()[i].allocated_nbytes);
    if (i > 0) {
      EXPECT_GE(result.memory()[i].ms, result.memory()[i - 1].ms);
    }
  }
  EXPECT_GE(most, with);
  EXPECT_LT(result.memory().back().allocated_nbytes, most);
  EXPECT_EQ(result.steps()[0].peak_nbytes, most);
  EXPECT_TRUE(profile([] { ones({3}).eval(); }, {.memory = false}).memory().empty());
}

TEST(Profile, TheTraceIsBoundedTheRowsAreNot) {
  const Tensor x = ones({5, 19});
  eval();
  exp(x).eval();  // so that no plan is made below
  const ProfileResult result = profile(
      [&] {
        for (int i = 0; i < 50; ++i) exp(x).eval();
      },
      {.sources = false, .max_trace_events = 10});
  EXPECT_EQ(result.rows().at(0).calls, 50);
  EXPECT_EQ(result.events_left_out(), 50 * 4 - 10) << "evaluation, plan, memory and step, each";
  EXPECT_NE(result.table().find("190 events are not in the trace"), std::string::npos);
}

TEST(Profile, TheTableIsSortedAndCut) {
  const Tensor x = ones({64, 64}), small = ones({2, 2});
  eval();
  const ProfileResult result = profile([&] {
    for (int i = 0; i < 3; ++i) exp(small).eval();
    matmul(x, x).eval();
    small.sort().values.eval();
  });
  const auto first = [&](ProfileSort sort) {
    std::string text = result.table(sort);
    text = text.substr(text.find("\nop") + 1);
    text = text.substr(text.find('\n') + 1);
    return text.substr(0, text.find(' '));
  };
  EXPECT_EQ(first(ProfileSort::Calls), "exp");
  EXPECT_EQ(first(ProfileSort::Flops), "matmul");
  EXPECT_EQ(first(ProfileSort::Bytes), "matmul");
  EXPECT_EQ(first(ProfileSort::Op), "exp");
  const std::string cut = result.table(ProfileSort::Op, 1);
  EXPECT_NE(cut.find("and 2 more rows"), std::string::npos) << cut;
  EXPECT_EQ(cut.find("matmul"), std::string::npos) << cut;
  std::string sort_line = result.table();
  sort_line = sort_line.substr(sort_line.find("\nsort") + 1);
  sort_line = sort_line.substr(0, sort_line.find('\n'));
  EXPECT_NE(sort_line.find(" - "), std::string::npos) << "comparisons are not known: " << sort_line;
}

// -- Devices --------------------------------------------------------------------------------------

// A device runs later: when the profile stops, it has run, and told.
TEST(ProfileOfADevice, SubmittingAndRunningAreToldApart) {
  for (const bool async : {true, false}) {
    TwinOptions options;
    options.async = async;
    options.max_delay_us = async ? 500 : 0;
    const test::TwinScope twin(options);
    const Tensor x = randn({32, 32}).to(test::kTwin).eval();
    synchronize();
    Profile profile;
    std::vector<Tensor> kept;
    for (int i = 0; i < 4; ++i) {
      kept.push_back(matmul(x, x + i).exp());
      kept.back().eval();
      profile.step();
    }
    const ProfileResult result = profile.stop();
    EXPECT_TRUE(current_stream(test::kTwin).query()) << "it has waited";
    EXPECT_EQ(result.events_left_out(), 0);
    ASSERT_EQ(result.steps().size(), 4u);
    EXPECT_TRUE(result.first_is_apart());
    double rows = 0, steps = 0, first = 0;
    for (const ProfileRow& row : result.rows()) {
      EXPECT_EQ(row.device, test::kTwin) << row.op;
      EXPECT_EQ(row.calls, 3) << row.op;
      EXPECT_EQ(row.first_calls, 1) << row.op;
      EXPECT_GT(row.total_ms, 0) << row.op;
      EXPECT_GT(row.first_ms, 0) << row.op;
      EXPECT_GT(row.submit_ms, 0) << row.op;
      EXPECT_NE(row.source.find("profile_test.cpp:"), std::string::npos) << row.source;
      rows += row.total_ms;
      first += row.first_ms;
    }
    EXPECT_EQ(result.rows().size(), 3u);
    for (std::size_t i = 0; i < 4; ++i) {
      const ProfileStep& s = result.steps()[i];
      EXPECT_GT(s.device_ms, 0) << i;
      EXPECT_GT(s.submit_ms, 0) << i;
      EXPECT_EQ(s.running_ms, 0) << i;
      if (i > 0) steps += s.device_ms;
    }
    EXPECT_NEAR(rows, steps, 1e-9);
    EXPECT_NEAR(first, result.steps()[0].device_ms, 1e-9);
    std::size_t most = 0;
    for (const ProfileMemory& m : result.memory())
      if (m.device == test::kTwin) most = std::max(most, m.allocated_nbytes);
    EXPECT_GE(most, 5u * 32 * 32 * 4) << "x and what was kept";
  }
}

// A failure waits for who asks for the value, also where a profile ends in between.
TEST(ProfileOfADevice, AFailureIsNotItsBusiness) {
  TwinOptions options;
  options.max_delay_us = 200;
  const test::TwinScope twin(options);
  const Tensor x = ones({4}).to(test::kTwin).eval();
  synchronize();
  options.fail_at = 0;
  twin->configure(options);
  Tensor y;
  EXPECT_NO_THROW(std::ignore = profile([&] { y = (x * 2).eval(); }));
  EXPECT_THROW(y.to_vector<float>(), InternalError);
  EXPECT_EQ(y.to_vector<float>(), std::vector<float>(4, 2.f));
}

}  // namespace
}  // namespace ingot
