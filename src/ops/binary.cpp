// Elementwise arithmetic of two operands.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include <cmath>

#include "ops/at.h"
#include "ops/broadcast.h"
#include "ops/flops.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_number(InferContext& c) {
  if (c.dtype(0) == DType::Bool)
    c.dtype_error(
        "does not take two bool operands; convert one with .to(int64), or use the "
        "logical_ and bitwise_ functions");
  infer_elementwise(c);
}

void infer_real(InferContext& c) {
  c.require_floating(0);
  infer_elementwise(c);
}

// Sets the gradient of input i, summed over what broadcasting stretched.
void set_summed(VjpContext& c, int i, const Tensor& grad) { c.set(i, sum_to(grad, c.in(i).shape)); }

// What the gradient of each input reads of the inputs, as bits.
template <std::uint32_t for_a, std::uint32_t for_b>
Saved save_for(const SavesContext& s) {
  return {.inputs = (s.needs(0) ? for_a : 0u) | (s.needs(1) ? for_b : 0u)};
}

constexpr OpDef kAdd =
    primitive("add", ScalarOp::Add, infer_elementwise, save_nothing, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad());
      if (c.needs(1)) set_summed(c, 1, c.grad());
    });
constexpr OpDef kSub =
    primitive("sub", ScalarOp::Sub, infer_number, save_nothing, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad());
      if (c.needs(1)) set_summed(c, 1, neg(c.grad()));
    });
constexpr OpDef kMul =
    primitive("mul", ScalarOp::Mul, infer_elementwise, save_for<2, 1>, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad() * c.input(1));
      if (c.needs(1)) set_summed(c, 1, c.grad() * c.input(0));
    });
constexpr OpDef kDiv =
    primitive("div", ScalarOp::Div, infer_real, save_for<2, 3>, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad() / c.input(1));
      if (c.needs(1)) {
        const Tensor b = c.input(1);
        set_summed(c, 1, neg(c.grad()) * ((c.input(0) / b) / b));
      }
    });
constexpr OpDef kFloorDivide = primitive("floor_divide", ScalarOp::FloorDivide, infer_number);
constexpr OpDef kRemainder =
    primitive("remainder", ScalarOp::Remainder, infer_number, save_for<0, 3>, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad());
      if (c.needs(1)) set_summed(c, 1, neg(c.grad() * floor_divide(c.input(0), c.input(1))));
    });
constexpr OpDef kFmod =
    primitive("fmod", ScalarOp::Fmod, infer_number, save_for<0, 3>, [](VjpContext& c) {
      if (c.needs(0)) set_summed(c, 0, c.grad());
      if (c.needs(1)) set_summed(c, 1, neg(c.grad() * trunc(c.input(0) / c.input(1))));
    });
constexpr OpDef kPow = primitive(
    "pow", ScalarOp::Pow, infer_number,
    [](const SavesContext& s) { return Saved{.inputs = 3, .outputs = s.needs(1) ? 1u : 0u}; },
    [](VjpContext& c) {
      const Tensor a = c.input(0), b = c.input(1);
      // The exceptions keep 0 * infinity out: x^0 is flat, and so is 0^b for b > 0.
      if (c.needs(0)) set_summed(c, 0, where(b == 0, 0.0, c.grad() * pow(a, b - 1) * b));
      if (c.needs(1)) {
        const Tensor flat = logical_and(a == 0, b >= 0);
        set_summed(c, 1, where(flat, 0.0, c.grad() * (c.output(0) * log(a))));
      }
    });
// Equal operands share the gradient.
template <bool greater>
void vjp_extremum(VjpContext& c) {
  const Tensor a = c.input(0), b = c.input(1);
  const Tensor shared = where(a == b, c.grad() / 2, c.grad());
  if (c.needs(0)) set_summed(c, 0, where(greater ? a < b : a > b, 0.0, shared));
  if (c.needs(1)) set_summed(c, 1, where(greater ? a > b : a < b, 0.0, shared));
}
Saved save_both(const SavesContext&) { return {.inputs = 3}; }
constexpr OpDef kMaximum =
    primitive("maximum", ScalarOp::Maximum, infer_elementwise, save_both, vjp_extremum<true>);
constexpr OpDef kMinimum =
    primitive("minimum", ScalarOp::Minimum, infer_elementwise, save_both, vjp_extremum<false>);
constexpr OpDef kAtan2 =
    primitive("atan2", ScalarOp::Atan2, infer_real, save_both, [](VjpContext& c) {
      // In units of the larger one, whose square could overflow or vanish. There is no angle at
      // (0, 0); PyTorch takes 0.
      const Tensor y = c.input(0), x = c.input(1);
      const Tensor larger = maximum(abs(x), abs(y));
      const Tensor unit = where(larger == 0, 1.0, larger);
      const Tensor u = x / unit, v = y / unit;
      const Tensor length = where(larger == 0, 1.0, square(u) + square(v));
      const Tensor scaled = c.grad() / length / unit;
      if (c.needs(0)) set_summed(c, 0, scaled * u);
      if (c.needs(1)) set_summed(c, 1, neg(scaled * v));
    });

void check_operands(const OpDef& op, const Operand& a, const Operand& b) {
  if (a.is_tensor()) defined(op.name, a.tensor(), a.site());
  if (b.is_tensor()) defined(op.name, b.tensor(), a.site());
}

Tensor record_promoted(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  return record_binary(op, a, b, result_type(a, b));
}

// Adding −1 modulo 256 is what it is for any number: as in PyTorch a negative one may meet unsigned
// elements in +, − and ·, whose results wrap anyway.
Operand as_residue(const Operand& x, DType t) {
  if (x.is_tensor() || t != DType::UInt8 || x.scalar().kind() == Scalar::Kind::Float) return x;
  const std::int64_t value = x.scalar().to_int64();
  return value < 0 && value >= -255 ? Operand(value + 256, x.site()) : x;
}

Tensor record_ring(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const DType t = result_type(a, b);
  return record_binary(op, as_residue(a, t), as_residue(b, t), t);
}

Tensor record_floating(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  return record_binary(op, a, b, floating_of(result_type(a, b)));
}

// The divisor unchanged; evaluation throws ValueError, naming `attrs.name`, for a 0 in it.
constexpr OpDef kCheckDivisor{.name = "check_divisor",
                              .infer = infer_like_first,
                              .traits = {.checks = true},
                              .flops = no_flops};

// Integers have no infinity to answer with; PyTorch throws, too.
Tensor record_division(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const DType t = result_type(a, b);
  if (is_floating(t) || t == DType::Bool) return record_binary(op, a, b, t);
  if (!b.is_tensor()) {
    if (b.scalar().to_int64() == 0) fail<ValueError>(op.name, "integer division by zero", a.site());
    return record_binary(op, a, b, t);
  }
  const Tensor divisor =
      record(kCheckDivisor, {&b.tensor()}, NameAttrs{std::string(op.name)}, a.site());
  return record_binary(op, a, Operand(divisor, b.site()), t);
}

// pow by a number: the exponent is structure, and the usual ones are other primitives.
std::optional<Tensor> pow_by_number(const Tensor& x, double exponent, DType t, Site at) {
  const auto base = [&] { return cast(x, t, at); };
  if (exponent == 1) return clone(base(), at);
  if (exponent == 2) return square(base(), at);
  if (!is_floating(t)) return std::nullopt;
  if (exponent == 0.5) return sqrt(base(), at);
  if (exponent == -0.5) return rsqrt(base(), at);
  if (exponent == -1) return reciprocal(base(), at);
  return std::nullopt;
}

}  // namespace

INGOT_EXPORT_OPS(binary, &kAdd, &kSub, &kMul, &kDiv, &kFloorDivide, &kRemainder, &kFmod, &kPow,
                 &kMaximum, &kMinimum, &kAtan2, &kCheckDivisor)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor add(const Operand& a, const Operand& b) { return record_ring(kAdd, a, b); }
Tensor sub(const Operand& a, const Operand& b) { return record_ring(kSub, a, b); }
Tensor mul(const Operand& a, const Operand& b) { return record_ring(kMul, a, b); }
Tensor div(const Operand& a, const Operand& b) { return record_floating(kDiv, a, b); }
Tensor floor_divide(const Operand& a, const Operand& b) {
  return record_division(kFloorDivide, a, b);
}
Tensor remainder(const Operand& a, const Operand& b) { return record_division(kRemainder, a, b); }
Tensor fmod(const Operand& a, const Operand& b) { return record_division(kFmod, a, b); }
Tensor maximum(const Operand& a, const Operand& b) { return record_promoted(kMaximum, a, b); }
Tensor minimum(const Operand& a, const Operand& b) { return record_promoted(kMinimum, a, b); }
Tensor atan2(const Operand& y, const Operand& x) { return record_floating(kAtan2, y, x); }

Tensor pow(const Operand& base, const Operand& exponent) {
  check_operands(kPow, base, exponent);
  const DType t = result_type(base, exponent);
  if (base.is_tensor() && !exponent.is_tensor()) {
    const double e = exponent.scalar().to_double();
    if (is_integral(t) && e < 0)
      fail<ValueError>(kPow.name,
                       fmt::format("integers have no negative powers, got {} to the {}; convert "
                                   "the base with .to(float32)",
                                   spec_of(base.tensor()).str(), exponent.scalar().str()),
                       base.site());
    if (t != DType::Bool)
      if (auto result = pow_by_number(base.tensor(), e, t, base.site())) return *result;
  }
  return record_binary(kPow, base, exponent, t);
}

// PyTorch's formula: from the nearer side, so that a weight of 1 gives exactly `end` however far
// `start` is away. The way from one to the other may be no number of the dtype; half of it is one.
Tensor lerp(const Tensor& start, const Tensor& end, const Operand& weight) {
  const Tensor factor = weight.is_tensor() ? weight.tensor() : Tensor();
  if (const Widened w(weight.site(), {&start, &end, &factor}); w)
    return w.rounded(lerp(w[0], w[1], factor.defined() ? Operand(w[2], weight.site()) : weight));
  const Site at = weight.site();
  const Operand from(defined("lerp", start, at), at), to(defined("lerp", end, at), at);
  const Operand half(0.5, at);
  const Tensor half_way = sub(Operand(mul(to, half), at), Operand(mul(from, half), at));
  if (!weight.is_tensor()) {
    const double w = weight.scalar().to_double();
    if (std::abs(w) < 0.5) return add(from, mul(Operand(2 * w, at), {half_way, at}));
    return sub(to, mul({half_way, at}, Operand(2 * (1 - w), at)));
  }
  const Operand w(defined("lerp", weight.tensor(), at), at);
  const Tensor near = lt(Operand(abs(weight.tensor(), at), at), Operand(0.5, at));
  const Tensor part = where(near, w, sub(w, Operand(1.0, at)));
  const Tensor rest = mul(Operand(mul({part, at}, Operand(2.0, at)), at), {half_way, at});
  return add(Operand(where(near, from, to), at), {rest, at});
}

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value, Site at) {
  if (const Widened w(at, {&x, &a, &b}); w) return w.rounded(addcmul(w[0], w[1], w[2], value, at));
  return add(Operand(x, at), mul(Operand(mul(Operand(a, at), value), at), b));
}

Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value, Site at) {
  if (const Widened w(at, {&x, &a, &b}); w) return w.rounded(addcdiv(w[0], w[1], w[2], value, at));
  return add(Operand(x, at), div(Operand(mul(Operand(a, at), value), at), b));
}

Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
Tensor operator%(const Operand& a, const Operand& b) { return remainder(a, b); }

Tensor Tensor::add(const Operand& other) const { return ingot::add({*this, other.site()}, other); }
Tensor Tensor::sub(const Operand& other) const { return ingot::sub({*this, other.site()}, other); }
Tensor Tensor::mul(const Operand& other) const { return ingot::mul({*this, other.site()}, other); }
Tensor Tensor::div(const Operand& other) const { return ingot::div({*this, other.site()}, other); }
Tensor Tensor::pow(const Operand& exponent) const {
  return ingot::pow({*this, exponent.site()}, exponent);
}

}  // namespace ingot
