#include <ingot/core/error.h>
#include <ingot/nn/containers.h>

#include <fmt/format.h>

namespace ingot::nn {

namespace detail {

std::unique_ptr<Module> on_the_heap(const Module& layer) {
  try {
    return layer.clone();
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("{}\n(or give the container std::make_unique<{}>(…))", e.what(),
                                 layer.type_name()));
  }
}

Module& OwningContainer::append(std::unique_ptr<Module> module) {
  return append(std::move(module), next_name());
}

Module& OwningContainer::append(std::unique_ptr<Module> module, std::string name) {
  return register_module(std::move(name), std::move(module));
}

Module& OwningContainer::operator[](std::size_t i) const {
  if (i >= size())
    throw IndexError(fmt::format("{}: there is no module {} among {}", type_name(), i, size()));
  return child(i);
}

}  // namespace detail

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (Module& module : *this) y = module(y);
  return y;
}

bool ModuleDict::contains(std::string_view name) const {
  for (const auto& [key, module] : named_children())
    if (key == name) return true;
  return false;
}

Module& ModuleDict::operator[](std::string_view name) const {
  std::string known;
  for (const auto& [key, module] : named_children()) {
    if (key == name) return *module;
    known += (known.empty() ? "" : ", ") + key;
  }
  throw ValueError(fmt::format("ModuleDict: there is no module '{}' among: {}", name, known));
}

std::unique_ptr<Module> ModuleDict::make_same() const { return std::make_unique<ModuleDict>(); }

Tensor& ParameterList::append(Tensor value) {
  if (!value.defined()) throw ValueError("ParameterList: an undefined tensor is no parameter");
  Tensor& held = register_parameter(std::to_string(size()), std::move(value));
  entries_.push_back(&held);
  return held;
}

Tensor& ParameterList::operator[](std::size_t i) const {
  if (i >= size())
    throw IndexError(fmt::format("ParameterList: there is no parameter {} among {}", i, size()));
  return *entries_[i];
}

std::unique_ptr<Module> ParameterList::make_same() const {
  auto same = std::make_unique<ParameterList>();
  for (const Tensor* entry : entries_) same->append(entry->detach().clone());
  return same;
}

}  // namespace ingot::nn
