// The parts of `ingot train` that turn options into an optimizer and a schedule.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ingot/optim/optim.h>

#include "cli/train_options.h"

namespace ingot::cli {

/// Adds --optimizer.
OptionRow& add_optimizer(OptionTable& table, std::string& target);
/// Adds --optimizer, --lr and what else decides how the weights move.
void add_optimization(OptionTable& table, TrainOptions& options);

/// Decides what is measured after each epoch, where --split does not say: into options.split, and,
/// where validation images have to be made of training images, into data_options.val_split. True
/// when that was not asked for by --val-split. Throws UsageError when something would be chosen by
/// the test images.
bool choose_split(TrainOptions& options);

/// Throws UsageError for options that exclude each other or do nothing.
void check_optimization(const TrainOptions& options, const OptionTable& given);

/// `body` learns with options.body_lr_factor times the learning rate; it may be empty.
std::unique_ptr<optim::Optimizer> make_optimizer(const TrainOptions& options,
                                                 std::vector<Tensor> parameters,
                                                 std::vector<Tensor> body = {});

/// Whether a schedule of that name is made for a number of epochs.
bool has_length(const std::string& scheduler);

/// At most one of the two is set.
struct Schedule {
  std::unique_ptr<optim::LRScheduler> scheduler;
  std::unique_ptr<optim::ReduceLROnPlateau> plateau;
  std::int64_t steps = 0;  ///< above 0: the scheduler counts steps of the optimizer, this many
};

Schedule make_schedule(const TrainOptions& options, optim::Optimizer& optimizer,
                       std::int64_t steps_per_epoch);

}  // namespace ingot::cli
