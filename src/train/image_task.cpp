#include <ingot/train/image_task.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/data/image_folder.h>
#include <ingot/ops/creation.h>

#include <system_error>
#include <utility>
#include <vector>

namespace ingot::train {

ImageData ImageData::parse(const std::string& text) {
  ImageData data;
  const auto colon = text.find(':');
  data.kind = text.substr(0, colon);
  if (data.kind != "mnist" && data.kind != "fashion-mnist" && data.kind != "folder")
    throw ValueError(fmt::format(
        "unknown data '{}'; there are: mnist (1,000 + 1,000 images inside Ingot), mnist:FOLDER, "
        "fashion-mnist:FOLDER, folder:FOLDER (JPEG and PNG, a sub-folder per class)",
        text));
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

std::filesystem::path ImageData::half(bool train) const {
  const std::filesystem::path whole = folder;
  const auto holds = [&](const char* name) {
    std::error_code ignored;
    return std::filesystem::is_directory(whole / name, ignored);
  };
  const char* test = holds("val") ? "val" : "test";
  if (val_split) {
    if (!holds("train")) return whole;
    if (!holds(test)) return whole / "train";
    throw ValueError(fmt::format("{} has a {} folder: its images need no split", folder, test));
  }
  if (holds("train") && holds(test)) return whole / (train ? "train" : test);
  std::error_code ignored;
  if (!std::filesystem::exists(whole, ignored))
    throw IoError(fmt::format("{}: no such folder", folder));
  throw IoError(
      fmt::format("{}: the folder has no {}; it needs train/ and val/ (or test/), or to be split "
                  "(--val-split 0.2)",
                  folder, holds("train") ? "val/ or test/" : "train/"));
}

void ImageData::read_classes() {
  if (kind != "folder") {
    if (val_split) throw ValueError(fmt::format("{} has a test half: it needs no split", kind));
    return;
  }
  if (val_split && !(*val_split > 0 && *val_split < 1))
    throw ValueError(
        fmt::format("the share to split off must be above 0 and below 1, not {}", *val_split));
  classes = data::find_classes(half(true));
  num_classes = static_cast<std::int64_t>(classes.size());
  const std::vector<std::string> others = data::find_classes(half(false));
  if (others != classes)
    throw IoError(fmt::format("{}: the classes differ: [{}] for training, [{}] for the test",
                              folder, fmt::join(classes, ", "), fmt::join(others, ", ")));
}

std::shared_ptr<const data::Dataset> ImageData::open(bool train,
                                                     const data::Transform& transform) const {
  if (kind == "fashion-mnist") return data::fashion_mnist(folder, train, transform);
  if (kind == "mnist") return data::mnist(folder.empty() ? "embedded" : folder, train, transform);
  const auto images = data::image_folder(half(train), transform);
  if (!val_split) return images;
  const auto parts = data::random_split(images, std::vector<double>{1 - *val_split, *val_split});
  const auto& part = parts[train ? 0 : 1];
  if (part->size() == 0)
    throw ValueError(fmt::format("{}: a split of {} leaves one half of {} images empty", folder,
                                 *val_split, images->size()));
  return part;
}

ImageInput image_input(const models::ModelInfo& model, const ImageData& data,
                       std::optional<std::int64_t> size) {
  ImageInput input;
  input.channels = model.input[0];
  input.size = size.value_or(model.input[1]);
  if (input.size < 1)
    throw ValueError(fmt::format("the image size must be at least 1, not {}", input.size));
  std::vector<data::Transform> steps;
  if (data.image[1] == 0) {
    steps.push_back(data::Resize((8 * input.size + 3) / 7));
    steps.push_back(data::CenterCrop(input.size));
  } else if (data.image[1] != input.size || data.image[2] != input.size) {
    steps.push_back(data::Resize(input.size, input.size));
  }
  if (data.image[0] != input.channels) steps.push_back(data::Grayscale(input.channels));
  steps.push_back(data::ToTensor());
  steps.push_back(data::Normalize(std::vector<float>(model.mean.begin(), model.mean.end()),
                                  std::vector<float>(model.std.begin(), model.std.end())));
  input.transform = data::Compose(std::move(steps));
  return input;
}

void check_input(nn::Module& model, const std::string& name, const ImageInput& input) {
  const NoGradGuard no_grad;
  const bool training = model.is_training();
  model.eval();
  try {
    model(zeros(input.batch_shape(1)));
  } catch (const ShapeError& e) {
    model.train(training);
    throw ShapeError(fmt::format("model {} does not take images of {}x{}: {}", name, input.size,
                                 input.size, e.what()));
  }
  model.train(training);
}

}  // namespace ingot::train
