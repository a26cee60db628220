// Measuring a network on data, and what it predicts for them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/data/data_loader.h>
#include <ingot/nn/module.h>
#include <ingot/train/metric_registry.h>
#include <ingot/train/metrics.h>
#include <ingot/train/task.h>

namespace ingot::train {

/// How far a pass over a data set has come; reported after every batch. On a device the averages
/// may be of a few batches less: nobody waits for the latest.
struct Progress {
  bool training = true;    ///< else evaluating
  std::int64_t epoch = 0;  ///< the running epoch, from 1
  std::int64_t epochs = 0;
  std::int64_t batch = 0;  ///< batches done
  std::int64_t batches = 0;
  Averages averages;             ///< of this pass
  double seconds = 0;            ///< since the pass began (or was taken up again)
  double images_per_second = 0;  ///< over these seconds; samples of whatever kind
  double seconds_left = 0;       ///< estimate for the rest of the pass
};

/// Called after every batch; false stops the run there.
using OnProgress = std::function<bool(const Progress&)>;

/// What was measured.
struct Evaluation {
  Averages averages;
  /// The task's metrics in its order.
  std::vector<std::pair<std::string, double>> metrics;
  /// Where it was asked for.
  std::optional<ConfusionMatrix> confusion;
  /// Whether all of the data was seen: false when on_progress stopped it.
  bool complete = true;

  double loss() const { return averages.loss(); }
  /// Of a metric, or "loss". Throws ValueError listing what was measured.
  double at(const std::string& name) const;
};

struct EvaluateOptions {
  Device device = {};
  OnProgress on_progress = {};
  bool confusion = false;  ///< also count a confusion matrix; the task must know its classes
};

/// Loss and metrics of `task` over all of `data`, in evaluation mode and without gradients. Runs
/// ahead of the device by a few batches. Stops early when `on_progress` returns false. Afterwards
/// each module is in its own mode again, and `data` at its old position. Throws ValueError when
/// `data` has no samples.
Evaluation evaluate(nn::Module& model, data::DataLoader& data, const Task& task,
                    const EvaluateOptions& options = {});

/// Of image classification: loss (cross-entropy) and accuracy; count tells how far it came.
Averages evaluate(nn::Module& model, data::DataLoader& data, Device device,
                  const OnProgress& on_progress = {});

/// The network's outputs for every batch of `data`, on the cpu; what they mean says
/// Task::predict(). The data need no targets. Mode and position as in evaluate().
std::vector<Tensor> outputs_of(nn::Module& model, data::DataLoader& data, const Task& task,
                               Device device = {});

}  // namespace ingot::train
