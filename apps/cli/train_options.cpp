#include "cli/train_options.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include "cli/optimization.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

/// A run of an older Ingot has its weights' path as it was given.
bool same_file(const std::string& option, const Json& now, const Json& saved) {
  return option == "--weights" && now.is_string() && saved.is_string() &&
         !now.get<std::string>().empty() && !saved.get<std::string>().empty() &&
         resolved(now.get<std::string>()) == resolved(saved.get<std::string>());
}

}  // namespace

double TrainOptions::learning_rate(std::int64_t step) const {
  const double start = lr.value_or(optimizer == "sgd" || optimizer == "adagrad" ? 0.02 : 2e-3);
  if (lr_decay == 0 || !scheduler.empty()) return start;
  return start / (1 + static_cast<double>(step) / static_cast<double>(lr_decay));
}

TrainOptions with_full_paths(TrainOptions options) {
  if (const auto colon = options.data.find(':'); colon != std::string::npos)
    options.data =
        options.data.substr(0, colon + 1) + resolved(options.data.substr(colon + 1)).string();
  if (!options.weights.empty()) options.weights = resolved(options.weights).string();
  if (!options.tensorboard.empty() && options.tensorboard != "-")
    options.tensorboard = resolved(options.tensorboard).string();
  return options;
}

data::Augmentation augmentation_of(const TrainOptions& o) {
  data::Augmentation augment = data::Augmentation::preset(o.augment.empty() ? "none" : o.augment);
  if (o.crop) augment.crop = *o.crop == 0 ? std::nullopt : o.crop;
  if (o.flip) augment.flip = *o.flip;
  if (o.rotate) augment.rotation = *o.rotate;
  if (o.color_jitter) augment.color_jitter = *o.color_jitter;
  if (o.rand_augment) augment.rand_augment = *o.rand_augment == 0 ? std::nullopt : o.rand_augment;
  if (o.erase) augment.erase = *o.erase;
  return augment;
}

namespace {

void add_augmentation(OptionTable& table, TrainOptions& o) {
  table
      .add("--augment", o.augment, "NAME",
           "Change training images by chance: light (crop 0.8, flip 0.5), strong (crop 0.4, flip "
           "0.5, rotate 15, color-jitter 0.3), imagenet (crop 0.08, flip 0.5), randaugment (crop "
           "0.4, flip 0.5, rand-augment 9) or none [none]; the options below change a part, 0 "
           "takes it off")
      .one_of("augmentation", data::Augmentation::names())
      .fixed();
  table
      .add("--crop", o.crop, "X",
           "Cut out this share of an image or more, of random shape, and resize it")
      .check(real_from_zero(1))
      .fixed();
  table.add("--flip", o.flip, "P", "Mirror left and right with this probability")
      .check(real_from_zero(1))
      .fixed();
  table.add("--rotate", o.rotate, "DEGREES", "Turn by so many degrees at most, either way")
      .check(real_from_zero(180))
      .fixed();
  table
      .add("--color-jitter", o.color_jitter, "X",
           "Change brightness, contrast and saturation by factors of 1-X to 1+X, and the hue")
      .check(real_from_zero(1))
      .fixed();
  table
      .add("--rand-augment", o.rand_augment, "N",
           "RandAugment: two operations of this magnitude, 1 to 30")
      .check(not_negative(30))
      .fixed();
  table.add("--erase", o.erase, "P", "Write over a random rectangle with this probability")
      .check(real_from_zero(1))
      .fixed();
  table
      .add("--mixup", o.mix_up, "ALPHA",
           "Mix each image and its label with another's; their shares are drawn from Beta(ALPHA, "
           "ALPHA); 0: no")
      .check(real_from_zero(1000))
      .show_usual()
      .fixed();
  table
      .add(
          "--cutmix", o.cut_mix, "ALPHA",
          "Put a rectangle of another image into each; with --mixup, either in half of the batches")
      .check(real_from_zero(1000))
      .show_usual()
      .fixed();
}

void add_transfer(OptionTable& table, TrainOptions& o) {
  table
      .add("--pretrained", o.pretrained, "[FOLDER]",
           "Start from the model's weights in FOLDER, such as mobilenet_v2-b0353104.pth; nothing "
           "is downloaded [INGOT_WEIGHTS, or torchvision's ~/.cache/torch/hub/checkpoints]")
      .value_may_lack = true;
  table
      .add("--freeze", o.freeze, "[LAYER,...]",
           "Layers that do not learn, such as features,classifier.1; alone: all but the last one")
      .fixed()
      .value_may_lack = true;
  table
      .add("--head-epochs", o.head_epochs, "N",
           "For the first N epochs only the last layer learns, then all that is not frozen")
      .check(not_negative(kMaxEpochs))
      .show_usual()
      .fixed();
  table
      .add("--body-lr-factor", o.body_lr_factor, "X",
           "All layers but the last learn with X times the learning rate")
      .check(positive_real())
      .show_usual()
      .fixed();
}

}  // namespace

OptionTable train_table(TrainOptions& o) {
  OptionTable table;
  add_model(table, o.model).fixed();
  add_data(table, o.data).kept();  // the folder may have moved
  add_data_options(table, o.data_options);
  add_device(table, o.device);
  table.add("--epochs", o.epochs, "N", "Passes over the training images")
      .check(positive(kMaxEpochs))
      .show_usual()
      .kept();
  add_batch_size(table, o.batch_size).fixed();
  add_optimization(table, o);
  table
      .add("--weights", o.weights, "FILE",
           "Start from these weights (safetensors, or .pth of PyTorch); a head for another number "
           "of classes starts at random")
      .check(not_empty())
      .fixed();
  add_weights_options(table, o.weights_options);
  add_transfer(table, o);
  add_augmentation(table, o);
  table
      .add("--tensorboard", o.tensorboard, "[DIR]",
           "Write event files for TensorBoard into DIR [tensorboard in the run folder]")
      .kept()
      .value_may_lack = true;
  table
      .add("--profile", o.profile, "[FILE]",
           "Print what each operation took in training, and write a trace for ui.perfetto.dev to "
           "FILE [profile.json in the run folder]")
      .value_may_lack = true;
  add_limit(table, o.limit,
            "Only N images of each part: the first; of folder: ones spread evenly over the "
            "classes' files [all]")
      .fixed();
  add_image_size(table, o.image_size).fixed();
  add_workers(table, o.workers);
  table.add("--seed", o.seed, "N", "Of weights and shuffling; the same on every device")
      .check(not_negative())
      .show_usual()
      .fixed();
  table.add("--out", o.out, "DIR", "Run folder [runs/MODEL-DATE-TIME]").check(not_empty());
  table.add("--resume", o.resume, "",
            "Go on with the run in --out; its options hold unless given anew");
  table.add("--overwrite", o.overwrite, "",
            "Start again in a folder that holds a run; the old run's files are removed at the "
            "start");
  table.add("--per-class", o.per_class, "",
            "Show precision, recall and F1 of each class at the end");
  add_config(table);
  add_json(table, o.json);
  return table;
}

std::string to_json(const TrainOptions& options) {
  TrainOptions copy = options;
  return train_table(copy).saved().dump();
}

std::vector<std::string> take_over(TrainOptions& options, const OptionTable& given,
                                   const std::string& text, const std::string& file) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    throw IoError(fmt::format("{}: the run's options are damaged: they are no JSON object", file));
  if (json.contains("epochs") && json["epochs"].is_number_integer())
    options.epochs_before = json["epochs"].get<std::int64_t>();
  return given.take_over(json, file, {"--model", "--data"}, same_file);
}

}  // namespace ingot::cli
