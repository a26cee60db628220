#include <ingot/core/error.h>
#include <ingot/nn/containers.h>

#include <fmt/format.h>

namespace ingot::nn {

namespace detail {

Module& OwningContainer::append(std::unique_ptr<Module> module) {
  return append(std::move(module), next_name());
}

Module& OwningContainer::append(std::unique_ptr<Module> module, std::string name) {
  return register_module(std::move(name), std::move(module));
}

Module& OwningContainer::operator[](std::size_t i) const {
  const auto list = children();
  if (i >= list.size())
    throw IndexError(
        fmt::format("{}: there is no module {} among {}", type_name(), i, list.size()));
  return *list[i];
}

}  // namespace detail

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (Module* module : children()) y = (*module)(y);
  return y;
}

std::unique_ptr<Module> Sequential::make_same() const { return std::make_unique<Sequential>(); }

std::unique_ptr<Module> ModuleList::make_same() const { return std::make_unique<ModuleList>(); }

}  // namespace ingot::nn
