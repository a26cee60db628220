// ingot train: trains a model and leaves a run folder with checkpoint, weights, metrics and curves.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/data/mixing.h>
#include <ingot/io/atomic_file.h>
#include <ingot/nn/pretrained.h>
#include <ingot/ops/random.h>
#include <ingot/profile/profile.h>
#include <ingot/train/event_writer.h>
#include <ingot/train/image_task.h>
#include <ingot/train/run_folder.h>
#include <ingot/train/trainer.h>

#include "cli/command.h"
#include "cli/data_mark.h"
#include "cli/freezing.h"
#include "cli/optimization.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/per_class.h"
#include "cli/pretrained.h"
#include "cli/progress.h"
#include "cli/stop_signal.h"
#include "cli/train_options.h"
#include "cli/weights.h"

namespace ingot::cli {
namespace {

// In Checkpoint::extra.
constexpr const char* kDataKey = "data";
constexpr const char* kEventFolder = "tensorboard";   // in the run folder
constexpr const char* kProfileFile = "profile.json";  // in the run folder

/// The run folder, if there is one already: it is taken before anybody looks into it, so that what
/// is seen stays true. An error of the command line that would be told anyway comes first.
std::optional<train::RunFolder> take_folder(const TrainOptions& options) {
  std::error_code ignored;
  if (options.out.empty() || !std::filesystem::is_directory(options.out, ignored)) return {};
  return std::optional<train::RunFolder>(std::in_place, options.out);
}

[[noreturn]] void fail_taken(const std::string& folder) {
  std::error_code ignored;
  const bool resumable = std::filesystem::exists(train::run_files(folder).front(), ignored);
  throw UsageError(fmt::format("{} holds {}--overwrite starts again", folder,
                               resumable ? "a run; --resume goes on with it, "
                                         : "files of a run, but no checkpoint to go on with; "));
}

[[noreturn]] void fail_without_checkpoint(const std::string& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored))
    throw IoError(fmt::format("{}: no such folder, and so no run to go on with", folder));
  if (!std::filesystem::is_directory(folder, ignored))
    throw IoError(fmt::format("{}: not the folder of a run; --out names the folder", folder));
  if (train::holds_a_run(folder))
    throw IoError(fmt::format(
        "{} holds files of a run, but no checkpoint to go on with: it ended before it saved one; "
        "start it again with --overwrite",
        folder));
  throw IoError(fmt::format(
      "{} holds no run to go on with: checkpoint.safetensors is missing; without --resume a new "
      "run begins there",
      folder));
}

/// The checkpoint to resume from, with the run's options taken over; or nothing, for a fresh run.
/// `notes` are told when the run begins.
std::optional<train::Checkpoint> find_checkpoint(TrainOptions& options, const OptionTable& given,
                                                 std::vector<std::string>& notes) {
  if (!options.resume) {
    if (options.model.empty()) throw UsageError("--model is required");
    if (options.data.empty()) throw UsageError("--data is required");
    if (options.out.empty()) {
      options.out = train::default_run_folder(options.model).string();
      options.out_is_new = true;
    } else if (train::holds_a_run(options.out) && !options.overwrite) {
      fail_taken(options.out);
    }
    return {};
  }
  if (options.out.empty()) throw UsageError("--resume needs --out: the folder of the run");
  if (options.overwrite) throw UsageError("--resume and --overwrite exclude each other");
  const std::string path = (std::filesystem::path(options.out) / "checkpoint.safetensors").string();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) fail_without_checkpoint(options.out);
  train::Checkpoint checkpoint = train::Checkpoint::load(path);
  const auto saved = checkpoint.extra.find(kOptionsKey);
  if (saved == checkpoint.extra.end())
    throw IoError(fmt::format("{}: not the checkpoint of an 'ingot train' run", path));
  for (const std::string& option : take_over(options, given, saved->second, path))
    notes.push_back(
        fmt::format("the run's {} is not known to this Ingot and has no effect", option));
  return checkpoint;
}

std::string epochs_text(std::int64_t count) {
  return fmt::format("{} epoch{}", count, count == 1 ? "" : "s");
}

/// Event files of an older run in that folder, which need not exist.
void remove_events(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename().string().starts_with("events.out.tfevents."))
      std::filesystem::remove(it->path(), error);
}

bool mixes(const TrainOptions& options) { return options.mix_up > 0 || options.cut_mix > 0; }

data::DataLoader make_loader(const train::ImageData& data, const train::ImageInput& input,
                             const TrainOptions& options, Device device, train::Split split,
                             std::vector<std::filesystem::path>& left_out) {
  auto images =
      open_data(data, split, input.transform, options.limit, options.data_options, &left_out);
  data::LoaderOptions loader{.batch_size = options.batch_size,
                             .shuffle = split == train::Split::Train,
                             .workers = static_cast<int>(options.workers),
                             .seed = options.seed,
                             .on_error = options.data_options.on_error(),
                             .device = device};
  if (split == train::Split::Train && mixes(options)) {
    images = data::with_mixing_key(std::move(images));
    loader.collate = data::mixing_collate(
        {.mix_up = options.mix_up, .cut_mix = options.cut_mix, .num_classes = data.num_classes});
  }
  return data::DataLoader(std::move(images), std::move(loader));
}

/// One training run, from its options to its folder.
class TrainRun {
 public:
  TrainRun(TrainOptions& options, const OptionTable& given)
      : options_(options),
        json_(options_.json),
        console_(json_.takes_stdout()),
        display_(console_),
        folder_(take_folder(options_)),
        checkpoint_(find_checkpoint(options_, given, notes_)),
        device_(usable_device(options_.device)),
        split_off_(choose_split(options_)),
        data_(prepare_data(options_.data, options_.data_options, console_)),
        input_(train::image_input(models::info(options_.model), data_, options_.image_size)),
        augment_(augmentation_of(options_)) {
    json_.must_not_be(options_.out, "the run folder");
    for (const std::filesystem::path& file : train::run_files(options_.out))
      json_.must_not_be(file, fmt::format("the run's {}", file.filename().string()));
    check_profile();
    find_weights();
    if (options_.weights_options.any() && (options_.weights.empty() || options_.resume))
      throw UsageError("--key, --strip-prefix and --skip-objects are for a new run with --weights");
    check_optimization(options_, given);
    if (has_length(options_.scheduler) && !options_.scheduler_epochs)
      options_.scheduler_epochs = options_.epochs;
    manual_seed(options_.seed);
    model_ = models::create(options_.model, {.num_classes = data_.num_classes, .in_channels = {}});
    check_image_size(*model_, options_.model, input_);
    if (!options_.weights.empty() && !options_.resume) start_from_weights();
    model_->to(device_);
    freezing_.emplace(*model_, options_.freeze, options_.head_epochs);
    optimizer_ = options_.body_lr_factor == 1
                     ? make_optimizer(options_, model_->parameters())
                     : make_optimizer(options_, head_parameters(*model_), body_parameters(*model_));
  }

  int run() {
    const train::Split split = train::parse_split(options_.split);
    const train::ImageInput train_input =
        train::image_input(models::info(options_.model), data_, options_.image_size, augment_);
    data::DataLoader train_loader =
        make_loader(data_, train_input, options_, device_, train::Split::Train, left_out_);
    data::DataLoader test_loader = make_loader(data_, input_, options_, device_, split, left_out_);
    check_smallest_batch(options_.model, input_, data_.num_classes, train_loader.dataset().size(),
                         options_.batch_size);
    const Schedule schedule = make_schedule(options_, *optimizer_, train_loader.size());
    std::function<double(std::int64_t)> learning_rate;
    if (!schedule.scheduler && !schedule.plateau)
      learning_rate = [&](std::int64_t step) { return options_.learning_rate(step); };
    train::Trainer trainer(*model_, *optimizer_, train_loader, test_loader,
                           {.epochs = options_.epochs,
                            .device = device_,
                            .measures = split,
                            .learning_rate = learning_rate,
                            .scheduler = schedule.scheduler.get(),
                            .scheduler_steps = schedule.steps,
                            .plateau = schedule.plateau.get(),
                            .monitor = train::Metric::parse(options_.monitor),
                            .early_stopping = options_.early_stopping,
                            .clip_grad_norm = options_.clip_grad_norm.value_or(0),
                            .on_progress =
                                [&](const train::Progress& progress) {
                                  display_.show(progress);
                                  end_step(progress);
                                  return stop_signal() == 0;
                                },
                            .on_metrics = [&](const train::MetricsRow& row) { record(row); },
                            .on_epoch =
                                [&] {
                                  save_epoch(trainer);
                                  freezing_->begin_epoch(trainer.epochs_done());
                                  if (profile_) profile_->resume();
                                }});
    data_mark_ = data_mark(train_loader.dataset(), test_loader.dataset(), data_.classes);
    if (checkpoint_) check_data();
    const std::int64_t step = checkpoint_ ? checkpoint_->step : 0;
    if (checkpoint_) restore(trainer);
    // No run folder is made for a run that cannot be reported, unless the report goes into it.
    const bool json_in_folder = json_.is_in(options_.out);
    if (!json_in_folder) json_.check_writable();
    make_folder();
    if (json_in_folder) json_.check_writable();
    if (!options_.profile.empty()) {
      const io::AtomicFile probe(profile_path());  // found out now, not after the training
    }
    if (options_.resume && (trainer.epochs_done() >= options_.epochs || trainer.stopped_early()))
      return nothing_to_do(trainer);
    if (options_.overwrite) {  // a folder never mixes two runs
      folder_->clear();
      remove_events(folder_->path() / kEventFolder);
      std::error_code ignored;
      std::filesystem::remove(folder_->path() / kProfileFile, ignored);
    }
    folder_->start_metrics(trainer.history());
    if (!options_.tensorboard.empty())
      events_.emplace(options_.tensorboard == "-" ? folder_->path() / kEventFolder
                                                  : std::filesystem::path(options_.tensorboard),
                      step == 0 ? 0 : step + 1);
    introduce(train_loader, test_loader, trainer);
    catch_stop_signals();
    freezing_->begin_epoch(trainer.epochs_done());
    const bool finished = passes(trainer);
    display_.clear();
    for (const data::DataLoader* loader : {&train_loader, &test_loader}) {
      report_skipped(*loader, console_);
      for (const data::SkippedSample& sample : loader->skipped()) skipped_.push_back(sample.cause);
    }
    if (!finished) save(trainer);
    finish_profile();
    if (!finished) return stopped(trainer);
    measure_classes(test_loader);
    return finish(trainer);
  }

 private:
  /// What --pretrained means.
  void find_weights() {
    if (options_.pretrained.empty()) return;
    if (options_.resume) throw UsageError("--pretrained is for a new run");
    if (!options_.weights.empty())
      throw UsageError("--pretrained and --weights exclude each other");
    options_.weights = find_pretrained(pretrained_folder(options_.pretrained), options_.model);
  }

  void measure_classes(data::DataLoader& loader) {
    if (!options_.per_class) return;
    Confusion confusion(data_.num_classes);
    if (confusion.measure(*model_, loader, device_, [] { return stop_signal() == 0; }))
      confusion_.emplace(std::move(confusion));
  }

  /// The run folder, unless it is there since the beginning. Somebody else may have made it in the
  /// meantime, and even have finished a run in it.
  void make_folder() {
    if (folder_) return;
    if (options_.out_is_new) options_.out = train::make_run_folder(options_.model).string();
    folder_.emplace(options_.out);
    if (!options_.overwrite && train::holds_a_run(options_.out)) fail_taken(options_.out);
  }

  /// Everything but a head for another number of classes comes from the file.
  void start_from_weights() {
    const Weights weights = read_weights(options_.weights, options_.weights_options);
    check_model(weights, options_.weights, options_.model);
    check_numbers(weights.tensors, options_.weights);
    fit(options_.weights, weights.tensors, *model_,
        [&] { pretrained_ = nn::load_pretrained(*model_, weights.tensors); });
  }

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

  /// The trace is no file that the run or its report needs.
  void check_profile() const {
    if (options_.profile.empty() || options_.profile == "-") return;
    const JsonOutput trace(options_.profile, "--profile");
    trace.must_not_be(options_.out, "the run folder");
    for (const std::filesystem::path& file : train::run_files(options_.out))
      trace.must_not_be(file, fmt::format("the run's {}", file.filename().string()));
    if (!options_.json.empty() && !json_.takes_stdout())
      trace.must_not_be(options_.json, "the file of --json");
  }

  std::filesystem::path profile_path() const {
    return options_.profile == "-" ? folder_->path() / kProfileFile
                                   : std::filesystem::path(options_.profile);
  }

  /// The test pass after an epoch is no part of the profile.
  void end_step(const train::Progress& progress) {
    if (!profile_ || !progress.training) return;
    if (progress.batch == progress.batches)
      profile_->pause();
    else
      profile_->step();
  }

  void finish_profile() {
    if (!profile_) return;
    const ProfileResult result = profile_->stop();
    profile_.reset();
    display_.clear();
    console_.line("\n" + visible(result.table(), true));
    result.export_chrome_trace(profile_path());
    console_.line(fmt::format("profile    {} (for ui.perfetto.dev)", profile_path().string()));
  }

  /// False when stopped by a signal. Nothing is saved after the loss was not finite.
  bool passes(train::Trainer& trainer) {
    try {
      if (!options_.profile.empty()) profile_.emplace();
      return trainer.run();
    } catch (const train::DivergedError& e) {
      display_.clear();
      finish_profile();
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
    console_.line(fmt::format(
        "nothing to do: the run has {} already{}", epochs_text(trainer.epochs_done()),
        trainer.stopped_early() ? "; --early-stopping ended it, a larger number lets it go on"
                                : ""));
    write_json(trainer, "finished");
    return kOk;
  }

  void introduce(const data::DataLoader& train, const data::DataLoader& test,
                 const train::Trainer& trainer) const {
    console_.line(fmt::format("model      {}, {} parameters", options_.model,
                              grouped(model_->num_parameters())));
    const bool val = options_.split == "val";
    console_.line(fmt::format("data       {}: {} training and {} {} images as {}x{}x{}",
                              data_.str(), grouped(train.dataset().size()),
                              grouped(test.dataset().size()), val ? "validation" : "test",
                              input_.channels, input_.size, input_.size));
    if (split_off_)
      console_.line(
          fmt::format("           the validation images are split off the training images "
                      "(--val-split {})",
                      *options_.data_options.val_split));
    if (data_.kind == "folder")
      console_.line(fmt::format("classes    {}", grouped(data_.num_classes)));
    console_.line(fmt::format("device     {}", device_.str()));
    console_.line(fmt::format("optimizer  {}, learning rate {}, batches of {}, seed {}",
                              options_.optimizer, options_.learning_rate(0), options_.batch_size,
                              options_.seed));
    if (!options_.scheduler.empty())
      console_.line(fmt::format(
          "schedule   {}{}", options_.scheduler,
          options_.warmup_epochs > 0
              ? fmt::format(", after a warm-up of {}", epochs_text(options_.warmup_epochs))
              : ""));
    if (augment_.any()) console_.line("augment    " + augment_.str());
    if (mixes(options_))
      console_.line(
          fmt::format("mix        MixUp {}, CutMix {}", options_.mix_up, options_.cut_mix));
    if (const auto frozen = freezing_->num_frozen(trainer.epochs_done()); frozen > 0)
      console_.line(fmt::format("frozen     {} parameters{}", grouped(frozen),
                                trainer.epochs_done() < options_.head_epochs
                                    ? fmt::format(" for {}", epochs_text(options_.head_epochs))
                                    : ""));
    if (!pretrained_.loaded.empty())
      console_.line(
          fmt::format("weights    {} keys from {}", pretrained_.loaded.size(), options_.weights));
    for (const std::string& key : pretrained_.skipped) console_.line("skipped    " + key);
    report_left_out(left_out_, console_);
    console_.line(fmt::format("run        {}", options_.out));
    for (const std::string& note : notes_) console_.line("note       " + note);
    if (trainer.epochs_done() > 0 || !trainer.history().empty())
      console_.line(fmt::format("resumed    after {} of {}", trainer.epochs_done(),
                                epochs_text(options_.epochs)));
  }

  void record(const train::MetricsRow& row) {
    folder_->append_metrics(row);
    if (events_) events_->add_scalars(row.step, train::scalars_of(row));
    if (row.ends_epoch()) display_.line(epoch_line(row, options_.epochs));
  }

  /// The best weights first: a run that is killed in between finds them again.
  void save_epoch(const train::Trainer& trainer) {
    if (!options_.keep_best.empty() && best_epoch(trainer) == trainer.epochs_done())
      folder_->save_best(model_->state_dict(), model_metadata());
    save(trainer);
  }

  std::int64_t best_epoch(const train::Trainer& trainer) const {
    return train::best_epoch(trainer.history(), train::Metric::parse(options_.keep_best));
  }

  std::map<std::string, std::string> model_metadata() const {
    std::map<std::string, std::string> metadata{{"format", "pt"},
                                                {"model", options_.model},
                                                {"image_size", std::to_string(input_.size)},
                                                {"num_classes", std::to_string(data_.num_classes)}};
    if (!data_.classes.empty()) metadata["classes"] = Json(data_.classes).dump();
    metadata[kResizeKey] = data_.image[1] == 0 ? kCropped : kStretched;
    metadata["mean"] = Json(models::info(options_.model).mean).dump();
    metadata["std"] = Json(models::info(options_.model).std).dump();
    return metadata;
  }

  void save(const train::Trainer& trainer) {
    train::Checkpoint checkpoint = trainer.checkpoint();
    checkpoint.extra[kOptionsKey] = to_json(with_full_paths(options_));
    checkpoint.extra[kDataKey] = data_mark_;
    checkpoint.extra[kDeviceKey] = device_.str();
    checkpoint.extra[kWeightsKey] = Json(model_metadata()).dump();
    const std::string title = fmt::format("{} on {}", options_.model, data_.str());
    folder_->save(checkpoint, trainer.history(), model_metadata(), title);
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
      console_.line(fmt::format("{} accuracy {:.2f} % after {}", options_.split,
                                100 * last.measured_accuracy(),
                                epochs_text(trainer.epochs_done())));
      if (options_.split == "val" && data_.has(train::Split::Test))
        console_.line("test images were not looked at: ingot eval --split test does");
    }
    if (confusion_) console_.raw(confusion_->str(data_.classes));
    if (trainer.stopped_early())
      console_.line(fmt::format("stopped early: no better {} for {}", options_.monitor,
                                epochs_text(*options_.early_stopping)));
    std::error_code ignored;
    if (!options_.keep_best.empty() && std::filesystem::exists(folder_->best_path(), ignored))
      console_.line(fmt::format("best       {} (epoch {})", folder_->best_path().string(),
                                best_epoch(trainer)));
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
    if (!options_.profile.empty()) json["profile"] = profile_path().string();
    json["skipped"] = skipped_;
    json["left_out"] = Json::array();
    for (const std::filesystem::path& path : left_out_) json["left_out"].push_back(path.string());
    json["stopped_early"] = trainer.stopped_early();
    if (!options_.keep_best.empty()) {
      json["best"] = folder_->best_path().string();
      json["best_epoch"] = best_epoch(trainer);
    }
    if (confusion_) json["per_class"] = confusion_->json(data_.classes);
    json["loaded_keys"] = pretrained_.loaded;
    json["skipped_keys"] = pretrained_.skipped;
    json["epochs"] = Json::array();
    for (const train::MetricsRow& row : trainer.history())
      if (row.ends_epoch()) json["epochs"].push_back(Json::parse(train::to_json(row)));
    json_.write(json);
  }

  TrainOptions& options_;
  JsonOutput json_;
  Console console_;
  ProgressDisplay display_;
  std::vector<std::string> notes_;
  std::optional<train::RunFolder> folder_;
  std::optional<train::Checkpoint> checkpoint_;
  Device device_;
  bool split_off_;  // validation images, without --val-split
  train::ImageData data_;
  train::ImageInput input_;
  data::Augmentation augment_;
  std::unique_ptr<nn::Module> model_;
  std::optional<Freezing> freezing_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  nn::PretrainedReport pretrained_;
  std::optional<train::EventWriter> events_;
  std::optional<Profile> profile_;
  std::optional<Confusion> confusion_;  // of what was measured, at the end
  std::vector<std::string> skipped_;    // files and causes
  std::vector<std::filesystem::path> left_out_;
  std::string data_mark_;
};

}  // namespace

INGOT_EXPORT_COMMAND(train) {
  auto options = std::make_shared<TrainOptions>();
  Command command{"train", "Train a model; leaves a run folder", 20};
  command.options = train_table(*options);
  command.footer =
      "The run folder holds checkpoint.safetensors (to go on with), model.safetensors (weights),\n"
      "metrics.jsonl and curves.png. Ctrl-C saves and exits with 130; twice: at once.\n"
      "--resume always keeps the run's --model, --batch-size, --optimizer and its options,\n"
      "--scheduler, --weights, --freeze and its kin, the augmentation, --limit, --image-size, "
      "--split, --val-split, --skip-damaged and "
      "--seed; its\n"
      "--data, --device, --epochs, --lr, --lr-decay and --workers hold unless\n"
      "given anew, --data only as another place of the same data. A loss that is infinite or not a "
      "number ends the run with exit code 1 and\n"
      "leaves the last checkpoint as it is.\n"
      "What is chosen by figures (--keep-best, --early-stopping, --scheduler plateau) is chosen "
      "by\n"
      "the validation images, never by those of the test. Where the data have none, a tenth of "
      "the\n"
      "training images is split off; without such a choice, all are trained on and the test "
      "images\n"
      "are measured after each epoch.\n"
      "cosine, linear and onecycle end with --scheduler-epochs: resuming cannot add epochs "
      "behind.\n"
      "Examples:\n"
      "  ingot train --model lenet5 --data mnist --epochs 10\n"
      "  ingot train --model lenet5 --data mnist:FOLDER --out runs/full\n"
      "  ingot train --out runs/full --resume --epochs 8\n"
      "  ingot train --model resnet18 --data mnist --limit 200 --image-size 64 --epochs 1";
  command.run = [options](const OptionTable& given) { return TrainRun(*options, given).run(); };
  return command;
}

}  // namespace ingot::cli
