#include "cli/optimization.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/train/metrics.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/nearest_name.h>
#include "cli/command.h"
#include "cli/options.h"

namespace ingot::cli {
namespace {

constexpr double kWarmupStart = 0.1;
constexpr double kUsualValSplit = 0.1;

/// A metric by which something may be chosen: not one of the test data.
CLI::Validator metric_name() {
  return CLI::Validator(
      [](std::string& text) {
        const std::string typed = text;
        text = lower_case(text);
        std::vector<std::string> known;
        bool is_of_test = false;
        for (const std::string& name : train::Metric::names()) {
          if (train::Metric{name}.is_of_test()) {
            is_of_test = is_of_test || name == text;
            continue;
          }
          if (name == text) return std::string();
          known.push_back(name);
        }
        return fmt::format(
            "{} '{}'; there are: {}{}",
            is_of_test ? "the test images must not choose, as they would by" : "unknown metric",
            typed, fmt::join(known, ", "), is_of_test ? "" : suggestion(typed, known));
      },
      "");
}

std::unique_ptr<optim::LRScheduler> main_scheduler(const TrainOptions& o, optim::Optimizer& opt,
                                                   std::int64_t epochs) {
  if (o.scheduler == "step")
    return std::make_unique<optim::StepLR>(
        opt, optim::StepLROptions{.step_size = o.lr_step, .gamma = o.lr_gamma});
  if (o.scheduler == "multistep") {
    optim::MultiStepLROptions options{.milestones = o.lr_milestones, .gamma = o.lr_gamma};
    // They count from the start of the run; this schedule counts from the end of the warm-up.
    for (std::int64_t& milestone : options.milestones) milestone -= o.warmup_epochs;
    return std::make_unique<optim::MultiStepLR>(opt, std::move(options));
  }
  if (o.scheduler == "exponential") return std::make_unique<optim::ExponentialLR>(opt, o.lr_gamma);
  if (o.scheduler == "cosine")
    return std::make_unique<optim::CosineAnnealingLR>(
        opt, optim::CosineAnnealingLROptions{.t_max = epochs, .eta_min = o.lr_min});
  return std::make_unique<optim::LinearLR>(
      opt,
      optim::LinearLROptions{
          .start_factor = 1, .end_factor = o.lr_min / o.learning_rate(0), .total_iters = epochs});
}

}  // namespace

OptionRow& add_optimizer(OptionTable& table, std::string& target) {
  return table
      .add("--optimizer", target, "NAME", "sgd (momentum 0.9), adam, adamw, rmsprop or adagrad")
      .one_of("optimizer", {"sgd", "adam", "adamw", "rmsprop", "adagrad"})
      .show_usual();
}

void add_optimization(OptionTable& table, TrainOptions& o) {
  const std::vector<std::string> metrics{"train_accuracy", "train_loss", "val_accuracy",
                                         "val_loss"};
  add_optimizer(table, o.optimizer).fixed();
  table
      .add("--lr", o.lr, "X",
           "Learning rate of the first step [0.02 for sgd and adagrad, else 0.002]")
      .check(positive_real())
      .kept();
  table
      .add("--lr-decay", o.lr_decay, "N",
           "Without --scheduler, step s uses lr / (1 + s/N); 0: always lr")
      .check(not_negative())
      .show_usual()
      .kept();
  table.add("--momentum", o.momentum, "X", "Of sgd [0.9] and rmsprop [0]")
      .check(real_from_zero())
      .fixed();
  table.add("--weight-decay", o.weight_decay, "X", "[0.01 for adamw, else 0]")
      .check(real_from_zero())
      .fixed();
  table
      .add("--clip-grad-norm", o.clip_grad_norm, "X",
           "Largest norm of all gradients together [no limit]")
      .check(positive_real())
      .fixed();
  table
      .add("--scheduler", o.scheduler, "SCHEDULE",
           "Learning rate by epoch: step, multistep, exponential, cosine, linear, onecycle (by "
           "step) or plateau")
      .one_of("scheduler",
              {"step", "multistep", "exponential", "cosine", "linear", "onecycle", "plateau"})
      .fixed();
  table
      .add("--scheduler-epochs", o.scheduler_epochs, "N",
           "Length of cosine, linear and onecycle, which a resumed run cannot exceed [--epochs of "
           "the first start]")
      .check(positive(kMaxEpochs))
      .fixed();
  table
      .add("--warmup-epochs", o.warmup_epochs, "N",
           "Epochs in which the learning rate rises from a tenth, before the schedule")
      .check(not_negative(kMaxEpochs))
      .show_usual()
      .fixed();
  table.add("--lr-step", o.lr_step, "N", "step: epochs between reductions")
      .check(positive(kMaxEpochs))
      .show_usual()
      .fixed();
  table.add("--lr-milestones", o.lr_milestones, "N,…", "multistep: epochs of the reductions, 30,60")
      .check(positive(kMaxEpochs))
      .fixed();
  table
      .add("--lr-gamma", o.lr_gamma, "X",
           "step, multistep, exponential, plateau: factor of a reduction")
      .check(positive_real())
      .show_usual()
      .fixed();
  table.add("--lr-min", o.lr_min, "X", "cosine, linear, plateau: the smallest learning rate")
      .check(real_from_zero())
      .show_usual()
      .fixed();
  table
      .add("--lr-patience", o.lr_patience, "N",
           "plateau: epochs without improvement of --monitor that are borne")
      .check(not_negative(kMaxEpochs))
      .show_usual()
      .fixed();
  table
      .add("--keep-best", o.keep_best, "METRIC",
           "Keep the weights of the epoch with the best val_accuracy, val_loss, train_accuracy or "
           "train_loss")
      .check(metric_name())
      .offers(metrics)
      .fixed();  // earlier epochs' weights are gone
  table
      .add("--early-stopping", o.early_stopping, "N",
           "End when --monitor has not improved for N epochs")
      .check(positive(kMaxEpochs))
      .kept();
  table
      .add("--split", o.split, "SPLIT",
           "What is measured after each epoch: val, or test, by which nothing can be chosen [val "
           "where the data have it or something is chosen by it, else test]")
      .one_of("split", {"val", "test"})
      .fixed();
  table.add("--monitor", o.monitor, "METRIC", "What early stopping and plateau look at")
      .check(metric_name())
      .offers(metrics)
      .show_usual()
      .fixed();
}

namespace {

/// Throws UsageError for an option that was given and that nothing would look at.
void check_used(const TrainOptions& o, const OptionTable& given) {
  const auto refuse_unless = [&](const char* option, std::vector<std::string_view> schedulers) {
    if (!given.given(option)) return;
    if (std::find(schedulers.begin(), schedulers.end(), o.scheduler) != schedulers.end()) return;
    throw UsageError(fmt::format("{} is for --scheduler {}{}", option, fmt::join(schedulers, ", "),
                                 o.scheduler.empty() ? "" : ", not " + o.scheduler));
  };
  refuse_unless("--scheduler-epochs", {"cosine", "linear", "onecycle"});
  refuse_unless("--lr-step", {"step"});
  refuse_unless("--lr-milestones", {"multistep"});
  refuse_unless("--lr-gamma", {"step", "multistep", "exponential", "plateau"});
  refuse_unless("--lr-min", {"cosine", "linear", "plateau"});
  refuse_unless("--lr-patience", {"plateau"});
  if (given.given("--monitor") && !o.early_stopping && o.scheduler != "plateau")
    throw UsageError("--monitor needs --early-stopping or --scheduler plateau");
}

/// The option that chooses by figures of the validation images, as it would be written; or nothing.
std::string chooses_by_val(const TrainOptions& o) {
  if (o.keep_best.starts_with("val")) return "--keep-best " + o.keep_best;
  if (!o.monitor.starts_with("val")) return {};
  if (o.early_stopping) return fmt::format("--early-stopping by {}", o.monitor);
  return o.scheduler == "plateau" ? fmt::format("--scheduler plateau by {}", o.monitor) : "";
}

/// An Ingot that knew no validation images chose by those of the test.
void refuse_choice_by_test(TrainOptions& o) {
  const auto refuse = [&](const std::string& option) {
    throw UsageError(fmt::format(
        "this run chooses by the test images ({}), as an older Ingot did; that cannot be resumed: "
        "start a new run with --weights {}/model.safetensors",
        option, o.out));
  };
  if (o.keep_best.starts_with("test")) refuse("--keep-best " + o.keep_best);
  if (!o.monitor.starts_with("test")) return;
  if (o.early_stopping || o.scheduler == "plateau") refuse("--monitor " + o.monitor);
  o.monitor = "val_loss";  // nobody looks at it
}

/// A schedule that ends at a learning rate of next to nothing, or that rises again behind its end,
/// is no schedule for more epochs than it was made for.
void check_length(const TrainOptions& o) {
  const bool ends = o.scheduler == "cosine" || o.scheduler == "onecycle" ||
                    (o.scheduler == "linear" && o.lr_min == 0);
  if (!ends || !o.resume || !o.scheduler_epochs) return;
  if (o.epochs > *o.scheduler_epochs && o.epochs_before <= *o.scheduler_epochs)
    throw UsageError(fmt::format(
        "--epochs {}: the {} schedule of this run ends with epoch {}; start with "
        "--scheduler-epochs to leave room, or a new run with --weights {}/model.safetensors",
        o.epochs, o.scheduler, *o.scheduler_epochs, o.out));
}

}  // namespace

bool has_length(const std::string& scheduler) {
  return scheduler == "cosine" || scheduler == "linear" || scheduler == "onecycle";
}

bool choose_split(TrainOptions& o) {
  if (o.resume) refuse_choice_by_test(o);
  train::ImageData data = train::ImageData::parse(o.data);
  data.val_split = o.data_options.val_split;
  const bool has_val = data.has(train::Split::Val), has_test = data.has(train::Split::Test);
  const std::string chooses = chooses_by_val(o);
  const bool asked_for = !o.split.empty();
  if (!asked_for)
    o.split = has_val || !has_test || (!chooses.empty() && !o.resume) ? "val" : "test";
  if (o.split == "test") {
    if (!chooses.empty())
      throw UsageError(
          fmt::format("--split test: the test images must not choose, but {} would", chooses));
    if (!has_test) throw UsageError(fmt::format("--split test: {} has no test images", o.data));
    return false;
  }
  if (has_val || !data.can_split()) return false;
  o.data_options.val_split = kUsualValSplit;
  return true;
}

void check_optimization(const TrainOptions& o, const OptionTable& given) {
  check_used(o, given);
  check_length(o);
  if (o.momentum && o.optimizer != "sgd" && o.optimizer != "rmsprop")
    throw UsageError(fmt::format("--momentum is for sgd and rmsprop, not {}", o.optimizer));
  if (o.body_lr_factor != 1 && o.scheduler == "onecycle")
    throw UsageError("--body-lr-factor does not go with --scheduler onecycle");
  if (o.body_lr_factor != 1 && o.resume && given.given("--lr"))
    throw UsageError("--lr cannot be changed by --resume: --body-lr-factor has made two of it");
  if (o.scheduler.empty()) {
    if (o.warmup_epochs > 0) throw UsageError("--warmup-epochs needs --scheduler");
    return;
  }
  if (given.given("--lr-decay") && o.lr_decay != 0)
    throw UsageError("--lr-decay and --scheduler exclude each other");
  if (o.resume && given.given("--lr"))
    throw UsageError("--lr cannot be changed by --resume: --scheduler decides it");
  if (o.scheduler == "multistep" && o.lr_milestones.empty())
    throw UsageError("--scheduler multistep needs --lr-milestones");
  if (!std::is_sorted(o.lr_milestones.begin(), o.lr_milestones.end()))
    throw UsageError("--lr-milestones must ascend");
  if (!o.lr_milestones.empty() && o.lr_milestones.front() <= o.warmup_epochs)
    throw UsageError("--lr-milestones must lie behind --warmup-epochs");
  if (o.warmup_epochs > 0 && (o.scheduler == "onecycle" || o.scheduler == "plateau"))
    throw UsageError(fmt::format("--warmup-epochs does not go with --scheduler {}", o.scheduler));
  if (o.warmup_epochs > 0 && o.scheduler_epochs.value_or(o.epochs) <= o.warmup_epochs)
    throw UsageError("--warmup-epochs must be fewer than the epochs of the schedule");
  if (o.lr_min > o.learning_rate(0)) throw UsageError("--lr-min is larger than the learning rate");
  if (o.scheduler == "plateau" && o.lr_gamma >= 1)
    throw UsageError("--lr-gamma of plateau must be below 1");
}

namespace {

template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> in_groups(std::vector<Tensor> parameters,
                                            std::vector<Tensor> body, double body_factor,
                                            Options options) {
  auto optimizer = std::make_unique<Optimizer>(std::move(parameters), options);
  if (body.empty()) return optimizer;
  options.lr *= body_factor;
  optimizer->add_param_group(std::move(body), options);
  return optimizer;
}

}  // namespace

std::unique_ptr<optim::Optimizer> make_optimizer(const TrainOptions& o,
                                                 std::vector<Tensor> parameters,
                                                 std::vector<Tensor> body) {
  const double lr = o.learning_rate(0);
  const double decay = o.weight_decay.value_or(o.optimizer == "adamw" ? 0.01 : 0);
  const auto make = [&]<class Optimizer>(auto options) {
    return in_groups<Optimizer>(std::move(parameters), std::move(body), o.body_lr_factor, options);
  };
  if (o.optimizer == "sgd")
    return make.operator()<optim::SGD>(
        optim::SGDOptions{.lr = lr, .momentum = o.momentum.value_or(0.9), .weight_decay = decay});
  if (o.optimizer == "adamw")
    return make.operator()<optim::AdamW>(optim::AdamWOptions{.lr = lr, .weight_decay = decay});
  if (o.optimizer == "rmsprop")
    return make.operator()<optim::RMSprop>(
        optim::RMSpropOptions{.lr = lr, .weight_decay = decay, .momentum = o.momentum.value_or(0)});
  if (o.optimizer == "adagrad")
    return make.operator()<optim::Adagrad>(optim::AdagradOptions{.lr = lr, .weight_decay = decay});
  return make.operator()<optim::Adam>(optim::AdamOptions{.lr = lr, .weight_decay = decay});
}

Schedule make_schedule(const TrainOptions& o, optim::Optimizer& optimizer,
                       std::int64_t steps_per_epoch) {
  Schedule schedule;
  if (o.scheduler.empty() && o.body_lr_factor == 1) return schedule;
  if (o.scheduler.empty()) {
    // The same as TrainOptions::learning_rate, for each group from its own.
    schedule.steps = std::numeric_limits<std::int64_t>::max();
    schedule.scheduler = std::make_unique<optim::LambdaLR>(optimizer, [&o](std::int64_t step) {
      return o.lr_decay == 0
                 ? 1.0
                 : 1 / (1 + static_cast<double>(step) / static_cast<double>(o.lr_decay));
    });
    return schedule;
  }
  const std::int64_t epochs = o.scheduler_epochs.value_or(o.epochs);
  if (o.scheduler == "plateau") {
    optim::ReduceLROnPlateauOptions options{
        .factor = o.lr_gamma, .patience = o.lr_patience, .min_lr = o.lr_min};
    if (train::Metric::parse(o.monitor).more_is_better())
      options.mode = optim::ReduceLROnPlateauOptions::Mode::Max;
    schedule.plateau = std::make_unique<optim::ReduceLROnPlateau>(optimizer, options);
    return schedule;
  }
  if (o.scheduler == "onecycle") {
    schedule.steps = epochs * steps_per_epoch;
    const bool cycles =
        optimizer.option(0, "momentum").value_or(0) > 0 || optimizer.option(0, "beta1").has_value();
    schedule.scheduler = std::make_unique<optim::OneCycleLR>(
        optimizer,
        optim::OneCycleLROptions{
            .max_lr = o.learning_rate(0), .total_steps = schedule.steps, .cycle_momentum = cycles});
    return schedule;
  }
  if (o.warmup_epochs == 0) {
    schedule.scheduler = main_scheduler(o, optimizer, epochs);
    return schedule;
  }
  std::vector<std::unique_ptr<optim::LRScheduler>> parts;
  parts.push_back(std::make_unique<optim::LinearLR>(
      optimizer,
      optim::LinearLROptions{
          .start_factor = kWarmupStart, .end_factor = 1, .total_iters = o.warmup_epochs}));
  parts.push_back(main_scheduler(o, optimizer, epochs - o.warmup_epochs));
  schedule.scheduler = std::make_unique<optim::SequentialLR>(
      optimizer, std::move(parts), std::vector<std::int64_t>{o.warmup_epochs});
  return schedule;
}

}  // namespace ingot::cli
