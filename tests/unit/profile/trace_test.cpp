// The trace as those who read it do: JSON with the fields of Chrome's format.
#include <gtest/gtest.h>
#include <ingot/ingot.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/observe.h"
#include "support/scratch_folder.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using Json = nlohmann::json;

std::vector<Json> events_of(const Json& trace, const std::string& ph, const std::string& cat = "") {
  std::vector<Json> found;
  for (const Json& e : trace.at("traceEvents"))
    if (e.at("ph") == ph && (cat.empty() || e.at("cat") == cat)) found.push_back(e);
  return found;
}

double end_of(const Json& e) { return e.at("ts").get<double>() + e.at("dur").get<double>(); }

// Within rounding to nanoseconds.
bool inside(const Json& inner, const Json& outer) {
  return outer.at("ts").get<double>() <= inner.at("ts").get<double>() + 2e-3 &&
         end_of(inner) <= end_of(outer) + 2e-3;
}

ProfileResult train_three_steps() {
  manual_seed(0);
  nn::Sequential net(nn::Linear(8, 16), nn::ReLU(), nn::Linear(16, 3));
  optim::SGD sgd(net.parameters(), {.lr = 0.1});
  const Tensor x = randn({4, 8}), labels = zeros({4}, {.dtype = DType::Int64});
  eval();
  Profile profile;
  for (int i = 0; i < 3; ++i) {
    const auto range = profile_range("step \"quoted\"\n\xff");
    sgd.zero_grad();
    const Tensor loss = cross_entropy(net(x), labels);
    loss.backward();
    sgd.step();
    std::ignore = loss.item<float>();
    profile.step();
  }
  return profile.stop();
}

TEST(Trace, EveryEventHasItsFields) {
  const Json trace = Json::parse(train_three_steps().chrome_trace());
  EXPECT_EQ(trace.at("otherData").at("events_left_out"), 0);
  EXPECT_FALSE(trace.at("traceEvents").empty());
  double latest = 0;
  for (const Json& e : trace.at("traceEvents")) {
    const std::string ph = e.at("ph");
    EXPECT_TRUE(ph == "X" || ph == "M" || ph == "C") << e;
    EXPECT_TRUE(e.at("name").is_string()) << e;
    EXPECT_TRUE(e.at("pid").is_number_integer()) << e;
    EXPECT_TRUE(e.at("tid").is_number_integer()) << e;
    if (ph == "M") continue;
    EXPECT_GE(e.at("ts").get<double>(), 0) << e;
    if (ph == "C") {
      EXPECT_GT(e.at("args").at("allocated").get<double>(), 0) << e;
      continue;
    }
    EXPECT_GE(e.at("dur").get<double>(), 0) << e;
    EXPECT_TRUE(e.at("args").is_object()) << e;
    if (e.at("cat") != "step") {
      EXPECT_GE(e.at("ts").get<double>(), latest) << "sorted by time: " << e;
      latest = e.at("ts");
    }
  }
  EXPECT_FALSE(events_of(trace, "C").empty());
}

TEST(Trace, EventsNestOnTheirThread) {
  const Json trace = Json::parse(train_three_steps().chrome_trace());
  std::map<std::pair<int, int>, std::vector<Json>> open;
  for (const Json& e : events_of(trace, "X")) {
    std::vector<Json>& stack = open[{e.at("pid"), e.at("tid")}];
    while (!stack.empty() && end_of(stack.back()) <= e.at("ts").get<double>() + 1e-3)
      stack.pop_back();
    if (!stack.empty()) {
      EXPECT_TRUE(inside(e, stack.back())) << e << " in " << stack.back();
    }
    stack.push_back(e);
  }
  EXPECT_EQ(open.size(), 2u) << "the program's thread, and the steps";
}

TEST(Trace, StepsContainWhatTheyDid) {
  const ProfileResult result = train_three_steps();
  const Json trace = Json::parse(result.chrome_trace());
  const auto steps = events_of(trace, "X", "step");
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[1].at("name"), "step 1");
  EXPECT_EQ(steps[0].at("args").at("plans made"), result.steps()[0].plans_made);
  for (const Json& evaluation : events_of(trace, "X", "evaluation")) {
    int within = 0;
    for (const Json& s : steps) within += inside(evaluation, s);
    EXPECT_EQ(within, 1) << evaluation;
  }
  std::map<std::string, int> ranges;
  for (const Json& r : events_of(trace, "X", "range")) ++ranges[r.at("name")];
  EXPECT_EQ(ranges["backward"], 3);
  EXPECT_EQ(ranges["Optimizer::step"], 3);
  EXPECT_EQ(ranges["step \"quoted\"\n\xef\xbf\xbd"], 3) << "what is no UTF-8 is replaced";
}

TEST(Trace, OpsSayWhatTheyDid) {
  const ProfileResult result = train_three_steps();
  const Json trace = Json::parse(result.chrome_trace());
  const auto ops = events_of(trace, "X", "op");
  std::int64_t calls = 0;
  for (const ProfileRow& row : result.rows()) calls += row.calls + row.first_calls;
  EXPECT_EQ(static_cast<std::int64_t>(ops.size()), calls);
  bool found = false;
  for (const Json& op : ops) {
    const Json& args = op.at("args");
    EXPECT_EQ(args.at("device"), "cpu");
    EXPECT_TRUE(args.at("bytes read").is_number());
    EXPECT_TRUE(args.at("bytes written").is_number());
    if (op.at("name") != "linear" || args.at("FLOP") != 2 * 4 * 8 * 16 + 4 * 16) continue;
    found = true;
    EXPECT_EQ(args.at("shapes"), "float32[4, 8], float32[16, 8], float32[16] -> float32[4, 16]");
    EXPECT_NE(args.at("source").get<std::string>().find("trace_test.cpp:"), std::string::npos);
    EXPECT_NE(args.at("within").get<std::string>().find("linear.cpp:"), std::string::npos);
  }
  EXPECT_TRUE(found);
}

TEST(Trace, AThreadIsALine) {
  const ProfileResult result = profile([] {
    ones({3, 23}).eval();
    std::thread([] { (ones({3, 29}) + 1).eval(); }).join();
  });
  const Json trace = Json::parse(result.chrome_trace());
  std::set<int> threads, named;
  for (const Json& e : events_of(trace, "X", "op")) threads.insert(e.at("tid").get<int>());
  EXPECT_EQ(threads.size(), 2u);
  for (const Json& e : events_of(trace, "M"))
    if (e.at("name") == "thread_name") named.insert(e.at("tid").get<int>());
  for (const int t : threads) EXPECT_TRUE(named.contains(t)) << t;
}

// What a device runs is shown as a process of its own, with an arrow from where it was submitted.
TEST(Trace, DevicesAreProcesses) {
  Profile profile({.memory = false});
  const auto observer = current_observer();
  constexpr std::uint64_t kPlan = ~std::uint64_t{0} - 1;
  observer->add_plan({.plan = kPlan, .steps = {{.what = "far", .device = Device("cuda:1")}}});
  const std::int64_t now = observer_clock();
  observer->add(
      {.kind = RunEvent::Kind::Submit, .plan = kPlan, .run = 42, .begin = now, .end = now + 1000});
  std::thread([&] {
    observer->add({.kind = RunEvent::Kind::Device,
                   .plan = kPlan,
                   .run = 42,
                   .begin = now + 5000,
                   .end = now + 9000});
  }).join();
  const Json trace = Json::parse(profile.stop().chrome_trace());
  const auto submitted = events_of(trace, "X", "submit"), ran = events_of(trace, "X", "op");
  ASSERT_EQ(submitted.size(), 1u);
  ASSERT_EQ(ran.size(), 1u);
  EXPECT_NE(ran[0].at("pid"), submitted[0].at("pid"));
  EXPECT_NEAR(ran[0].at("dur").get<double>(), 4, 1e-6);
  EXPECT_FALSE(ran[0].at("args").contains("FLOP")) << "not known";
  const auto from = events_of(trace, "s"), to = events_of(trace, "f");
  ASSERT_EQ(from.size(), 1u);
  ASSERT_EQ(to.size(), 1u);
  EXPECT_EQ(from[0].at("id"), to[0].at("id"));
  EXPECT_EQ(from[0].at("ts"), submitted[0].at("ts"));
  EXPECT_EQ(to[0].at("ts"), ran[0].at("ts"));
  EXPECT_EQ(to[0].at("bp"), "e");
  bool named = false;
  for (const Json& e : events_of(trace, "M"))
    named |= e.at("name") == "process_name" && e.at("pid") == ran[0].at("pid") &&
             e.at("args").at("name") == "cuda:1";
  EXPECT_TRUE(named);
}

TEST(Trace, OfARunOnTwoDevices) {
  TwinOptions options;
  options.max_delay_us = 100;
  const test::TwinScope twin(options);
  nn::Linear net(8, 4);
  net.to(test::kTwin);
  const Tensor x = randn({4, 8});
  eval();
  synchronize();
  const ProfileResult result = profile([&] {
    const Tensor loss = (net(x.to(test::kTwin)).cpu() * 2).sum();
    loss.backward();
    eval();
  });
  const Json trace = Json::parse(result.chrome_trace());
  EXPECT_EQ(trace.at("otherData").at("events_left_out"), 0);
  std::map<std::string, int> processes;
  for (const Json& e : events_of(trace, "M"))
    if (e.at("name") == "process_name") processes[e.at("args").at("name")] = e.at("pid");
  ASSERT_TRUE(processes.contains("host") && processes.contains("twin:0"));
  std::map<std::string, double> submitted, ran;  // begin of the one, end of the other, by number
  for (const Json& e : events_of(trace, "s")) submitted[e.at("id")] = e.at("ts");
  for (const Json& e : events_of(trace, "f")) {
    EXPECT_EQ(e.at("pid"), processes["twin:0"]);
    ran[e.at("id")] = e.at("ts");
  }
  EXPECT_GT(ran.size(), 4u);
  ASSERT_EQ(ran.size(), submitted.size());
  for (const auto& [id, at] : ran) {
    ASSERT_TRUE(submitted.contains(id)) << id;
    EXPECT_GE(at + 2e-3, submitted[id]) << "it ran before it was submitted";
  }
  double latest = 0;
  std::map<std::string, int> ops;
  for (const Json& e : events_of(trace, "X", "op")) {
    const std::string device = e.at("args").at("device");
    ++ops[device];
    EXPECT_EQ(e.at("pid"), processes[device == "cpu" ? "host" : device]) << e;
    if (device == "cpu") continue;
    EXPECT_GE(e.at("ts").get<double>() + 2e-3, latest) << "one after the other";
    latest = end_of(e);
  }
  EXPECT_EQ(ops["twin:0"], static_cast<int>(ran.size()));
  EXPECT_GT(ops["cpu"], 0);
  bool memory = false;
  for (const Json& e : events_of(trace, "C"))
    memory |= e.at("name") == "memory of twin:0" && e.at("args").at("allocated") > 0;
  EXPECT_TRUE(memory);
}

TEST(Trace, IsWrittenWholeOrNotAtAll) {
  const ingot::testing::ScratchFolder folder;
  const ProfileResult result = profile([] { ones({3, 31}).eval(); });
  const auto path = folder.path() / "trace.json";
  result.export_chrome_trace(path);
  EXPECT_EQ(folder.read("trace.json"), result.chrome_trace());
  EXPECT_THROW(result.export_chrome_trace(folder.path() / "none" / "trace.json"), IoError);
  EXPECT_THROW(result.export_chrome_trace(folder.path()), IoError);
}

TEST(Trace, OfNothingIsValid) {
  EXPECT_TRUE(Json::parse(ProfileResult().chrome_trace()).contains("traceEvents"));
}

}  // namespace
}  // namespace ingot
