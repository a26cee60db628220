// ingot predict: what a trained model takes images, or sentences, for.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/grad_mode.h>
#include <ingot/data/image_file.h>
#include <ingot/data/image_folder.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/ops/order.h>
#include <ingot/ops/softmax.h>
#include <ingot/train/image_task.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/predict_text.h"
#include "cli/saved_run.h"
#include "cli/stop_signal.h"
#include "cli/weights.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;

struct PredictOptions {
  std::string run;
  std::vector<std::string> images;  ///< files and folders
  std::optional<std::string> text, text_pair;
  std::string model, classes;
  WeightsOptions weights_options;
  std::int64_t top = 5;
  bool skip_damaged = false;
  std::string device = "best";
  std::int64_t batch_size = 32;
  std::int64_t workers = 1;
  std::optional<std::int64_t> image_size;
  std::string json, csv;
};

/// The image files that the arguments mean, those of folders sorted; other files in folders are
/// passed over.
std::vector<fs::path> find_images(const std::vector<std::string>& arguments) {
  std::vector<fs::path> found;
  for (const std::string& argument : arguments) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    if (!fs::exists(status)) throw IoError(fmt::format("{}: no such file or folder", argument));
    if (!fs::is_directory(status)) {
      found.emplace_back(argument);
      continue;
    }
    std::vector<fs::path> inside = data::find_images(argument);
    if (inside.empty())
      throw IoError(fmt::format("{}: the folder holds no image (.jpg, .jpeg, .png)", argument));
    found.insert(found.end(), inside.begin(), inside.end());
  }
  return found;
}

/// The images, each with its number as the target.
class ImageFiles final : public data::Dataset {
 public:
  ImageFiles(std::vector<fs::path> files, data::Transform transform)
      : files_(std::move(files)), transform_(std::move(transform)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::string name_of(std::int64_t index) const override {
    return files_[static_cast<std::size_t>(index)].string();
  }
  data::Sample get(const data::SampleKey& key) const override {
    data::Picture picture =
        transform_(data::read_image(files_[static_cast<std::size_t>(key.index)]), key);
    return {std::get<data::FloatImage>(std::move(picture)), key.index};
  }

 private:
  std::vector<fs::path> files_;
  data::Transform transform_;
};

/// A name a line, as many as there are classes.
std::vector<std::string> read_classes(const std::string& path, std::int64_t count) {
  std::ifstream file(path);
  if (!file) throw IoError(fmt::format("{}: cannot read the names of the classes", path));
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    names.push_back(line);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  if (static_cast<std::int64_t>(names.size()) != count)
    throw ValueError(
        fmt::format("{}: {} names, but the weights have {} classes", path, names.size(), count));
  return names;
}

/// As the weights' own data were, but from files, which are RGB.
train::ImageInput input_of(const Weights& weights, const PredictOptions& options,
                           const std::string& path) {
  train::ImageData files = train::ImageData::parse("folder:.");
  if (const auto resize = weights.metadata.find(kResizeKey);
      resize != weights.metadata.end() && resize->second == kStretched)
    files.image = {3, 1, 1};  // of one size, and not the model's
  const auto size = options.image_size ? options.image_size : image_size_of(weights, path);
  return train::image_input(normalised_as(weights, path, models::info(options.model)), files, size);
}

struct Guess {
  std::int64_t index = 0;
  double probability = 0;
};

struct Prediction {
  fs::path image;
  std::vector<Guess> guesses;  ///< the likeliest first; empty when the image could not be read
  std::string error;
};

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

class Predictor {
 public:
  Predictor(PredictOptions options, std::string path)
      : options_(std::move(options)),
        path_(std::move(path)),
        json_(options_.json),
        csv_(options_.csv, "--csv"),
        console_(json_.takes_stdout() || csv_.takes_stdout()),
        device_(usable_device(options_.device)) {}

  int run() {
    check_outputs();
    const std::vector<fs::path> files = find_images(options_.images);
    const Weights weights = read_weights(path_, options_.weights_options);
    if (options_.model.empty()) options_.model = model_of(weights, path_);
    check_model(weights, path_, options_.model);
    check_numbers(weights.tensors, path_);
    num_classes_ =
        num_classes_of(weights, path_, options_.model, models::ModelOptions().num_classes);
    classes_ = options_.classes.empty() ? classes_of(weights, path_)
                                        : read_classes(options_.classes, num_classes_);
    if (!classes_.empty() && static_cast<std::int64_t>(classes_.size()) != num_classes_)
      throw IoError(fmt::format("{}: the metadata are damaged: {} names of {} classes", path_,
                                classes_.size(), num_classes_));
    const train::ImageInput input = input_of(weights, options_, path_);
    const auto model =
        models::create(options_.model, {.num_classes = num_classes_, .in_channels = {}});
    check_image_size(*model, options_.model, input);
    fit(path_, weights.tensors, *model, [&] { model->load_state_dict(weights.tensors); });
    model->to(device_);
    model->eval();
    for (const fs::path& file : files) predictions_.push_back({file, {}, {}});
    catch_stop_signals();
    predict(*model, input);
    if (stop_signal() != 0) {
      console_.line("stopped before the end; no result");
      return 128 + stop_signal();
    }
    return report();
  }

 private:
  void check_outputs() const {
    if (json_.takes_stdout() && csv_.takes_stdout())
      throw UsageError("--json and --csv cannot both go to stdout");
    json_.must_not_be(path_, "the weights");
    csv_.must_not_be(path_, "the weights");
    for (const std::string& image : options_.images) {
      json_.must_not_be(image, "the image");
      csv_.must_not_be(image, "the image");
    }
    if (!options_.csv.empty() && !csv_.takes_stdout())
      json_.must_not_be(options_.csv, "the file of --csv");
    json_.check_writable();
    csv_.check_writable();
  }

  void predict(nn::Module& model, const train::ImageInput& input) {
    const NoGradGuard no_grad;
    std::vector<fs::path> files;
    for (const Prediction& p : predictions_) files.push_back(p.image);
    data::DataLoader loader(std::make_shared<ImageFiles>(std::move(files), input.transform),
                            {.batch_size = std::min(options_.batch_size,
                                                    static_cast<std::int64_t>(predictions_.size())),
                             .workers = static_cast<int>(options_.workers),
                             .on_error = data::OnError::Skip,
                             .device = device_});
    try {
      for (const auto& [images, numbers] : loader) {
        take(softmax(model(images), 1), numbers);
        if (stop_signal() != 0) return;
      }
    } catch (const IoError&) {
      // Not one of them could be read: each has its cause.
      if (loader.skipped().empty()) throw;
    }
    for (const data::SkippedSample& sample : loader.skipped())
      predictions_[static_cast<std::size_t>(sample.index)].error = sample.cause;
  }

  void take(const Tensor& probabilities, const Tensor& numbers) {
    const std::int64_t count = std::min(options_.top, num_classes_);
    const auto [values, indices] = topk(probabilities, count, 1);
    const std::vector<float> p = values.to(float32).to_vector<float>();
    const std::vector<std::int64_t> classes = indices.to_vector<std::int64_t>();
    const std::vector<std::int64_t> rows = numbers.to_vector<std::int64_t>();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      Prediction& prediction = predictions_[static_cast<std::size_t>(rows[row])];
      for (std::size_t i = row * static_cast<std::size_t>(count);
           i < (row + 1) * static_cast<std::size_t>(count); ++i) {
        if (!std::isfinite(p[i]))
          throw ValueError(fmt::format("{}: what {} makes of {} is no number", path_,
                                       options_.model, prediction.image.string()));
        prediction.guesses.push_back({classes[i], p[i]});
      }
    }
  }

  std::string class_name(std::int64_t index) const {
    return classes_.empty() ? std::to_string(index) : classes_[static_cast<std::size_t>(index)];
  }

  int report() const {
    std::vector<std::vector<std::string>> rows{{"image", "probability", "class"}};
    std::string csv = "image,rank,class,index,probability\n";
    Json json;
    json["weights"] = path_;
    json["model"] = options_.model;
    json["device"] = device_.str();
    json["images"] = Json::array();
    json["errors"] = Json::array();
    std::size_t failed = 0;
    for (const Prediction& prediction : predictions_) {
      if (prediction.guesses.empty()) {
        ++failed;
        json["errors"].push_back(
            {{"image", prediction.image.string()}, {"cause", prediction.error}});
        continue;
      }
      Json guesses = Json::array();
      for (std::size_t rank = 0; rank < prediction.guesses.size(); ++rank) {
        const Guess& guess = prediction.guesses[rank];
        const std::string name = class_name(guess.index);
        rows.push_back({rank == 0 ? visible(prediction.image.string()) : "",
                        fmt::format("{:.2f} %", 100 * guess.probability), visible(name)});
        csv += fmt::format("{},{},{},{},{:.6g}\n", csv_cell(prediction.image.string()), rank + 1,
                           csv_cell(name), guess.index, guess.probability);
        guesses.push_back(
            {{"class", name}, {"index", guess.index}, {"probability", guess.probability}});
      }
      json["images"].push_back({{"image", prediction.image.string()}, {"predictions", guesses}});
    }
    if (failed < predictions_.size()) console_.raw(table(rows));
    json_.write(json);
    csv_.write_text(csv);
    if (failed == 0) return kOk;
    if (options_.skip_damaged) {
      for (const Prediction& prediction : predictions_)
        if (!prediction.error.empty()) console_.line("skipped    " + prediction.error);
      return kOk;
    }
    std::string text =
        fmt::format("{} of {} images could not be read", failed, predictions_.size());
    for (const Prediction& prediction : predictions_)
      if (!prediction.error.empty()) text += "\n  " + visible(prediction.error);
    throw IoError(text);
  }

  PredictOptions options_;
  std::string path_;
  JsonOutput json_, csv_;
  Console console_;
  Device device_;
  std::int64_t num_classes_ = 0;
  std::vector<std::string> classes_;
  std::vector<Prediction> predictions_;
};

int predict_sentences(const PredictOptions& options, const OptionTable& given) {
  for (const char* flag : {"--model", "--classes", "--image-size", "--workers", "--batch-size",
                           "--skip-damaged", "--strip-prefix", "--skip-objects", "--key"})
    if (given.given(flag))
      throw UsageError(
          fmt::format("{} is for models of images; {} holds one of sentences", flag, options.run));
  return predict_text({.folder = options.run,
                       .text = options.text,
                       .pair = options.text_pair,
                       .files = options.images,
                       .top = options.top,
                       .device = options.device,
                       .json = options.json,
                       .csv = options.csv});
}

}  // namespace

INGOT_EXPORT_COMMAND(predict) {
  auto options = std::make_shared<PredictOptions>();
  Command command{"predict", "Say what a trained model takes images, or sentences, for", 32};
  OptionTable& table = command.options;
  table
      .add("RUN", options->run, "",
           "Folder of a run (its best weights, else its last), or a file of weights")
      .required()
      .check(not_empty());
  table
      .add("FILE", options->images, "",
           "JPEG and PNG files, or folders of them; for a model of sentences csv or json files")
      .check(not_empty());
  table.add("--text", options->text, "TEXT", "A sentence, for a model of sentences");
  table.add("--text-pair", options->text_pair, "TEXT", "The second sentence of a pair");
  table.add("--top", options->top, "N", "So many classes of each, the likeliest first")
      .check(positive())
      .show_usual();
  add_model(table, options->model)
      .describe("Model, where the weights do not tell it: " + model_names());
  table
      .add("--classes", options->classes, "FILE",
           "Names of the classes, one a line, where the weights do not tell them")
      .check(not_empty());
  add_weights_options(table, options->weights_options);
  add_device(table, options->device);
  add_batch_size(table, options->batch_size);
  add_image_size(table, options->image_size);
  add_workers(table, options->workers);
  table.add("--skip-damaged", options->skip_damaged, "",
            "Images that cannot be read are no error; they are named at the end");
  OptionRow& csv = table.add("--csv", options->csv, "[FILE]",
                             "Write the results as CSV to FILE; alone or '-': to stdout");
  csv.value_may_lack = true;
  add_config(table);
  add_json(table, options->json);
  command.footer =
      "The model, its classes, the images' size and how they are resized and normalised are those\n"
      "that the run saved. Images that cannot be read do not keep the others from being "
      "predicted;\n"
      "the exit code is 1 then.\n"
      "Examples:\n"
      "  ingot predict runs/demo photo.jpg\n"
      "  ingot predict out --text 'The cat sleeps.' --text-pair 'A cat is asleep.'\n"
      "  ingot predict runs/demo photos/ --top 1 --csv result.csv\n"
      "  ingot predict mobilenet_v2-b0353104.pth photo.jpg --model mobilenet_v2 --classes "
      "names.txt";
  command.run = [options](const OptionTable& given) {
    if (glue::is_sentence_model(options->run)) return predict_sentences(*options, given);
    for (const char* flag : {"--text", "--text-pair"})
      if (given.given(flag))
        throw UsageError(fmt::format("{}: {} holds no model of sentences", flag, options->run));
    if (options->images.empty()) throw UsageError("FILE is required: an image, or a folder");
    return Predictor(*options, weights_of(options->run)).run();
  };
  return command;
}

}  // namespace ingot::cli
