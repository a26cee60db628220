// Elementwise operations: values, promotion, broadcasting, gradients, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/gradcheck.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::message_of;
using test::values;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Unary {
  const char* name;
  Tensor (*op)(const Tensor&, Site);
  double (*expected)(double);
  double low, high;  // where it is defined and smooth enough for differences
};

void PrintTo(const Unary& u, std::ostream* out) { *out << u.name; }

const Unary kUnary[] = {
    {"neg", neg, [](double x) { return -x; }, -3, 3},
    {"abs", ingot::abs, [](double x) { return std::fabs(x); }, 0.1, 3},
    {"sign", sign, [](double x) { return double((x > 0) - (x < 0)); }, -3, -0.1},
    {"square", square, [](double x) { return x * x; }, -3, 3},
    {"floor", ingot::floor, [](double x) { return std::floor(x); }, 0.1, 0.9},
    {"ceil", ingot::ceil, [](double x) { return std::ceil(x); }, 0.1, 0.9},
    {"round", ingot::round, [](double x) { return std::nearbyint(x); }, 0.6, 0.9},
    {"trunc", ingot::trunc, [](double x) { return std::trunc(x); }, 0.1, 0.9},
    {"relu", relu, [](double x) { return x > 0 ? x : 0; }, 0.1, 3},
    {"exp", ingot::exp, [](double x) { return std::exp(x); }, -3, 3},
    {"expm1", ingot::expm1, [](double x) { return std::expm1(x); }, -3, 3},
    {"log", ingot::log, [](double x) { return std::log(x); }, 0.1, 3},
    {"log1p", ingot::log1p, [](double x) { return std::log1p(x); }, -0.5, 3},
    {"log2", ingot::log2, [](double x) { return std::log2(x); }, 0.1, 3},
    {"log10", ingot::log10, [](double x) { return std::log10(x); }, 0.1, 3},
    {"sqrt", ingot::sqrt, [](double x) { return std::sqrt(x); }, 0.1, 3},
    {"rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.1, 3},
    {"reciprocal", reciprocal, [](double x) { return 1 / x; }, 0.3, 3},
    {"sin", ingot::sin, [](double x) { return std::sin(x); }, -3, 3},
    {"cos", ingot::cos, [](double x) { return std::cos(x); }, -3, 3},
    {"tan", ingot::tan, [](double x) { return std::tan(x); }, -1, 1},
    {"asin", ingot::asin, [](double x) { return std::asin(x); }, -0.9, 0.9},
    {"acos", ingot::acos, [](double x) { return std::acos(x); }, -0.9, 0.9},
    {"atan", ingot::atan, [](double x) { return std::atan(x); }, -3, 3},
    {"sinh", ingot::sinh, [](double x) { return std::sinh(x); }, -2, 2},
    {"cosh", ingot::cosh, [](double x) { return std::cosh(x); }, -2, 2},
    {"tanh", ingot::tanh, [](double x) { return std::tanh(x); }, -2, 2},
    {"erf", ingot::erf, [](double x) { return std::erf(x); }, -2, 2},
    {"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -3, 3},
};

class UnaryOps : public testing::TestWithParam<Unary> {};
INSTANTIATE_TEST_SUITE_P(All, UnaryOps, testing::ValuesIn(kUnary),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(UnaryOps, ComputesItsFunction) {
  const Unary& u = GetParam();
  const Tensor x = linspace(u.low, u.high, 37, {.dtype = float64});
  const std::vector<double> in = values(x), out = values(u.op(x, Site::current()));
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_NEAR(out[i], u.expected(in[i]), 1e-14 * std::max(1.0, std::fabs(out[i]))) << in[i];
  const Tensor narrow = u.op(x.to(float32), Site::current());
  EXPECT_EQ(narrow.dtype(), float32);
  const std::vector<double> narrow_in = values(x.to(float32)), narrow_out = values(narrow);
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_NEAR(narrow_out[i], u.expected(narrow_in[i]),
                4e-7 * std::max(1.0, std::fabs(narrow_out[i])))
        << narrow_in[i];
}

TEST_P(UnaryOps, GradientsAgreeWithDifferences) {
  const Unary& u = GetParam();
  Tensor x = linspace(u.low, u.high, 7, {.dtype = float64});
  x.requires_grad_();
  const auto f = [&](const std::vector<Tensor>& in) {
    return std::vector{u.op(in[0], Site::current())};
  };
  const GradcheckResult first = gradcheck(f, {x});
  EXPECT_TRUE(first.ok) << first.message;
  const GradcheckResult second = gradgradcheck(f, {x});
  EXPECT_TRUE(second.ok) << second.message;
}

TEST(UnaryDtypes, RealFunctionsMakeFloat32OfIntegers) {
  expect_tensor(sqrt(tensor({4, 9})), {2}, float32, {2, 3});
  expect_tensor(exp(tensor({false, true})), {2}, float32, {1, std::exp(1.0)}, 1e-6);
  expect_tensor(sigmoid(zeros({1}, {.dtype = float16})), {1}, float16, {0.5});
}

TEST(UnaryDtypes, OthersKeepIntegers) {
  expect_tensor(abs(tensor({-4, 9})), {2}, int64, {4, 9});
  expect_tensor(neg(tensor({1, 2}, uint8)), {2}, uint8, {255, 254});
  expect_tensor(floor(tensor({-4, 9}, int8)), {2}, int8, {-4, 9});
  expect_tensor(square(tensor({false, true})), {2}, int64, {0, 1});
  expect_tensor(bitwise_not(tensor({0, 5})), {2}, int64, {-1, -6});
  expect_tensor(bitwise_not(tensor({false, true})), {2}, boolean, {1, 0});
}

TEST(UnaryDtypes, PredicatesGiveBool) {
  const Tensor x = tensor({kNan, kInf, -kInf, 0.0, 1.0});
  expect_tensor(isnan(x), {5}, boolean, {1, 0, 0, 0, 0});
  expect_tensor(isinf(x), {5}, boolean, {0, 1, 1, 0, 0});
  expect_tensor(isfinite(x), {5}, boolean, {0, 0, 0, 1, 1});
  expect_tensor(logical_not(x), {5}, boolean, {0, 0, 0, 1, 0});
  expect_tensor(isfinite(tensor({1, 2})), {2}, boolean, {1, 1});
}

// -- Two operands ---------------------------------------------------------------------------------

struct Binary {
  const char* name;
  Tensor (*op)(const Operand&, const Operand&);
  double (*expected)(double, double);
};

void PrintTo(const Binary& b, std::ostream* out) { *out << b.name; }

const Binary kBinary[] = {
    {"add", add, [](double a, double b) { return a + b; }},
    {"sub", sub, [](double a, double b) { return a - b; }},
    {"mul", mul, [](double a, double b) { return a * b; }},
    {"div", ingot::div, [](double a, double b) { return a / b; }},
    {"remainder", ingot::remainder, [](double a, double b) { return a - b * std::floor(a / b); }},
    {"fmod", ingot::fmod, [](double a, double b) { return std::fmod(a, b); }},
    {"pow", ingot::pow, [](double a, double b) { return std::pow(a, b); }},
    {"maximum", maximum, [](double a, double b) { return std::max(a, b); }},
    {"minimum", minimum, [](double a, double b) { return std::min(a, b); }},
    {"atan2", ingot::atan2, [](double a, double b) { return std::atan2(a, b); }},
};

class BinaryOps : public testing::TestWithParam<Binary> {};
INSTANTIATE_TEST_SUITE_P(All, BinaryOps, testing::ValuesIn(kBinary),
                         [](const auto& p) { return std::string(p.param.name); });

TEST_P(BinaryOps, BroadcastsAndDifferentiates) {
  const Binary& op = GetParam();
  Tensor a = tensor({{0.7, 1.9, 2.2}, {3.1, 0.4, 1.3}}, float64);
  Tensor b = tensor({1.3, 0.6, 2.9}, float64);
  const std::vector<double> out = values(op.op(a, b)), x = values(a), y = values(b);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(out[i], op.expected(x[i], y[i % 3]), 1e-14) << i;
  a.requires_grad_();
  b.requires_grad_();
  const auto f = [&](const std::vector<Tensor>& in) { return std::vector{op.op(in[0], in[1])}; };
  const GradcheckResult first = gradcheck(f, {a, b});
  EXPECT_TRUE(first.ok) << first.message;
  const GradcheckResult second = gradgradcheck(f, {a, b});
  EXPECT_TRUE(second.ok) << second.message;
}

TEST(ResultType, FollowsPyTorchsClasses) {
  const auto type = [](const Operand& a, const Operand& b) { return name(result_type(a, b)); };
  const auto dims = [](DType t) { return zeros({2}, {.dtype = t}); };
  const auto zero_dim = [](DType t) { return zeros({}, {.dtype = t}); };
  // Numbers count by their kind, 0-dim tensors by theirs, unless nothing outranks them.
  EXPECT_EQ(type(dims(uint8), 3), "uint8");
  EXPECT_EQ(type(dims(int32), 2.5), "float32");
  EXPECT_EQ(type(dims(float16), 2.5), "float16");
  EXPECT_EQ(type(dims(boolean), 1), "int64");
  EXPECT_EQ(type(dims(float32), zero_dim(float64)), "float32");
  EXPECT_EQ(type(dims(int32), zero_dim(float64)), "float64");
  EXPECT_EQ(type(dims(int8), zero_dim(int64)), "int8");
  EXPECT_EQ(type(dims(boolean), zero_dim(int16)), "int16");
  EXPECT_EQ(type(zero_dim(int16), 5), "int16");
  EXPECT_EQ(type(zero_dim(int16), 5.0), "float32");
  EXPECT_EQ(type(zero_dim(float64), zero_dim(float32)), "float64");
  EXPECT_EQ(type(dims(float16), dims(bfloat16)), "float32");
  EXPECT_EQ(type(dims(uint8), dims(int8)), "int16");
  EXPECT_EQ(type(1, 2.5), "float32");
}

TEST(ResultType, HappensInOperators) {
  expect_tensor(tensor({1, 2}) + 0.5, {2}, float32, {1.5, 2.5});
  expect_tensor(1 / tensor({2, 4}), {2}, float32, {0.5, 0.25});
  expect_tensor(tensor({7, -7}) / 2, {2}, float32, {3.5, -3.5});
  expect_tensor(tensor({true, false}) + tensor({true, true}), {2}, boolean, {1, 1});
  expect_tensor(tensor({true, false}) * 3, {2}, int64, {3, 0});
  expect_tensor(tensor({200, 100}, uint8) + 100, {2}, uint8, {44, 200});
  expect_tensor(tensor({1.0, 2.0}) < 2, {2}, boolean, {1, 0});
  expect_tensor(2 - tensor({1, 2}, float64), {2}, float64, {1, 0});
  expect_tensor(-tensor({1, 2}), {2}, int64, {-1, -2});
  expect_tensor(tensor({16777217, 1}) == 16777217, {2}, boolean, {1, 0});
}

TEST(Integers, DivideAndShift) {
  const Tensor a = tensor({-7, 7, 8});
  expect_tensor(floor_divide(a, 2), {3}, int64, {-4, 3, 4});
  expect_tensor(ingot::remainder(a, -3), {3}, int64, {-1, -2, -1});
  expect_tensor(ingot::fmod(a, -3), {3}, int64, {-1, 1, 2});
  expect_tensor(bitwise_left_shift(a, 1), {3}, int64, {-14, 14, 16});
  expect_tensor(bitwise_right_shift(a, 1), {3}, int64, {-4, 3, 4});
  expect_tensor(bitwise_and(a, 3), {3}, int64, {1, 3, 0});
  expect_tensor(bitwise_or(tensor({true, false}), false), {2}, boolean, {1, 0});
  expect_tensor(bitwise_xor(a, a), {3}, int64, {0, 0, 0});
}

TEST(Logic, TakesAnyDtype) {
  const Tensor a = tensor({0.0, 2.0, kNan}), b = tensor({1, 0, 1});
  expect_tensor(logical_and(a, b), {3}, boolean, {0, 0, 1});
  expect_tensor(logical_or(a, b), {3}, boolean, {1, 1, 1});
  expect_tensor(logical_xor(a, b), {3}, boolean, {1, 1, 0});
  expect_tensor(a != a, {3}, boolean, {0, 0, 1});
}

TEST(Pow, ByNumbers) {
  const Tensor x = tensor({0.25, 4.0}, float64);
  expect_tensor(pow(x, 2), {2}, float64, {0.0625, 16});
  expect_tensor(pow(x, 3), {2}, float64, {0.015625, 64});
  expect_tensor(pow(x, 0.5), {2}, float64, {0.5, 2});
  expect_tensor(pow(x, -0.5), {2}, float64, {2, 0.5});
  expect_tensor(pow(x, -1), {2}, float64, {4, 0.25});
  expect_tensor(pow(x, 1), {2}, float64, {0.25, 4});
  expect_tensor(pow(x, 0), {2}, float64, {1, 1});
  expect_tensor(pow(2, tensor({3, 4})), {2}, int64, {8, 16});
  expect_tensor(pow(tensor({3, 4}), 0.5), {2}, float32, {std::sqrt(3.0), 2}, 1e-6);
  EXPECT_NE(message_of<ValueError>([] {
              pow(tensor({3, 4}), -1);
            }).find("no negative powers"),
            std::string::npos);
}

TEST(Pow, GradientsAtZero) {
  Tensor x = tensor({0.0, 2.0}, float64), e = tensor({0.0, 3.0}, float64);
  x.requires_grad_();
  e.requires_grad_();
  const std::vector<Tensor> g = grad({pow(x, e)}, {x, e}, {ones({2}, {.dtype = float64})});
  expect_tensor(g[0], {2}, float64, {0, 12});
  expect_tensor(g[1], {2}, float64, {0, 8 * std::log(2.0)}, 1e-14);
}

TEST(Maximum, TiesShareTheGradient) {
  Tensor a = tensor({1.0, 2.0, 3.0}), b = tensor({1.0, 3.0, 2.0});
  a.requires_grad_();
  b.requires_grad_();
  const std::vector<Tensor> g = grad({maximum(a, b)}, {a, b}, {ones({3})});
  expect_tensor(g[0], {3}, float32, {0.5, 0, 1});
  expect_tensor(g[1], {3}, float32, {0.5, 1, 0});
}

TEST(Clamp, LimitsAndDifferentiates) {
  Tensor x = tensor({-2.0, -1.0, 0.5, 1.0, 3.0, kNan});
  expect_tensor(clamp(x, -1, 1), {6}, float32, {-1, -1, 0.5, 1, 1, kNan});
  expect_tensor(clamp(x, {}, 0), {6}, float32, {-2, -1, 0, 0, 0, kNan});
  expect_tensor(clamp(tensor({1, 5}), 1.5, {}), {2}, float32, {1.5, 5});
  expect_tensor(clamp(tensor({1, 5}), 2, 3), {2}, int64, {2, 3});
  x.requires_grad_();
  const Tensor g = grad({clamp(x, -1, 1)}, {x}, {ones({6})})[0];
  expect_tensor(g, {6}, float32, {0, 1, 1, 1, 0, 0});
  EXPECT_NE(message_of<ValueError>([&] { clamp(x, {}, {}); }).find("give min, max or both"),
            std::string::npos);
}

TEST(Where, ChoosesPromotesAndDifferentiates) {
  const Tensor condition = tensor({{true}, {false}});
  expect_tensor(where(condition, tensor({1, 2}), 0.5), {2, 2}, float32, {1, 2, 0.5, 0.5});
  expect_tensor(where(condition, 1, tensor({7, 8}, uint8)), {2, 2}, uint8, {1, 1, 7, 8});
  Tensor a = tensor({1.0, 2.0}), b = tensor({3.0});
  a.requires_grad_();
  b.requires_grad_();
  const std::vector<Tensor> g = grad({where(condition, a, b)}, {a, b}, {ones({2, 2})});
  expect_tensor(g[0], {2}, float32, {1, 1});
  expect_tensor(g[1], {1}, float32, {2});
  // The branch not taken may be anything.
  Tensor x = tensor({0.0, 4.0});
  x.requires_grad_();
  const Tensor safe = where(x > 0, sqrt(where(x > 0, x, 1.0)), 0.0);
  expect_tensor(grad({safe}, {x}, {ones({2})})[0], {2}, float32, {0, 0.25});
}

TEST(Lerp, AndFriends) {
  expect_tensor(lerp(tensor({0.0, 10.0}), tensor({10.0, 20.0}), 0.25), {2}, float32, {2.5, 12.5});
  const Tensor x = tensor({1.0, 1.0}), a = tensor({2.0, 3.0}), b = tensor({4.0, 6.0});
  expect_tensor(addcmul(x, a, b, 0.5), {2}, float32, {5, 10});
  expect_tensor(addcdiv(x, a, b, 2), {2}, float32, {2, 2});
}

TEST(HalfPrecision, RoundsOncePerOperation) {
  const Tensor x = tensor({2048.0, 1.0}, float16), y = tensor({1.0, 0.0004}, float16);
  // 2049 lies between two float16 numbers and goes to the even one.
  expect_tensor(x + y, {2}, float16, {2048, 1});
  expect_tensor((x + y) + y, {2}, float16, {2048, 1});
  expect_tensor(tensor({1.0, 3.0}, bfloat16) / 3, {2}, bfloat16, {0.333984375, 1});
}

TEST(EmptyAndZeroDim, WorkEverywhere) {
  expect_tensor(zeros({0, 3}) + ones({3}), {0, 3}, float32, {});
  expect_tensor(exp(zeros({0})), {0}, float32, {});
  expect_tensor(tensor(2.0) * tensor(3.0), {}, float32, {6});
  expect_tensor(relu(tensor(-2.0)), {}, float32, {0});
}

TEST(Strides, TransposedAndExpandedOperands) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});
  expect_tensor(a.transpose(0, 1) + a.transpose(0, 1), {3, 2}, int64, {2, 8, 4, 10, 6, 12});
  expect_tensor(tensor({{1}, {2}}).expand({2, 3}) * a, {2, 3}, int64, {1, 2, 3, 8, 10, 12});
}

// -- In place -------------------------------------------------------------------------------------

TEST(InPlace, KeepsTheDtype) {
  Tensor x = tensor({1.0, 2.0}, float16);
  x += tensor({0.5, 0.25}, float32);
  expect_tensor(x, {2}, float16, {1.5, 2.25});
  x *= 2;
  x -= 1;
  x /= 4;
  expect_tensor(x, {2}, float16, {0.5, 0.875});
  x.clamp_(0.6, {});
  expect_tensor(x, {2}, float16, {0.60009765625, 0.875});
  x.fill_(3);
  expect_tensor(x, {2}, float16, {3, 3});
  x.zero_();
  expect_tensor(x, {2}, float16, {0, 0});
  x.copy_(tensor(7));
  expect_tensor(x, {2}, float16, {7, 7});
  Tensor n = tensor({1, 2}, int32);
  n += tensor({true, true});
  expect_tensor(n, {2}, int32, {2, 3});
}

TEST(InPlace, RefusesWhatItCannotStore) {
  Tensor n = tensor({1, 2});
  EXPECT_NE(message_of<DTypeError>([&] { n += 0.5; })
                .find("add_: the result is float32 and cannot be stored in int64[2]; convert the "
                      "tensor first with .to(float32)\n  recorded at "),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([&] {
              n += zeros({3, 2}, {.dtype = int64});
            }).find("add_: the result has shape [3, 2] and does not fit into int64[2]"),
            std::string::npos);
  expect_tensor(n, {2}, int64, {1, 2});
}

TEST(InPlace, CopyOfALeafReachesTheLeaf) {
  Tensor w = tensor({1.0, 2.0});
  w.requires_grad_();
  Tensor x = zeros({2});
  x.copy_(w);
  x *= 3;
  expect_tensor(grad({x}, {w}, {ones({2})})[0], {2}, float32, {3, 3});
}

// -- Errors ---------------------------------------------------------------------------------------

TEST(Errors, NameTheOperandsAndThePlace) {
  const Tensor a = zeros({2, 3}), b = zeros({2, 4});
  const std::string text = message_of<ShapeError>([&] { return a + b; });
  EXPECT_NE(text.find("add: shapes [2, 3] and [2, 4] do not broadcast (3 ≠ 4 in dimension -1)\n"
                      "  recorded at "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("elementwise_test.cpp:"), std::string::npos) << text;
}

TEST(Errors, DtypesThatAnOperationDoesNotTake) {
  const Tensor flags = tensor({true, false}), x = tensor({1.0, 2.0});
  EXPECT_NE(
      message_of<DTypeError>([&] { return flags - flags; }).find("sub: does not take two bool"),
      std::string::npos);
  EXPECT_NE(message_of<DTypeError>([&] { return -flags; }).find("neg: does not take bool"),
            std::string::npos);
  EXPECT_NE(message_of<DTypeError>([&] {
              bitwise_and(x, x);
            }).find("bitwise_and: works on integers and bool, got float32[2] and float32[2]"),
            std::string::npos);
  EXPECT_NE(message_of<DTypeError>([&] {
              where(x, x, x);
            }).find("where: the condition must be bool, got float32[2]"),
            std::string::npos);
}

TEST(Errors, UndefinedTensors) {
  const Tensor nothing, x = zeros({2});
  EXPECT_NE(message_of<ValueError>([&] { return x + nothing; }).find("add: "), std::string::npos);
  EXPECT_NE(message_of<ValueError>([&] { exp(nothing); }).find("exp: "), std::string::npos);
  EXPECT_NE(message_of<ValueError>([&] { neg(nothing); }).find("neg: "), std::string::npos);
}

TEST(Devices, SayWhyTheyCannot) {
  EXPECT_NE(message_of<DeviceError>([] {
              return zeros({2}, {.device = "cuda"});
            }).find("cuda:0: this build of Ingot has no CUDA backend yet"),
            std::string::npos);
  EXPECT_NE(message_of<DeviceError>([] {
              return zeros({2}).to("mps");
            }).find("mps: this build of Ingot has no Metal backend yet"),
            std::string::npos);
  const Tensor x = zeros({2});
  EXPECT_TRUE(x.to("cpu").is_same(x));
}

}  // namespace
}  // namespace ingot
