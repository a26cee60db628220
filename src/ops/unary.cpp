// Elementwise primitives of one operand.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include <numbers>

#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_real(InferContext& c) {
  c.require_floating(0);
  infer_like_first(c);
}

void infer_numeric(InferContext& c) {
  if (c.dtype(0) == DType::Bool)
    c.dtype_error(
        fmt::format("does not take bool, got {}; convert it with .to(int64) or use "
                    "logical_not for a negation",
                    c.in(0).str()));
  infer_like_first(c);
}

void infer_bits(InferContext& c) {
  if (is_floating(c.dtype(0)))
    c.dtype_error(fmt::format("works on integers and bool, got {}", c.in(0).str()));
  infer_like_first(c);
}

// Step functions: the derivative is zero wherever it exists.
void vjp_zero(VjpContext& c) { c.set(0, zeros_like(c.grad())); }

constexpr OpDef kNeg = primitive("neg", ScalarOp::Neg, infer_numeric, save_nothing,
                                 [](VjpContext& c) { c.set(0, neg(c.grad())); });
constexpr OpDef kAbs = primitive("abs", ScalarOp::Abs, infer_numeric, save_input,
                                 [](VjpContext& c) { c.set(0, c.grad() * sign(c.input(0))); });
constexpr OpDef kSign = primitive("sign", ScalarOp::Sign, infer_like_first, save_nothing, vjp_zero);
constexpr OpDef kSquare = primitive("square", ScalarOp::Square, infer_numeric, save_input,
                                    [](VjpContext& c) { c.set(0, c.grad() * c.input(0) * 2); });
constexpr OpDef kFloor = primitive("floor", ScalarOp::Floor, infer_numeric, save_nothing, vjp_zero);
constexpr OpDef kCeil = primitive("ceil", ScalarOp::Ceil, infer_numeric, save_nothing, vjp_zero);
constexpr OpDef kRound = primitive("round", ScalarOp::Round, infer_numeric, save_nothing, vjp_zero);
constexpr OpDef kTrunc = primitive("trunc", ScalarOp::Trunc, infer_numeric, save_nothing, vjp_zero);
constexpr OpDef kBitwiseNot = primitive("bitwise_not", ScalarOp::BitwiseNot, infer_bits);

// (grad, out) -> 0 where out <= 0, else grad, also for NaN. Its second argument only chooses: no
// gradient there.
Tensor relu_backward(const Tensor& grad, const Tensor& out, Site at = Site::current());
constexpr OpDef kReluBackward = in_dtype(primitive(
    "relu_backward", ScalarOp::ReluGrad, infer_elementwise,
    [](const SavesContext&) { return Saved{.inputs = 2}; },
    [](VjpContext& c) {
      if (c.needs(0)) c.set(0, relu_backward(c.grad(), c.input(1)));
      if (c.needs(1)) c.set(1, zeros_like(c.grad()));
    }));
Tensor relu_backward(const Tensor& grad, const Tensor& out, Site at) {
  return record(kReluBackward, {&grad, &out}, {}, at);
}
constexpr OpDef kRelu =
    in_dtype(primitive("relu", ScalarOp::Relu, infer_numeric, save_output,
                       [](VjpContext& c) { c.set(0, relu_backward(c.grad(), c.output(0))); }));

constexpr OpDef kExp = primitive("exp", ScalarOp::Exp, infer_real, save_output,
                                 [](VjpContext& c) { c.set(0, c.grad() * c.output(0)); });
constexpr OpDef kExpm1 = primitive("expm1", ScalarOp::Expm1, infer_real, save_output,
                                   [](VjpContext& c) { c.set(0, c.grad() * (c.output(0) + 1)); });
constexpr OpDef kLog = primitive("log", ScalarOp::Log, infer_real, save_input,
                                 [](VjpContext& c) { c.set(0, c.grad() / c.input(0)); });
constexpr OpDef kLog1p = primitive("log1p", ScalarOp::Log1p, infer_real, save_input,
                                   [](VjpContext& c) { c.set(0, c.grad() / (c.input(0) + 1)); });
constexpr OpDef kLog2 =
    primitive("log2", ScalarOp::Log2, infer_real, save_input,
              [](VjpContext& c) { c.set(0, c.grad() / (c.input(0) * std::numbers::ln2)); });
constexpr OpDef kLog10 =
    primitive("log10", ScalarOp::Log10, infer_real, save_input,
              [](VjpContext& c) { c.set(0, c.grad() / (c.input(0) * std::numbers::ln10)); });
constexpr OpDef kSqrt = primitive("sqrt", ScalarOp::Sqrt, infer_real, save_output,
                                  [](VjpContext& c) { c.set(0, c.grad() / (c.output(0) * 2)); });
constexpr OpDef kRsqrt =
    primitive("rsqrt", ScalarOp::Rsqrt, infer_real, save_output, [](VjpContext& c) {
      const Tensor r = c.output(0);
      c.set(0, c.grad() * (r * r * r * -0.5));
    });
constexpr OpDef kReciprocal =
    primitive("reciprocal", ScalarOp::Reciprocal, infer_real, save_output,
              [](VjpContext& c) { c.set(0, neg(c.grad() * c.output(0) * c.output(0))); });
constexpr OpDef kSin = primitive("sin", ScalarOp::Sin, infer_real, save_input,
                                 [](VjpContext& c) { c.set(0, c.grad() * cos(c.input(0))); });
constexpr OpDef kCos = primitive("cos", ScalarOp::Cos, infer_real, save_input,
                                 [](VjpContext& c) { c.set(0, neg(c.grad() * sin(c.input(0)))); });
constexpr OpDef kTan = primitive("tan", ScalarOp::Tan, infer_real, save_output, [](VjpContext& c) {
  c.set(0, c.grad() * (square(c.output(0)) + 1));
});
constexpr OpDef kAsin =
    primitive("asin", ScalarOp::Asin, infer_real, save_input,
              [](VjpContext& c) { c.set(0, c.grad() * rsqrt(1 - square(c.input(0)))); });
constexpr OpDef kAcos =
    primitive("acos", ScalarOp::Acos, infer_real, save_input,
              [](VjpContext& c) { c.set(0, neg(c.grad() * rsqrt(1 - square(c.input(0))))); });
constexpr OpDef kAtan =
    primitive("atan", ScalarOp::Atan, infer_real, save_input,
              [](VjpContext& c) { c.set(0, c.grad() / (square(c.input(0)) + 1)); });
constexpr OpDef kSinh = primitive("sinh", ScalarOp::Sinh, infer_real, save_input,
                                  [](VjpContext& c) { c.set(0, c.grad() * cosh(c.input(0))); });
constexpr OpDef kCosh = primitive("cosh", ScalarOp::Cosh, infer_real, save_input,
                                  [](VjpContext& c) { c.set(0, c.grad() * sinh(c.input(0))); });
constexpr OpDef kTanh =
    primitive("tanh", ScalarOp::Tanh, infer_real, save_output,
              [](VjpContext& c) { c.set(0, c.grad() * (1 - square(c.output(0)))); });
constexpr OpDef kErf = primitive("erf", ScalarOp::Erf, infer_real, save_input, [](VjpContext& c) {
  constexpr double kTwoOverRootPi = 2 * std::numbers::inv_sqrtpi;
  c.set(0, c.grad() * (exp(neg(square(c.input(0)))) * kTwoOverRootPi));
});
constexpr OpDef kSigmoid =
    primitive("sigmoid", ScalarOp::Sigmoid, infer_real, save_output, [](VjpContext& c) {
      const Tensor s = c.output(0);
      c.set(0, c.grad() * ((1 - s) * s));
    });

void infer_unary_predicate(InferContext& c) { c.out(c.shape(0), DType::Bool); }
constexpr OpDef kIsNan = primitive("isnan", ScalarOp::IsNan, infer_unary_predicate);
constexpr OpDef kIsInf = primitive("isinf", ScalarOp::IsInf, infer_unary_predicate);
constexpr OpDef kIsFinite = primitive("isfinite", ScalarOp::IsFinite, infer_unary_predicate);
constexpr OpDef kLogicalNot = primitive("logical_not", ScalarOp::LogicalNot, infer_unary_predicate);

Tensor record_real(const OpDef& op, const Tensor& x, Site at) {
  defined(op.name, x, at);
  const Tensor real = cast(x, floating_of(x.dtype()), at);
  return record(op, {&real}, {}, at);
}

}  // namespace

INGOT_EXPORT_OPS(unary, &kNeg, &kAbs, &kSign, &kSquare, &kFloor, &kCeil, &kRound, &kTrunc,
                 &kBitwiseNot, &kRelu, &kReluBackward, &kExp, &kExpm1, &kLog, &kLog1p, &kLog2,
                 &kLog10, &kSqrt, &kRsqrt, &kReciprocal, &kSin, &kCos, &kTan, &kAsin, &kAcos,
                 &kAtan, &kSinh, &kCosh, &kTanh, &kErf, &kSigmoid, &kIsNan, &kIsInf, &kIsFinite,
                 &kLogicalNot)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor neg(const Tensor& x, Site at) { return record(kNeg, {&x}, {}, at); }
Tensor abs(const Tensor& x, Site at) { return record(kAbs, {&x}, {}, at); }
Tensor sign(const Tensor& x, Site at) { return record(kSign, {&x}, {}, at); }
Tensor square(const Tensor& x, Site at) {
  // PyTorch's square is pow(x, 2), which makes bool an integer.
  if (x.defined() && x.dtype() == DType::Bool) return square(cast(x, DType::Int64, at), at);
  return record(kSquare, {&x}, {}, at);
}
Tensor floor(const Tensor& x, Site at) { return record(kFloor, {&x}, {}, at); }
Tensor ceil(const Tensor& x, Site at) { return record(kCeil, {&x}, {}, at); }
Tensor round(const Tensor& x, Site at) { return record(kRound, {&x}, {}, at); }
Tensor trunc(const Tensor& x, Site at) { return record(kTrunc, {&x}, {}, at); }
Tensor relu(const Tensor& x, Site at) { return record(kRelu, {&x}, {}, at); }
Tensor bitwise_not(const Tensor& x, Site at) { return record(kBitwiseNot, {&x}, {}, at); }

Tensor exp(const Tensor& x, Site at) { return record_real(kExp, x, at); }
Tensor expm1(const Tensor& x, Site at) { return record_real(kExpm1, x, at); }
Tensor log(const Tensor& x, Site at) { return record_real(kLog, x, at); }
Tensor log1p(const Tensor& x, Site at) { return record_real(kLog1p, x, at); }
Tensor log2(const Tensor& x, Site at) { return record_real(kLog2, x, at); }
Tensor log10(const Tensor& x, Site at) { return record_real(kLog10, x, at); }
Tensor sqrt(const Tensor& x, Site at) { return record_real(kSqrt, x, at); }
Tensor rsqrt(const Tensor& x, Site at) { return record_real(kRsqrt, x, at); }
Tensor reciprocal(const Tensor& x, Site at) { return record_real(kReciprocal, x, at); }
Tensor sin(const Tensor& x, Site at) { return record_real(kSin, x, at); }
Tensor cos(const Tensor& x, Site at) { return record_real(kCos, x, at); }
Tensor tan(const Tensor& x, Site at) { return record_real(kTan, x, at); }
Tensor asin(const Tensor& x, Site at) { return record_real(kAsin, x, at); }
Tensor acos(const Tensor& x, Site at) { return record_real(kAcos, x, at); }
Tensor atan(const Tensor& x, Site at) { return record_real(kAtan, x, at); }
Tensor sinh(const Tensor& x, Site at) { return record_real(kSinh, x, at); }
Tensor cosh(const Tensor& x, Site at) { return record_real(kCosh, x, at); }
Tensor tanh(const Tensor& x, Site at) { return record_real(kTanh, x, at); }
Tensor erf(const Tensor& x, Site at) { return record_real(kErf, x, at); }
Tensor sigmoid(const Tensor& x, Site at) { return record_real(kSigmoid, x, at); }

Tensor isnan(const Tensor& x, Site at) { return record(kIsNan, {&x}, {}, at); }
Tensor isinf(const Tensor& x, Site at) { return record(kIsInf, {&x}, {}, at); }
Tensor isfinite(const Tensor& x, Site at) { return record(kIsFinite, {&x}, {}, at); }
Tensor logical_not(const Tensor& x, Site at) { return record(kLogicalNot, {&x}, {}, at); }

Tensor operator-(const Operand& a) {
  if (!a.is_tensor()) return to_tensor(-a.scalar().to_double(), a.scalar().default_dtype(), {});
  return neg(a.tensor(), a.site());
}

Tensor operator~(const Operand& a) {
  return bitwise_not(a.is_tensor() ? a.tensor() : to_tensor(a, a.scalar().default_dtype(), {}),
                     a.site());
}

Tensor Tensor::neg(Site at) const { return ingot::neg(*this, at); }
Tensor Tensor::abs(Site at) const { return ingot::abs(*this, at); }
Tensor Tensor::exp(Site at) const { return ingot::exp(*this, at); }
Tensor Tensor::log(Site at) const { return ingot::log(*this, at); }
Tensor Tensor::sqrt(Site at) const { return ingot::sqrt(*this, at); }
Tensor Tensor::rsqrt(Site at) const { return ingot::rsqrt(*this, at); }
Tensor Tensor::square(Site at) const { return ingot::square(*this, at); }
Tensor Tensor::sin(Site at) const { return ingot::sin(*this, at); }
Tensor Tensor::cos(Site at) const { return ingot::cos(*this, at); }
Tensor Tensor::tanh(Site at) const { return ingot::tanh(*this, at); }
Tensor Tensor::sigmoid(Site at) const { return ingot::sigmoid(*this, at); }
Tensor Tensor::relu(Site at) const { return ingot::relu(*this, at); }

}  // namespace ingot
