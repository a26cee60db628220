// What training and measuring share: the figures of batches that a device has not computed yet, and
// the time of a pass.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/data/data_loader.h>
#include <ingot/train/evaluate.h>
#include <ingot/train/task.h>

#include "nn/mode_scope.h"

namespace ingot::train {

/// Throws ValueError when the task, which has no right answers, is to tell their share.
void require_no_accuracy(const Task& task);

/// What a batch adds to the averages; on the device until it is read.
struct BatchFigures {
  Tensor loss, correct, count, weight;  // as a Task gives them
  std::int64_t samples = 0;
  std::int64_t epoch = 0, step = 0;  // for messages, both from 1

  BatchFigures() = default;
  /// Records what they are made of.
  BatchFigures(const Task& task, const Tensor& outputs, const Tensor& mean_loss,
               const data::Batch& batch)
      : loss(mean_loss.detach()),
        correct(task.correct(outputs, batch)),
        count(task.count(batch)),
        weight(task.weight(batch)),
        samples(batch.samples()) {
    if (!correct.defined()) require_no_accuracy(task);
  }

  /// The numbers; waits for them.
  struct Numbers {
    double loss = 0;
    std::int64_t correct = 0, count = 0, samples = 0;
    double weight = 0;
    void add_to(Averages& averages) const { averages.add(loss, correct, count, samples, weight); }
  };
  Numbers read() const {
    const std::int64_t terms = count.defined() ? count.item<std::int64_t>() : samples;
    return {loss.item(), correct.defined() ? correct.item<std::int64_t>() : 0, terms, samples,
            weight.defined() ? weight.item() : static_cast<double>(terms)};
  }
  /// What read() waits for.
  std::vector<Tensor> tensors() const { return {loss, correct, count, weight}; }
};

/// The figures of the latest batches. On the cpu they are computed already; a device is given a few
/// batches to work ahead of who reads them.
class FiguresBehind {
 public:
  explicit FiguresBehind(Device device) : most_(device == Device{} ? 0 : kBehind) {}

  void push(BatchFigures figures) { waiting_.push_back(std::move(figures)); }
  /// Hands out those that nobody should wait for any longer; all of them with `all`.
  template <class F>
  void read(bool all, F&& f) {
    while (waiting_.size() > (all ? 0 : most_)) {
      const BatchFigures figures = std::move(waiting_.front());
      waiting_.pop_front();
      f(figures, figures.read());
    }
  }
  void clear() { waiting_.clear(); }

 private:
  static constexpr std::size_t kBehind = 4;
  std::size_t most_;
  std::deque<BatchFigures> waiting_;
};

/// Times one pass (or what was left of it) and fills Progress.
class Pass {
 public:
  Pass(bool training, std::int64_t epoch, std::int64_t epochs, std::int64_t first_batch,
       std::int64_t batches)
      : first_batch_(first_batch), start_(Clock::now()) {
    progress_.training = training;
    progress_.epoch = epoch;
    progress_.epochs = epochs;
    progress_.batches = batches;
  }

  /// While it lives, the pass's time stands still.
  class Pause {
   public:
    explicit Pause(Pass& pass) : pass_(pass), begin_(std::chrono::steady_clock::now()) {}
    ~Pause() { pass_.start_ += std::chrono::steady_clock::now() - begin_; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Pass& pass_;
    std::chrono::steady_clock::time_point begin_;
  };
  Pause pause() { return Pause(*this); }

  const Progress& after(std::int64_t batch, const Averages& averages, std::int64_t samples) {
    samples_ += samples;
    progress_.batch = batch;
    progress_.averages = averages;
    progress_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    if (progress_.seconds > 0)
      progress_.images_per_second = static_cast<double>(samples_) / progress_.seconds;
    if (const std::int64_t done = batch - first_batch_; done > 0)
      progress_.seconds_left = progress_.seconds * static_cast<double>(progress_.batches - batch) /
                               static_cast<double>(done);
    return progress_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t first_batch_;
  std::int64_t samples_ = 0;
  Clock::time_point start_;
  Progress progress_;
};

/// Training mode for a pass. Modules that were put into evaluation mode one by one stay there; a
/// model that is in evaluation mode as a whole was tested before.
inline void enter_training(std::optional<nn::ModeScope>& scope, nn::Module& model) {
  const auto modules = model.modules();
  const bool any = std::any_of(modules.begin(), modules.end(),
                               [](const nn::Module* m) { return m->is_training(); });
  if (!any) scope.emplace(model, true);
}

/// Throws ValueError when the loader has no batches.
void require_batches(const data::DataLoader& loader, const char* what);

/// The lines of the metrics in Checkpoint::extra. Throws IoError when there are none to be found.
std::vector<MetricsRow> history_in(const std::map<std::string, std::string>& extra);

/// evaluate() within a run.
Evaluation evaluate_in(nn::Module& model, data::DataLoader& data, const Task& task,
                       const EvaluateOptions& options, std::int64_t epoch, std::int64_t epochs);

}  // namespace ingot::train
