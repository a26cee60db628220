// Cases of include/ingot/ops/activation.h.
#include <ingot/ops/activation.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

struct Row {
  const char* name;
  Tensor (*f)(const Tensor&);
};

const Row kRows[] = {
    {"relu6", [](const Tensor& x) { return relu6(x); }},
    {"hardtanh", [](const Tensor& x) { return hardtanh(x); }},
    {"hardtanh/limits", [](const Tensor& x) { return hardtanh(x, -2.25, 4.75); }},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
    {"leaky_relu/slope", [](const Tensor& x) { return leaky_relu(x, 0.3); }},
    {"leaky_relu/negative", [](const Tensor& x) { return leaky_relu(x, -0.5); }},
    {"leaky_relu/zero", [](const Tensor& x) { return leaky_relu(x, 0); }},
    {"elu", [](const Tensor& x) { return elu(x); }},
    {"elu/alpha", [](const Tensor& x) { return elu(x, 0.4); }},
    {"selu", [](const Tensor& x) { return selu(x); }},
    {"celu", [](const Tensor& x) { return celu(x); }},
    {"celu/alpha", [](const Tensor& x) { return celu(x, 1.5); }},
    {"gelu", [](const Tensor& x) { return gelu(x); }},
    {"gelu/tanh", [](const Tensor& x) { return gelu(x, "tanh"); }},
    {"silu", [](const Tensor& x) { return silu(x); }},
    {"mish", [](const Tensor& x) { return mish(x); }},
    {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x); }},
    {"hardswish", [](const Tensor& x) { return hardswish(x); }},
    {"softplus", [](const Tensor& x) { return softplus(x); }},
    {"softplus/options", [](const Tensor& x) { return softplus(x, 2.5, 3); }},
    {"logsigmoid", [](const Tensor& x) { return logsigmoid(x); }},
};

}  // namespace

void add_activation_cases(std::vector<OpCase>& cases) {
  for (const Row& row : kRows) {
    const std::string name = row.name;
    const std::string variant = name.find('/') == std::string::npos ? "/" : "_";
    const auto call = one([f = row.f](In x) { return f(x[0]); });
    const auto scaled = [f = row.f](double by) {
      return one([f, by](In x) { return f(x[0] * by); });
    };
    cases.push_back({name, {in({2, 3, 5}, Draw::Wide)}, call});
    cases.push_back({name + variant + "zero_dim", {in({})}, call});
    cases.push_back({name + variant + "empty", {in({0, 3})}, call});
    // Gradients at the kinks, where difference quotients are of no use.
    cases.push_back({name + variant + "kinks",
                     {in({24}, Draw::Grid)},
                     scaled(3),
                     kFloats,
                     Tolerance::Composite,
                     false,
                     false});
    cases.push_back({name + variant + "special",
                     {data({8}, Draw::Special)},
                     call,
                     kFloats,
                     Tolerance::Composite,
                     false,
                     false});
    // Far out, where an exponential overflows: no NaN in the gradients.
    cases.push_back({name + variant + "far",
                     {in({16}, Draw::Wide)},
                     scaled(64),
                     kFull,
                     Tolerance::Composite,
                     false,
                     false});
  }
  const auto add_prelu = [&](const char* name, const Shape& shape, const Shape& weight) {
    cases.push_back({name, {in(shape, Draw::Wide), in(weight, Draw::Unit)}, one([](In x) {
                       return prelu(x[0], x[1]);
                     })});
  };
  add_prelu("prelu", {2, 3, 5}, {3});
  add_prelu("prelu/one", {2, 3}, {1});
  add_prelu("prelu/zero_dim", {}, {1});
  add_prelu("prelu/vector", {4}, {});
  add_prelu("prelu/image", {2, 4, 3, 3}, {4});
  add_prelu("prelu/empty", {0, 3}, {3});
}

}  // namespace ingot::optest
