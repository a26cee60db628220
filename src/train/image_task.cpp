#include <ingot/train/image_task.h>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include <utility>
#include <vector>

namespace ingot::train {

ImageData ImageData::parse(const std::string& text) {
  ImageData data;
  const auto colon = text.find(':');
  data.kind = text.substr(0, colon);
  if (data.kind != "mnist")
    throw ValueError(fmt::format(
        "unknown data '{}'; there are: mnist (1,000 + 1,000 images inside Ingot), mnist:FOLDER",
        text));
  if (colon == std::string::npos) return data;
  data.folder = text.substr(colon + 1);
  if (data.folder.empty())
    throw ValueError(fmt::format("'{}' names no folder; write mnist:FOLDER, or mnist", text));
  return data;
}

std::shared_ptr<const data::Dataset> ImageData::open(bool train,
                                                     const data::Transform& transform) const {
  return data::mnist(folder.empty() ? "embedded" : folder, train, transform);
}

ImageInput image_input(const models::ModelInfo& model, const ImageData& data,
                       std::optional<std::int64_t> size) {
  ImageInput input;
  input.channels = model.input[0];
  input.size = size.value_or(model.input[1]);
  if (input.size < 1)
    throw ValueError(fmt::format("the image size must be at least 1, not {}", input.size));
  std::vector<data::Transform> steps;
  if (data.image[1] != input.size || data.image[2] != input.size)
    steps.push_back(data::Resize(input.size, input.size));
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
