#include <ingot/nn/pretrained.h>

#include <fmt/format.h>
#include <ingot/core/error.h>

#include "core/printable.h"

namespace ingot::nn {

std::string head_of(const Module& module) {
  const NamedTensors parameters = module.named_parameters();
  if (parameters.empty())
    throw ValueError(fmt::format("load_pretrained: {} has no parameters", module.type_name()));
  const std::string& last = parameters.back().first;
  const auto dot = last.rfind('.');
  return dot == std::string::npos ? std::string() : last.substr(0, dot);
}

PretrainedReport load_pretrained(Module& module, const StateDict& weights, std::string_view head) {
  const std::string prefix = (head.empty() ? head_of(module) : std::string(head)) + ".";
  const auto in_head = [&](const std::string& key) { return key.starts_with(prefix); };
  const StateDict own = module.state_dict();

  bool head_fits = true;
  for (const auto& [key, tensor] : own) {
    const auto found = weights.find(key);
    if (in_head(key) && (found == weights.end() || found->second.shape() != tensor.shape()))
      head_fits = false;
  }
  PretrainedReport report;
  StateDict taken;
  std::vector<std::string> problems;
  for (const auto& [key, tensor] : own) {
    const auto found = weights.find(key);
    const bool missing = found == weights.end();
    if (in_head(key) && !head_fits) {
      report.skipped.push_back(missing ? key + ": not in the file"
                                       : fmt::format("{}: {} in the file, {} here", key,
                                                     found->second.shape().str(),
                                                     tensor.shape().str()));
    } else if (missing && key.ends_with("num_batches_tracked")) {
      report.skipped.push_back(key + ": not in the file");
    } else if (missing) {
      problems.push_back(key + ": missing");
    } else if (found->second.shape() != tensor.shape()) {
      problems.push_back(fmt::format("{}: {} in the file, {} in the model", key,
                                     found->second.shape().str(), tensor.shape().str()));
    } else {
      taken.insert(key, found->second);
      report.loaded.push_back(key);
    }
  }
  for (const auto& [key, tensor] : weights)
    if (!own.contains(key) && (head_fits || !in_head(key)))
      problems.push_back(printable(key) + ": unexpected");
  if (!problems.empty()) {
    std::string text = fmt::format("these weights are not of this model ({}):", module.type_name());
    for (const std::string& problem : problems) text += "\n    " + problem;
    throw ValueError(text);
  }
  module.load_state_dict(taken, false);
  return report;
}

}  // namespace ingot::nn
