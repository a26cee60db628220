// ingot train: trains a model and leaves a run folder with checkpoint, weights, metrics and curves.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>
#include <ingot/train/image_task.h>
#include <ingot/train/run_folder.h>
#include <ingot/train/trainer.h>

#include "cli/command.h"
#include "cli/data_mark.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop_signal.h"
#include "cli/train_options.h"

namespace ingot::cli {
namespace {

// In Checkpoint::extra.
constexpr const char* kOptionsKey = "options";
constexpr const char* kDataKey = "data";

std::unique_ptr<optim::Optimizer> make_optimizer(const TrainOptions& options,
                                                 std::vector<Tensor> parameters) {
  const double lr = options.learning_rate(0);
  if (options.optimizer == "sgd")
    return std::make_unique<optim::SGD>(std::move(parameters),
                                        optim::SGDOptions{.lr = lr, .momentum = 0.9});
  if (options.optimizer == "adamw")
    return std::make_unique<optim::AdamW>(std::move(parameters), optim::AdamWOptions{.lr = lr});
  return std::make_unique<optim::Adam>(std::move(parameters), optim::AdamOptions{.lr = lr});
}

/// The checkpoint to resume from, with the run's options taken over; or nothing, for a fresh run.
std::optional<train::Checkpoint> find_checkpoint(TrainOptions& options, const CLI::App& command) {
  if (!options.resume) {
    if (options.model.empty()) throw UsageError("--model is required");
    if (options.data.empty()) throw UsageError("--data is required");
    if (options.out.empty()) {
      options.out = train::default_run_folder(options.model).string();
    } else if (train::holds_a_run(options.out) && !options.overwrite) {
      std::error_code ignored;
      const bool resumable =
          std::filesystem::exists(train::run_files(options.out).front(), ignored);
      throw UsageError(fmt::format("{} holds {}--overwrite starts again", options.out,
                                   resumable
                                       ? "a run; --resume goes on with it, "
                                       : "files of a run, but no checkpoint to go on with; "));
    }
    return {};
  }
  if (options.out.empty()) throw UsageError("--resume needs --out: the folder of the run");
  if (options.overwrite) throw UsageError("--resume and --overwrite exclude each other");
  const std::string path = (std::filesystem::path(options.out) / "checkpoint.safetensors").string();
  train::Checkpoint checkpoint = train::Checkpoint::load(path);
  const auto saved = checkpoint.extra.find(kOptionsKey);
  if (saved == checkpoint.extra.end())
    throw IoError(fmt::format("{}: not the checkpoint of an 'ingot train' run", path));
  take_over(options, saved->second, command, path);
  return checkpoint;
}

std::string epochs_text(std::int64_t count) {
  return fmt::format("{} epoch{}", count, count == 1 ? "" : "s");
}

data::DataLoader make_loader(const train::ImageData& data, const train::ImageInput& input,
                             const TrainOptions& options, bool train) {
  return data::DataLoader(limited(data.open(train, input.transform), options.limit),
                          {.batch_size = options.batch_size,
                           .shuffle = train,
                           .workers = static_cast<int>(options.workers),
                           .seed = options.seed,
                           .on_error = options.data_options.on_error()});
}

/// One training run, from its options to its folder.
class TrainRun {
 public:
  TrainRun(TrainOptions options, const CLI::App& command)
      : options_(std::move(options)),
        json_(options_.json),
        console_(json_.takes_stdout()),
        display_(console_),
        checkpoint_(find_checkpoint(options_, command)),
        device_(usable_device(options_.device)),
        data_(prepare_data(options_.data, options_.data_options, console_)),
        input_(train::image_input(models::info(options_.model), data_, options_.image_size)) {
    json_.must_not_be(options_.out, "the run folder");
    for (const std::filesystem::path& file : train::run_files(options_.out))
      json_.must_not_be(file, fmt::format("the run's {}", file.filename().string()));
    manual_seed(options_.seed);
    model_ = models::create(options_.model, {.num_classes = data_.num_classes, .in_channels = {}});
    check_image_size(*model_, options_.model, input_);
    model_->to(device_);
    optimizer_ = make_optimizer(options_, model_->parameters());
  }

  int run() {
    data::DataLoader train_loader = make_loader(data_, input_, options_, true);
    data::DataLoader test_loader = make_loader(data_, input_, options_, false);
    train::Trainer trainer(
        *model_, *optimizer_, train_loader, test_loader,
        {.epochs = options_.epochs,
         .device = device_,
         .learning_rate = [&](std::int64_t step) { return options_.learning_rate(step); },
         .on_progress =
             [&](const train::Progress& progress) {
               display_.show(progress);
               return stop_signal() == 0;
             },
         .on_metrics = [&](const train::MetricsRow& row) { record(row); },
         .on_epoch = [&] { save(trainer); }});
    data_mark_ = data_mark(train_loader.dataset(), test_loader.dataset());
    if (checkpoint_) check_data();
    if (checkpoint_) restore(trainer);
    // No run folder is made for a run that cannot be reported, unless the report goes into it.
    const bool json_in_folder = json_.is_in(options_.out);
    if (!json_in_folder) json_.check_writable();
    train::RunFolder folder(options_.out);
    folder_ = &folder;
    if (json_in_folder) json_.check_writable();
    if (options_.resume && trainer.epochs_done() >= options_.epochs) return nothing_to_do(trainer);
    if (options_.overwrite) folder.clear();  // a folder never mixes two runs
    folder.start_metrics(trainer.history());
    introduce(train_loader, test_loader, trainer);
    catch_stop_signals();
    const bool finished = passes(trainer);
    display_.clear();
    for (const data::DataLoader* loader : {&train_loader, &test_loader}) {
      report_skipped(*loader, console_);
      for (const data::SkippedSample& sample : loader->skipped()) skipped_.push_back(sample.cause);
    }
    if (!finished) save(trainer);
    if (!finished) return stopped(trainer);
    return finish(trainer);
  }

 private:
  /// The folder may have moved, but what is in it must be what the run was trained on.
  void check_data() const {
    const auto saved = checkpoint_->extra.find(kDataKey);
    if (saved == checkpoint_->extra.end()) return;  // of an older Ingot
    const std::string difference = data_difference(saved->second, data_mark_);
    if (difference.empty()) return;
    throw UsageError(fmt::format("{} is not the data that the run in {} was trained on: {}",
                                 data_.str(), options_.out, difference));
  }

  void restore(train::Trainer& trainer) {
    try {
      trainer.restore(*checkpoint_);
    } catch (const Error& e) {
      throw IoError(fmt::format("{}/checkpoint.safetensors: {}", options_.out, e.what()));
    }
    checkpoint_.reset();
  }

  /// False when stopped by a signal. Nothing is saved after the loss was not finite.
  bool passes(train::Trainer& trainer) {
    try {
      return trainer.run();
    } catch (const train::DivergedError& e) {
      display_.clear();
      write_json(trainer, "diverged");
      std::error_code ignored;
      throw train::DivergedError(fmt::format(
          "{}; {}", e.what(),
          std::filesystem::exists(folder_->checkpoint_path(), ignored)
              ? fmt::format("{} holds the state before", folder_->checkpoint_path().string())
              : "there is no checkpoint yet"));
    }
  }

  int nothing_to_do(const train::Trainer& trainer) const {
    console_.line(
        fmt::format("nothing to do: the run has {} already", epochs_text(trainer.epochs_done())));
    write_json(trainer, "finished");
    return kOk;
  }

  void introduce(const data::DataLoader& train, const data::DataLoader& test,
                 const train::Trainer& trainer) const {
    console_.line(fmt::format("model      {}, {} parameters", options_.model,
                              grouped(model_->num_parameters())));
    console_.line(fmt::format("data       {}: {} training and {} test images as {}x{}x{}",
                              data_.str(), grouped(train.dataset().size()),
                              grouped(test.dataset().size()), input_.channels, input_.size,
                              input_.size));
    if (data_.kind == "folder")
      console_.line(fmt::format("classes    {}", grouped(data_.num_classes)));
    console_.line(fmt::format("device     {}", device_.str()));
    console_.line(fmt::format("optimizer  {}, learning rate {}, batches of {}, seed {}",
                              options_.optimizer, options_.learning_rate(0), options_.batch_size,
                              options_.seed));
    console_.line(fmt::format("run        {}", options_.out));
    if (trainer.epochs_done() > 0 || !trainer.history().empty())
      console_.line(fmt::format("resumed    after {} of {}", trainer.epochs_done(),
                                epochs_text(options_.epochs)));
  }

  void record(const train::MetricsRow& row) {
    folder_->append_metrics(row);
    if (row.ends_epoch()) display_.line(epoch_line(row, options_.epochs));
  }

  void save(const train::Trainer& trainer) {
    train::Checkpoint checkpoint = trainer.checkpoint();
    checkpoint.extra[kOptionsKey] = to_json(options_);
    checkpoint.extra[kDataKey] = data_mark_;
    const std::string title = fmt::format("{} on {}", options_.model, data_.str());
    std::map<std::string, std::string> metadata{{"format", "pt"},
                                                {"model", options_.model},
                                                {"image_size", std::to_string(input_.size)},
                                                {"num_classes", std::to_string(data_.num_classes)}};
    if (!data_.classes.empty()) metadata["classes"] = Json(data_.classes).dump();
    folder_->save(checkpoint, trainer.history(), metadata, title);
  }

  int stopped(const train::Trainer& trainer) {
    display_.line(
        fmt::format("stopped in epoch {} of {}; go on with: ingot train --out {} --resume",
                    trainer.epochs_done() + 1, options_.epochs, options_.out));
    write_json(trainer, "stopped");
    return 128 + stop_signal();
  }

  int finish(const train::Trainer& trainer) {
    if (!trainer.history().empty()) {
      const train::MetricsRow& last = trainer.history().back();
      console_.line(fmt::format("test accuracy {:.2f} % after {}",
                                100 * last.test_accuracy.value_or(0),
                                epochs_text(trainer.epochs_done())));
    }
    console_.line(fmt::format("checkpoint {}", folder_->checkpoint_path().string()));
    console_.line(fmt::format("weights    {}", folder_->model_path().string()));
    console_.line(fmt::format("metrics    {}", folder_->metrics_path().string()));
    console_.line(fmt::format("curves     {}", folder_->curves_path().string()));
    write_json(trainer, "finished");
    return kOk;
  }

  void write_json(const train::Trainer& trainer, const char* state) const {
    Json json;
    json["state"] = state;
    json["options"] = Json::parse(to_json(options_));
    json["options"]["lr"] = options_.learning_rate(0);
    json["device"] = device_.str();
    json["parameters"] = model_->num_parameters();
    json["epochs_done"] = trainer.epochs_done();
    json["checkpoint"] = folder_->checkpoint_path().string();
    json["weights"] = folder_->model_path().string();
    json["metrics"] = folder_->metrics_path().string();
    json["curves"] = folder_->curves_path().string();
    json["skipped"] = skipped_;
    json["epochs"] = Json::array();
    for (const train::MetricsRow& row : trainer.history())
      if (row.ends_epoch()) json["epochs"].push_back(Json::parse(train::to_json(row)));
    json_.write(json);
  }

  TrainOptions options_;
  JsonOutput json_;
  Console console_;
  ProgressDisplay display_;
  std::optional<train::Checkpoint> checkpoint_;
  Device device_;
  train::ImageData data_;
  train::ImageInput input_;
  std::unique_ptr<nn::Module> model_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  train::RunFolder* folder_ = nullptr;
  std::vector<std::string> skipped_;  // files and causes
  std::string data_mark_;
};

}  // namespace

void add_train_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model; leaves a run folder");
  add_model(*command, options->model);
  add_data(*command, options->data);
  add_data_options(*command, options->data_options);
  add_device(*command, options->device);
  command->add_option("--epochs", options->epochs, "Passes over the training images")
      ->type_name("N")
      ->check(positive(kMaxEpochs))
      ->capture_default_str();
  add_batch_size(*command, options->batch_size);
  command->add_option("--optimizer", options->optimizer, "sgd (momentum 0.9), adam or adamw")
      ->type_name("NAME")
      ->check(CLI::Validator(
          [](std::string& text) {
            if (text == "sgd" || text == "adam" || text == "adamw") return std::string();
            return fmt::format("unknown optimizer '{}'; there are: sgd, adam, adamw", text);
          },
          ""))
      ->capture_default_str();
  command
      ->add_option("--lr", options->lr,
                   "Learning rate of the first step [0.02 for sgd, else 0.002]")
      ->type_name("X")
      ->check(positive_real());
  command->add_option("--lr-decay", options->lr_decay, "Step s uses lr / (1 + s/N); 0: always lr")
      ->type_name("N")
      ->check(not_negative())
      ->capture_default_str();
  add_limit(*command, options->limit, "Only the first N images of each half [all]");
  add_image_size(*command, options->image_size);
  add_workers(*command, options->workers);
  command->add_option("--seed", options->seed, "Of weights and shuffling; the same on every device")
      ->type_name("N")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("--out", options->out, "Run folder [runs/MODEL-DATE-TIME]")
      ->type_name("DIR")
      ->check(not_empty());
  command->add_flag("--resume", options->resume,
                    "Go on with the run in --out; its options hold unless given anew");
  command->add_flag("--overwrite", options->overwrite,
                    "Start again in a folder that holds a run; the old run's files are removed at "
                    "the start");
  add_json(*command, options->json);
  command->footer(
      "The run folder holds checkpoint.safetensors (to go on with), model.safetensors (weights),\n"
      "metrics.jsonl and curves.png. Ctrl-C saves and exits with 130; twice: at once.\n"
      "--resume always keeps the run's --model, --batch-size, --optimizer, --limit, --image-size,\n"
      "--val-split, --skip-damaged and --seed; its --data, --device, --epochs, --lr, --lr-decay "
      "and --workers hold unless\n"
      "given anew, --data only as another place of the same data. A loss that is infinite or not a "
      "number ends the run with exit code 1 and\n"
      "leaves the last checkpoint as it is.\n"
      "Examples:\n"
      "  ingot train --model lenet5 --data mnist --epochs 10\n"
      "  ingot train --model lenet5 --data mnist:FOLDER --out runs/full\n"
      "  ingot train --out runs/full --resume --epochs 8\n"
      "  ingot train --model resnet18 --data mnist --limit 200 --image-size 64 --epochs 1");
  command->callback([options, command, &run] {
    run = [options, command] { return TrainRun(*options, *command).run(); };
  });
}

}  // namespace ingot::cli
