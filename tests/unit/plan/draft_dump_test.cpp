// What a draft prints after each pass, and INGOT_DUMP.
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/shape.h>

#include "plan/fallback.h"
#include "support/drafts.h"
#include "support/twin_scope.h"

namespace ingot::plan {
namespace {

using testing_support::with_draft;

Tensor sample() {
  const Tensor x = ones({4, 6}), w = ones({6, 2});
  eval();
  const Tensor twice = x.matmul(w) * 2;
  const Tensor again = x.matmul(w);  // merged with the first product
  return relu(twice) + again;
}

// Every line of `wanted` (regular expressions, in order) is a line of the text.
void expect_lines(const std::string& text, const std::vector<std::string>& wanted) {
  std::size_t from = 0;
  for (const std::string& line : wanted) {
    std::smatch match;
    const std::string rest = text.substr(from);
    ASSERT_TRUE(std::regex_search(rest, match, std::regex(line))) << line << "\nis not in\n"
                                                                  << text;
    from += static_cast<std::size_t>(match.position() + match.length());
  }
}

std::string text_after(std::string_view pass) {
  std::string text;
  with_draft(pass, sample, [&](const Draft& d) { text = d.str(); });
  return text;
}

const std::string kHere = R"(  # .*draft_dump_test\.cpp:\d+\n)";

TEST(Draft, PrintsNodesWithShapesAndTheUsersLines) {
  expect_lines(text_after("expand"),
               {R"(^backend cpu, 6 nodes\n)", R"(  v0 float32\[4, 6\] \[6, 1\] = leaf 0\n)",
                R"(  v1 float32\[6, 2\] \[2, 1\] = leaf 1\n)",
                R"(  n0: v2 float32\[4, 2\] = matmul\(v0, v1\).*)" + kHere,
                R"(= full\(\) \{.*\} slots s0)", R"(= mul\(v2, v3\))" + kHere,
                R"(= matmul\(v0, v1\))", R"(= relu\(v4\))", R"(\(kept\) = add\(v6, v5\))" + kHere});
}

TEST(Draft, PrintsWhatIsDead) {
  expect_lines(
      text_after("simplify"),
      {"backend cpu, 5 nodes", R"(n3: dead v5 float32\[4, 2\] = matmul)", R"(add\(v6, v2\))"});
}

TEST(Draft, PrintsGroupsAndWhatTheyStore) {
  expect_lines(
      text_after("group"),
      {"5 nodes, 3 groups\n", "  group 0\n", R"(    n0: v2 float32\[4, 2\] \(stored\) = matmul)",
       "  group 1\n", "= full", "  group 2\n", "= mul", "= relu", R"(\(kept\) = add)"});
}

TEST(Draft, PrintsPrograms) {
  expect_lines(text_after("program"),
               {"  group 1, no step: its readers take the number\n", "    program v2 -> v7\n",
                "      r0 = float32 in0\n      r1 = float32 slot0\n      r2 = float32 mul r0 r1\n",
                "      out0 = r"});
}

TEST(Draft, PrintsStepsBuffersAndResults) {
  const std::string operand = R"(v\d=b\d float32\[\d, \d\] \[\d, \d\])";
  const std::string after_layout = text_after("layout");
  expect_lines(after_layout,
               {"2 steps\n",
                "  0: " + operand + " = matmul\\(" + operand + ", " + operand + R"(\).*)" + kHere,
                "  1: " + operand + R"( = mul\+relu\+add\()" + operand + R"(\) slots s0)" + kHere,
                "  b0: leaf 0\n", "  b1: leaf 1\n", R"(  b2: arena, 32 B, steps 0 to 1\n)",
                "  b3: output 0, 32 B\n", R"(  output \d of the batch = b3 \[2, 1\]\n)"});
  EXPECT_EQ(after_layout.find(" by "), std::string::npos);
  expect_lines(text_after("lower"), {"1: .* by .*slots|slots .* by .*program"});
  expect_lines(text_after("memory"),
               {R"(, arena \d+ B\n)", R"(b2: arena, 32 B, steps 0 to 1, at 0\n)"});
}

TEST(Draft, PrintsWhatIsWrittenOverWhat) {
  std::string text;
  with_draft(
      "donate",
      [] {
        const Tensor p = ones({64}), q = ones({4, 16});
        eval();
        return p + exp(q.permute({1, 0})).reshape({64});
      },
      [&](const Draft& d) { text = d.str(); });
  expect_lines(text, {R"(b\d: output 0, 256 B, may take leaf \d\n)",
                      R"(  leaves are written from step \d on\n)"});
}

TEST(Dump, NamesPassesWithCommas) {
  EXPECT_FALSE(asks_for("", "group"));
  EXPECT_TRUE(asks_for("group", "group"));
  EXPECT_TRUE(asks_for("expand,group", "group"));
  EXPECT_TRUE(asks_for("group,,expand,", "expand"));
  EXPECT_FALSE(asks_for("group,layout", "expand"));
  for (const Pass& p : passes()) EXPECT_TRUE(asks_for("all", p.name));
}

// Where devices meet: the rows of steps on each, and what falling back costs.
TEST(Draft, PrintsSegmentsAndWhatFallingBackCosts) {
  TwinOptions options;
  options.refuse = {"exp", "log"};
  const test::TwinScope twin(options);
  set_fallback("silent");
  std::string text;
  with_draft(
      "memory",
      [] {
        const Tensor x = ones({4, 6}).to(test::kTwin);
        eval();
        return exp(x.matmul(x.t())).matmul(x);
      },
      [&](const Draft& d) { text = d.str(); });
  expect_lines(
      text, {R"(  segment 0 on twin:0: steps 0 to \d\n)", R"(  segment 1 on cpu: steps \d to \d\n)",
             R"(  segment 2 on twin:0: steps \d to \d\n)",
             R"(  falls back from twin:0: exp on float32\[4, 4\], 2 transfers, 128 B)" + kHere});
  EXPECT_EQ(text.find("log"), std::string::npos) << text;
}

TEST(Dump, AnUnknownPassIsNamedWithThoseThereAre) {
  for (const char* request : {"lowering", "group,lowering", "lowering,all"}) {
    try {
      asks_for(request, "group");
      ADD_FAILURE() << request;
    } catch (const ValueError& e) {
      EXPECT_EQ(std::string(e.what()),
                "INGOT_DUMP: there is no pass 'lowering'; there are expand, simplify, place, "
                "group, program, "
                "layout, lower, donate, memory, and 'all'");
    }
  }
}

// What goes to stderr while a plan is built with the given request.
std::string dumped(const char* request) {
  const std::string before = std::exchange(dump_request(), request);
  std::string text;
  testing::internal::CaptureStderr();
  with_draft("memory", sample, [](const Draft&) {});
  text = testing::internal::GetCapturedStderr();
  dump_request() = before;
  return text;
}

TEST(Dump, PrintsTheDraftAfterEachPassNamed) {
  const std::string text = dumped("group,donate");
  expect_lines(
      text, {"^draft after group: backend cpu", "  group 0\n", "draft after donate: ", "b0: leaf"});
  EXPECT_EQ(text.find("after simplify"), std::string::npos);
  const std::string all = dumped("all");
  for (const Pass& p : passes())
    EXPECT_NE(all.find("draft after " + std::string(p.name) + ": "), std::string::npos) << p.name;
  EXPECT_EQ(dumped(""), "");
}

}  // namespace
}  // namespace ingot::plan
