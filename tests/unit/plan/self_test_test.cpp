// What `ingot selftest` compares: a device that is right, one that is not, one that throws.
#include <ingot/core/self_test.h>

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kTwin;

TEST(SelfTest, TellsWhatDiffers) {
  const test::TwinScope twin;
  const auto make = [](double off) {
    return [off](Device d) {
      return std::vector<Tensor>{ones({4}, {.device = d}) * 2 + (d == kTwin ? off : 0)};
    };
  };
  const SelfTestResult same = self_test_of("same", kTwin, make(0));
  EXPECT_TRUE(same.agrees);
  EXPECT_EQ(same.difference, 0);
  EXPECT_TRUE(self_test_of("rounded", kTwin, make(1e-5)).agrees);
  const SelfTestResult other = self_test_of("other", kTwin, make(1e-3));
  EXPECT_FALSE(other.agrees);
  EXPECT_NEAR(other.difference, 5e-4, 1e-6);
  EXPECT_FALSE(self_test_of("not a number", kTwin, make(std::nan(""))).agrees);
  EXPECT_FALSE(self_test_of("another shape", kTwin, [](Device d) {
                 return std::vector<Tensor>{ones({d == kTwin ? 3 : 4}, {.device = d})};
               }).agrees);
  const SelfTestResult failed = self_test_of("fails", kTwin, [](Device d) -> std::vector<Tensor> {
    if (d == kTwin) throw ValueError("no");
    return {ones({1})};
  });
  EXPECT_FALSE(failed.agrees);
  EXPECT_EQ(failed.error, "no");
}

TEST(SelfTest, TheTwinIsRight) {
  const test::TwinScope twin;
  std::size_t seen = 0;
  const std::vector<SelfTestResult> results =
      self_test(kTwin, [&](const SelfTestResult&) { ++seen; });
  EXPECT_EQ(seen, results.size());
  EXPECT_GT(results.size(), 800u);
  for (const SelfTestResult& r : results)
    EXPECT_TRUE(r.agrees) << r.what << " " << name(r.dtype) << ": " << r.difference << " "
                          << r.error;
}

}  // namespace
}  // namespace ingot
