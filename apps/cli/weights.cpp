#include "cli/weights.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/pth.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/train/checkpoint.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

constexpr std::string_view kModelPrefix = "model.";

Weights from_pth(const std::string& path, const WeightsOptions& options) {
  const PthValue value = load_pth(path, {.skip_objects = options.skip_objects});
  Weights weights;
  try {
    weights.tensors = find_state_dict(value, options.key);
    std::unordered_set<const Cell*> taken;
    for (const auto& [name, tensor] : weights.tensors) taken.insert(tensor.cell());
    for (const auto& [name, tensor] : flatten_tensors(value, &weights.left_out))
      if (taken.count(tensor.cell()) == 0)
        weights.left_out.push_back(
            fmt::format("{} = {}", visible(name), PthValue::of_tensor(tensor).str()));
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("{}: {}", path, e.what()));
  }
  return weights;
}

/// The texts in an object of texts; nothing for anything else.
Metadata texts_of(const Json& json) {
  Metadata texts;
  if (!json.is_object()) return texts;
  for (const auto& [key, value] : json.items())
    if (value.is_string()) texts[key] = value.get<std::string>();
  return texts;
}

/// What a run's weights would say, from its checkpoint. Runs of older versions of Ingot have only
/// their options and the classes there.
Metadata metadata_of_run(const std::map<std::string, std::string>& extra) {
  const auto json_at = [&](const char* key) {
    const auto found = extra.find(key);
    return found == extra.end() ? Json() : Json::parse(found->second, nullptr, false);
  };
  Metadata metadata = texts_of(json_at(kWeightsKey));
  metadata.emplace("format", "pt");
  const Json options = json_at(kOptionsKey), data = json_at("data");
  if (options.is_object()) {
    if (const auto model = options.find("model"); model != options.end() && model->is_string())
      metadata.emplace("model", model->get<std::string>());
    if (const auto size = options.find("image-size");
        size != options.end() && size->is_number_integer())
      metadata.emplace("image_size", size->dump());
  }
  if (data.is_object())
    if (const auto classes = data.find("classes");
        classes != data.end() && classes->is_array() && !classes->empty())
      metadata.emplace("classes", classes->dump());
  return metadata;
}

Weights from_safetensors(const std::string& path) {
  SafetensorsFile file = load_safetensors(path);
  Weights weights;
  weights.metadata = std::move(file.metadata);
  if (!train::is_checkpoint(weights.metadata)) {
    weights.tensors = std::move(file.tensors);
    return weights;
  }
  weights.tensors = file.tensors.with_prefix_removed(kModelPrefix);
  weights.metadata = metadata_of_run(train::checkpoint_extra(weights.metadata, path));
  for (const auto& [name, tensor] : file.tensors)
    if (!name.starts_with(kModelPrefix))
      weights.left_out.push_back(
          fmt::format("{} = {}", visible(name), PthValue::of_tensor(tensor).str()));
  return weights;
}

void strip_prefix(StateDict& tensors, const std::string& prefix, const std::string& path) {
  if (prefix.empty()) return;
  StateDict stripped;
  for (const auto& [name, tensor] : tensors) {
    if (!name.starts_with(prefix))
      throw ValueError(
          fmt::format("{}: the tensor '{}' does not begin with '{}'", path, visible(name), prefix));
    stripped.insert(name.substr(prefix.size()), tensor);
  }
  tensors = std::move(stripped);
}

/// The prefix that all names share and without which the first is the model's; empty when none is.
std::string prefix_in_the_way(const StateDict& weights, const StateDict& own) {
  if (weights.empty()) return {};
  const std::string& first = weights.begin()->first;
  for (std::size_t dot = first.find('.'); dot != std::string::npos;
       dot = first.find('.', dot + 1)) {
    const std::string prefix = first.substr(0, dot + 1);
    for (const auto& [name, tensor] : weights)
      if (!name.starts_with(prefix)) return {};
    if (own.contains(first.substr(dot + 1))) return prefix;
  }
  return {};
}

const std::string* text_at(const Weights& weights, const char* key) {
  const auto found = weights.metadata.find(key);
  return found == weights.metadata.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> number_at(const Weights& weights, const std::string& path,
                                      const char* key, std::int64_t most) {
  const std::string* text = text_at(weights, key);
  if (text == nullptr) return {};
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() < 1 ||
      json.get<std::uint64_t>() > static_cast<std::uint64_t>(most))
    throw IoError(fmt::format("{}: the metadata are damaged: {} is '{}'", path, key,
                              visible(text->substr(0, 40))));
  return json.get<std::int64_t>();
}

}  // namespace

Weights read_weights(const std::string& path, const WeightsOptions& options) {
  const bool pth = is_pth(path);
  if (!pth && !options.key.empty())
    throw UsageError(fmt::format("--key is for files of torch.save; {} is none", path));
  Weights weights = pth ? from_pth(path, options) : from_safetensors(path);
  strip_prefix(weights.tensors, options.strip_prefix, path);
  return weights;
}

void check_model(const Weights& weights, const std::string& path, const std::string& model) {
  const auto made_for = weights.metadata.find("model");
  if (made_for != weights.metadata.end() && made_for->second != model)
    throw ValueError(
        fmt::format("{}: these are weights of model {}, not {}", path, made_for->second, model));
}

void check_numbers(const StateDict& weights, const std::string& path) {
  std::vector<Tensor> found;  // of those that can hold any
  for (const auto& [name, tensor] : weights)
    if (tensor.is_floating_point()) found.push_back(isnan(tensor).sum());
  eval(found);
  std::size_t i = 0;
  for (const auto& [name, tensor] : weights) {
    if (!tensor.is_floating_point()) continue;
    const Tensor& count = found[i++];
    if (count.item<std::int64_t>() == 0) continue;
    throw ValueError(fmt::format(
        "{}: {} of the {} numbers of '{}' are NaN; these weights are of no "
        "use",
        path, grouped(count.item<std::int64_t>()), grouped(tensor.numel()), visible(name)));
  }
}

void fit(const std::string& path, const StateDict& weights, const nn::Module& model,
         const std::function<void()>& load) {
  try {
    load();
  } catch (const ValueError& e) {
    const std::string prefix = prefix_in_the_way(weights, model.state_dict());
    if (prefix.empty()) throw ValueError(fmt::format("{}: {}", path, e.what()));
    throw ValueError(fmt::format("{}: every name begins with '{}'; --strip-prefix {} takes it off",
                                 path, visible(prefix), visible(prefix)));
  }
}

std::optional<std::int64_t> image_size_of(const Weights& weights, const std::string& path) {
  return number_at(weights, path, "image_size", kMaxImageSize);
}

std::optional<std::int64_t> num_classes_of(const Weights& weights, const std::string& path) {
  return number_at(weights, path, "num_classes", std::int64_t{1} << 40);
}

std::int64_t num_classes_of(const Weights& weights, const std::string& path,
                            const std::string& model, std::int64_t usual) {
  if (const auto told = num_classes_of(weights, path)) return *told;
  const StateDict own =
      models::create(model, {.num_classes = usual, .in_channels = {}})->state_dict();
  for (const auto& [name, tensor] : own) {
    if (!weights.tensors.contains(name)) continue;
    const Shape& shape = weights.tensors.at(name).shape();
    if (shape.size() == tensor.shape().size() && shape.size() > 0 && shape[0] != tensor.shape()[0])
      return shape[0];
  }
  return usual;
}

std::vector<std::string> classes_of(const Weights& weights, const std::string& path) {
  const std::string* text = text_at(weights, "classes");
  if (text == nullptr) return {};
  const Json json = Json::parse(*text, nullptr, false);
  bool valid = json.is_array();
  std::vector<std::string> classes;
  for (const Json& name : json) {
    valid = valid && name.is_string();
    if (valid) classes.push_back(name.get<std::string>());
  }
  if (!valid)
    throw IoError(fmt::format("{}: the metadata are damaged: classes is '{}'", path,
                              visible(text->substr(0, 40))));
  return classes;
}

std::string model_of(const Weights& weights, const std::string& path) {
  const auto model = weights.metadata.find("model");
  if (model == weights.metadata.end())
    throw UsageError(fmt::format("--model is required: {} does not tell it", path));
  return models::info(model->second).name;
}

models::ModelInfo normalised_as(const Weights& weights, const std::string& path,
                                models::ModelInfo info) {
  const auto numbers_at = [&](const char* key, bool divides, std::vector<double>& target) {
    const std::string* text = text_at(weights, key);
    if (text == nullptr) return;
    const Json json = Json::parse(*text, nullptr, false);
    bool valid = json.is_array() && (json.size() == 1 || json.size() == target.size());
    std::vector<double> numbers;
    for (const Json& number : json) {
      valid = valid && number.is_number() && (!divides || number.get<double>() > 0);
      if (valid) numbers.push_back(number.get<double>());
    }
    if (!valid)
      throw IoError(fmt::format("{}: the metadata are damaged: {} is '{}'", path, key,
                                visible(text->substr(0, 40))));
    target = std::move(numbers);
  };
  numbers_at("mean", false, info.mean);
  numbers_at("std", true, info.std);
  // One number for all channels and one for each may be mixed.
  const std::size_t channels = std::max(info.mean.size(), info.std.size());
  if (info.mean.size() < channels) info.mean.assign(channels, info.mean[0]);
  if (info.std.size() < channels) info.std.assign(channels, info.std[0]);
  return info;
}

}  // namespace ingot::cli
