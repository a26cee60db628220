// Layer: the base of modules that are made from arguments and options. It keeps both, and gives the
// constructor with an owner, positional options, description() and what clone() needs.
//
//   struct ScaleOptions {
//     double factor = 2;
//     void each(auto&& f) const { f("factor", factor); }       // for description()
//   };
//   struct Scale : nn::Layer<Scale, ScaleOptions, std::int64_t> {
//     using Layer::Layer;                                      // all constructors
//     ingot::Tensor& bias = register_parameter("bias", ingot::zeros(argument<0>()));
//     ingot::Tensor forward(const ingot::Tensor& x) override { return x * options().factor + bias;
//     }
//   };
//
//   Scale a(3);   Scale b(3, {.factor = 4});   Scale c(3, 4);   Scale d{*this, "d", 3, {.factor =
//   4}};
//
// Composite: the base of modules that are made of others, such as models.
// Takes: the base of modules that are called with more than one input.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <ingot/nn/module.h>
#include <ingot/ops/pair.h>

namespace ingot::nn {

/// The options of a layer that has none.
struct NoOptions {};

namespace detail {

// A value as description() shows it.
std::string text_of(bool value);
std::string text_of(double value);
std::string text_of(const std::string& value);  ///< in quotes
std::string text_of(const Pair& value);
std::string text_of(const Shape& value);
template <std::integral T>
std::string text_of(T value) {
  return std::to_string(value);
}
template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : "none";
}

template <class T>
std::string text_or_dots(const T& value) {
  if constexpr (requires { text_of(value); })
    return text_of(value);
  else
    return "…";
}

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// One positional option: becomes the member it is meant for, a double from 1 as well as from 1.0,
/// but never a whole number from a fraction.
template <class T>
struct Positional {
  const T& value;

  template <class To>
    requires(std::convertible_to<const T&, To> && !kIsOptional<To> &&
             !(std::integral<To> && std::floating_point<T>))
  operator To() const {
    if constexpr (std::is_arithmetic_v<To>)
      return static_cast<To>(value);
    else
      return value;
  }
};

template <class Options, class First, class... Rest>
concept PositionalFor = !std::same_as<First, Options> && !std::is_base_of_v<Module, First> &&
                        requires(const First& first, const Rest&... rest) {
                          Options{Positional<First>{first}, Positional<Rest>{rest}...};
                        };

/// A plain module, whose constructor needs no arguments.
class PlainModule : public Module {
 protected:
  template <class... Arguments>
  explicit PlainModule(const Arguments&...) {}
};

/// A module that its parts describe.
class CompositeModule : public PlainModule {
 public:
  std::string description() const override { return {}; }

 protected:
  using PlainModule::PlainModule;
};

/// What a call gives first: hooks see it.
inline Tensor& first_output(Tensor& result) { return result; }
template <class Result>
Tensor& first_output(Result& result) {
  if constexpr (requires { result.output; })
    return result.output;
  else
    return result.h;
}

template <class T>
const T& handed_on(const T& more, const Tensor& x, const Tensor& input) {
  if constexpr (std::same_as<T, Tensor>)
    return more.defined() && more.is_same(x) ? input : more;
  else
    return more;
}

/// Whoever takes a call with these inputs: what replace() may put in another one's place.
template <class Result, class... Inputs>
class TakesInputs {
 public:
  virtual Result forward(const Tensor& x, const Inputs&... more) = 0;

 protected:
  ~TakesInputs() = default;
};

}  // namespace detail

/// A layer on a base of its own, to which the arguments and options are passed on.
template <class Base, class Self, class Options = NoOptions, class... Arguments>
class LayerOn : public Base {
 public:
  explicit(sizeof...(Arguments) < 2) LayerOn(Arguments... arguments, const Options& options = {})
      : Base(arguments..., options), arguments_(std::move(arguments)...), options_(options) {
    if constexpr (requires { &Self::check; }) std::apply(&Self::check, given());
  }
  /// The same as a part of `owner`, called `name`.
  LayerOn(Module& owner, std::string name, Arguments... arguments, const Options& options = {})
      : LayerOn(std::move(arguments)..., options) {
    this->attach_to(owner, std::move(name));
  }
  /// Options by position, in PyTorch's order: `Conv2d(1, 8, 3, 2, 1)` has stride 2 and padding 1.
  template <class First, class... Rest>
    requires detail::PositionalFor<Options, First, Rest...>
  explicit LayerOn(Arguments... arguments, const First& first, const Rest&... rest)
      : LayerOn(std::move(arguments)..., options_from(first, rest...)) {}
  template <class First, class... Rest>
    requires detail::PositionalFor<Options, First, Rest...>
  LayerOn(Module& owner, std::string name, Arguments... arguments, const First& first,
          const Rest&... rest)
      : LayerOn(owner, std::move(name), std::move(arguments)..., options_from(first, rest...)) {}

  const Options& options() const { return options_; }
  std::string description() const override {
    if constexpr (!std::same_as<decltype(&Base::description), std::string (Module::*)() const>)
      return Base::description();
    std::string text = arguments();
    if constexpr (requires { options_.each([](const char*, const auto&) {}); })
      options_.each([&](const char* name, const auto& value) {
        text += (text.empty() ? "" : ", ") + std::string(name) + "=" + detail::text_of(value);
      });
    return text;
  }

 protected:
  template <std::size_t i>
  const auto& argument() const {
    return std::get<i>(arguments_);
  }
  // For layers whose options may change later.
  template <std::size_t i>
  auto& changeable_argument() {
    return std::get<i>(arguments_);
  }
  Options& changeable_options() { return options_; }
  std::string arguments() const override {
    std::string text;
    std::apply(
        [&](const auto&... value) {
          ((text += (text.empty() ? "" : ", ") + detail::text_or_dots(value)), ...);
        },
        arguments_);
    return text;
  }
  std::unique_ptr<Module> make_same() const override {
    return std::apply(
        [&](const auto&... argument) {
          if constexpr (std::same_as<Options, NoOptions>)
            return std::make_unique<Self>(argument...);
          else
            return std::make_unique<Self>(argument..., options_);
        },
        arguments_);
  }

 private:
  template <class... Values>
  static Options options_from(const Values&... values) {
    return Options{detail::Positional<Values>{values}...};
  }
  auto given() const { return std::tuple_cat(arguments_, std::tie(options_)); }

  std::tuple<Arguments...> arguments_;
  Options options_;
};

/// A layer on Module. `Self` is the class itself; it may have a `static void check(arguments…,
/// const Options&)` that throws ValueError for what cannot be, before anything is made.
template <class Self, class Options = NoOptions, class... Arguments>
class Layer : public LayerOn<detail::PlainModule, Self, Options, Arguments...> {
 public:
  using LayerOn<detail::PlainModule, Self, Options, Arguments...>::LayerOn;
};

/// A module made of modules, whose constructor is its own and hands on what it gets:
///
///   struct Block : nn::Composite<Block, nn::NoOptions, std::int64_t> {
///     explicit Block(std::int64_t width) : Composite(width), fc(*this, "fc", width, width) {}
///     Tensor forward(const Tensor& x) override { return x + fc(x).relu(); }
///     nn::Linear fc;
///   };                                                           // and block.clone() works
template <class Self, class Options = NoOptions, class... Arguments>
class Composite : public LayerOn<detail::CompositeModule, Self, Options, Arguments...> {
 protected:
  using LayerOn<detail::CompositeModule, Self, Options, Arguments...>::LayerOn;
};

/// A module that is called with more than one input: gives the call for
/// `Result forward(const Tensor& x, const Inputs&…)`, with hooks, the caller's line and what
/// replace() has put in its place (any module that takes the same inputs). Hooks see the first
/// input and the first output: a Result is a Tensor or has a first tensor `output` or `h`.
///
///   struct Score : nn::Takes<nn::Module, Tensor, Tensor> {     // score(x, y) gives a Tensor
///     using Takes::Takes;
///     using Takes::forward;
///     Tensor forward(const Tensor& x, const Tensor& y) override { return (x * y).sum(-1); }
///   };
template <class Base, class Result, class... Inputs>
class Takes : public Base, public detail::TakesInputs<Result, Inputs...> {
 public:
  using Base::Base;
  using Base::forward;
  using Base::operator();
  using Interface = detail::TakesInputs<Result, Inputs...>;
  using Interface::forward;

  Result operator()(const Tensor& x, const Inputs&... more, Site at = Site::current()) const {
    Module& target = this->in_place();
    auto* callee = dynamic_cast<Interface*>(&target);
    if (!callee) this->refuse_call(*this, target);
    Result result;
    Tensor first = this->call_of(target, x, at, [&](const Tensor& input) {
      // A hook may hand over another input; what was the same tensor stays the same.
      result = callee->forward(input, detail::handed_on(more, x, input)...);
      return detail::first_output(result);
    });
    detail::first_output(result) = std::move(first);
    return result;
  }
};

/// The same for a call whose last input may be left out: `lstm(x)` and `lstm(x, state)`.
template <class Base, class Result, class Last, class... Inputs>
class TakesOptional : public Takes<Base, Result, Inputs..., Last> {
  using Whole = Takes<Base, Result, Inputs..., Last>;

 public:
  using Whole::forward;
  using Whole::Whole;

  Result operator()(const Tensor& x, const Inputs&... more, const Last& last = {},
                    Site at = Site::current()) const {
    return Whole::operator()(x, more..., last, at);
  }
};

}  // namespace ingot::nn
