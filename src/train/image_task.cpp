#include <ingot/train/image_task.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/data/image_folder.h>
#include <ingot/ops/creation.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <ingot/core/nearest_name.h>

#include "nn/mode_scope.h"

namespace ingot::train {

ImageData ImageData::parse(const std::string& text) {
  ImageData data;
  const auto colon = text.find(':');
  data.kind = lower_case(text.substr(0, colon));
  if (data.kind != "mnist" && data.kind != "fashion-mnist" && data.kind != "folder")
    throw ValueError(fmt::format(
        "unknown data '{}'; there are: mnist (1,000 + 1,000 images inside Ingot), mnist:FOLDER, "
        "fashion-mnist:FOLDER, folder:FOLDER (JPEG and PNG, a sub-folder per class){}",
        text, suggestion(data.kind, {"mnist", "fashion-mnist", "folder"})));
  if (colon == std::string::npos && data.kind == "mnist") return data;
  if (colon != std::string::npos) data.folder = text.substr(colon + 1);
  if (data.folder.empty())
    throw ValueError(fmt::format("'{}' names no folder; write {}:FOLDER{}", text, data.kind,
                                 data.kind == "mnist" ? ", or mnist" : ""));
  if (data.kind == "fashion-mnist") data.classes = data::fashion_mnist_classes();
  if (data.kind == "folder") {
    data.num_classes = 0;
    data.image = {3, 0, 0};
  }
  return data;
}

bool ImageData::holds(const char* part) const {
  std::error_code ignored;
  return std::filesystem::is_directory(std::filesystem::path(folder) / part, ignored);
}

bool ImageData::has(Split split) const {
  if (split == Split::Train) return true;
  if (split == Split::Val) return val_split || (kind == "folder" && holds("val"));
  return kind != "folder" || (holds("train") && holds("test"));
}

bool ImageData::can_split() const { return kind != "folder" || (holds("train") && !holds("val")); }

std::filesystem::path ImageData::part(Split split) const {
  const std::filesystem::path whole = folder;
  if (split == Split::Val && val_split) split = Split::Train;
  const std::string wanted(name(split));
  if (holds(wanted.c_str())) return whole / wanted;
  if (split == Split::Train && val_split) return whole;
  std::error_code ignored;
  if (!std::filesystem::exists(whole, ignored))
    throw IoError(fmt::format("{}: no such folder", folder));
  throw IoError(
      fmt::format("{}: the folder has no {}/; it needs train/, and val/ or test/, or to be split "
                  "(--val-split 0.2)",
                  folder, wanted));
}

void ImageData::read_classes() {
  if (val_split && !(*val_split > 0 && *val_split < 1))
    throw ValueError(
        fmt::format("the share to split off must be above 0 and below 1, not {}", *val_split));
  if (kind != "folder") return;
  if (val_split && holds("train") && holds("val"))
    throw ValueError(fmt::format("{} has a val folder: its images need no split", folder));
  classes = data::find_classes(part(Split::Train));
  num_classes = static_cast<std::int64_t>(classes.size());
  if (has(Split::Val)) check_classes(Split::Val);
}

/// Labels are numbers of classes: they mean the same in all parts.
void ImageData::check_classes(Split split) const {
  const std::vector<std::string> others = data::find_classes(part(split));
  if (others != classes)
    throw IoError(fmt::format("{}: the classes differ: [{}] for training, [{}] for {}", folder,
                              fmt::join(classes, ", "), fmt::join(others, ", "),
                              split == Split::Val ? "validation" : "the test"));
}

std::shared_ptr<const data::Dataset> ImageData::open(
    Split split, const data::Transform& transform,
    std::vector<std::filesystem::path>* left_out) const {
  if (!has(split))
    throw ValueError(fmt::format("{} has no {} images{}", str(), name(split),
                                 split == Split::Val ? " (val_split makes some)" : ""));
  const bool test = split == Split::Test;
  std::shared_ptr<const data::Dataset> images;
  if (kind == "fashion-mnist") {
    images = data::fashion_mnist(folder, !test, transform);
  } else if (kind == "mnist") {
    images = data::mnist(folder.empty() ? "embedded" : folder, !test, transform);
  } else {
    if (test) check_classes(split);
    const auto files = data::image_folder(part(split), transform);
    if (left_out != nullptr)
      for (const std::filesystem::path& path : files->left_out())
        // Both parts of a folder that is split name the same ones.
        if (std::find(left_out->begin(), left_out->end(), path) == left_out->end())
          left_out->push_back(path);
    images = files;
  }
  if (!val_split || test) return images;
  const auto parts = data::random_split(images, std::vector<double>{1 - *val_split, *val_split});
  const auto& part = parts[split == Split::Train ? 0 : 1];
  if (part->size() == 0)
    throw ValueError(fmt::format("{}: a split of {} leaves one part of {} images empty", str(),
                                 *val_split, images->size()));
  return part;
}

ImageInput image_input(const models::ModelInfo& model, const ImageData& data,
                       std::optional<std::int64_t> size, const data::Augmentation& augment) {
  ImageInput input;
  input.channels = model.input[0];
  input.size = size.value_or(model.input[1]);
  if (input.size < 1)
    throw ValueError(fmt::format("the image size must be at least 1, not {}", input.size));
  std::vector<data::Transform> steps;
  if (augment.crop) {
    steps.push_back(data::RandomResizedCrop(input.size, {.min_scale = *augment.crop}));
  } else if (data.image[1] == 0) {
    steps.push_back(data::Resize((8 * input.size + 3) / 7));
    steps.push_back(data::CenterCrop(input.size));
  } else if (data.image[1] != input.size || data.image[2] != input.size) {
    steps.push_back(data::Resize(input.size, input.size));
  }
  for (data::Transform& step : augment.on_bytes()) steps.push_back(std::move(step));
  if (data.image[0] != input.channels) steps.push_back(data::Grayscale(input.channels));
  steps.push_back(data::ToTensor());
  steps.push_back(data::Normalize(std::vector<float>(model.mean.begin(), model.mean.end()),
                                  std::vector<float>(model.std.begin(), model.std.end())));
  for (data::Transform& step : augment.on_floats()) steps.push_back(std::move(step));
  input.transform = data::Compose(std::move(steps));
  return input;
}

void check_input(nn::Module& model, const std::string& name, const ImageInput& input) {
  const NoGradGuard no_grad;
  const nn::ModeScope mode(model, false);
  try {
    model(zeros(input.batch_shape(1)));
  } catch (const ShapeError& e) {
    throw ShapeError(fmt::format("model {} does not take images of {}x{}: {}", name, input.size,
                                 input.size, e.what()));
  }
}

}  // namespace ingot::train
