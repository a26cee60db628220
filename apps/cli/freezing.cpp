#include "cli/freezing.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <sstream>

#include "cli/command.h"

namespace ingot::cli {
namespace {

/// Whether `path` is `module` or lies in it.
bool is_in(const std::string& path, const std::string& module) {
  return path == module || path.starts_with(module + ".");
}

std::vector<Tensor> parameters_of(const nn::Module& model, bool of_head) {
  const std::string head = head_of(model);
  std::vector<Tensor> found;
  for (const auto& [name, tensor] : model.named_parameters())
    if (is_in(name, head) == of_head) found.push_back(tensor);
  return found;
}

}  // namespace

std::string head_of(const nn::Module& model) {
  const auto parameters = model.named_parameters();
  if (parameters.empty()) return "";
  const std::string last = parameters.back().first;
  const std::size_t dot = last.rfind('.');
  return dot == std::string::npos ? last : last.substr(0, dot);
}

std::vector<Tensor> head_parameters(const nn::Module& model) { return parameters_of(model, true); }
std::vector<Tensor> body_parameters(const nn::Module& model) { return parameters_of(model, false); }

Freezing::Freezing(nn::Module& model, const std::string& layers, std::int64_t head_epochs)
    : model_(model),
      head_(head_of(model)),
      all_but_head_(layers == "-"),
      head_epochs_(head_epochs) {
  if (!all_but_head_) {
    std::istringstream text(layers);
    for (std::string path; std::getline(text, path, ',');) layers_.push_back(path);
  }
  for (const std::string& path : layers_) {
    try {
      model_.get_submodule(path);
    } catch (const ValueError& e) {
      const std::string text = e.what();  // the lines that follow name places inside Ingot
      throw UsageError(fmt::format("--freeze {}: {}", path, text.substr(0, text.find('\n'))));
    }
  }
  if (num_frozen(head_epochs_) == model_.num_parameters() ||
      num_frozen(0) == model_.num_parameters())
    throw UsageError("--freeze leaves nothing to train");
}

bool Freezing::is_frozen(const std::string& path, std::int64_t epochs_done) const {
  const bool head_only = all_but_head_ || epochs_done < head_epochs_;
  if (head_only && !is_in(path, head_)) return true;
  return std::any_of(layers_.begin(), layers_.end(),
                     [&](const std::string& layer) { return is_in(path, layer); });
}

std::int64_t Freezing::num_frozen(std::int64_t epochs_done) const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : model_.named_parameters())
    if (is_frozen(name, epochs_done)) count += tensor.numel();
  return count;
}

void Freezing::begin_epoch(std::int64_t epochs_done) {
  if (!all_but_head_ && layers_.empty() && head_epochs_ == 0) return;
  model_.train();
  for (const auto& [path, module] : model_.named_modules())
    // A module that holds the head is no frozen one.
    if (!path.empty() && !is_in(head_, path) && is_frozen(path, epochs_done)) module->eval();
  for (auto& [name, tensor] : model_.named_parameters())
    Tensor(tensor).requires_grad_(!is_frozen(name, epochs_done));
}

}  // namespace ingot::cli
