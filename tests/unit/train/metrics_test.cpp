#include <ingot/train/metrics.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

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
  row.epoch = 3;
  MetricsRow other = row;
  row.test_loss = 0.25;
  row.test_accuracy = 0.75;
  other.val_loss = 0.5;
  other.val_accuracy = 0.125;
  for (const MetricsRow& end : {row, other}) {
    EXPECT_TRUE(metrics_row_from_json(to_json(end), "f").ends_epoch());
    EXPECT_EQ(to_json(metrics_row_from_json(to_json(end), "f")), to_json(end));
  }
  EXPECT_EQ(row.measured_loss(), 0.25);
  EXPECT_EQ(other.measured_loss(), 0.5);
  EXPECT_EQ(other.measured_accuracy(), 0.125);
}

TEST(MetricsRow, NotFiniteBecomesNull) {
  MetricsRow row;
  row.epoch = 2;
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
      r.val_loss = loss;
      r.val_accuracy = accuracy;
    }
    return r;
  };
  const std::vector<MetricsRow> history = {row(0.5, 0, 0),   row(1, 3, 0.5), row(2, 1, 0.7),
                                           row(2.5, 0, 0.9), row(3, 1, 0.7), row(4, 2, 0.6)};
  EXPECT_EQ(best_epoch(history, Metric::parse("val_loss")), 2);
  EXPECT_EQ(best_epoch(history, Metric::parse("val_accuracy")), 2);
  EXPECT_EQ(best_epoch(history, Metric::parse("train_loss")), 2);
  EXPECT_EQ(best_epoch({}, Metric::parse("test_loss")), 0);
  EXPECT_THROW(best_epoch(history, {.name = "test_loss"}), ValueError) << "it was not measured";
}

// Nobody can give a metric the wrong direction, or one that is not there.
TEST(Metrics, NamesAreKnownAndHaveTheirDirection) {
  ASSERT_EQ(Metric::names().size(), 6u);
  for (const std::string& name : Metric::names()) {
    EXPECT_EQ(Metric::parse(name).more_is_better(), name.ends_with("accuracy")) << name;
    EXPECT_EQ(Metric::parse(name).is_of_test(), name.starts_with("test")) << name;
  }
  MetricsRow row;
  row.val_loss = row.val_accuracy = row.test_loss = row.test_accuracy = 1;
  for (const std::string name : {"", "speed", "val", "loss", "Val_loss", "val_loss "}) {
    SCOPED_TRACE(name);
    const auto refused = [&](const std::function<void()>& f) {
      try {
        f();
        ADD_FAILURE() << "not refused";
      } catch (const ValueError& e) {
        for (const std::string& known : Metric::names())
          EXPECT_NE(std::string(e.what()).find(known), std::string::npos) << e.what();
      }
    };
    refused([&] { Metric::parse(name); });
    refused([&] { Metric{name}.of(row); });
    refused([&] { Metric{name}.more_is_better(); });
    refused([&] { best_epoch({row}, {.name = name}); });
    refused([&] { best_epoch({}, {.name = name}); });
  }
}

}  // namespace
}  // namespace ingot::train
