// Cases of include/ingot/ops/elementwise.h.
#include <ingot/ops/elementwise.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;
using Unary = Tensor (*)(const Tensor&, Site);
using Binary = Tensor (*)(const Operand&, const Operand&);

struct UnaryRow {
  const char* name;
  Unary f;
  Draw draw;
  DTypes dtypes;
  Tolerance tolerance;
  bool differentiable = true;
};

const UnaryRow kUnary[] = {
    {"neg", neg, Draw::Signed, kNumbers, Tolerance::Exact},
    {"abs", abs, Draw::Signed, kNumbers, Tolerance::Exact},
    {"sign", sign, Draw::Signed, kAll, Tolerance::Exact},
    {"square", square, Draw::Signed, kNumbers, Tolerance::Rounded},
    {"floor", floor, Draw::Wide, kNumbers, Tolerance::Exact},
    {"ceil", ceil, Draw::Wide, kNumbers, Tolerance::Exact},
    {"round", round, Draw::Wide, kNumbers, Tolerance::Exact},
    {"trunc", trunc, Draw::Wide, kNumbers, Tolerance::Exact},
    {"relu", relu, Draw::Signed, kNumbers, Tolerance::Exact},
    {"exp", exp, Draw::Signed, kAll, Tolerance::Rounded},
    {"expm1", expm1, Draw::Signed, kAll, Tolerance::Rounded},
    {"log", log, Draw::Positive, kAll, Tolerance::Rounded},
    {"log1p", log1p, Draw::Positive, kAll, Tolerance::Rounded},
    {"log2", log2, Draw::Positive, kAll, Tolerance::Rounded},
    {"log10", log10, Draw::Positive, kAll, Tolerance::Rounded},
    {"sqrt", sqrt, Draw::Positive, kAll, Tolerance::Rounded},
    {"rsqrt", rsqrt, Draw::Positive, kAll, Tolerance::Rounded},
    {"reciprocal", reciprocal, Draw::Positive, kAll, Tolerance::Rounded},
    {"sin", sin, Draw::Signed, kAll, Tolerance::Rounded},
    {"cos", cos, Draw::Signed, kAll, Tolerance::Rounded},
    {"tan", tan, Draw::Symmetric, kAll, Tolerance::Rounded},
    {"asin", asin, Draw::Symmetric, kAll, Tolerance::Rounded},
    {"acos", acos, Draw::Symmetric, kAll, Tolerance::Rounded},
    {"atan", atan, Draw::Signed, kAll, Tolerance::Rounded},
    {"sinh", sinh, Draw::Signed, kAll, Tolerance::Rounded},
    {"cosh", cosh, Draw::Signed, kAll, Tolerance::Rounded},
    {"tanh", tanh, Draw::Signed, kAll, Tolerance::Rounded},
    {"erf", erf, Draw::Signed, kAll, Tolerance::Rounded},
    {"sigmoid", sigmoid, Draw::Signed, kAll, Tolerance::Rounded},
    {"isnan", isnan, Draw::Special, kAll, Tolerance::Exact, false},
    {"isinf", isinf, Draw::Special, kAll, Tolerance::Exact, false},
    {"isfinite", isfinite, Draw::Special, kAll, Tolerance::Exact, false},
    {"logical_not", logical_not, Draw::Grid, kAll, Tolerance::Exact, false},
    {"bitwise_not", bitwise_not, Draw::Signed, kInts | kBool, Tolerance::Exact, false},
};

InputSpec spec(const Shape& shape, Draw draw, bool differentiable) {
  return {shape, draw, 0, {}, differentiable};
}

void add_unary(std::vector<OpCase>& cases, const UnaryRow& row) {
  const std::string name = row.name;
  const OpCase::Call call = one([f = row.f](In x) { return f(x[0], Site::current()); });
  const auto add = [&](const char* variant, InputSpec input, DTypes dtypes) {
    OpCase c{name + variant, {input}, call, dtypes, row.tolerance};
    c.numeric = c.second = input.differentiable;
    cases.push_back(std::move(c));
  };
  add("", spec({2, 3, 5}, row.draw, row.differentiable), row.dtypes);
  add("/zero_dim", spec({}, row.draw, row.differentiable), row.dtypes);
  add("/empty", spec({0, 3}, row.draw, row.differentiable), row.dtypes);
  if (row.dtypes & kFloats) add("/special", spec({8}, Draw::Special, false), kFloats);
}

struct BinaryRow {
  const char* name;
  Binary f;
  Draw a, b;
  DTypes dtypes;
  Tolerance tolerance;
  bool differentiable = true;
};

const BinaryRow kBinary[] = {
    {"add", add, Draw::Signed, Draw::Signed, kAll, Tolerance::Rounded},
    {"sub", sub, Draw::Signed, Draw::Signed, kNumbers, Tolerance::Rounded},
    {"mul", mul, Draw::Signed, Draw::Signed, kAll, Tolerance::Rounded},
    {"div", div, Draw::Signed, Draw::Positive, kAll, Tolerance::Rounded},
    {"floor_divide", floor_divide, Draw::Wide, Draw::Positive, kNumbers, Tolerance::Exact, false},
    {"remainder", remainder, Draw::Wide, Draw::Positive, kNumbers, Tolerance::Rounded},
    {"fmod", fmod, Draw::Wide, Draw::Positive, kNumbers, Tolerance::Rounded},
    {"pow", pow, Draw::Positive, Draw::Signed, kFloats, Tolerance::Rounded},
    {"maximum", maximum, Draw::Signed, Draw::Wide, kAll, Tolerance::Exact},
    {"minimum", minimum, Draw::Signed, Draw::Wide, kAll, Tolerance::Exact},
    {"atan2", atan2, Draw::Signed, Draw::Positive, kAll, Tolerance::Rounded},
    {"eq", eq, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"ne", ne, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"lt", lt, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"le", le, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"gt", gt, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"ge", ge, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"logical_and", logical_and, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"logical_or", logical_or, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"logical_xor", logical_xor, Draw::Grid, Draw::Grid, kAll, Tolerance::Exact, false},
    {"bitwise_and", bitwise_and, Draw::Signed, Draw::Signed, kInts | kBool, Tolerance::Exact,
     false},
    {"bitwise_or", bitwise_or, Draw::Signed, Draw::Signed, kInts | kBool, Tolerance::Exact, false},
    {"bitwise_xor", bitwise_xor, Draw::Signed, Draw::Signed, kInts | kBool, Tolerance::Exact,
     false},
    {"bitwise_left_shift", bitwise_left_shift, Draw::Positive, Draw::Positive, kInts,
     Tolerance::Exact, false},
    {"bitwise_right_shift", bitwise_right_shift, Draw::Wide, Draw::Positive, kInts,
     Tolerance::Exact, false},
};

void add_binary(std::vector<OpCase>& cases, const BinaryRow& row) {
  const std::string name = row.name;
  const auto f = row.f;
  const auto add = [&](const char* variant, const Shape& a, const Shape& b) {
    OpCase c{name + variant,
             {spec(a, row.a, row.differentiable), spec(b, row.b, row.differentiable)},
             one([f](In x) { return f(x[0], x[1]); }),
             row.dtypes,
             row.tolerance};
    c.numeric = c.second = row.differentiable;
    cases.push_back(std::move(c));
  };
  add("", {2, 3, 5}, {2, 3, 5});
  add("/broadcast", {2, 1, 4}, {3, 1});
  add("/zero_dim", {2, 3}, {});
  add("/both_zero_dim", {}, {});
  add("/empty", {2, 0}, {1});
  if (row.dtypes & kFloats)
    cases.push_back({name + "/special",
                     {data({8, 1}, Draw::Special), data({1, 8}, Draw::Special)},
                     one([f](In x) { return f(x[0], x[1]); }),
                     kFloats,
                     row.tolerance,
                     false,
                     false});
}

// A number on one side; only where the number's kind changes no dtype class.
void add_scalar_cases(std::vector<OpCase>& cases) {
  const auto right = [&](const char* name, Binary f, Draw draw, Scalar s, DTypes dtypes,
                         Tolerance tolerance) {
    cases.push_back(
        {name, {in({2, 3}, draw)}, one([f, s](In x) { return f(x[0], s); }), dtypes, tolerance});
  };
  const auto left = [&](const char* name, Binary f, Draw draw, Scalar s, DTypes dtypes,
                        Tolerance tolerance) {
    cases.push_back(
        {name, {in({2, 3}, draw)}, one([f, s](In x) { return f(s, x[0]); }), dtypes, tolerance});
  };
  right("add/number", add, Draw::Signed, 2.5, kAll, Tolerance::Rounded);
  right("add/integer", add, Draw::Signed, 3, kAll, Tolerance::Rounded);
  left("sub/number_left", sub, Draw::Signed, 1.5, kNumbers, Tolerance::Rounded);
  right("sub/number", sub, Draw::Signed, 0.75, kNumbers, Tolerance::Rounded);
  right("mul/number", mul, Draw::Signed, -1.5, kAll, Tolerance::Rounded);
  right("mul/bool", mul, Draw::Signed, true, kAll, Tolerance::Rounded);
  right("div/number", div, Draw::Signed, 3.0, kAll, Tolerance::Rounded);
  left("div/number_left", div, Draw::Positive, 3, kAll, Tolerance::Rounded);
  right("pow/square", pow, Draw::Signed, 2, kNumbers, Tolerance::Rounded);
  right("pow/cube", pow, Draw::Signed, 3, kNumbers, Tolerance::Rounded);
  right("pow/zero", pow, Draw::Signed, 0, kNumbers, Tolerance::Rounded);
  right("pow/one", pow, Draw::Signed, 1, kNumbers, Tolerance::Rounded);
  right("pow/half", pow, Draw::Positive, 0.5, kAll, Tolerance::Rounded);
  right("pow/minus_one", pow, Draw::Positive, -1.0, kAll, Tolerance::Rounded);
  right("pow/number", pow, Draw::Positive, 1.75, kAll, Tolerance::Rounded);
  left("pow/number_left", pow, Draw::Signed, 2.0, kFloats, Tolerance::Rounded);
  right("maximum/number", maximum, Draw::Signed, 0.5, kFloats, Tolerance::Exact);
  right("minimum/number", minimum, Draw::Signed, 0.5, kFloats, Tolerance::Exact);
  for (OpCase c : std::vector<OpCase>{
           {"eq/number", {data({2, 3}, Draw::Grid)}, one([](In x) { return x[0] == 1; }), kAll},
           {"lt/number", {data({2, 3}, Draw::Grid)}, one([](In x) { return x[0] < 0.5; }), kAll},
           {"remainder/number",
            {in({2, 3}, Draw::Wide)},
            one([](In x) { return remainder(x[0], 3); }),
            kNumbers},
           {"floor_divide/number",
            {data({2, 3}, Draw::Wide)},
            one([](In x) { return floor_divide(x[0], 3); }),
            kNumbers}}) {
    c.tolerance = c.name[0] == 'r' ? Tolerance::Rounded : Tolerance::Exact;
    cases.push_back(std::move(c));
  }
  // PyTorch's sign conventions with negative divisors.
  for (const auto& [name, f] : {std::pair{"floor_divide/negative", Binary(floor_divide)},
                                std::pair{"remainder/negative", Binary(remainder)},
                                std::pair{"fmod/negative", Binary(fmod)}})
    cases.push_back({name,
                     {data({2, 3}, Draw::Wide)},
                     one([f = f](In x) { return f(x[0], -3); }),
                     kFloats | kSignedInts,
                     Tolerance::Rounded});
  // Beyond one vector, one tile and the serial part of parallel loops.
  cases.push_back({"add/large",
                   {in({301, 117}), in({117})},
                   one([](In x) { return x[0] + x[1]; }),
                   kNumbers,
                   Tolerance::Rounded,
                   false,
                   false});
  cases.push_back({"exp/large",
                   {in({301, 117})},
                   one([](In x) { return exp(x[0]); }),
                   kFloats,
                   Tolerance::Rounded,
                   false,
                   false});
  // A chain that a backend may fuse, with its operands used twice.
  cases.push_back({"chain",
                   {in({3, 5}), in({5}, Draw::Positive)},
                   one([](In x) {
                     const Tensor h = tanh(x[0] * x[1] + 1.0);
                     return (h * h - x[0] / x[1]) * sigmoid(h);
                   }),
                   kFloats});
}

void add_ternary_cases(std::vector<OpCase>& cases) {
  cases.push_back({"where",
                   {mask({2, 3, 5}), in({2, 3, 5}), in({2, 3, 5})},
                   one([](In x) { return where(x[0], x[1], x[2]); }),
                   kAll,
                   Tolerance::Exact});
  cases.push_back({"where/broadcast",
                   {mask({3, 1}), in({4}), in({2, 1, 1})},
                   one([](In x) { return where(x[0], x[1], x[2]); }),
                   kAll,
                   Tolerance::Exact});
  cases.push_back({"where/number",
                   {mask({2, 3}), in({2, 3})},
                   one([](In x) { return where(x[0], x[1], 0.5); }),
                   kFloats,
                   Tolerance::Exact});
  cases.push_back({"where/empty",
                   {mask({0, 3}), in({0, 3}), in({3})},
                   one([](In x) { return where(x[0], x[1], x[2]); }),
                   kAll,
                   Tolerance::Exact});
  cases.push_back({"lerp",
                   {in({2, 3}), in({2, 3}), in({3}, Draw::Unit)},
                   one([](In x) { return lerp(x[0], x[1], x[2]); }),
                   kFloats});
  cases.push_back({"lerp/number",
                   {in({2, 3}), in({2, 3})},
                   one([](In x) { return lerp(x[0], x[1], 0.25); }),
                   kFloats});
  cases.push_back({"addcmul",
                   {in({2, 3}), in({2, 3}), in({3})},
                   one([](In x) { return addcmul(x[0], x[1], x[2], 0.5); }),
                   kFloats});
  cases.push_back({"addcdiv",
                   {in({2, 3}), in({2, 3}), in({3}, Draw::Positive)},
                   one([](In x) { return addcdiv(x[0], x[1], x[2], 0.5); }),
                   kFloats});
  cases.push_back({"clamp",
                   {in({2, 3, 5})},
                   one([](In x) { return clamp(x[0], -0.5, 1.0); }),
                   kFloats,
                   Tolerance::Exact});
  cases.push_back({"clamp/min",
                   {in({2, 3})},
                   one([](In x) { return clamp(x[0], 0.25, {}); }),
                   kFloats,
                   Tolerance::Exact});
  cases.push_back({"clamp/max",
                   {in({2, 3})},
                   one([](In x) { return clamp(x[0], {}, 0.25); }),
                   kFloats,
                   Tolerance::Exact});
  cases.push_back({"clamp/integer",
                   {data({2, 3, 5})},
                   one([](In x) { return clamp(x[0], 1, 3); }),
                   kNumbers,
                   Tolerance::Exact});
  cases.push_back({"clamp/special",
                   {data({8}, Draw::Special)},
                   one([](In x) { return clamp(x[0], -0.5, 1.5); }),
                   kFloats,
                   Tolerance::Exact});
}

void add_conversion_cases(std::vector<OpCase>& cases) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto to = static_cast<DType>(i);
    OpCase c{"cast/to_" + std::string(name(to)),
             {in({2, 3, 5}, Draw::Positive)},
             one([to](In x) { return x[0].to(to); }),
             kAll,
             Tolerance::Exact};
    // A difference quotient of a conversion to 16 bits sees the rounding.
    c.numeric = c.second = to == DType::Float64;
    cases.push_back(std::move(c));
  }
  cases.push_back(
      {"clone", {in({2, 3})}, one([](In x) { return x[0].clone(); }), kAll, Tolerance::Exact});
  cases.push_back({"contiguous",
                   {in({2, 3, 4})},
                   one([](In x) { return x[0].transpose(0, 2).contiguous() * 2; }),
                   kNumbers,
                   Tolerance::Exact});
}

// In-place methods rebind; on a copy, since a leaf that requires grad refuses them.
void add_in_place_cases(std::vector<OpCase>& cases) {
  // What is overwritten entirely gets no gradient (PyTorch gives zeros).
  enum { Reads, Overwrites, OverwritesByNumber };
  const auto add = [&](const char* name, int kind, DTypes dtypes, Tolerance tolerance, auto f) {
    cases.push_back({name,
                     {spec({2, 3}, Draw::Signed, kind == Reads),
                      spec({3}, Draw::Positive, kind != OverwritesByNumber)},
                     one([f](In x) {
                       Tensor y = x[0].clone();
                       f(y, x[1]);
                       return y;
                     }),
                     dtypes,
                     tolerance,
                     kind != OverwritesByNumber,
                     kind != OverwritesByNumber});
  };
  using T = Tensor&;
  using C = const Tensor&;
  const auto exact = Tolerance::Exact, rounded = Tolerance::Rounded;
  add("add_", Reads, kNumbers, rounded, [](T y, C x) { y.add_(x); });
  add("sub_", Reads, kNumbers, rounded, [](T y, C x) { y -= x; });
  add("mul_", Reads, kNumbers, rounded, [](T y, C x) { y *= x; });
  add("div_", Reads, kFloats, rounded, [](T y, C x) { y.div_(x); });
  add("add_/number", Reads, kNumbers, rounded, [](T y, C) { y += 2; });
  add("clamp_", Reads, kFloats, exact, [](T y, C) { y.clamp_(-0.5, 0.75); });
  add("copy_", Overwrites, kAll, exact, [](T y, C x) { y.copy_(x.expand({2, 3})); });
  add("fill_", OverwritesByNumber, kAll, exact, [](T y, C) { y.fill_(1); });
  add("zero_", OverwritesByNumber, kAll, exact, [](T y, C) { y.zero_(); });
}

}  // namespace

void add_elementwise_cases(std::vector<OpCase>& cases) {
  for (const UnaryRow& row : kUnary) add_unary(cases, row);
  for (const BinaryRow& row : kBinary) add_binary(cases, row);
  add_scalar_cases(cases);
  add_ternary_cases(cases);
  add_conversion_cases(cases);
  add_in_place_cases(cases);
}

}  // namespace ingot::optest
