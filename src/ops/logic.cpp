// Comparison, logic, bits and selection: elementwise, mostly without gradients.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include <cmath>

#include "core/fits.h"
#include "ops/broadcast.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

constexpr OpDef kEq = primitive("eq", ScalarOp::Eq, infer_predicate);
constexpr OpDef kNe = primitive("ne", ScalarOp::Ne, infer_predicate);
constexpr OpDef kLt = primitive("lt", ScalarOp::Lt, infer_predicate);
constexpr OpDef kLe = primitive("le", ScalarOp::Le, infer_predicate);
constexpr OpDef kGt = primitive("gt", ScalarOp::Gt, infer_predicate);
constexpr OpDef kGe = primitive("ge", ScalarOp::Ge, infer_predicate);
constexpr OpDef kLogicalAnd = primitive("logical_and", ScalarOp::LogicalAnd, infer_predicate);
constexpr OpDef kLogicalOr = primitive("logical_or", ScalarOp::LogicalOr, infer_predicate);
constexpr OpDef kLogicalXor = primitive("logical_xor", ScalarOp::LogicalXor, infer_predicate);

void infer_bits(InferContext& c) {
  if (is_floating(c.dtype(0)))
    c.dtype_error(
        fmt::format("works on integers and bool, got {} and {}", c.in(0).str(), c.in(1).str()));
  infer_elementwise(c);
}
void infer_shift(InferContext& c) {
  if (!is_integral(c.dtype(0)))
    c.dtype_error(fmt::format("works on integers, got {} and {}", c.in(0).str(), c.in(1).str()));
  infer_elementwise(c);
}
constexpr OpDef kBitwiseAnd = primitive("bitwise_and", ScalarOp::BitwiseAnd, infer_bits);
constexpr OpDef kBitwiseOr = primitive("bitwise_or", ScalarOp::BitwiseOr, infer_bits);
constexpr OpDef kBitwiseXor = primitive("bitwise_xor", ScalarOp::BitwiseXor, infer_bits);
constexpr OpDef kShiftLeft = primitive("bitwise_left_shift", ScalarOp::ShiftLeft, infer_shift);
constexpr OpDef kShiftRight = primitive("bitwise_right_shift", ScalarOp::ShiftRight, infer_shift);

void infer_where(InferContext& c) {
  if (c.dtype(0) != DType::Bool)
    c.dtype_error(
        fmt::format("the condition must be bool, got {}; compare it (x != 0) or convert "
                    "it with .to(boolean)",
                    c.in(0).str()));
  const char* name = c.op.name.data();
  c.out(broadcast_shapes(broadcast_shapes(c.shape(0), c.shape(1), name), c.shape(2), name),
        shared_dtype(c, 1));
}
constexpr OpDef kWhere =
    primitive("where", ScalarOp::Where, infer_where, save_input, [](VjpContext& c) {
      const Tensor condition = c.input(0);
      if (c.needs(1)) c.set(1, sum_to(where(condition, c.grad(), 0.0), c.in(1).shape));
      if (c.needs(2)) c.set(2, sum_to(where(condition, 0.0, c.grad()), c.in(2).shape));
    });

// Slots: the limits that are given, min before max.
std::pair<std::optional<Scalar>, std::optional<Scalar>> limits(const ClampAttrs& a, auto& context) {
  std::pair<std::optional<Scalar>, std::optional<Scalar>> result;
  if (a.has_min) result.first = context.slot(0);
  if (a.has_max) result.second = context.slot(a.has_min ? 1 : 0);
  return result;
}

void expand_clamp(ExpandContext& c) {
  const auto [min, max] = limits(c.as<ClampAttrs>(), c);
  Tensor x = c.in(0);
  if (min) x = maximum(x, *min);
  if (max) x = minimum(x, *max);
  c.result(x);
}

// Unlike that of maximum and minimum: the limits themselves pass the whole gradient.
void vjp_clamp(VjpContext& c) {
  const auto [min, max] = limits(c.as<ClampAttrs>(), c);
  const Tensor x = c.input(0);
  Tensor inside;
  if (min) inside = x >= *min;
  if (max) inside = min ? logical_and(inside, x <= *max) : x <= *max;
  c.set(0, where(inside, c.grad(), 0.0));
}

void infer_clamp(InferContext& c) {
  if (c.dtype(0) == DType::Bool) c.dtype_error("does not take bool");
  infer_like_first(c);
}

constexpr OpDef kClamp{.name = "clamp",
                       .infer = infer_clamp,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_clamp,
                       .saves = save_input,
                       .expand = expand_clamp};

void check_operands(const OpDef& op, const Operand& a, const Operand& b) {
  if (a.is_tensor()) defined(op.name, a.tensor(), a.site());
  if (b.is_tensor()) defined(op.name, b.tensor(), a.site());
}

// Comparing computes nothing: a number becomes what the tensor could hold, as in PyTorch, so that
// full({1}, 0.1, float16) == 0.1.
Tensor record_pair(const OpDef& op, const Operand& a, const Operand& b, DType t) {
  const Device device = device_of(a, b);
  const Tensor x = to_tensor(a, t, device, op.name), y = to_tensor(b, t, device, op.name);
  return record(op, {&x, &y}, {}, a.site());
}

bool is_integer_tensor(const Operand& x) {
  return x.is_tensor() && is_integral(x.tensor().dtype());
}

// What is only compared is not wrapped: two integer tensors meet in a dtype that holds both, also
// where one has no dimensions.
DType comparison_type(const Operand& a, const Operand& b) {
  if (is_integer_tensor(a) && is_integer_tensor(b))
    return promote_types(a.tensor().dtype(), b.tensor().dtype());
  return result_type(a, b);
}

// -- Comparisons of integers with a number that is not one of them --------------------------------

const OpDef& mirrored(const OpDef& op) {
  if (&op == &kLt) return kGt;
  if (&op == &kLe) return kGe;
  if (&op == &kGt) return kLt;
  if (&op == &kGe) return kLe;
  return op;
}

Tensor everywhere(const Tensor& x, bool truth, const Site& at) {
  return full(x.shape(), truth, {.dtype = DType::Bool, .device = x.device()}, at);
}

// x op number, exactly. A number beyond x's dtype is on one side of all its elements; a fraction
// lies between two integers.
Tensor compare_integers(const OpDef& op, const Tensor& x, const Operand& number) {
  const Site at = number.site();
  const Scalar& s = number.scalar();
  const bool is_order = &op != &kEq && &op != &kNe;
  if (s.kind() != Scalar::Kind::Float) {
    if (fits(s, x.dtype())) return record_pair(op, Operand(x, at), number, x.dtype());
    const bool above = s.to_int64() > 0;
    return everywhere(x, is_order ? above == (&op == &kLt || &op == &kLe) : &op == &kNe, at);
  }
  const double value = s.to_double(), below = std::floor(value);
  if (std::isnan(value)) return everywhere(x, &op == &kNe, at);
  if (!is_order && below != value) return everywhere(x, &op == &kNe, at);
  if (!fits(below, x.dtype()))
    return everywhere(x, is_order ? (value > 0) == (&op == &kLt || &op == &kLe) : &op == &kNe, at);
  const Operand integer(static_cast<std::int64_t>(below), at);
  if (below == value) return record_pair(op, Operand(x, at), integer, x.dtype());
  // x < 2.5 is x <= 2, and x >= 2.5 is x > 2.
  const OpDef& rounded = &op == &kLt || &op == &kLe ? kLe : kGt;
  return record_pair(rounded, Operand(x, at), integer, x.dtype());
}

Tensor record_comparison(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const auto is_number = [](const Operand& x) {
    return !x.is_tensor() && x.scalar().kind() != Scalar::Kind::Bool;
  };
  if (is_integer_tensor(a) && is_number(b))
    return compare_integers(op, a.tensor(), Operand(b.scalar(), a.site()));
  if (is_integer_tensor(b) && is_number(a)) return compare_integers(mirrored(op), b.tensor(), a);
  return record_pair(op, a, b, comparison_type(a, b));
}

// Of a number only its truth counts.
Operand as_truth(const Operand& x) {
  return x.is_tensor() ? x : Operand(x.scalar().to_double() != 0, x.site());
}

Tensor record_logic(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const Operand x = as_truth(a), y = as_truth(b);
  return record_pair(op, x, y, comparison_type(x, y));
}

// Masks are written as one likes: of 8 bits 0xf0 and ~0x0f are the same, for int8 and for uint8.
Operand as_bits(const Operand& x, DType t) {
  if (x.is_tensor() || !is_integral(t) || fits(x.scalar(), t)) return x;
  const std::int64_t value = x.scalar().to_int64();
  const int width = static_cast<int>(8 * nbytes_of(t));
  if (value < -(std::int64_t{1} << (width - 1)) || value >= std::int64_t{1} << width) return x;
  return visit_dtype(t, [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>)
      return Operand(static_cast<std::int64_t>(static_cast<T>(value)), x.site());
    else
      return x;
  });
}

Tensor record_bits(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const DType t = result_type(a, b);
  return record_pair(op, as_bits(a, t), as_bits(b, t), t);
}

// A shift by more than all bits, whatever the number, is one by all bits.
Tensor record_shift(const OpDef& op, const Operand& a, const Operand& b) {
  check_operands(op, a, b);
  const DType t = result_type(a, b);
  if (b.is_tensor() || !is_integral(t)) return record_pair(op, a, b, t);
  const auto width = static_cast<std::int64_t>(8 * nbytes_of(t));
  const std::int64_t by = b.scalar().to_int64();
  return record_pair(op, a, by < 0 || by > width ? Operand(width, b.site()) : b, t);
}

}  // namespace

INGOT_EXPORT_OPS(logic, &kEq, &kNe, &kLt, &kLe, &kGt, &kGe, &kLogicalAnd, &kLogicalOr, &kLogicalXor,
                 &kBitwiseAnd, &kBitwiseOr, &kBitwiseXor, &kShiftLeft, &kShiftRight, &kWhere,
                 &kClamp)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor eq(const Operand& a, const Operand& b) { return record_comparison(kEq, a, b); }
Tensor ne(const Operand& a, const Operand& b) { return record_comparison(kNe, a, b); }
Tensor lt(const Operand& a, const Operand& b) { return record_comparison(kLt, a, b); }
Tensor le(const Operand& a, const Operand& b) { return record_comparison(kLe, a, b); }
Tensor gt(const Operand& a, const Operand& b) { return record_comparison(kGt, a, b); }
Tensor ge(const Operand& a, const Operand& b) { return record_comparison(kGe, a, b); }
Tensor logical_and(const Operand& a, const Operand& b) { return record_logic(kLogicalAnd, a, b); }
Tensor logical_or(const Operand& a, const Operand& b) { return record_logic(kLogicalOr, a, b); }
Tensor logical_xor(const Operand& a, const Operand& b) { return record_logic(kLogicalXor, a, b); }
Tensor bitwise_and(const Operand& a, const Operand& b) { return record_bits(kBitwiseAnd, a, b); }
Tensor bitwise_or(const Operand& a, const Operand& b) { return record_bits(kBitwiseOr, a, b); }
Tensor bitwise_xor(const Operand& a, const Operand& b) { return record_bits(kBitwiseXor, a, b); }
Tensor bitwise_left_shift(const Operand& a, const Operand& b) {
  return record_shift(kShiftLeft, a, b);
}
Tensor bitwise_right_shift(const Operand& a, const Operand& b) {
  return record_shift(kShiftRight, a, b);
}

Tensor where(const Tensor& condition, const Operand& a, const Operand& b) {
  const Site at = a.site();
  defined(kWhere.name, condition, at);
  if (a.is_tensor()) defined(kWhere.name, a.tensor(), at);
  if (b.is_tensor()) defined(kWhere.name, b.tensor(), at);
  const DType t = result_type(a, b);
  const Device device = condition.dim() > 0 ? condition.device() : device_of(a, b);
  const Tensor x = to_operand(a, t, device, kWhere.name);
  const Tensor y = to_operand(b, t, device, kWhere.name);
  return record(kWhere, {&condition, &x, &y}, {}, at);
}

Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max, Site at) {
  defined(kClamp.name, x, at);
  if (!min && !max) fail<ValueError>(kClamp.name, "give min, max or both", at);
  DType t = x.dtype();
  if (min) t = promote_types(t, promote_with_scalar(x.dtype(), min->kind()));
  if (max) t = promote_types(t, promote_with_scalar(x.dtype(), max->kind()));
  for (const auto& limit : {min, max})
    if (limit && (!fits(*limit, t) || overflows_float32(*limit, t)))
      fail<ValueError>(kClamp.name, misfit_text(*limit, t), at);
  const Tensor promoted = cast(x, t, at);
  const ClampAttrs attrs{.has_min = min.has_value(), .has_max = max.has_value()};
  if (min && max) return record(kClamp, {&promoted}, attrs, at, {*min, *max});
  return record(kClamp, {&promoted}, attrs, at, {min ? *min : *max});
}

Tensor operator==(const Operand& a, const Operand& b) { return eq(a, b); }
Tensor operator!=(const Operand& a, const Operand& b) { return ne(a, b); }
Tensor operator<(const Operand& a, const Operand& b) { return lt(a, b); }
Tensor operator<=(const Operand& a, const Operand& b) { return le(a, b); }
Tensor operator>(const Operand& a, const Operand& b) { return gt(a, b); }
Tensor operator>=(const Operand& a, const Operand& b) { return ge(a, b); }
Tensor operator&(const Operand& a, const Operand& b) { return bitwise_and(a, b); }
Tensor operator|(const Operand& a, const Operand& b) { return bitwise_or(a, b); }
Tensor operator^(const Operand& a, const Operand& b) { return bitwise_xor(a, b); }
Tensor operator<<(const Operand& a, const Operand& b) { return bitwise_left_shift(a, b); }
Tensor operator>>(const Operand& a, const Operand& b) { return bitwise_right_shift(a, b); }

Tensor Tensor::eq(const Operand& other) const { return ingot::eq({*this, other.site()}, other); }
Tensor Tensor::ne(const Operand& other) const { return ingot::ne({*this, other.site()}, other); }
Tensor Tensor::lt(const Operand& other) const { return ingot::lt({*this, other.site()}, other); }
Tensor Tensor::le(const Operand& other) const { return ingot::le({*this, other.site()}, other); }
Tensor Tensor::gt(const Operand& other) const { return ingot::gt({*this, other.site()}, other); }
Tensor Tensor::ge(const Operand& other) const { return ingot::ge({*this, other.site()}, other); }
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max, Site at) const {
  return ingot::clamp(*this, min, max, at);
}

}  // namespace ingot
