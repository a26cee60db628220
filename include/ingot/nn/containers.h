// Modules that hold modules: Sequential, which calls them in turn, and ModuleList and ModuleDict,
// which let their owner do so. ParameterList holds parameters.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// Modules by name that are found by parameters() and friends; has no forward of its own.
///
///   nn::ModuleDict heads{*this, "heads"};
///   ...
///   heads.add<nn::Linear>("colour", 128, 3);
class ModuleDict : public Module {
 public:
  ModuleDict() = default;
  ModuleDict(Module& owner, std::string name) : Module(owner, std::move(name)) {}

  /// Makes an M from `arguments` and adds it under `name`. Throws ValueError for a name that is
  /// taken, empty or contains a dot.
  template <std::derived_from<Module> M, class... Arguments>
  M& add(std::string name, Arguments&&... arguments) {
    auto made = std::make_unique<M>(std::forward<Arguments>(arguments)...);
    M& module = *made;
    register_module(std::move(name), std::move(made));
    return module;
  }
  bool contains(std::string_view name) const;
  std::size_t size() const { return children().size(); }
  /// Throws ValueError naming what there is instead.
  Module& operator[](std::string_view name) const;

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// Parameters in a list, named "0", "1", …; has no forward of its own.
class ParameterList : public Module {
 public:
  ParameterList() = default;
  ParameterList(Module& owner, std::string name) : Module(owner, std::move(name)) {}

  Tensor& append(Tensor value);
  std::size_t size() const { return entries_.size(); }
  /// Throws IndexError.
  Tensor& operator[](std::size_t i) const;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::vector<Tensor*> entries_;
};

}  // namespace ingot::nn
