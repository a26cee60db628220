// Modules that hold modules: Sequential, which calls them in turn, and ModuleList and ModuleDict,
// which let their owner do so. ParameterList holds parameters.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <ingot/nn/module.h>

namespace ingot::nn {

/// A function as a module: `nn::Lambda([](const Tensor& x) { return x.flatten(1); })`.
class Lambda : public Module {
 public:
  using Function = std::function<Tensor(const Tensor&)>;
  explicit Lambda(Function function) : function_(std::move(function)) {}
  Lambda(Module& owner, std::string name, Function function) : Lambda(std::move(function)) {
    attach_to(owner, std::move(name));
  }
  Tensor forward(const Tensor& x) override { return function_(x); }

 protected:
  std::unique_ptr<Module> make_same() const override { return std::make_unique<Lambda>(function_); }

 private:
  Function function_;
};

namespace detail {

template <class T>
inline constexpr bool kIsModulePointer = false;
template <std::derived_from<Module> M>
inline constexpr bool kIsModulePointer<std::unique_ptr<M>> = true;

/// What a container takes: a layer that is nobody else's, `nn::ReLU()`, one on the heap, or a
/// function of a tensor.
template <class T>
concept Part = !std::is_lvalue_reference_v<T> && !std::is_const_v<T> &&
               (std::derived_from<T, Module> || kIsModulePointer<T>);
template <class T>
concept FunctionPart = !std::derived_from<std::remove_cvref_t<T>, Module> &&
                       std::is_invocable_r_v<Tensor, const std::remove_cvref_t<T>&, const Tensor&>;

// The layer is made once more on the heap and takes the values of the one that was given.
std::unique_ptr<Module> on_the_heap(const Module& layer);

template <Part T>
std::unique_ptr<Module> made_from(T&& part) {
  if constexpr (kIsModulePointer<T>)
    return std::move(part);
  else
    return on_the_heap(part);
}
template <FunctionPart T>
std::unique_ptr<Module> made_from(T&& function) {
  return std::make_unique<Lambda>(std::forward<T>(function));
}

/// Children that are owned and counted.
class OwningContainer : public Module {
 public:
  OwningContainer() = default;
  OwningContainer(Module& owner, std::string name) : Module(owner, std::move(name)) {}

  /// Goes through the modules in order: `for (nn::Module& layer : layers) x = layer(x);`.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Module;
    using difference_type = std::ptrdiff_t;
    using pointer = Module*;
    using reference = Module&;

    Iterator() = default;
    Iterator(const OwningContainer* all, std::size_t at) : all_(all), at_(at) {}
    Module& operator*() const { return all_->child(at_); }
    Module* operator->() const { return &**this; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return {all_, at_++}; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const OwningContainer* all_ = nullptr;
    std::size_t at_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

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
  /// Adds a layer, `append(nn::Linear(4, 2))`, or a function of a tensor.
  template <class T>
    requires((Part<T> && !kIsModulePointer<T>) || FunctionPart<T>)
  Module& append(T&& part) {
    return append(made_from(std::forward<T>(part)), next_name());
  }

  std::size_t size() const { return num_children(); }
  bool empty() const { return size() == 0; }
  /// Throws IndexError.
  Module& operator[](std::size_t i) const;

 private:
  std::string next_name() const { return std::to_string(size()); }
};

/// The constructors of a container `Self`.
template <class Self>
class ContainerOf : public OwningContainer {
 public:
  ContainerOf() = default;
  ContainerOf(Module& owner, std::string name) : OwningContainer(owner, std::move(name)) {}
  template <class... Parts>
    requires(sizeof...(Parts) > 0 && ((Part<Parts> || FunctionPart<Parts>)&&...))
  explicit ContainerOf(Parts&&... parts) {
    (append(made_from(std::forward<Parts>(parts))), ...);
  }
  template <class... Parts>
    requires(sizeof...(Parts) > 0 && ((Part<Parts> || FunctionPart<Parts>)&&...))
  ContainerOf(Module& owner, std::string name, Parts&&... parts)
      : ContainerOf(std::forward<Parts>(parts)...) {
    attach_to(owner, std::move(name));
  }

 protected:
  std::unique_ptr<Module> make_same() const override { return std::make_unique<Self>(); }
};

}  // namespace detail

///   nn::Sequential features{*this, "features", nn::Conv2d(1, 8, 3), nn::ReLU(),
///                           [](const Tensor& x) { return x.flatten(1); }};
///   features.add<nn::Linear>(8, 2);
///   features.append(std::make_unique<Block>(8));
///
/// A layer given by value is made anew and takes over the values, as clone() does; a class of your
/// own either has make_same() or is given as a std::unique_ptr. Nobody else's layers are taken.
/// Write braces: there C++ makes the layers, which draw their values, from the first to the last;
/// between parentheses the order is the compiler's.
class Sequential : public detail::ContainerOf<Sequential> {
 public:
  using ContainerOf::ContainerOf;
  /// The input, passed through every module in turn.
  Tensor forward(const Tensor& x) override;
};

/// Modules in a list that are found by parameters() and friends; has no forward of its own.
class ModuleList : public detail::ContainerOf<ModuleList> {
 public:
  using ContainerOf::ContainerOf;
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
  std::size_t size() const { return num_children(); }
  bool empty() const { return size() == 0; }
  /// Goes through names and modules: `for (auto [name, head] : heads) y = head(x);`.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::pair<const std::string&, Module&>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    Iterator() = default;
    Iterator(const ModuleDict* all, std::size_t at) : all_(all), at_(at) {}
    value_type operator*() const { return {all_->child_name(at_), all_->child(at_)}; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return {all_, at_++}; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const ModuleDict* all_ = nullptr;
    std::size_t at_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
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
  bool empty() const { return entries_.empty(); }
  /// Goes through the parameters in order: `for (Tensor& scale : scales) x = x * scale;`.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Tensor;
    using difference_type = std::ptrdiff_t;
    using pointer = Tensor*;
    using reference = Tensor&;

    Iterator() = default;
    explicit Iterator(std::vector<Tensor*>::const_iterator at) : at_(at) {}
    Tensor& operator*() const { return **at_; }
    Tensor* operator->() const { return *at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    std::vector<Tensor*>::const_iterator at_;
  };
  Iterator begin() const { return Iterator(entries_.begin()); }
  Iterator end() const { return Iterator(entries_.end()); }
  /// Throws IndexError.
  Tensor& operator[](std::size_t i) const;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::vector<Tensor*> entries_;
};

}  // namespace ingot::nn
