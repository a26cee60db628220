#include "cli/options.h"

#include <fmt/format.h>
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

CLI::Validator model_name() {
  return parses([](const std::string& text) { models::info(text); });
}
CLI::Validator device_name() {
  return parses([](const std::string& text) { Device device(text); });
}
CLI::Validator data_name() {
  return parses([](const std::string& text) { train::ImageData::parse(text); });
}

CLI::Option* add_model(CLI::App& command, std::string& target) {
  std::string known;
  for (const std::string& name : models::names()) known += (known.empty() ? "" : ", ") + name;
  return command.add_option("--model", target, "Model: " + known)
      ->type_name("MODEL")
      ->check(model_name());
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
      ->check(data_name());
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

CLI::Option* add_device(CLI::App& command, std::string& target) {
  return command.add_option("--device", target, "Device: best, cpu, cuda, cuda:N, mps")
      ->type_name("DEVICE")
      ->check(device_name())
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
                                               const DataOptions& options) {
  std::shared_ptr<const data::Dataset> all = data.open(split, transform);
  const bool files = data.kind == "folder";
  if (files) all = std::make_shared<ImageFiles>(std::move(all), options.skip_damaged);
  if (!limit || *limit >= all->size()) return all;
  if (!files) return std::make_shared<data::Subset>(std::move(all), *limit);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < *limit; ++i) indices.push_back(i * all->size() / *limit);
  return std::make_shared<data::Subset>(std::move(all), std::move(indices));
}

}  // namespace ingot::cli
