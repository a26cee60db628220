// The options of `ingot train`, and how a resumed run gets those it was started with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ingot/data/augmentation.h>

#include "cli/options.h"

namespace ingot::cli {

struct TrainOptions {
  std::string model, data;
  DataOptions data_options;
  std::string device = "best";
  std::int64_t epochs = 10;
  std::int64_t batch_size = 32;
  std::string optimizer = "adam";
  std::optional<double> lr;  ///< the optimizer's usual one unless given
  std::int64_t lr_decay = 2000;
  std::optional<double> momentum, weight_decay, clip_grad_norm;
  std::string scheduler;  ///< none: lr_decay
  std::optional<std::int64_t> scheduler_epochs;
  std::int64_t warmup_epochs = 0, lr_step = 10, lr_patience = 3;
  std::vector<std::int64_t> lr_milestones;
  double lr_gamma = 0.1, lr_min = 0;
  std::string weights;  ///< what a fresh run starts from; random where empty
  WeightsOptions weights_options;
  std::string keep_best;
  std::optional<std::int64_t> early_stopping;
  std::string monitor = "val_loss";
  std::string split;  ///< what is measured after each epoch: "val" or "test"; empty until chosen
  std::string tensorboard;  ///< folder; "-": inside the run folder
  std::string profile;      ///< file of the trace; "-": profile.json in the run folder
  std::optional<std::int64_t> limit, image_size;
  std::int64_t workers = 2;
  std::uint64_t seed = 0;
  std::string out;
  bool out_is_new = false;  ///< `out` is a name to begin with: the folder is yet to be made
  bool resume = false;
  // How images are changed: the name of a preset, and numbers in place of its own; 0 takes one off.
  std::string augment;
  std::optional<double> crop, flip, rotate, color_jitter, erase;
  std::optional<std::int64_t> rand_augment;
  double mix_up = 0, cut_mix = 0;  ///< alpha of what is drawn for each batch; 0: none
  std::string freeze;              ///< layers; "-": all but the head
  std::int64_t head_epochs = 0;
  double body_lr_factor = 1;
  std::string pretrained;  ///< folder; "-": the usual one
  bool per_class = false;
  std::int64_t epochs_before = 0;  ///< of a resumed run: what --epochs was until now
  bool overwrite = false;
  std::string json;

  /// Of the step with that number, from 0: lr / (1 + step / lr_decay), or lr when that is 0 or a
  /// scheduler takes over from lr.
  /// Depends on nothing but the step, so that more epochs are a continuation of fewer.
  double learning_rate(std::int64_t step) const;
};

/// What --augment and the options of its parts come to.
data::Augmentation augmentation_of(const TrainOptions& options);

/// The same with paths that mean the same from any folder.
TrainOptions with_full_paths(TrainOptions options);

/// The options of the command, bound to `options`.
OptionTable train_table(TrainOptions& options);

/// What a run saves of its options, as JSON text.
std::string to_json(const TrainOptions& options);

/// Fills the options that were not given from those a run was started with (`json`, saved in
/// `file`): OptionTable::take_over. `given` is bound to `options`.
std::vector<std::string> take_over(TrainOptions& options, const OptionTable& given,
                                   const std::string& json, const std::string& file);

}  // namespace ingot::cli
