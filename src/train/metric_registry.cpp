#include <ingot/train/metric_registry.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <mutex>
#include <optional>

#include "train/metric_states.h"

namespace ingot::train {
namespace {

using Figure = double (*)(const ClassCounts&);

void refuse_values(const std::string& name, const MetricTask& task) {
  if (task.answers == Answers::Values)
    throw ValueError(fmt::format("metric {}: the task's answers are values, not classes", name));
}

MetricInfo of_classes(std::string name, std::string definition, Figure figure, bool binary,
                      bool single_label = false) {
  MetricInfo info{.name = name, .definition = std::move(definition)};
  info.make = [=](const MetricTask& task) -> std::unique_ptr<MetricState> {
    refuse_values(name, task);
    if (task.num_classes < 1)
      throw ValueError(
          fmt::format("metric {}: the task does not say how many classes there are", name));
    if (binary && (task.num_classes != 2 || task.multi_label))
      throw ValueError(fmt::format("metric {} is of class 1 of two; there are {}: use macro_{}",
                                   name, task.num_classes, name));
    if (single_label && task.multi_label)
      throw ValueError(fmt::format("metric {}: a sample may have one label only", name));
    return make_class_metric(task, figure);
  };
  return info;
}

MetricInfo of_values(std::string name, std::string definition, bool more_is_better,
                     double (*figure)(const std::vector<double>&, const std::vector<double>&)) {
  MetricInfo info{
      .name = name, .definition = std::move(definition), .more_is_better = more_is_better};
  info.make = [=](const MetricTask& task) {
    if (task.answers == Answers::Classes)
      throw ValueError(fmt::format("metric {}: the task's answers are classes, not values", name));
    return make_value_metric(figure);
  };
  return info;
}

MetricInfo of_averages(std::string name, std::string definition, bool more_is_better,
                       double (*figure)(const Averages&), bool needs_right_answers = false) {
  MetricInfo info{.name = std::move(name),
                  .definition = std::move(definition),
                  .more_is_better = more_is_better};
  info.of_averages = figure;
  info.needs_right_answers = needs_right_answers;
  return info;
}

MetricInfo top(std::int64_t k) {
  MetricInfo info{
      .name = fmt::format("top{}", k),
      .definition = fmt::format("share of samples whose class is among the {} largest logits", k)};
  info.make = [k, name = info.name](const MetricTask& task) -> std::unique_ptr<MetricState> {
    refuse_values(name, task);
    if (task.multi_label)
      throw ValueError(fmt::format("metric top{}: a sample may have one label only", k));
    return make_top_metric(k);
  };
  return info;
}

std::vector<MetricInfo> built_in() {
  return {
      of_averages(
          "accuracy",
          "share of right answers; of several labels a sample counts when all are right", true,
          [](const Averages& a) { return a.accuracy(); }, true),
      top(5),
      of_classes("precision", "TP / (TP + FP) of class 1; 0 when nothing was called 1", precision1,
                 true),
      of_classes("recall", "TP / (TP + FN) of class 1; 0 when nothing is 1", recall1, true),
      of_classes("f1", "2 TP / (2 TP + FP + FN) of class 1", f1_1, true),
      of_classes("macro_precision",
                 "mean precision of the classes that occur as truth or as answer; of several "
                 "labels, of all",
                 macro_precision, false),
      of_classes("macro_recall", "mean recall of the same classes", macro_recall, false),
      of_classes("macro_f1", "mean F1 of the same classes", macro_f1, false),
      of_classes("micro_f1", "2 TP / (2 TP + FP + FN), summed over the classes", micro_f1, false),
      of_classes("matthews",
                 "Matthews correlation coefficient (Gorodkin 2004 for more than two classes); 0 "
                 "where it would be 0 / 0",
                 matthews, false, true),
      of_values("pearson", "Pearson correlation of predicted and true values", true, pearson),
      of_values("spearman", "Pearson correlation of their ranks, equal values sharing the mean",
                true, spearman),
      of_values("mse", "mean of (predicted - true)^2", false, mean_squared_error),
      of_values("mae", "mean of |predicted - true|", false, mean_absolute_error),
      of_averages("perplexity", "exp of the mean loss", false,
                  [](const Averages& a) { return std::exp(a.loss()); }),
  };
}

struct Registry {
  std::mutex mutex;
  std::vector<MetricInfo> infos = built_in();
};

Registry& registry() {
  static Registry all;
  return all;
}

std::optional<MetricInfo> find(const std::string& name) {
  Registry& all = registry();
  {
    const std::lock_guard lock(all.mutex);
    for (const MetricInfo& info : all.infos)
      if (info.name == name) return info;
  }
  if (!name.starts_with("top")) return std::nullopt;
  std::int64_t k = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + 3, end, k);
  if (error != std::errc() || rest != end || k < 1) return std::nullopt;
  return top(k);
}

}  // namespace

std::vector<MetricInfo> metric_infos() {
  const std::lock_guard lock(registry().mutex);
  return registry().infos;
}

bool is_metric(const std::string& name) { return find(name).has_value(); }

MetricInfo metric_info(const std::string& name) {
  if (auto found = find(name)) return *found;
  std::vector<std::string> names;
  for (const MetricInfo& info : metric_infos()) names.push_back(info.name);
  throw ValueError(fmt::format("unknown metric '{}'; there are: {}", name, fmt::join(names, ", ")));
}

std::unique_ptr<MetricState> make_state(const MetricInfo& info, const MetricTask& task) {
  if (info.make) return info.make(task);
  if (info.needs_right_answers) refuse_values(info.name, task);
  return nullptr;
}

void register_metric(MetricInfo info) {
  if (info.name.empty()) throw ValueError("register_metric: the metric has no name");
  if (!info.make && !info.of_averages)
    throw ValueError(
        fmt::format("register_metric: {} has neither make nor of_averages", info.name));
  if (find(info.name))
    throw ValueError(fmt::format("register_metric: there is a metric {} already", info.name));
  const std::lock_guard lock(registry().mutex);
  registry().infos.push_back(std::move(info));
}

std::vector<ClassFigures> class_figures(const ConfusionMatrix& matrix) {
  std::vector<ClassFigures> figures(matrix.size());
  for (std::size_t c = 0; c < matrix.size(); ++c) {
    std::int64_t predicted = 0, actual = 0;
    for (std::size_t i = 0; i < matrix.size(); ++i) {
      actual += matrix[c][i];
      predicted += matrix[i][c];
    }
    const auto tp = static_cast<double>(matrix[c][c]);
    figures[c] = {.precision = ratio(tp, static_cast<double>(predicted)),
                  .recall = ratio(tp, static_cast<double>(actual)),
                  .f1 = ratio(2 * tp, static_cast<double>(predicted + actual)),
                  .support = actual};
  }
  return figures;
}

}  // namespace ingot::train
