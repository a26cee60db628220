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

CLI::Validator real_from_zero(double most) {
  return CLI::Validator(
      [most](std::string& text) {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0)
          return fmt::format("must be a number, 0 or more, not '{}'", text);
        if (value > most) return fmt::format("must be at most {}, not '{}'", most, text);
        return std::string();
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

OptionRow& add_model(OptionTable& table, std::string& target) {
  return table.add("--model", target, "MODEL", "Model: " + model_names())
      .check(model_name())
      .offers(models::names());
}

OptionRow& add_data(OptionTable& table, std::string& target) {
  return table
      .add("--data", target, "DATA",
           "Data: 'mnist' (1,000 training and 1,000 test images inside the program), "
           "'mnist:FOLDER', 'fashion-mnist:FOLDER' (the four IDX files, gzip or raw) or "
           "'folder:FOLDER' (train/, val/ and test/ or some of them, with a folder of JPEG and PNG "
           "images per class)")
      .check(data_name())
      .offers({"mnist", "mnist:", "fashion-mnist:", "folder:"});
}

void add_data_options(OptionTable& table, DataOptions& target) {
  table
      .add("--val-split", target.val_split, "X",
           "Split this share of the training images off for validation, such as 0.2, where the "
           "data have no val/")
      .check(positive_real())
      .fixed();
  table
      .add("--skip-damaged", target.skip_damaged, "",
           "Leave out images that cannot be read, and name them at the end")
      .fixed();
  table.add("--download", target.download, "",
            "Fetch files of mnist:FOLDER or fashion-mnist:FOLDER that are missing");
  table
      .add("--download-from", target.download_from, "URL",
           "Fetch them from this address instead of the usual one")
      .check(not_empty());
}

void add_weights_options(OptionTable& table, WeightsOptions& target) {
  table.add("--key", target.key, "NAME",
            "Part of a .pth file that holds the weights, such as model or ema.state_dict [found by "
            "itself where it is clear]");
  table.add("--strip-prefix", target.strip_prefix, "TEXT",
            "Taken off the name of every weight, such as 'module.'");
  table.add("--skip-objects", target.skip_objects, "",
            "Leave out what a .pth file holds besides tensors and plain values, unread");
}

OptionRow& add_device(OptionTable& table, std::string& target) {
  return table.add("--device", target, "DEVICE", "Device: best, cpu, cuda, cuda:N, mps")
      .check(device_name())
      .offers({"best", "cpu", "cuda", "mps"})
      .show_usual()
      .kept();
}

OptionRow& add_batch_size(OptionTable& table, std::int64_t& target) {
  return table.add("--batch-size", target, "N", "Images in a step")
      .check(positive(kMaxBatchSize))
      .show_usual();
}

OptionRow& add_image_size(OptionTable& table, std::optional<std::int64_t>& target) {
  return table.add("--image-size", target, "N", "Edge of the images in pixels [the model's own]")
      .check(positive(kMaxImageSize));
}

OptionRow& add_limit(OptionTable& table, std::optional<std::int64_t>& target,
                     const std::string& help) {
  return table.add("--limit", target, "N", help).check(positive());
}

OptionRow& add_workers(OptionTable& table, std::int64_t& target) {
  return table.add("--workers", target, "N", "Threads that prepare batches; 0: none")
      .check(not_negative(kMaxWorkers))
      .show_usual()
      .kept();
}

OptionRow& add_json(OptionTable& table, std::string& target) {
  OptionRow& row = table.add("--json", target, "[FILE]",
                             "Write the results as JSON to FILE; alone or '-': to stdout");
  row.value_may_lack = true;
  return row;
}

OptionRow& add_config(OptionTable& table) {
  static std::string file;  // the options are taken from it before
  return table
      .add("--config", file, "FILE",
           "Options from a file of JSON, {\"epochs\": 5}, or from what --json wrote; the command "
           "line wins")
      .check(not_empty());
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
