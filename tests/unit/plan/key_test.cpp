// Rule 13: what is structure changes a plan's key; slots do not.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/softmax.h>
#include <ingot/ops/update.h>

#include "plan/plan.h"

namespace ingot {
namespace {

// An operation on one image batch, and two values of a scalar it takes.
struct Variant {
  std::string name;
  std::function<Tensor(const Tensor&)> a, b;
};

// Plans that have to be made for the second, when the first is known.
std::uint64_t new_plans(const Variant& v) {
  const Tensor x = (arange(0, 96, 1, float32).reshape({2, 3, 4, 4}) * 0.01 + 0.5);
  x.eval();
  v.a(x).to_host();
  v.a(x).to_host();
  const std::uint64_t before = plan::cache_figures().misses;
  v.a(x).to_host();
  EXPECT_EQ(plan::cache_figures().misses, before) << v.name << ": not found again";
  v.b(x).to_host();
  return plan::cache_figures().misses - before;
}

template <class F, class T>
Variant variant(const char* name, F f, T a, T b) {
  return {name, [f, a](const Tensor& x) { return f(x, a); },
          [f, b](const Tensor& x) { return f(x, b); }};
}

std::vector<Variant> structural() {
  const auto conv = [](const Tensor& x, Conv2dOptions options) {
    return conv2d(x, ones({3, 3, 2, 2}), {}, options);
  };
  return {
      variant(
          "axis", [](const Tensor& x, std::int64_t d) { return x.sum({d}); }, 0, 1),
      variant(
          "softmax's axis", [](const Tensor& x, std::int64_t d) { return x.softmax(d); }, 2, 3),
      variant(
          "keepdim", [](const Tensor& x, bool k) { return x.sum({1}, k); }, false, true),
      variant(
          "order of dimensions", [](const Tensor& x, Dims d) { return x.permute(d) + 1; },
          Dims{0, 1, 3, 2}, Dims{0, 1, 2, 3}),
      variant("padding", conv, Conv2dOptions{.padding = 0}, Conv2dOptions{.padding = 1}),
      variant("stride", conv, Conv2dOptions{.stride = 1}, Conv2dOptions{.stride = 2}),
      variant(
          "eps", [](const Tensor& x, double eps) { return layer_norm(x, {4}, {}, {}, eps); }, 1e-5,
          1e-3),
      // The exponents that are another primitive.
      variant(
          "exponent", [](const Tensor& x, double e) { return pow(x, e); }, 2.0, 0.5),
      variant(
          "exponent, special or not", [](const Tensor& x, double e) { return pow(x, e); }, 2.0,
          3.0),
      variant(
          "kind of a number", [](const Tensor& x, Scalar s) { return x + s; }, Scalar(1),
          Scalar(1.0)),
      variant(
          "step of a slice",
          [](const Tensor& x, std::int64_t s) { return x.slice(3, 0, s * 2 - 1, s); },
          std::int64_t{1}, std::int64_t{2}),
  };
}

std::vector<Variant> slots() {
  const auto sgd = [](const Tensor& x, double lr) {
    const std::vector<Tensor> list{x};
    return sgd_update(list, list, {}, {.lr = lr}).params[0];
  };
  return {
      variant(
          "number", [](const Tensor& x, double s) { return x * s; }, 2.0, 3.0),
      variant(
          "number on the left", [](const Tensor& x, double s) { return s - x; }, 2.0, 3.0),
      variant(
          "integer", [](const Tensor& x, std::int64_t s) { return x + s; }, 2, 3),
      variant(
          "other exponents", [](const Tensor& x, double e) { return pow(x, e); }, 3.0, 2.5),
      variant(
          "start of a slice", [](const Tensor& x, std::int64_t s) { return x.narrow(2, s, 2); }, 0,
          2),
      variant(
          "index of a row", [](const Tensor& x, std::int64_t s) { return x.select(1, s); }, 0, 2),
      variant(
          "limits", [](const Tensor& x, double s) { return x.clamp(s, s + 1); }, 0.5, 0.75),
      variant(
          "filling", [](const Tensor& x, double s) { return x + full({4}, s); }, 1.0, 2.0),
      variant("learning rate", sgd, 0.1, 0.01),
      variant(
          "a slot inside of an expansion",
          [](const Tensor& x, double s) { return softmax(x * s, 1); }, 1.5, 2.5),
  };
}

TEST(Rule13, StructuralScalarsChangeThePlansKey) {
  for (const Variant& v : structural()) EXPECT_GE(new_plans(v), 1u) << v.name;
}

TEST(Rule13, SlotsDoNot) {
  for (const Variant& v : slots()) EXPECT_EQ(new_plans(v), 0u) << v.name;
}

TEST(Rule13, BothGiveTheirOwnResult) {
  // A key that misses a scalar would show in the result of the second: the plan of the first.
  for (const std::vector<Variant>& list : {structural(), slots()})
    for (const Variant& v : list) {
      const Tensor x = (arange(0, 96, 1, float32).reshape({2, 3, 4, 4}) * 0.01 + 0.5);
      x.eval();
      const std::vector<float> first = v.a(x).to_vector<float>();
      const std::vector<float> second = v.b(x).to_vector<float>();
      plan::clear_plan_cache();
      EXPECT_EQ(v.b(x).to_vector<float>(), second) << v.name;
      plan::clear_plan_cache();
      EXPECT_EQ(v.a(x).to_vector<float>(), first) << v.name;
    }
}

}  // namespace
}  // namespace ingot
