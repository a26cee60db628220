// Metrics beside values worked out by hand, from their definitions.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/metrics.h>

#include <cmath>
#include <vector>

namespace ingot::glue {
namespace {

using Classes = std::vector<std::int64_t>;
using Numbers = std::vector<double>;

TEST(GlueMetrics, OfClasses) {
  // 3 true positives, 2 true negatives, 2 false positives, 1 false negative.
  const Classes p{1, 1, 1, 0, 0, 1, 1, 0}, y{1, 1, 1, 0, 0, 0, 0, 1};
  EXPECT_DOUBLE_EQ(accuracy(p, y), 5.0 / 8);
  EXPECT_DOUBLE_EQ(f1(p, y), 6.0 / 9);
  EXPECT_DOUBLE_EQ(matthews_correlation(p, y), (3.0 * 2 - 2.0 * 1) / std::sqrt(5.0 * 4 * 4 * 3));
  EXPECT_EQ(f1(Classes{0, 0}, Classes{1, 1}), 0);
  EXPECT_EQ(matthews_correlation(Classes{1, 1}, Classes{0, 1}), 0);
  EXPECT_DOUBLE_EQ(matthews_correlation(Classes{2, 0, 1, 2}, Classes{2, 0, 1, 2}), 1);
  EXPECT_DOUBLE_EQ(matthews_correlation(Classes{1, 0}, Classes{0, 1}), -1);
}

TEST(GlueMetrics, OfNumbers) {
  const Numbers p{1, 2, 3, 5}, y{2, 4, 7, 6};
  // Deviations -1.75 -0.75 0.25 2.25 and -2.75 -0.75 2.25 1.25.
  EXPECT_NEAR(pearson(p, y), 8.75 / std::sqrt(8.75 * 14.75), 1e-15);
  EXPECT_NEAR(spearmanr(p, y), 0.8, 1e-15);  // 1 - 6 * 2 / (4 * 15)
  EXPECT_NEAR(mean_squared_error(p, y), (1 + 4 + 16 + 1) / 4.0, 1e-15);
  // Equal values share a rank: 0.5 0.5 2 3 beside 0 1 2 3.
  EXPECT_NEAR(spearmanr(Numbers{1, 1, 2, 3}, Numbers{1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5), 1e-15);
  EXPECT_TRUE(std::isnan(pearson(Numbers{1, 1}, Numbers{1, 2})));
  EXPECT_TRUE(std::isnan(spearmanr(Numbers{std::nan(""), 1}, Numbers{1, 2})));
  EXPECT_THROW(pearson(Numbers{1}, Numbers{}), ValueError);
  EXPECT_THROW(accuracy(Classes{}, Classes{}), ValueError);
}

TEST(GlueMetrics, OfTasks) {
  Sentences s;
  s.first = {"a", "b", "c"};
  s.labels = {1, 0, 1};
  const auto mrpc = measure(glue_task("mrpc"), std::vector<float>{0, 1, 0, 2, 3, 3}, s);
  EXPECT_DOUBLE_EQ(mrpc.at("accuracy"), 1.0 / 3);  // predicted: 1, 1, 0
  EXPECT_DOUBLE_EQ(mrpc.at("f1"), 0.5);
  EXPECT_DOUBLE_EQ(mrpc.at("combined_score"), (1.0 / 3 + 0.5) / 2);
  EXPECT_EQ(measure(glue_task("rte"), std::vector<float>{0, 1, 2, 1, 0, 1}, s).size(), 1U);
  s.scores = {1, 2, 4};
  const auto stsb = measure(glue_task("stsb"), std::vector<float>{2, 4, 8}, s);
  EXPECT_DOUBLE_EQ(stsb.at("combined_score"), 1);
  EXPECT_EQ(stsb.size(), 3U);
}

}  // namespace
}  // namespace ingot::glue
