#include "train/metric_states.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/order.h>
#include <ingot/ops/reduction.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ingot::train {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TensorOptions counts_on(const Tensor& like) {
  return {.dtype = DType::Int64, .device = like.device()};
}

/// 1 for each row that counts, int64.
Tensor ones_of(const Judged& b) {
  if (b.counted.defined()) return b.counted.to(DType::Int64);
  return ones(b.targets.shape(), counts_on(b.targets));
}

/// Classes, with 0 in rows that do not count: there the label is none.
Tensor labels_of(const Judged& b) {
  return b.counted.defined() ? b.targets.masked_fill(b.counted.logical_not(), 0) : b.targets;
}

void add_to(Tensor& sum, const Tensor& part) { sum = sum.defined() ? sum + part : part; }

/// sum[places[i]] += amounts[i], for a sum of n.
void count_at(Tensor& sum, const Tensor& places, const Tensor& amounts, std::int64_t n) {
  if (!sum.defined()) sum = zeros({n}, counts_on(places));
  sum = sum.scatter_add(0, places, amounts);
}

std::vector<std::int64_t> numbers(const Tensor& t, std::int64_t n) {
  if (!t.defined()) return std::vector<std::int64_t>(static_cast<std::size_t>(n));
  return t.to_vector<std::int64_t>();
}

class ClassMetric final : public MetricState {
 public:
  ClassMetric(const MetricTask& task, double (*figure)(const ClassCounts&))
      : task_(task), figure_(figure) {}

  void add(const Judged& b) override {
    const NoGradGuard no_grad;
    if (task_.multi_label) {
      add_to(right_, (b.predictions * b.targets).sum({0}));
      add_to(predicted_, b.predictions.sum({0}));
      add_to(actual_, b.targets.sum({0}));
      return;
    }
    const Tensor each = ones_of(b), labels = labels_of(b);
    const std::int64_t n = task_.num_classes;
    count_at(right_, labels, b.predictions.eq(labels).to(DType::Int64) * each, n);
    count_at(predicted_, b.predictions, each, n);
    count_at(actual_, labels, each, n);
  }

  std::vector<Tensor> tensors() const override {
    if (!right_.defined()) return {};
    return {right_, predicted_, actual_};
  }

  double value() const override {
    const std::int64_t n = task_.num_classes;
    return figure_({.right = numbers(right_, n),
                    .predicted = numbers(predicted_, n),
                    .actual = numbers(actual_, n),
                    .multi_label = task_.multi_label});
  }

 private:
  MetricTask task_;
  double (*figure_)(const ClassCounts&);
  Tensor right_, predicted_, actual_;
};

class TopMetric final : public MetricState {
 public:
  explicit TopMetric(std::int64_t k) : k_(k) {}

  void add(const Judged& b) override {
    const NoGradGuard no_grad;
    const std::int64_t k = std::min(k_, b.outputs.size(1));
    const Tensor best = b.outputs.detach().topk(k, 1).indices;
    const Tensor each = ones_of(b);
    const Tensor hits = best.eq(labels_of(b).unsqueeze(1)).to(DType::Int64).sum({1});
    add_to(right_, (hits * each).sum());
    add_to(count_, each.sum());
  }

  std::vector<Tensor> tensors() const override {
    if (!right_.defined()) return {};
    return {right_, count_};
  }

  double value() const override {
    if (!right_.defined()) return kNan;
    const auto count = count_.item<std::int64_t>();
    return count == 0
               ? kNan
               : static_cast<double>(right_.item<std::int64_t>()) / static_cast<double>(count);
  }

 private:
  std::int64_t k_;
  Tensor right_, count_;
};

/// Ranks need all values at once: they are kept, on the device, until somebody asks.
class ValueMetric final : public MetricState {
 public:
  using Figure = double (*)(const std::vector<double>&, const std::vector<double>&);
  explicit ValueMetric(Figure figure) : figure_(figure) {}

  void add(const Judged& b) override {
    predicted_.push_back(b.predictions.detach());
    actual_.push_back(b.targets.detach());
    counted_.push_back(b.counted);
  }

  // Those before have been evaluated.
  std::vector<Tensor> tensors() const override {
    if (predicted_.empty()) return {};
    return {predicted_.back(), actual_.back(), counted_.back()};
  }

  double value() const override { return figure_(all(predicted_), all(actual_)); }

 private:
  /// The values of the rows that count.
  std::vector<double> all(const std::vector<Tensor>& parts) const {
    std::vector<double> values;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto part = parts[i].cpu().to(DType::Float64).to_vector<double>();
      std::vector<std::int64_t> counts(part.size(), 1);
      if (counted_[i].defined())
        counts = counted_[i].cpu().to(DType::Int64).to_vector<std::int64_t>();
      if (counts.size() != part.size())
        throw ShapeError(fmt::format("metric: {} values, but {} say whether they count",
                                     part.size(), counts.size()));
      for (std::size_t row = 0; row < part.size(); ++row)
        if (counts[row] != 0) values.push_back(part[row]);
    }
    return values;
  }

  Figure figure_;
  std::vector<Tensor> predicted_, actual_, counted_;
};

double at(const std::vector<std::int64_t>& list, std::size_t i) {
  return static_cast<double>(list[i]);
}

double precision_of(const ClassCounts& c, std::size_t i) {
  return ratio(at(c.right, i), at(c.predicted, i));
}
double recall_of(const ClassCounts& c, std::size_t i) {
  return ratio(at(c.right, i), at(c.actual, i));
}
double f1_of(const ClassCounts& c, std::size_t i) {
  return ratio(2 * at(c.right, i), at(c.predicted, i) + at(c.actual, i));
}

double macro(const ClassCounts& c, double (*figure)(const ClassCounts&, std::size_t)) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < c.right.size(); ++i) {
    if (!c.multi_label && c.predicted[i] == 0 && c.actual[i] == 0) continue;
    sum += figure(c, i);
    ++count;
  }
  return ratio(sum, count);
}

double mean_of(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

std::vector<double> ranks(const std::vector<double>& x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> rank(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i)
      rank[order[i]] = static_cast<double>(begin + end - 1) / 2 + 1;
    begin = end;
  }
  return rank;
}

bool any_nan(const std::vector<double>& x) {
  return std::any_of(x.begin(), x.end(), [](double v) { return std::isnan(v); });
}

template <class F>
double mean_error(const std::vector<double>& x, const std::vector<double>& y, F error) {
  if (x.empty()) return kNan;
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += error(x[i] - y[i]);
  return sum / static_cast<double>(x.size());
}

}  // namespace

double precision1(const ClassCounts& c) { return precision_of(c, 1); }
double recall1(const ClassCounts& c) { return recall_of(c, 1); }
double f1_1(const ClassCounts& c) { return f1_of(c, 1); }
double macro_precision(const ClassCounts& c) { return macro(c, precision_of); }
double macro_recall(const ClassCounts& c) { return macro(c, recall_of); }
double macro_f1(const ClassCounts& c) { return macro(c, f1_of); }

double micro_f1(const ClassCounts& c) {
  double right = 0, all = 0;
  for (std::size_t i = 0; i < c.right.size(); ++i) {
    right += at(c.right, i);
    all += at(c.predicted, i) + at(c.actual, i);
  }
  return ratio(2 * right, all);
}

// With s samples, r of them right, p_k called k and t_k that are k:
// (r s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)).
double matthews(const ClassCounts& c) {
  double samples = 0, right = 0, pt = 0, pp = 0, tt = 0;
  for (std::size_t i = 0; i < c.right.size(); ++i) {
    const double p = at(c.predicted, i), t = at(c.actual, i);
    samples += t;
    right += at(c.right, i);
    pt += p * t;
    pp += p * p;
    tt += t * t;
  }
  return ratio(right * samples - pt,
               std::sqrt((samples * samples - pp) * (samples * samples - tt)));
}

double pearson(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() < 2) return kNan;
  const double mx = mean_of(x), my = mean_of(y);
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xy / std::sqrt(xx) / std::sqrt(yy);  // NaN when one of them is constant
}

double spearman(const std::vector<double>& x, const std::vector<double>& y) {
  if (any_nan(x) || any_nan(y)) return kNan;
  return pearson(ranks(x), ranks(y));
}

double mean_squared_error(const std::vector<double>& x, const std::vector<double>& y) {
  return mean_error(x, y, [](double d) { return d * d; });
}

double mean_absolute_error(const std::vector<double>& x, const std::vector<double>& y) {
  return mean_error(x, y, [](double d) { return std::abs(d); });
}

std::unique_ptr<MetricState> make_class_metric(const MetricTask& task,
                                               double (*figure)(const ClassCounts&)) {
  return std::make_unique<ClassMetric>(task, figure);
}

std::unique_ptr<MetricState> make_value_metric(double (*figure)(const std::vector<double>&,
                                                                const std::vector<double>&)) {
  return std::make_unique<ValueMetric>(figure);
}

std::unique_ptr<MetricState> make_top_metric(std::int64_t k) {
  return std::make_unique<TopMetric>(k);
}

ConfusionState::ConfusionState(std::int64_t num_classes) : classes_(num_classes) {
  if (num_classes < 1)
    throw ValueError(
        fmt::format("confusion matrix: there must be at least 1 class, got {}", num_classes));
}

void ConfusionState::add(const Judged& b) {
  const NoGradGuard no_grad;
  if (b.targets.dim() != 1) throw ValueError("confusion matrix: a sample may have one label only");
  count_at(counts_, labels_of(b) * classes_ + b.predictions, ones_of(b), classes_ * classes_);
}

ConfusionMatrix ConfusionState::value() const {
  const auto n = static_cast<std::size_t>(classes_);
  const std::vector<std::int64_t> all = numbers(counts_, classes_ * classes_);
  ConfusionMatrix matrix;
  for (std::size_t i = 0; i < n; ++i)
    matrix.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(i * n),
                        all.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
  return matrix;
}

}  // namespace ingot::train
