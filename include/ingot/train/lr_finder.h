// A learning rate to begin with, found by trying.
//
// Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3.
#pragma once

#include <cstdint>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/data/data_loader.h>
#include <ingot/nn/module.h>
#include <ingot/optim/optimizer.h>
#include <ingot/train/task.h>

namespace ingot::train {

struct LearningRateFinderOptions {
  Device device = {};
  double start = 1e-7;
  double end = 10;
  std::int64_t steps = 100;  ///< from start to end, each rate the same factor above the one before
  /// Losses are averaged with their predecessors: a = smoothing a + (1 - smoothing) loss, divided
  /// by 1 - smoothing^n as Adam does.
  double smoothing = 0.9;
  /// The search ends when the average is above this many times its least value.
  double diverges_at = 4;
};

struct LearningRates {
  std::vector<double> rates;
  std::vector<double> losses;  ///< averaged; of the steps that were taken

  /// The rate at which the loss falls fastest per factor of the rate; 0 with less than two losses
  /// and where it falls nowhere.
  double steepest() const;
  /// A tenth of the rate with the least loss; 0 without any.
  double tenth_of_least() const;
};

/// Trains on batches of `data` with growing learning rates, and puts everything back: the model's
/// and the optimizer's state, the random numbers, the loader's position. Batches begin at the start
/// of the epoch and go round. Throws ValueError for options out of range and a loader without
/// batches.
LearningRates find_learning_rate(nn::Module& model, optim::Optimizer& optimizer,
                                 data::DataLoader& data, const Task& task,
                                 const LearningRateFinderOptions& options = {});

}  // namespace ingot::train
