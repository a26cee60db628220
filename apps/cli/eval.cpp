// ingot eval: loss and accuracy of saved weights on the test images, or another part of the data.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/train/image_task.h>
#include <ingot/train/trainer.h>

#include <chrono>
#include <cmath>
#include <type_traits>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/per_class.h"
#include "cli/progress.h"
#include "cli/saved_run.h"
#include "cli/stop_signal.h"
#include "cli/weights.h"

namespace ingot::cli {
namespace {

struct EvalOptions {
  std::string run;  ///< a folder, or a file of weights
  std::string model, weights, data;
  WeightsOptions weights_options;
  DataOptions data_options;
  std::string split;  ///< of the data; empty: the test images, or what there is instead
  std::string device = "best";
  std::int64_t batch_size = 256;
  std::int64_t workers = 1;
  std::optional<std::int64_t> image_size, limit;
  bool per_class = false;
  std::string json;
};

/// Throws ValueError when the file says that its weights are for other data.
void check_data(const Weights& weights, const EvalOptions& options, const train::ImageData& data) {
  const auto classes = weights.metadata.find("classes");
  if (classes != weights.metadata.end() && !data.classes.empty() &&
      classes->second != Json(data.classes).dump())
    throw ValueError(fmt::format("{}: the weights tell the classes {}, the data have {}",
                                 options.weights, classes->second, Json(data.classes).dump()));
  if (const auto count = num_classes_of(weights, options.weights);
      count && *count != data.num_classes)
    throw ValueError(fmt::format("{}: the weights tell {} classes, the data have {}",
                                 options.weights, *count, data.num_classes));
}

/// The data that the run was trained on, divided as they were there.
void take_data_of_run(EvalOptions& options, const OptionTable& given) {
  const Json run = run_options_beside(options.weights);
  const auto take = [&](const char* flag, auto& target) {
    const auto found = run.find(flag + 2);
    if (found == run.end() || found->is_null() || given.given(flag)) return;
    try {
      target = found->template get<typename std::decay_t<decltype(target)>::value_type>();
    } catch (const Json::exception&) {
      throw IoError(fmt::format("the run of {}: its options are damaged: {} is {}", options.weights,
                                flag, found->dump()));
    }
  };
  std::optional<std::string> data;
  std::optional<bool> skip_damaged;
  take("--data", data);
  if (!data || data->empty())
    throw UsageError(fmt::format("--data is required: there is no run beside {}", options.weights));
  take("--val-split", options.data_options.val_split);
  take("--limit", options.limit);
  take("--skip-damaged", skip_damaged);
  options.data = train::ImageData::parse(*data).str();
  if (skip_damaged) options.data_options.skip_damaged = *skip_damaged;
}

/// Which part of the data is meant.
train::Split split_of(const EvalOptions& options, const OptionTable& given,
                      const train::ImageData& data) {
  using train::Split;
  if (options.split.empty())
    return given.given("--val-split") || !data.has(Split::Test) ? Split::Val : Split::Test;
  return train::parse_split(options.split);
}

/// Throws UsageError when there is no such part.
void check_split(train::Split split, const train::ImageData& data) {
  if (data.has(split)) return;
  throw UsageError(fmt::format("--split {}: {} has no such images{}", name(split), data.str(),
                               split == train::Split::Val
                                   ? "; --val-split 0.1 makes those that ingot train split off"
                                   : ""));
}

/// What the command line does not say, the file may: the model, the size of its images and how they
/// were normalised.
int run_eval(EvalOptions options, const OptionTable& given) {
  if (options.run.empty() == options.weights.empty())
    throw UsageError(options.run.empty() ? "RUN is required: a run folder or a file of weights"
                                         : "RUN and --weights exclude each other");
  if (!options.run.empty() && glue::is_sentence_model(options.run))
    throw UsageError(
        fmt::format("{0} holds a model of sentences: ingot glue --model_name_or_path {0} --do_eval "
                    "with --validation_file, or --task_name and --data_dir, measures it",
                    options.run));
  if (options.weights.empty()) options.weights = weights_of(options.run);
  const JsonOutput json_output(options.json);
  json_output.must_not_be(options.weights, "the weights");
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const Device device = usable_device(options.device);
  const Weights weights = read_weights(options.weights, options.weights_options);
  if (options.model.empty()) options.model = model_of(weights, options.weights);
  check_model(weights, options.weights, options.model);
  check_numbers(weights.tensors, options.weights);
  if (options.data.empty()) take_data_of_run(options, given);
  const auto data = prepare_data(options.data, options.data_options, console);
  const train::Split split = split_of(options, given, data);
  check_split(split, data);
  check_data(weights, options, data);
  if (!options.image_size) options.image_size = image_size_of(weights, options.weights);
  const auto input =
      train::image_input(normalised_as(weights, options.weights, models::info(options.model)), data,
                         options.image_size);
  const auto model =
      models::create(options.model, {.num_classes = data.num_classes, .in_channels = {}});
  check_image_size(*model, options.model, input);
  fit(options.weights, weights.tensors, *model, [&] { model->load_state_dict(weights.tensors); });
  model->to(device);

  std::vector<std::filesystem::path> left_out;
  data::DataLoader loader(
      open_data(data, split, input.transform, options.limit, options.data_options, &left_out),
      {.batch_size = options.batch_size,
       .workers = static_cast<int>(options.workers),
       .on_error = options.data_options.on_error(),
       .device = device});
  catch_stop_signals();
  ProgressDisplay display(console);
  const auto start = std::chrono::steady_clock::now();
  const train::Averages result =
      train::evaluate(*model, loader, device, [&](const train::Progress& progress) {
        display.show(progress);
        return stop_signal() == 0;
      });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  display.clear();
  const auto skipped = static_cast<std::int64_t>(loader.skipped().size());
  if (result.count + skipped < loader.dataset().size()) {
    console.line("stopped before the end; no result");
    return 128 + stop_signal();
  }
  report_left_out(left_out, console);
  report_skipped(loader, console);
  console.line(fmt::format("data {}: the {} images", data.str(),
                           split == train::Split::Train ? "training"
                           : split == train::Split::Val ? "validation"
                                                        : "test"));
  console.line(fmt::format(
      "loss {}  accuracy {:.2f} % ({} of {})  {} images/s  {}", four_digits(result.loss()),
      100 * result.accuracy(), grouped(result.correct), grouped(result.count),
      grouped(static_cast<std::int64_t>(static_cast<double>(result.count) / seconds)),
      duration(seconds)));
  Json json;
  if (options.per_class) {
    Confusion confusion(data.num_classes);
    if (!confusion.measure(*model, loader, device, [] { return stop_signal() == 0; })) {
      console.line("stopped before the end; no result");
      return 128 + stop_signal();
    }
    console.raw(confusion.str(data.classes));
    json["per_class"] = confusion.json(data.classes);
  }
  json["model"] = options.model;
  json["weights"] = options.weights;
  json["data"] = options.data;
  json["split"] = name(split);
  json["device"] = device.str();
  json["image_size"] = input.size;
  json["loss"] = result.loss();
  json["accuracy"] = result.accuracy();
  json["correct"] = result.correct;
  json["count"] = result.count;
  json["skipped"] = Json::array();
  for (const data::SkippedSample& sample : loader.skipped())
    json["skipped"].push_back(sample.cause);
  json["seconds"] = seconds;
  json["images_per_second"] = static_cast<double>(result.count) / seconds;
  json["left_out"] = Json::array();
  for (const std::filesystem::path& path : left_out) json["left_out"].push_back(path.string());
  json_output.write(json);
  if (!std::isfinite(result.loss()))
    throw ValueError(fmt::format("{}: the loss is {}: the accuracy means nothing", options.weights,
                                 four_digits(result.loss())));
  return kOk;
}

}  // namespace

INGOT_EXPORT_COMMAND(eval) {
  auto options = std::make_shared<EvalOptions>();
  Command command{"eval", "Test saved weights on the test images", 30};
  OptionTable& table = command.options;
  table.add("RUN", options->run, "",
            "Folder of a run (its best weights, else its last), or a file of weights");
  add_model(table, options->model)
      .describe("Model, where the weights of a run do not tell it: " + model_names());
  table
      .add(
          "--weights", options->weights, "FILE",
          "Instead of RUN: model.safetensors or checkpoint.safetensors of a run, or a .pth file of "
          "PyTorch")
      .check(not_empty());
  add_weights_options(table, options->weights_options);
  OptionRow& data = add_data(table, options->data);
  data.describe(data.help +
                " [the run's, as far as --limit, --val-split and --skip-damaged go, too]");
  add_data_options(table, options->data_options);
  table
      .add(
          "--split", options->split, "SPLIT",
          "Which images: train, val or test [test where there are such, else val; with --val-split "
          "val]")
      .one_of("split", {"test", "train", "val"});
  add_device(table, options->device);
  add_batch_size(table, options->batch_size);
  add_image_size(table, options->image_size);
  add_limit(
      table, options->limit,
      "Only N images: the first; of folder: ones spread evenly over the classes' files [all]");
  add_workers(table, options->workers);
  table.add("--per-class", options->per_class, "", "Show precision, recall and F1 of each class");
  add_config(table);
  add_json(table, options->json);
  command.footer =
      "The model, the images' size and their normalisation are those that the file tells, unless\n"
      "they are given. Of a run, the data are those it was trained on, unless --data is given.\n"
      "Examples:\n"
      "  ingot eval runs/demo\n"
      "  ingot eval runs/demo --split val\n"
      "  ingot eval --weights runs/demo/model.safetensors --data mnist\n"
      "  ingot eval --model lenet5 --weights model.safetensors --data mnist:FOLDER --json out.json";
  command.run = [options](const OptionTable& given) { return run_eval(*options, given); };
  return command;
}

}  // namespace ingot::cli
