// A C++ number that meets a float16 or bfloat16 tensor is used in float32, and the result is
// rounded once; so is a tensor of another dtype that does not decide the result's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include <ingot/ingot.h>

#include "support/op_run.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;

constexpr double kNumbers[] = {0.3, 0.01, 3, 65536, 1e5, 1e-5, 1e-9, -1e9, 0.1, 1.0009765625};

std::vector<double> rounded(const Tensor& wide, DType t) {
  return wide.dtype() == DType::Bool ? doubles(wide) : doubles(wide.to(float32).to(t));
}

void expect_same(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i])))
        << "element " << i << ": " << got[i] << ", not " << expected[i];
}

Tensor values(DType t) {
  return tensor({0.01, 3.0, -0.7, 300.0, 6e-5, 1.0, 0.0, -42.0}).to(t).detach();
}

struct Binary {
  const char* name;
  std::function<Tensor(const Tensor&, const Operand&)> f;
};

const Binary kBinary[] = {
    {"x + n", [](const Tensor& x, const Operand& n) { return x + n; }},
    {"n + x", [](const Tensor& x, const Operand& n) { return n + x; }},
    {"x - n", [](const Tensor& x, const Operand& n) { return x - n; }},
    {"n - x", [](const Tensor& x, const Operand& n) { return n - x; }},
    {"x * n", [](const Tensor& x, const Operand& n) { return x * n; }},
    {"n * x", [](const Tensor& x, const Operand& n) { return n * x; }},
    {"x / n", [](const Tensor& x, const Operand& n) { return x / n; }},
    {"n / x", [](const Tensor& x, const Operand& n) { return n / x; }},
    {"x % n", [](const Tensor& x, const Operand& n) { return x % n; }},
    {"fmod", [](const Tensor& x, const Operand& n) { return fmod(x, n); }},
    {"floor_divide", [](const Tensor& x, const Operand& n) { return floor_divide(x, n); }},
    {"pow", [](const Tensor& x, const Operand& n) { return pow(x, n); }},
    {"number to the power", [](const Tensor& x, const Operand& n) { return pow(n, x); }},
    {"maximum", [](const Tensor& x, const Operand& n) { return maximum(x, n); }},
    {"minimum", [](const Tensor& x, const Operand& n) { return minimum(n, x); }},
    {"atan2", [](const Tensor& x, const Operand& n) { return atan2(x, n); }},
    {"where", [](const Tensor& x, const Operand& n) { return where(x > 0, x, n); }},
    {"lerp", [](const Tensor& x, const Operand& n) { return lerp(x, x * 2, n); }},
    {"+=",
     [](const Tensor& x, const Operand& n) {
       Tensor y = x.clone().detach();
       y += n;
       return y;
     }},
    {"*=",
     [](const Tensor& x, const Operand& n) {
       Tensor y = x.clone().detach();
       y *= n;
       return y;
     }},
    {"div_", [](const Tensor& x, const Operand& n) {
       Tensor y = x.clone().detach();
       y.div_(n);
       return y;
     }}};

TEST(SixteenBitNumbers, ANumberIsUsedInFloat32) {
  for (const bool lazy : {true, false})
    for (const DType t : {float16, bfloat16})
      for (const Binary& b : kBinary)
        for (const double n : kNumbers) {
          SCOPED_TRACE(std::string(b.name) + " " + std::string(name(t)) + " " + std::to_string(n));
          const optest::EagerScope mode(!lazy);
          const Tensor x = values(t), wide = x.to(float32);
          const Tensor got = b.f(x, n);
          EXPECT_EQ(got.dtype(), t);
          expect_same(doubles(got), rounded(b.f(wide, n), t));
          // 0-dim tensors weigh no more than numbers, and are not rounded either.
          const Tensor zero_dim = full({}, n, {.dtype = float32});
          expect_same(doubles(b.f(x, zero_dim)), rounded(b.f(wide, zero_dim), t));
        }
}

TEST(SixteenBitNumbers, Gradients) {
  for (const DType t : {float16, bfloat16})
    for (const Binary& b : kBinary) {
      const std::string what = b.name;
      if (what.find('=') != std::string::npos || what == "div_" || what == "lerp" ||
          what == "floor_divide")
        continue;
      for (const double n : kNumbers) {
        SCOPED_TRACE(what + " " + std::string(name(t)) + " " + std::to_string(n));
        const auto gradients = [&](const Tensor& values_of_x) {
          Tensor x = values_of_x.detach(), scale = full({}, n, {.dtype = float32});
          x.requires_grad_();
          scale.requires_grad_();
          const Tensor y = b.f(x, n), z = b.f(x, scale);
          y.backward(ones_like(y));
          const std::vector<double> of_number = doubles(x.grad());
          x.set_grad({});
          z.backward(ones_like(z));
          EXPECT_EQ(scale.grad().defined() ? scale.grad().dtype() : float32, float32);
          return std::pair(of_number, doubles(x.grad()));
        };
        const auto got = gradients(values(t)), wide = gradients(values(t).to(float32));
        expect_same(got.first, rounded(from_vector(wide.first), t));
        expect_same(got.second, rounded(from_vector(wide.second), t));
      }
    }
}

TEST(SixteenBitNumbers, FunctionsWithNumbers) {
  const std::pair<const char*, std::function<Tensor(const Tensor&)>> functions[] = {
      {"addcmul", [](const Tensor& x) { return addcmul(x, x, x, 0.3); }},
      {"addcdiv", [](const Tensor& x) { return addcdiv(x, x, x + 1, 0.3); }},
      {"clamp", [](const Tensor& x) { return clamp(x, -0.3, 1e-5); }},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.3); }},
      {"elu", [](const Tensor& x) { return elu(x, 0.3); }},
      {"softplus", [](const Tensor& x) { return softplus(x, 0.3); }},
      {"hardtanh", [](const Tensor& x) { return hardtanh(x, -0.3, 0.1); }},
      {"masked_fill", [](const Tensor& x) { return x.masked_fill(x > 0, 0.3); }},
      {"index_add",
       [](const Tensor& x) { return index_add(x, 0, zeros({8}, {.dtype = int64}), x, 0.3); }},
      {"addmm",
       [](const Tensor& x) {
         const Tensor m = x.reshape({2, 4});
         return addmm(m.narrow(1, 0, 2), m, m.t(), 0.3, 1e-3);
       }},
      {"index_put",
       [](const Tensor& x) {
         return index_put(x, {tensor({0, 1, 1, 7})}, 0.3, true);
       }},
      {"index_put of a part",
       [](const Tensor& x) { return index_put(x, {Slice(1, 3)}, 0.3, true); }},
      {"scatter add",
       [](const Tensor& x) {
         return scatter(x, 0, tensor({0, 1, 1, 7}), 0.3, "add");
       }},
      {"scatter multiply",
       [](const Tensor& x) {
         return scatter(x, 0, tensor({0, 1, 1, 7}), 0.3, "multiply");
       }},
      {"vector_norm", [](const Tensor& x) { return vector_norm(x, 1.7); }},
      {"x * int tensor", [](const Tensor& x) {
         return x * tensor({70000, 3, 2049, 1, 4097, 5, 6, 7});
       }}};
  for (const DType t : {float16, bfloat16})
    for (const auto& [what, f] : functions) {
      SCOPED_TRACE(std::string(what) + " " + std::string(name(t)));
      const Tensor x = values(t);
      EXPECT_EQ(f(x).dtype(), t);
      expect_same(doubles(f(x)), rounded(f(x.to(float32)), t));
    }
}

TEST(SixteenBitNumbers, Examples) {
  EXPECT_EQ(doubles(tensor({0.01}).to(float16) * 65536)[0], 655.5);
  EXPECT_EQ(doubles(tensor({3.0}).to(bfloat16) * 0.3)[0], 0.8984375);
  // A mask of 0 and 1 times a number that float16 does not have.
  const Tensor hidden = tensor({0.0, 1.0}).to(float16);
  EXPECT_EQ(doubles(softmax(tensor({1.0, 2.0}).to(float16) + hidden * -1e9, 0)),
            (std::vector<double>{1, 0}));
  EXPECT_EQ(doubles(softmax(tensor({1.0, 2.0}).to(float16) + (1 - hidden) * -1e9, 0)),
            (std::vector<double>{0, 1}));
  // Comparing computes nothing: the number becomes what the tensor could hold, as in PyTorch.
  EXPECT_EQ(doubles(tensor({0.1}).to(float16) == 0.1)[0], 1);
}

}  // namespace
}  // namespace ingot
