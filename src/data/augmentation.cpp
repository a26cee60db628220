#include <ingot/data/augmentation.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>

#include <utility>

namespace ingot::data {
namespace {

const std::vector<std::pair<std::string, Augmentation>>& presets() {
  static const std::vector<std::pair<std::string, Augmentation>> all = [] {
    Augmentation light, strong, imagenet, randaugment;
    light.crop = 0.8;
    strong.crop = randaugment.crop = 0.4;
    imagenet.crop = 0.08;
    light.flip = strong.flip = imagenet.flip = randaugment.flip = 0.5;
    strong.rotation = 15;
    strong.color_jitter = 0.3;
    randaugment.rand_augment = 9;
    return std::vector<std::pair<std::string, Augmentation>>{{"none", {}},
                                                             {"light", light},
                                                             {"strong", strong},
                                                             {"imagenet", imagenet},
                                                             {"randaugment", randaugment}};
  }();
  return all;
}

}  // namespace

const std::vector<std::string>& Augmentation::names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> list;
    for (const auto& [name, preset] : presets()) list.push_back(name);
    return list;
  }();
  return all;
}

Augmentation Augmentation::preset(const std::string& name) {
  for (const auto& [known, preset] : presets())
    if (known == lower_case(name)) return preset;
  throw ValueError(fmt::format("unknown augmentation '{}'; there are: {}{}", name,
                               fmt::join(names(), ", "), suggestion(name, names())));
}

bool Augmentation::any() const {
  return crop || flip > 0 || rotation > 0 || color_jitter > 0 || rand_augment || erase > 0;
}

std::vector<Transform> Augmentation::on_bytes() const {
  std::vector<Transform> steps;
  if (flip > 0) steps.push_back(RandomHorizontalFlip(flip));
  if (rotation > 0) steps.push_back(RandomRotation(rotation, Interpolation::Bilinear));
  if (color_jitter > 0)
    steps.push_back(ColorJitter(color_jitter, color_jitter, color_jitter, color_jitter / 4));
  if (rand_augment) steps.push_back(RandAugment({.magnitude = *rand_augment}));
  return steps;
}

std::vector<Transform> Augmentation::on_floats() const {
  if (!(erase > 0)) return {};
  return {RandomErasing({.probability = erase})};
}

std::string Augmentation::str() const {
  std::vector<std::string> parts;
  if (crop) parts.push_back(fmt::format("crop {}", *crop));
  if (flip > 0) parts.push_back(fmt::format("flip {}", flip));
  if (rotation > 0) parts.push_back(fmt::format("rotation {}", rotation));
  if (color_jitter > 0) parts.push_back(fmt::format("colour jitter {}", color_jitter));
  if (rand_augment) parts.push_back(fmt::format("RandAugment {}", *rand_augment));
  if (erase > 0) parts.push_back(fmt::format("erase {}", erase));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace ingot::data
