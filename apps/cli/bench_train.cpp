// ingot bench train: one epoch of training per model, batch size and device.
#include <fmt/format.h>
#include <ingot/core/generator.h>
#include <ingot/core/memory.h>
#include <ingot/data/data_loader.h>
#include <ingot/ops/loss.h>
#include <ingot/optim/adam.h>
#include <ingot/train/image_task.h>

#include <algorithm>
#include <optional>

#include "cli/bench.h"
#include "cli/options.h"
#include "cli/stop_signal.h"

namespace ingot::cli {
namespace {

struct BenchTrainOptions {
  std::vector<std::string> models;
  std::vector<std::int64_t> batch_sizes{64};
  std::int64_t images = 1000;
  std::optional<std::int64_t> steps;
  std::string data = "mnist";
  BenchCommon common;
};

struct Case {
  std::string model;
  std::int64_t batch_size;
  Device device;
};

struct Result {
  Case run;
  double first = 0;             ///< seconds of the first step, which plans
  std::vector<double> samples;  ///< seconds of every other step of whole batches
  double total = 0;             ///< seconds of all steps, smaller batches too
  std::int64_t images = 0;      ///< in all steps
  std::size_t peak_bytes = 0;

  double step() const { return median(samples); }
  double images_per_second() const { return static_cast<double>(run.batch_size) / step(); }
};

/// Takes its steps through batch after batch of the data, which are made between the steps and do
/// not count.
class CaseRun {
 public:
  CaseRun(const Case& run, const BenchTrainOptions& options, const train::ImageData& data,
          const Console& console)
      : options_(options), console_(console), result_{.run = run} {
    const auto input = train::image_input(models::info(run.model), data);
    const std::int64_t images =
        std::min(options.images, data.open(train::Split::Train, {})->size());
    check_smallest_batch(run.model, input, data.num_classes, images, run.batch_size);
    empty_cache(run.device);
    reset_peak_memory_stats(run.device);
    manual_seed(0);
    model_ = models::create(run.model, {.num_classes = data.num_classes, .in_channels = {}});
    model_->to(run.device);
    optimizer_.emplace(model_->parameters(), optim::AdamOptions{.lr = 1e-3});
    loader_.emplace(open_data(data, train::Split::Train, input.transform, options.images, {}),
                    data::LoaderOptions{.batch_size = run.batch_size, .workers = 0, .seed = 0});
  }

  /// Nothing when a signal came before there was a sample.
  std::optional<Result> run() {
    // An epoch of a single whole batch leaves no sample beside the first step: it is passed through
    // once more, and the first pass does not count.
    const std::int64_t wanted = options_.steps.value_or(
        std::max<std::int64_t>(1, loader_->dataset().size() / result_.run.batch_size - 1));
    std::int64_t taken = 0;
    while (taken <= wanted) {
      for (const data::Batch& batch : *loader_) {
        if (stop_signal() != 0) return finish();
        const bool whole = batch.inputs().size(0) == result_.run.batch_size;
        if (taken > wanted && (whole || options_.steps)) return finish();
        const double seconds = step(batch);
        result_.total += seconds;
        result_.images += batch.inputs().size(0);
        if (!whole) continue;
        if (taken++ == 0)
          result_.first = seconds;
        else
          result_.samples.push_back(seconds);
        progress(taken, wanted + 1);
      }
      if (result_.samples.empty() && !options_.steps) {
        result_.total = 0;
        result_.images = 0;
      }
    }
    return finish();
  }

 private:
  double step(const data::Batch& batch) {
    const Tensor images = batch.inputs().to(result_.run.device).eval();
    const Tensor labels = batch.targets().to(result_.run.device).eval();
    return seconds_of([&] {
      optimizer_->zero_grad();
      const Tensor loss = cross_entropy((*model_)(images), labels);
      loss.backward();
      optimizer_->step();
      loss.item();  // waits for the device
    });
  }

  std::optional<Result> finish() {
    clear_progress();
    result_.peak_bytes = max_memory_allocated(result_.run.device);
    if (result_.samples.empty()) return std::nullopt;
    return result_;
  }

  void progress(std::int64_t done, std::int64_t of) const {
    if (!console_.is_terminal()) return;
    console_.raw(fmt::format("\r\033[K{} on {}, batches of {}: step {} of {}", result_.run.model,
                             result_.run.device.str(), result_.run.batch_size, done, of));
  }
  void clear_progress() const {
    if (console_.is_terminal()) console_.raw("\r\033[K");
  }

  const BenchTrainOptions& options_;
  const Console& console_;
  Result result_;
  std::unique_ptr<nn::Module> model_;
  std::optional<optim::Adam> optimizer_;
  std::optional<data::DataLoader> loader_;
};

/// How many times faster than on the cpu, if it ran there.
std::optional<double> speed_up(const Result& result, const std::vector<Result>& results) {
  for (const Result& other : results)
    if (other.run.device == Device("cpu") && other.run.model == result.run.model &&
        other.run.batch_size == result.run.batch_size)
      return other.step() / result.step();
  return std::nullopt;
}

Json to_json(const Result& r, const std::vector<Result>& all, const Json& versions) {
  Json row;
  row["model"] = r.run.model;
  row["device"] = r.run.device.str();
  row["batch_size"] = r.run.batch_size;
  row["median_step_seconds"] = r.step();
  row["first_step_seconds"] = r.first;
  row["samples"] = r.samples;
  row["seconds"] = r.total;
  row["images"] = r.images;
  row["images_per_second"] = r.images_per_second();
  row["peak_bytes"] = r.peak_bytes;
  const auto faster = speed_up(r, all);
  row["speedup_vs_cpu"] = faster ? Json(*faster) : Json();
  row["versions"] = versions;
  return row;
}

std::vector<std::string> to_row(const Result& r, const std::vector<Result>& all) {
  const auto faster = speed_up(r, all);
  return {r.run.model,
          r.run.device.str(),
          std::to_string(r.run.batch_size),
          fmt::format("{:.1f}", r.step() * 1e3),
          fmt::format("{:.1f}", r.first * 1e3),
          fmt::format("{:.1f}", r.images_per_second()),
          grouped(r.images),
          fmt::format("{:.2f}", r.total),
          bytes(r.peak_bytes),
          faster ? fmt::format("{:.2f}", *faster) : "-"};
}

int run_bench_train(const BenchTrainOptions& options) {
  const JsonOutput json_output(options.common.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const std::int64_t largest =
      *std::max_element(options.batch_sizes.begin(), options.batch_sizes.end());
  const train::ImageData data = prepare_data(options.data, {}, console);
  const auto available = data.open(train::Split::Train, {})->size();
  if (std::min(options.images, available) < largest)
    throw UsageError(fmt::format("--batch-size {} needs as many images; there are {} ({})", largest,
                                 std::min(options.images, available),
                                 options.images < available ? "--images" : options.data));
  std::vector<Result> results;
  catch_stop_signals();
  for (const std::string& model : options.models)
    for (const std::int64_t batch_size : options.batch_sizes)
      for (const Device& device : bench_devices(options.common.devices))
        if (stop_signal() == 0)
          if (auto result = CaseRun({model, batch_size, device}, options, data, console).run())
            results.push_back(std::move(*result));
  std::vector<std::vector<std::string>> shown{{"model", "device", "batch", "median ms", "first ms",
                                               "images/s", "images", "seconds", "peak memory",
                                               "speed-up"}};
  Json rows = Json::array();
  const Json versions = bench_versions();
  for (const Result& result : results) {
    shown.push_back(to_row(result, results));
    rows.push_back(to_json(result, results, versions));
  }
  console.raw(table(shown));
  json_output.write(rows);
  if (stop_signal() == 0) return kOk;
  console.line("stopped before the end");
  return 128 + stop_signal();
}

}  // namespace

INGOT_EXPORT_COMMAND(bench_train) {
  auto options = std::make_shared<BenchTrainOptions>();
  Command command{"bench train", "Time an epoch of training with Adam, step by step", 51};
  OptionTable& table = command.options;
  table.add("--models", options->models, "MODEL,...", "Models, with commas: " + model_names())
      .check(model_name())
      .offers(models::names())
      .required();
  table.add("--batch-size", options->batch_sizes, "N,...", "Images in a step; several with commas")
      .check(positive(kMaxBatchSize))
      .show_usual();
  table.add("--images", options->images, "N", "N training images, chosen as by --limit of train")
      .check(positive())
      .show_usual();
  table
      .add("--steps", options->steps, "N",
           "Timed steps after the first one, instead of one pass over the images")
      .check(positive());
  add_data(table, options->data).show_usual();
  add_bench_common(table, options->common);
  command.footer =
      "Images are resized to what the model was designed for (224x224x3 but for lenet5 and mlp). "
      "A\n"
      "step is forward, cross-entropy, backward and update; making batches does not count. The\n"
      "first step, which plans, is shown apart; a last, smaller batch counts in images and "
      "seconds.\n"
      "Images are those that were trained on: with --steps, one may count several times.\n"
      "Examples:\n"
      "  ingot bench train --models resnet18,vgg16 --batch-size 4,64 --devices all --images 1000\n"
      "  ingot bench train --models mobilenet_v2 --steps 5 --json bench.json";
  command.run = [options](const OptionTable&) { return run_bench_train(*options); };
  return command;
}

}  // namespace ingot::cli
