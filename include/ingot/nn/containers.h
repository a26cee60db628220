// Modules that hold modules: Sequential, which calls them in turn, and ModuleList, which lets its
// owner do so.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <ingot/nn/module.h>

namespace ingot::nn {

namespace detail {

/// Children that are owned and counted.
class OwningContainer : public Module {
 public:
  OwningContainer() = default;
  OwningContainer(Module& owner, std::string name) : Module(owner, std::move(name)) {}

  /// Makes an M from `arguments` (those of its constructor without owner) and adds it under the
  /// next number: "0", "1", … Option structs are named: `add<nn::Conv2d>(3, 64, 7,
  /// nn::Conv2dOptions{.stride = 2})`.
  template <std::derived_from<Module> M, class... Arguments>
  M& add(Arguments&&... arguments) {
    return add_named<M>(next_name(), std::forward<Arguments>(arguments)...);
  }
  /// The same under a name of your own.
  template <std::derived_from<Module> M, class... Arguments>
  M& add_named(std::string name, Arguments&&... arguments) {
    auto made = std::make_unique<M>(std::forward<Arguments>(arguments)...);
    M& module = *made;
    append(std::move(made), std::move(name));
    return module;
  }
  /// Adds a module made elsewhere.
  Module& append(std::unique_ptr<Module> module);
  Module& append(std::unique_ptr<Module> module, std::string name);

  std::size_t size() const { return children().size(); }
  bool empty() const { return size() == 0; }
  /// Throws IndexError.
  Module& operator[](std::size_t i) const;

 private:
  std::string next_name() const { return std::to_string(size()); }
};

}  // namespace detail

///   nn::Sequential features{*this, "features"};
///   ...
///   features.add<nn::Conv2d>(1, 8, 3);
///   features.add<nn::ReLU>();
class Sequential : public detail::OwningContainer {
 public:
  Sequential() = default;
  Sequential(Module& owner, std::string name) : OwningContainer(owner, std::move(name)) {}
  /// The input, passed through every module in turn.
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// Modules in a list that are found by parameters() and friends; has no forward of its own.
class ModuleList : public detail::OwningContainer {
 public:
  ModuleList() = default;
  ModuleList(Module& owner, std::string name) : OwningContainer(owner, std::move(name)) {}

 protected:
  std::unique_ptr<Module> make_same() const override;
};

}  // namespace ingot::nn
