#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/data/download.h>
#include <ingot/ops/creation.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <ingot/core/nearest_name.h>
#include "cli/command.h"

namespace ingot::cli {
namespace {

CLI::Validator between(std::int64_t least, std::int64_t most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        errno = 0;
        char* end = nullptr;
        // A number that no std::int64_t holds becomes the largest or smallest one.
        const std::int64_t value = std::strtoll(text.c_str(), &end, 10);
        if (text.empty() || *end != '\0' || value < least)
          return fmt::format("must be a whole number, {} or more, not '{}'", least, text);
        if (value > most || errno != 0)
          return fmt::format("must be at most {}, not '{}'", most, text);
        return std::string();
      },
      "");
}

/// Fails with the text of the exception that `parse` throws.
template <class Parse>
CLI::Validator parses(Parse parse) {
  return CLI::Validator(
      [parse](std::string& text) {
        try {
          parse(text);
        } catch (const Error& e) {
          return std::string(e.what());
        }
        return std::string();
      },
      "");
}

}  // namespace

CLI::Validator positive(std::int64_t most) { return between(1, most); }
CLI::Validator not_negative(std::int64_t most) { return between(0, most); }

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) { return std::string(text.empty() ? "must not be empty" : ""); }, "");
}

CLI::Validator positive_real() {
  return CLI::Validator(
      [](std::string& text) {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (!text.empty() && *end == '\0' && std::isfinite(value) && value > 0)
          return std::string();
        return fmt::format("must be a number above 0, not '{}'", text);
      },
      "");
}

CLI::Validator one_of(const char* what, std::vector<std::string> words) {
  return CLI::Validator(
      [what, words](std::string& text) {
        const std::string lower = lower_case(text);
        for (const std::string& word : words)
          if (word == lower) {
            text = word;
            return std::string();
          }
        return fmt::format("unknown {} '{}'; there are: {}{}", what, text, fmt::join(words, ", "),
                           suggestion(text, words));
      },
      "");
}

CLI::Validator model_name() {
  return parses([](std::string& text) { text = models::info(text).name; });
}
CLI::Validator device_name() {
  return parses([](std::string& text) {
    Device device(text);
    text = lower_case(text);
  });
}
CLI::Validator data_name() {
  return parses([](std::string& text) { text = train::ImageData::parse(text).str(); });
}

std::string model_names() { return fmt::format("{}", fmt::join(models::names(), ", ")); }

CLI::Option* add_model(CLI::App& command, std::string& target) {
  return command.add_option("--model", target, "Model: " + model_names())
      ->type_name("MODEL")
      ->transform(model_name());
}

CLI::Option* add_data(CLI::App& command, std::string& target) {
  return command
      .add_option("--data", target,
                  "Data: 'mnist' (1,000 training and 1,000 test images inside the program), "
                  "'mnist:FOLDER', 'fashion-mnist:FOLDER' (the four IDX files, gzip or raw) or "
                  "'folder:FOLDER' (train/, val/ and test/ or some of them, with a folder of JPEG "
                  "and PNG images "
                  "per class)")
      ->type_name("DATA")
      ->transform(data_name());
}

void add_data_options(CLI::App& command, DataOptions& target) {
  command
      .add_option("--val-split", target.val_split,
                  "Split this share of the training images off for validation, such as 0.2, where "
                  "the data have no val/")
      ->type_name("X")
      ->check(positive_real());
  command.add_flag("--skip-damaged", target.skip_damaged,
                   "Leave out images that cannot be read, and name them at the end");
  command.add_flag("--download", target.download,
                   "Fetch files of mnist:FOLDER or fashion-mnist:FOLDER that are missing");
  command
      .add_option("--download-from", target.download_from,
                  "Fetch them from this address instead of the usual one")
      ->type_name("URL")
      ->check(not_empty());
}

void add_weights_options(CLI::App& command, WeightsOptions& target) {
  command
      .add_option("--key", target.key,
                  "Part of a .pth file that holds the weights, such as model or ema.state_dict "
                  "[found by itself where it is clear]")
      ->type_name("NAME");
  command
      .add_option("--strip-prefix", target.strip_prefix,
                  "Taken off the name of every weight, such as 'module.'")
      ->type_name("TEXT");
  command.add_flag("--skip-objects", target.skip_objects,
                   "Leave out what a .pth file holds besides tensors and plain values, unread");
}

CLI::Option* add_device(CLI::App& command, std::string& target) {
  return command.add_option("--device", target, "Device: best, cpu, cuda, cuda:N, mps")
      ->type_name("DEVICE")
      ->transform(device_name())
      ->capture_default_str();
}

CLI::Option* add_batch_size(CLI::App& command, std::int64_t& target) {
  return command.add_option("--batch-size", target, "Images in a step")
      ->type_name("N")
      ->check(positive(kMaxBatchSize))
      ->capture_default_str();
}

CLI::Option* add_image_size(CLI::App& command, std::optional<std::int64_t>& target) {
  return command
      .add_option("--image-size", target, "Edge of the images in pixels [the model's own]")
      ->type_name("N")
      ->check(positive(kMaxImageSize));
}

CLI::Option* add_limit(CLI::App& command, std::optional<std::int64_t>& target,
                       const std::string& help) {
  return command.add_option("--limit", target, help)->type_name("N")->check(positive());
}

CLI::Option* add_workers(CLI::App& command, std::int64_t& target) {
  return command.add_option("--workers", target, "Threads that prepare batches; 0: none")
      ->type_name("N")
      ->check(not_negative(kMaxWorkers))
      ->capture_default_str();
}

CLI::Option* add_json(CLI::App& command, std::string& target) {
  return command
      .add_option("--json", target, "Write the results as JSON to FILE; alone or '-': to stdout")
      ->type_name("[FILE]")
      ->expected(0, 1)
      ->default_str("-")
      ->each([&target](const std::string& value) { target = value; });
}

train::ImageData prepare_data(const std::string& name, const DataOptions& options,
                              const Console& console) {
  train::ImageData data = train::ImageData::parse(name);
  if (!options.download && !options.download_from.empty())
    throw UsageError("--download-from needs --download");
  if (options.download) {
    if (data.folder.empty() || data.kind == "folder")
      throw UsageError("--download is for --data mnist:FOLDER and fashion-mnist:FOLDER");
    const auto report = [&](const std::string& url) { console.line("fetching   " + url); };
    if (data.kind == "mnist")
      data::download_mnist(data.folder, options.download_from, report);
    else
      data::download_fashion_mnist(data.folder, options.download_from, report);
  }
  if (options.skip_damaged && data.kind != "folder")
    throw UsageError("--skip-damaged is for --data folder:FOLDER");
  data.val_split = options.val_split;
  try {
    data.read_classes();
  } catch (const ValueError& e) {
    throw UsageError(fmt::format("--val-split: {}", e.what()));
  }
  return data;
}

void report_skipped(const data::DataLoader& loader, const Console& console) {
  constexpr std::size_t kMostLines = 10;
  const auto& skipped = loader.skipped();
  for (std::size_t i = 0; i < skipped.size() && i < kMostLines; ++i)
    console.line(fmt::format("skipped    {}", skipped[i].cause));
  if (skipped.size() > kMostLines)
    console.line(fmt::format("skipped    {} more", skipped.size() - kMostLines));
}

void report_left_out(const std::vector<std::filesystem::path>& left_out, const Console& console) {
  constexpr std::size_t kMostLines = 10;
  for (std::size_t i = 0; i < left_out.size() && i < kMostLines; ++i)
    console.line(fmt::format("left out   {}", left_out[i].string()));
  if (left_out.size() > kMostLines)
    console.line(fmt::format("left out   {} more", left_out.size() - kMostLines));
}

Device usable_device(const std::string& name) {
  const Device device(name);
  if (!is_available(device))
    throw DeviceError(
        fmt::format("device {} cannot be used: {}", device.str(), why_unavailable(device)));
  return device;
}

void check_image_size(nn::Module& model, const std::string& name, const train::ImageInput& input) {
  try {
    train::check_input(model, name, input);
  } catch (const ShapeError& e) {
    const std::string text = e.what();  // the lines that follow name places inside Ingot
    throw UsageError("--image-size: " + text.substr(0, text.find('\n')));
  }
}

void check_smallest_batch(const std::string& model, const train::ImageInput& input,
                          std::int64_t num_classes, std::int64_t images, std::int64_t batch_size) {
  if (batch_size != 1 && images % batch_size != 1) return;
  // A model of its own: trying moves the running statistics, and may draw random numbers.
  const Generator::State random = default_generator().state();
  const auto probe = models::create(model, {.num_classes = num_classes, .in_channels = {}});
  std::string cause;
  try {
    (*probe)(zeros(input.batch_shape(1)));
  } catch (const ValueError& e) {
    cause = e.what();
    cause.resize(std::min(cause.find('\n'), cause.size()));
  }
  default_generator().set_state(random);
  if (cause.empty()) return;
  throw UsageError(
      fmt::format("{} images in batches of {} leave {} a single image, on which {} cannot be "
                  "trained with images "
                  "of {}x{}; choose another --batch-size or --limit, or a larger --image-size ({})",
                  images, batch_size, batch_size == 1 ? "every batch" : "the last batch", model,
                  input.size, input.size, cause));
}

namespace {

/// Images of files, whose errors tell what the command line can do about them.
class ImageFiles final : public data::Dataset {
 public:
  ImageFiles(std::shared_ptr<const data::Dataset> images, bool skip_damaged)
      : images_(std::move(images)), skip_damaged_(skip_damaged) {}

  std::int64_t size() const override { return images_->size(); }
  std::string name_of(std::int64_t index) const override { return images_->name_of(index); }
  data::Sample get(const data::SampleKey& key) const override {
    try {
      return images_->get(key);
    } catch (const IoError& e) {
      std::string text = e.what();
      // The name of what a program in C++ could set.
      constexpr std::string_view kOption = " (DecodeOptions::max_pixels)";
      if (const auto at = text.find(kOption); at != std::string::npos)
        text.erase(at, kOption.size());
      if (!skip_damaged_) text += "; --skip-damaged leaves out images that cannot be read";
      throw IoError(text);
    }
  }

 private:
  std::shared_ptr<const data::Dataset> images_;
  bool skip_damaged_;
};

}  // namespace

std::shared_ptr<const data::Dataset> open_data(const train::ImageData& data, train::Split split,
                                               const data::Transform& transform,
                                               std::optional<std::int64_t> limit,
                                               const DataOptions& options,
                                               std::vector<std::filesystem::path>* left_out) {
  std::shared_ptr<const data::Dataset> all = data.open(split, transform, left_out);
  const bool files = data.kind == "folder";
  if (files) all = std::make_shared<ImageFiles>(std::move(all), options.skip_damaged);
  if (!limit || *limit >= all->size()) return all;
  if (!files) return std::make_shared<data::Subset>(std::move(all), *limit);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < *limit; ++i) indices.push_back(i * all->size() / *limit);
  return std::make_shared<data::Subset>(std::move(all), std::move(indices));
}

}  // namespace ingot::cli
