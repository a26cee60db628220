// Options that several commands share, and the checks of their values: a wrong one is a usage error
// whose text lists what there is.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/data/data_loader.h>
#include <ingot/data/dataset.h>
#include <ingot/models/registry.h>
#include <ingot/train/image_task.h>

#include "cli/option_table.h"
#include "cli/output.h"

namespace ingot::cli {

/// A whole number from 1 (or from 0) up to `most`.
CLI::Validator positive(std::int64_t most = std::numeric_limits<std::int64_t>::max());
CLI::Validator not_negative(std::int64_t most = std::numeric_limits<std::int64_t>::max());
/// Any text but none.
CLI::Validator not_empty();
/// A finite number above 0; or from 0 on, up to `most`.
CLI::Validator positive_real();
CLI::Validator real_from_zero(double most = std::numeric_limits<double>::max());
// Names may be typed in any case: the text becomes the usual spelling.
/// One of the words.
CLI::Validator one_of(const char* what, std::vector<std::string> words);
/// A name that models::create knows.
CLI::Validator model_name();
/// A spelling of a device, and of image data.
CLI::Validator device_name();
CLI::Validator data_name();

inline constexpr std::int64_t kMaxWorkers = 256;
inline constexpr std::int64_t kMaxEpochs = 1'000'000'000;
inline constexpr std::int64_t kMaxBatchSize = 1'000'000;
inline constexpr std::int64_t kMaxImageSize = 4096;
/// All models, with commas between them.
std::string model_names();
OptionRow& add_model(OptionTable& table, std::string& target);
OptionRow& add_data(OptionTable& table, std::string& target);
OptionRow& add_device(OptionTable& table, std::string& target);
OptionRow& add_batch_size(OptionTable& table, std::int64_t& target);
OptionRow& add_image_size(OptionTable& table, std::optional<std::int64_t>& target);
OptionRow& add_limit(OptionTable& table, std::optional<std::int64_t>& target,
                     const std::string& help);
OptionRow& add_workers(OptionTable& table, std::int64_t& target);
OptionRow& add_json(OptionTable& table, std::string& target);
/// --config, which is read before the options are parsed: see cli/config.h.
OptionRow& add_config(OptionTable& table);

/// How a file of --weights is read: --key, --strip-prefix and --skip-objects.
struct WeightsOptions {
  std::string key, strip_prefix;
  bool skip_objects = false;

  bool any() const { return !key.empty() || !strip_prefix.empty() || skip_objects; }
};
void add_weights_options(OptionTable& table, WeightsOptions& target);

/// What to do with data besides naming them.
struct DataOptions {
  std::optional<double> val_split;
  bool skip_damaged = false;
  bool download = false;
  std::string download_from;

  data::OnError on_error() const {
    return skip_damaged ? data::OnError::Skip : data::OnError::Throw;
  }
};
void add_data_options(OptionTable& table, DataOptions& target);
/// The data by that name, downloaded when that is asked for, with their classes. Throws IoError or
/// UsageError.
train::ImageData prepare_data(const std::string& name, const DataOptions& options,
                              const Console& console);
/// Lines that name the samples that were left out, the first ten at most.
void report_skipped(const data::DataLoader& loader, const Console& console);
/// Lines that name files and folders that are no part of the data, the first ten at most.
void report_left_out(const std::vector<std::filesystem::path>& left_out, const Console& console);

/// The device by that name; throws DeviceError with the reason when the machine has not got it.
Device usable_device(const std::string& name);
/// Throws UsageError when the model cannot take images of that size.
void check_image_size(nn::Module& model, const std::string& name, const train::ImageInput& input);
/// Throws UsageError when an epoch of that many images has a batch of a single one, on which the
/// model cannot be trained: batch normalization knows no variance of one value per channel.
void check_smallest_batch(const std::string& model, const train::ImageInput& input,
                          std::int64_t num_classes, std::int64_t images, std::int64_t batch_size);
/// One part of the data, of which at most `limit` samples: the first ones; of "folder", whose files
/// are sorted by class, ones spread evenly over all. Errors of images speak of the options here.
/// Appends to `left_out` as train::ImageData::open.
std::shared_ptr<const data::Dataset> open_data(
    const train::ImageData& data, train::Split split, const data::Transform& transform,
    std::optional<std::int64_t> limit, const DataOptions& options,
    std::vector<std::filesystem::path>* left_out = nullptr);

}  // namespace ingot::cli
