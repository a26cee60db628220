#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/glue/metrics.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ingot::glue {
namespace {

void check(std::size_t predictions, std::size_t labels) {
  if (predictions != labels || labels == 0)
    throw ValueError(fmt::format("metrics: {} predictions and {} labels", predictions, labels));
}

/// Ranks from 0; equal values have the mean of theirs.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + end - 1) / 2;
    for (; begin < end; ++begin) out[order[begin]] = rank;
  }
  return out;
}

}  // namespace

double accuracy(std::span<const std::int64_t> p, std::span<const std::int64_t> y) {
  check(p.size(), y.size());
  std::size_t right = 0;
  for (std::size_t i = 0; i < y.size(); ++i) right += p[i] == y[i];
  return static_cast<double>(right) / static_cast<double>(y.size());
}

double f1(std::span<const std::int64_t> p, std::span<const std::int64_t> y) {
  check(p.size(), y.size());
  double right = 0, wrong = 0;  // 2 TP / (2 TP + FP + FN)
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (p[i] == 1 && y[i] == 1) right += 2;
    if ((p[i] == 1) != (y[i] == 1)) wrong += 1;
  }
  return right == 0 ? 0 : right / (right + wrong);
}

double matthews_correlation(std::span<const std::int64_t> p, std::span<const std::int64_t> y) {
  check(p.size(), y.size());
  std::map<std::int64_t, std::pair<double, double>> counts;  // predicted, true
  double right = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    ++counts[p[i]].first;
    ++counts[y[i]].second;
    right += p[i] == y[i];
  }
  const auto n = static_cast<double>(y.size());
  double both = 0, predicted = 0, actual = 0;
  for (const auto& [label, count] : counts) {
    both += count.first * count.second;
    predicted += count.first * count.first;
    actual += count.second * count.second;
  }
  const double spread = (n * n - predicted) * (n * n - actual);
  return spread == 0 ? 0 : (right * n - both) / std::sqrt(spread);
}

double pearson(std::span<const double> p, std::span<const double> y) {
  check(p.size(), y.size());
  const auto n = static_cast<double>(y.size());
  const double mean_p = std::accumulate(p.begin(), p.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double pp = 0, yy = 0, py = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    pp += (p[i] - mean_p) * (p[i] - mean_p);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    py += (p[i] - mean_p) * (y[i] - mean_y);
  }
  return std::clamp(py / std::sqrt(pp) / std::sqrt(yy), -1.0, 1.0);
}

double spearmanr(std::span<const double> p, std::span<const double> y) {
  check(p.size(), y.size());
  for (const auto& list : {p, y})
    if (std::ranges::any_of(list, [](double v) { return std::isnan(v); })) return std::nan("");
  return pearson(ranks(p), ranks(y));
}

double mean_squared_error(std::span<const double> p, std::span<const double> y) {
  check(p.size(), y.size());
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += (p[i] - y[i]) * (p[i] - y[i]);
  return sum / static_cast<double>(y.size());
}

std::vector<std::int64_t> largest(std::span<const float> outputs, std::int64_t num_outputs) {
  std::vector<std::int64_t> out;
  const auto width = static_cast<std::size_t>(num_outputs);
  for (std::size_t row = 0; row + width <= outputs.size(); row += width) {
    const auto logits = outputs.subspan(row, width);
    out.push_back(std::ranges::max_element(logits) - logits.begin());
  }
  return out;
}

std::map<std::string, double> measure(const SentenceTask& task, std::span<const float> outputs,
                                      const Sentences& sentences) {
  std::map<std::string, double> out;
  const std::vector<double> numbers(outputs.begin(), outputs.end());
  const std::vector<std::int64_t> classes =
      task.is_regression() ? std::vector<std::int64_t>() : largest(outputs, task.num_outputs());
  double sum = 0;
  for (const std::string& name : task.metrics) {
    double value = 0;
    if (name == "accuracy")
      value = accuracy(classes, sentences.labels);
    else if (name == "f1")
      value = f1(classes, sentences.labels);
    else if (name == "matthews_correlation")
      value = matthews_correlation(classes, sentences.labels);
    else if (name == "pearson")
      value = pearson(numbers, sentences.scores);
    else if (name == "spearmanr")
      value = spearmanr(numbers, sentences.scores);
    else if (name == "mse")
      value = mean_squared_error(numbers, sentences.scores);
    else
      throw ValueError(fmt::format("there is no metric '{}'", name));
    out[name] = value;
    sum += value;
  }
  if (out.size() > 1) out["combined_score"] = sum / static_cast<double>(task.metrics.size());
  return out;
}

}  // namespace ingot::glue
