#include "cli/weights.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/pth.h>
#include <ingot/train/checkpoint.h>

#include <unordered_set>

#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

constexpr std::string_view kModelPrefix = "model.";

Weights from_pth(const std::string& path, const std::string& key) {
  const PthValue value = load_pth(path);
  Weights weights;
  try {
    weights.tensors = find_state_dict(value, key);
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

}  // namespace

Weights read_weights(const std::string& path, const std::string& key) {
  if (is_pth(path)) return from_pth(path, key);
  if (!key.empty())
    throw UsageError(fmt::format("--key is for files of torch.save; {} is none", path));
  SafetensorsFile file = load_safetensors(path);
  Weights weights;
  weights.metadata = std::move(file.metadata);
  if (!train::is_checkpoint(weights.metadata)) {
    weights.tensors = std::move(file.tensors);
    return weights;
  }
  weights.tensors = file.tensors.with_prefix_removed(kModelPrefix);
  weights.metadata = {{"format", "pt"}};
  for (const auto& [name, tensor] : file.tensors)
    if (!name.starts_with(kModelPrefix))
      weights.left_out.push_back(
          fmt::format("{} = {}", visible(name), PthValue::of_tensor(tensor).str()));
  return weights;
}

void check_model(const Weights& weights, const std::string& path, const std::string& model) {
  const auto made_for = weights.metadata.find("model");
  if (made_for != weights.metadata.end() && made_for->second != model)
    throw ValueError(
        fmt::format("{}: these are weights of model {}, not {}", path, made_for->second, model));
}

}  // namespace ingot::cli
