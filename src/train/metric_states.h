// The sums behind the metrics of the registry.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ingot/train/metric_registry.h>

namespace ingot::train {

/// Whether metric_info() knows the name.
bool is_metric(const std::string& name);

/// a / b, and 0 where b is 0.
inline double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

/// Of each class: samples of it that were called so, that were called so, and that are so.
struct ClassCounts {
  std::vector<std::int64_t> right, predicted, actual;
  bool multi_label = false;
};

double precision1(const ClassCounts& c);
double recall1(const ClassCounts& c);
double f1_1(const ClassCounts& c);
double macro_precision(const ClassCounts& c);
double macro_recall(const ClassCounts& c);
double macro_f1(const ClassCounts& c);
double micro_f1(const ClassCounts& c);
double matthews(const ClassCounts& c);

// Of predicted and true values, as many of the one as of the other.
double pearson(const std::vector<double>& x, const std::vector<double>& y);
double spearman(const std::vector<double>& x, const std::vector<double>& y);
double mean_squared_error(const std::vector<double>& x, const std::vector<double>& y);
double mean_absolute_error(const std::vector<double>& x, const std::vector<double>& y);

std::unique_ptr<MetricState> make_class_metric(const MetricTask& task,
                                               double (*figure)(const ClassCounts&));
std::unique_ptr<MetricState> make_value_metric(double (*figure)(const std::vector<double>&,
                                                                const std::vector<double>&));
std::unique_ptr<MetricState> make_top_metric(std::int64_t k);

}  // namespace ingot::train
