#include <ingot/train/lr_finder.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/random.h>

#include <cmath>
#include <limits>

#include "train/running.h"

namespace ingot::train {
namespace {

/// Puts everything back that a search changes.
class Untouched {
 public:
  Untouched(nn::Module& model, optim::Optimizer& optimizer, data::DataLoader& data)
      : model_(model),
        optimizer_(optimizer),
        data_(data),
        state_(model.state_dict().snapshot()),
        optimizer_state_(optimizer.state_dict()),
        position_(data.position()),
        random_(default_generator().state()) {
    for (const Tensor& p : model.parameters()) gradients_.push_back(p.grad());
  }
  ~Untouched() {
    model_.load_state_dict(state_);
    optimizer_.load_state_dict(optimizer_state_);
    data_.set_position(position_);
    default_generator().set_state(random_);
    const std::vector<Tensor> params = model_.parameters();
    for (std::size_t i = 0; i < params.size(); ++i) {
      Tensor p = params[i];
      p.set_grad(gradients_[i]);
    }
  }
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

 private:
  nn::Module& model_;
  optim::Optimizer& optimizer_;
  data::DataLoader& data_;
  StateDict state_, optimizer_state_;
  data::LoaderPosition position_;
  Generator::State random_;
  std::vector<Tensor> gradients_;
};

void check(const LearningRateFinderOptions& o) {
  const auto refuse = [](const std::string& cause) {
    throw ValueError("find_learning_rate: " + cause);
  };
  if (!(o.start > 0 && o.end > o.start && std::isfinite(o.end)))
    refuse(fmt::format("0 < start < end must hold, got {} and {}", o.start, o.end));
  if (o.steps < 2) refuse(fmt::format("steps must be at least 2, got {}", o.steps));
  if (!(o.smoothing >= 0 && o.smoothing < 1))
    refuse(fmt::format("smoothing must be at least 0 and below 1, got {}", o.smoothing));
  if (!(o.diverges_at > 1))
    refuse(fmt::format("diverges_at must be above 1, got {}", o.diverges_at));
}

}  // namespace

double LearningRates::steepest() const {
  double best = 0, rate = 0;
  for (std::size_t i = 1; i < losses.size(); ++i) {
    const double slope =
        (losses[i] - losses[i - 1]) / (std::log(rates[i]) - std::log(rates[i - 1]));
    if (slope < best) {
      best = slope;
      rate = rates[i];
    }
  }
  return rate;
}

double LearningRates::tenth_of_least() const {
  double least = std::numeric_limits<double>::infinity(), rate = 0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    if (losses[i] < least) {
      least = losses[i];
      rate = rates[i];
    }
  return rate / 10;
}

LearningRates find_learning_rate(nn::Module& model, optim::Optimizer& optimizer,
                                 data::DataLoader& data, const Task& task,
                                 const LearningRateFinderOptions& options) {
  check(options);
  require_batches(data, "find_learning_rate: the loader");
  const Untouched untouched(model, optimizer, data);
  std::optional<nn::ModeScope> mode;
  enter_training(mode, model);
  LearningRates found;
  const double factor =
      std::pow(options.end / options.start, 1 / static_cast<double>(options.steps - 1));
  double rate = options.start, average = 0, least = 0;
  std::int64_t taken = 0;
  data.set_position({0, 0});
  while (taken < options.steps)
    for (const data::Batch& given : data) {
      const data::Batch batch = given.to(options.device, /*non_blocking=*/true);
      const Tensor loss = task.loss(task.outputs(model, batch), batch);
      optimizer.set_lr(rate);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      ++taken;
      average = options.smoothing * average + (1 - options.smoothing) * loss.item();
      const double mean = average / (1 - std::pow(options.smoothing, taken));
      if (!std::isfinite(mean)) return found;
      found.rates.push_back(rate);
      found.losses.push_back(mean);
      least = taken == 1 ? mean : std::min(least, mean);
      if (taken == options.steps || mean > options.diverges_at * least) return found;
      rate *= factor;
    }
  return found;
}

}  // namespace ingot::train
