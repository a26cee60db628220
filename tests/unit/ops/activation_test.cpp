#include <ingot/ops/activation.h>

#include <cmath>

#include "core/cell.h"
#include "core/op_def.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;

TEST(Activations, Errors) {
  const Tensor integers = tensor({1, 2});
  const char* floats = "needs a floating-point tensor, got int64[2]";
  expect_error<DTypeError>([&] { relu6(integers); }, std::string("hardtanh: ") + floats);
  expect_error<DTypeError>([&] { leaky_relu(integers); }, std::string("leaky_relu: ") + floats);
  expect_error<DTypeError>([&] { elu(integers); }, std::string("elu: ") + floats);
  expect_error<DTypeError>([&] { gelu(integers); }, std::string("gelu: ") + floats);
  expect_error<DTypeError>([&] { silu(integers); }, std::string("silu: ") + floats);
  expect_error<DTypeError>([&] { mish(integers); }, std::string("mish: ") + floats);
  expect_error<DTypeError>([&] { hardsigmoid(integers); }, std::string("hardsigmoid: ") + floats);
  expect_error<DTypeError>([&] { hardswish(integers); }, std::string("hardswish: ") + floats);
  expect_error<DTypeError>([&] { softplus(integers); }, std::string("softplus: ") + floats);
  expect_error<DTypeError>([&] { logsigmoid(integers); }, std::string("logsigmoid: ") + floats);
  const Tensor x = waves({2, 3}, 1);
  expect_error<ValueError>([&] { hardtanh(x, 2, 1); },
                           "hardtanh: min_value 2 is above max_value 1");
  expect_error<ValueError>([&] { celu(x, 0); }, "celu: alpha must not be 0");
  expect_error<ValueError>([&] { softplus(x, 0); }, "softplus: beta must not be 0");
  expect_error<ValueError>([&] { gelu(x, "erf"); },
                           R"(gelu: approximate must be "none" or "tanh", got "erf")");
  expect_error<ShapeError>(
      [&] { prelu(x, waves({4}, 1)); },
      "prelu: weight must have 1 element or 3 (the channels of x[2, 3]), got [4]");
  expect_error<DTypeError>([&] { prelu(x, waves({3}, 1).to(float32)); }, "prelu: ");
  expect_error<ValueError>([&] { prelu(Tensor(), x); },
                           "prelu: the operand is an undefined tensor");
  expect_error<ValueError>([&] { silu(Tensor()); }, "silu: ");
}

// What backward keeps is one tensor: that decides how much memory a network needs.
TEST(Activations, KeepOneTensorForBackward) {
  const auto kept = [](Tensor (*f)(const Tensor&)) {
    Tensor x = waves({2, 3}, 1);
    x.requires_grad_();
    const Tensor y = f(x);
    return saved_for_backward(*y.cell()->value().node);
  };
  for (const auto f : {+[](const Tensor& x) { return relu6(x); },
                       +[](const Tensor& x) { return leaky_relu(x); }}) {
    EXPECT_EQ(kept(f).inputs, 0u);
    EXPECT_EQ(kept(f).outputs, 1u);
  }
  for (const auto f :
       {+[](const Tensor& x) { return silu(x); }, +[](const Tensor& x) { return gelu(x); },
        +[](const Tensor& x) { return elu(x); }, +[](const Tensor& x) { return mish(x); },
        +[](const Tensor& x) { return hardswish(x); }, +[](const Tensor& x) { return softplus(x); },
        +[](const Tensor& x) { return leaky_relu(x, -1); }}) {
    EXPECT_EQ(kept(f).inputs, 1u);
    EXPECT_EQ(kept(f).outputs, 0u);
  }
}

TEST(Activations, FarOut) {
  const Tensor x = tensor({-1e4, -50., 50., 1e4}, float32);
  expect_values(silu(x), {4}, {0, 0, 50, 1e4}, 1e-6);
  expect_values(mish(x), {4}, {0, 0, 50, 1e4}, 1e-6);
  expect_values(gelu(x), {4}, {0, 0, 50, 1e4}, 1e-6);
  expect_values(elu(x), {4}, {-1, -1, 50, 1e4}, 1e-6);
  expect_values(softplus(x), {4}, {0, 0, 50, 1e4}, 1e-6);
  EXPECT_EQ(softplus(x, 1, 1e9).to_vector<float>()[3], INFINITY);
  expect_values(logsigmoid(x), {4}, {-1e4, -50, 0, 0}, 1e-6);
}

}  // namespace
}  // namespace ingot
