#include <ingot/train/metrics.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/train/metric_registry.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "train/metric_states.h"

namespace ingot::train {
namespace {

// Ordered: lines are read by people too.
using Json = nlohmann::ordered_json;

/// A metric of the registry, measured on some data, that has no member of its own in a row.
bool is_other(std::string_view name) {
  const auto& own = Metric::names();
  return (name.starts_with("val_") || name.starts_with("test_")) &&
         std::find(own.begin(), own.end(), name) == own.end();
}

/// Without "val_" or "test_".
std::string metric_of(std::string_view name) {
  return std::string(name.substr(name.find('_') + 1));
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

}  // namespace

std::string to_json(const MetricsRow& row) {
  Json json;
  json["epoch"] = number(row.epoch);
  json["step"] = row.step;
  json["train_loss"] = number(row.train_loss);
  if (row.train_accuracy) json["train_accuracy"] = number(*row.train_accuracy);
  if (row.val_loss) json["val_loss"] = number(*row.val_loss);
  if (row.val_accuracy) json["val_accuracy"] = number(*row.val_accuracy);
  if (row.test_loss) json["test_loss"] = number(*row.test_loss);
  if (row.test_accuracy) json["test_accuracy"] = number(*row.test_accuracy);
  for (const auto& [name, value] : row.others) json[name] = number(value);
  json["lr"] = number(row.lr);
  json["seconds"] = number(row.seconds);
  json["images_per_second"] = number(row.images_per_second);
  return json.dump();
}

MetricsRow metrics_row_from_json(std::string_view text, std::string_view name) {
  const Json json = Json::parse(text, nullptr, false);
  const auto fail = [&](const char* cause) {
    throw IoError(fmt::format("{}: {} in a line of metrics", name, cause));
  };
  if (!json.is_object()) fail("no JSON object");
  const auto get = [&](const char* key) {
    const auto found = json.find(key);
    if (found == json.end()) fail("a value is missing");
    if (found->is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!found->is_number()) fail("a value is no number");
    return found->get<double>();
  };
  MetricsRow row;
  row.epoch = get("epoch");
  const double step = get("step");
  if (!(step >= 0 && step < 9e15)) fail("the step is out of range");
  row.step = static_cast<std::int64_t>(step);
  row.train_loss = get("train_loss");
  if (json.contains("train_accuracy")) row.train_accuracy = get("train_accuracy");
  if (json.contains("val_loss")) row.val_loss = get("val_loss");
  if (json.contains("val_accuracy")) row.val_accuracy = get("val_accuracy");
  if (json.contains("test_loss")) row.test_loss = get("test_loss");
  if (json.contains("test_accuracy")) row.test_accuracy = get("test_accuracy");
  for (const auto& [key, value] : json.items())
    if (is_other(key)) row.others.emplace_back(key, get(key.c_str()));
  row.lr = get("lr");
  row.seconds = get("seconds");
  row.images_per_second = get("images_per_second");
  return row;
}

const std::vector<std::string>& Metric::names() {
  static const std::vector<std::string> list{"val_loss",       "val_accuracy", "train_loss",
                                             "train_accuracy", "test_loss",    "test_accuracy"};
  return list;
}

Metric Metric::parse(const std::string& name) {
  const auto& known = names();
  if (std::find(known.begin(), known.end(), name) != known.end()) return {name};
  if (is_other(name) && is_metric(metric_of(name))) return {name};
  throw ValueError(fmt::format(
      "unknown metric '{}'; there are: {}, and val_ or test_ before the name of a metric", name,
      fmt::join(known, ", ")));
}

bool Metric::more_is_better() const {
  const std::string metric = metric_of(parse(name).name);
  return metric != "loss" && metric_info(metric).more_is_better;
}

bool Metric::is_of_test() const { return parse(name).name.starts_with("test"); }

double Metric::of(const MetricsRow& row) const {
  parse(name);
  if (name == "train_loss") return row.train_loss;
  std::optional<double> value;
  if (name == "train_accuracy")
    value = row.train_accuracy;
  else if (name == "val_loss")
    value = row.val_loss;
  else if (name == "val_accuracy")
    value = row.val_accuracy;
  else if (name == "test_loss")
    value = row.test_loss;
  else if (name == "test_accuracy")
    value = row.test_accuracy;
  for (const auto& [other, measured] : row.others)
    if (other == name) value = measured;
  if (!value.has_value()) throw ValueError(fmt::format("the line of the metrics has no {}", name));
  return value.value();
}

bool Metric::is_in(const MetricsRow& row) const {
  return parse(name).name.starts_with("train") ? row.ends_epoch() : row.measured();
}

Best best_row(const std::vector<MetricsRow>& history, const Metric& metric, double min_delta) {
  const double sign = metric.more_is_better() ? 1 : -1;
  Best best;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!metric.is_in(history[i])) continue;
    const double value = metric.of(history[i]);
    ++best.since;
    if (best.count++ > 0 && !(sign * value > sign * best.value + min_delta)) continue;
    best.row = i;
    best.value = value;
    best.since = 0;
  }
  return best;
}

std::int64_t best_epoch(const std::vector<MetricsRow>& history, const Metric& metric) {
  Metric::parse(metric.name);
  std::int64_t epoch = 0, best = 0;
  double best_value = 0;
  for (const MetricsRow& row : history) {
    if (!row.ends_epoch()) continue;
    ++epoch;
    const double value = metric.of(row);
    if (best == 0 || (metric.more_is_better() ? value > best_value : value < best_value)) {
      best = epoch;
      best_value = value;
    }
  }
  return best;
}

}  // namespace ingot::train
