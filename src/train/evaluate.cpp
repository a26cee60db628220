#include <ingot/train/evaluate.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>

#include <memory>

#include "nn/mode_scope.h"
#include "train/running.h"

namespace ingot::train {
namespace {

/// Puts a loader back where it stood.
class PositionScope {
 public:
  explicit PositionScope(data::DataLoader& loader) : loader_(loader), before_(loader.position()) {}
  ~PositionScope() { loader_.set_position(before_); }
  PositionScope(const PositionScope&) = delete;
  PositionScope& operator=(const PositionScope&) = delete;

 private:
  data::DataLoader& loader_;
  data::LoaderPosition before_;
};

/// The metrics of a task over one pass.
class Measures {
 public:
  Measures(const Task& task, bool confusion) : task_(task) {
    const MetricTask about = task.metric_task();
    for (const std::string& name : task.metrics()) {
      infos_.push_back(metric_info(name));
      states_.push_back(make_state(infos_.back(), about));
      any_ |= states_.back() != nullptr;
    }
    if (confusion) confusion_.emplace(about.num_classes);
  }

  /// Records what the batch adds, and says what is to be evaluated.
  std::vector<Tensor> add(const Tensor& outputs, const data::Batch& batch) {
    std::vector<Tensor> pending;
    if (!any_ && !confusion_) return pending;
    const Judged judged = task_.judge(outputs, batch);
    for (const auto& state : states_) {
      if (!state) continue;
      state->add(judged);
      for (const Tensor& t : state->tensors()) pending.push_back(t);
    }
    if (confusion_) {
      confusion_->add(judged);
      for (const Tensor& t : confusion_->tensors()) pending.push_back(t);
    }
    return pending;
  }

  void read(Evaluation& evaluation) const {
    for (std::size_t i = 0; i < infos_.size(); ++i)
      evaluation.metrics.emplace_back(
          infos_[i].name,
          states_[i] ? states_[i]->value() : infos_[i].of_averages(evaluation.averages));
    if (confusion_) evaluation.confusion = confusion_->value();
  }

 private:
  const Task& task_;
  std::vector<MetricInfo> infos_;
  std::vector<std::unique_ptr<MetricState>> states_;
  std::optional<ConfusionState> confusion_;
  bool any_ = false;
};

}  // namespace

void require_batches(const data::DataLoader& loader, const char* what) {
  if (loader.size() > 0) return;
  throw ValueError(fmt::format(
      "{} gives no batches: {} samples{}", what, loader.dataset().size(),
      loader.options().drop_last ? fmt::format(", and drop_last leaves out batches of less than {}",
                                               loader.options().batch_size)
                                 : ""));
}

void require_no_accuracy(const Task& task) {
  for (const std::string& name : task.metrics())
    if (metric_info(name).needs_right_answers)
      throw ValueError(
          fmt::format("metric {}: the answers of {} are not right or wrong", name, task.name()));
}

double Evaluation::at(const std::string& name) const {
  if (name == "loss") return loss();
  for (const auto& [metric, value] : metrics)
    if (metric == name) return value;
  std::string all = "loss";
  for (const auto& [metric, value] : metrics) all += ", " + metric;
  throw ValueError(fmt::format("'{}' was not measured; there are: {}", name, all));
}

Evaluation evaluate_in(nn::Module& model, data::DataLoader& data, const Task& task,
                       const EvaluateOptions& options, std::int64_t epoch, std::int64_t epochs) {
  require_batches(data, "evaluate: the loader");
  const NoGradGuard no_grad;
  const nn::ModeScope mode(model, false);
  const PositionScope position(data);
  Measures measures(task, options.confusion);
  FiguresBehind behind(options.device);
  Evaluation result;
  const auto add = [&](const BatchFigures&, const BatchFigures::Numbers& numbers) {
    numbers.add_to(result.averages);
  };
  std::int64_t batch = 0;
  data.set_position({0, 0});
  Pass pass(false, epoch, epochs, 0, data.size());
  for (const data::Batch& given : data) {
    const data::Batch there = given.to(options.device, /*non_blocking=*/true);
    const Tensor outputs = task.outputs(model, there);
    BatchFigures figures(task, outputs, task.loss(outputs, there), there);
    std::vector<Tensor> pending = measures.add(outputs, there);
    for (const Tensor& t : figures.tensors()) pending.push_back(t);
    eval(pending);
    const std::int64_t samples = figures.samples;
    behind.push(std::move(figures));
    behind.read(++batch == data.size(), add);
    if (options.on_progress && !options.on_progress(pass.after(batch, result.averages, samples))) {
      result.complete = batch == data.size();
      break;
    }
  }
  behind.read(true, add);
  if (result.averages.samples == 0) throw ValueError("evaluate: the loader gave no samples");
  measures.read(result);
  return result;
}

Evaluation evaluate(nn::Module& model, data::DataLoader& data, const Task& task,
                    const EvaluateOptions& options) {
  return evaluate_in(model, data, task, options, 1, 1);
}

Averages evaluate(nn::Module& model, data::DataLoader& data, Device device,
                  const OnProgress& on_progress) {
  return evaluate(model, data, ImageClassification(),
                  {.device = device, .on_progress = on_progress})
      .averages;
}

std::vector<Tensor> outputs_of(nn::Module& model, data::DataLoader& data, const Task& task,
                               Device device) {
  require_batches(data, "outputs_of: the loader");
  const NoGradGuard no_grad;
  const nn::ModeScope mode(model, false);
  const PositionScope position(data);
  std::vector<Tensor> all, there;
  data.set_position({0, 0});
  constexpr std::size_t kBehind = 4;  // batches that wait on the device
  const auto fetch = [&](std::size_t most) {
    while (there.size() > most) {
      all.push_back(there.front().cpu().eval());
      there.erase(there.begin());
    }
  };
  for (const data::Batch& given : data) {
    there.push_back(task.outputs(model, given.to(device, /*non_blocking=*/true)).detach());
    eval({there.back()});
    fetch(device == Device{} ? 0 : kBehind);
  }
  fetch(0);
  return all;
}

}  // namespace ingot::train
