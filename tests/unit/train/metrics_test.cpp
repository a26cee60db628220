#include <ingot/train/metrics.h>

#include <gtest/gtest.h>

#include <cmath>

#include <ingot/core/error.h>

namespace ingot::train {
namespace {

TEST(Averages, WeightBatchesByTheirSize) {
  Averages a;
  EXPECT_EQ(a.loss(), 0);
  EXPECT_EQ(a.accuracy(), 0);
  a.add(2.0, 1, 4);
  a.add(1.0, 2, 2);
  EXPECT_DOUBLE_EQ(a.loss(), 10.0 / 6);
  EXPECT_DOUBLE_EQ(a.accuracy(), 0.5);
}

TEST(MetricsRow, ComesBackFromItsLine) {
  MetricsRow row;
  row.epoch = 0.1 + 0.2;  // not a short decimal
  row.step = 123456789012;
  row.train_loss = 1.0 / 3;
  row.train_accuracy = 0.97;
  row.lr = 1e-3;
  row.seconds = 12.5;
  row.images_per_second = 1e4 / 3;
  const std::string line = to_json(row);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const MetricsRow back = metrics_row_from_json(line, "f");
  EXPECT_EQ(back.epoch, row.epoch);
  EXPECT_EQ(back.step, row.step);
  EXPECT_EQ(back.train_loss, row.train_loss);
  EXPECT_EQ(back.images_per_second, row.images_per_second);
  EXPECT_FALSE(back.ends_epoch());
  row.test_loss = 0.25;
  row.test_accuracy = 0.75;
  EXPECT_TRUE(metrics_row_from_json(to_json(row), "f").ends_epoch());
  EXPECT_EQ(to_json(metrics_row_from_json(to_json(row), "f")), to_json(row));
}

TEST(MetricsRow, NotFiniteBecomesNull) {
  MetricsRow row;
  row.train_loss = NAN;
  row.test_loss = INFINITY;
  const std::string line = to_json(row);
  EXPECT_NE(line.find("\"train_loss\":null"), std::string::npos) << line;
  EXPECT_TRUE(std::isnan(metrics_row_from_json(line, "f").train_loss));
  EXPECT_TRUE(metrics_row_from_json(line, "f").ends_epoch());
}

TEST(MetricsRow, RefusesOtherText) {
  for (const char* text : {"", "[]", "{}", "{\"epoch\":\"1\"}"})
    EXPECT_THROW(metrics_row_from_json(text, "f"), IoError) << text;
  std::string line = to_json(MetricsRow());
  line.replace(line.find("\"step\":0"), 8, "\"step\":-1");
  EXPECT_THROW(metrics_row_from_json(line, "f"), IoError);
}

TEST(Metrics, TheBestEpochIsTheEarlierOfEqualOnes) {
  const auto row = [](double epoch, double loss, double accuracy) {
    MetricsRow r;
    r.epoch = epoch;
    r.train_loss = loss;
    if (epoch == std::floor(epoch)) {
      r.test_loss = loss;
      r.test_accuracy = accuracy;
    }
    return r;
  };
  const std::vector<MetricsRow> history = {row(0.5, 0, 0),   row(1, 3, 0.5), row(2, 1, 0.7),
                                           row(2.5, 0, 0.9), row(3, 1, 0.7), row(4, 2, 0.6)};
  EXPECT_EQ(best_epoch(history, Metric::parse("test_loss")), 2);
  EXPECT_EQ(best_epoch(history, Metric::parse("test_accuracy")), 2);
  EXPECT_EQ(best_epoch(history, Metric::parse("train_loss")), 2);
  EXPECT_EQ(best_epoch({}, Metric::parse("test_loss")), 0);
  EXPECT_TRUE(Metric::parse("train_accuracy").more_is_better);
  EXPECT_THROW(Metric::parse("speed"), ValueError);
}

}  // namespace
}  // namespace ingot::train
