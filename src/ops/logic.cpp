// Comparison, logic, bits and selection: elementwise, mostly without gradients.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

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

Tensor record_logic(const OpDef& op, const Operand& a, const Operand& b) {
  if (a.is_tensor()) defined(op.name, a.tensor(), a.site());
  if (b.is_tensor()) defined(op.name, b.tensor(), a.site());
  // Comparing computes nothing: a number becomes what the tensor could hold, as in PyTorch, so that
  // full({1}, 0.1, float16) == 0.1.
  const DType t = result_type(a, b);
  const Device device = device_of(a, b);
  const Tensor x = to_tensor(a, t, device), y = to_tensor(b, t, device);
  return record(op, {&x, &y}, {}, a.site());
}

}  // namespace

INGOT_EXPORT_OPS(logic, &kEq, &kNe, &kLt, &kLe, &kGt, &kGe, &kLogicalAnd, &kLogicalOr, &kLogicalXor,
                 &kBitwiseAnd, &kBitwiseOr, &kBitwiseXor, &kShiftLeft, &kShiftRight, &kWhere,
                 &kClamp)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor eq(const Operand& a, const Operand& b) { return record_logic(kEq, a, b); }
Tensor ne(const Operand& a, const Operand& b) { return record_logic(kNe, a, b); }
Tensor lt(const Operand& a, const Operand& b) { return record_logic(kLt, a, b); }
Tensor le(const Operand& a, const Operand& b) { return record_logic(kLe, a, b); }
Tensor gt(const Operand& a, const Operand& b) { return record_logic(kGt, a, b); }
Tensor ge(const Operand& a, const Operand& b) { return record_logic(kGe, a, b); }
Tensor logical_and(const Operand& a, const Operand& b) { return record_logic(kLogicalAnd, a, b); }
Tensor logical_or(const Operand& a, const Operand& b) { return record_logic(kLogicalOr, a, b); }
Tensor logical_xor(const Operand& a, const Operand& b) { return record_logic(kLogicalXor, a, b); }
Tensor bitwise_and(const Operand& a, const Operand& b) { return record_logic(kBitwiseAnd, a, b); }
Tensor bitwise_or(const Operand& a, const Operand& b) { return record_logic(kBitwiseOr, a, b); }
Tensor bitwise_xor(const Operand& a, const Operand& b) { return record_logic(kBitwiseXor, a, b); }
Tensor bitwise_left_shift(const Operand& a, const Operand& b) {
  return record_logic(kShiftLeft, a, b);
}
Tensor bitwise_right_shift(const Operand& a, const Operand& b) {
  return record_logic(kShiftRight, a, b);
}

Tensor where(const Tensor& condition, const Operand& a, const Operand& b) {
  const Site at = a.site();
  defined(kWhere.name, condition, at);
  if (a.is_tensor()) defined(kWhere.name, a.tensor(), at);
  if (b.is_tensor()) defined(kWhere.name, b.tensor(), at);
  const DType t = result_type(a, b);
  const Device device = condition.dim() > 0 ? condition.device() : device_of(a, b);
  const Tensor x = to_operand(a, t, device), y = to_operand(b, t, device);
  return record(kWhere, {&condition, &x, &y}, {}, at);
}

Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max, Site at) {
  defined(kClamp.name, x, at);
  if (!min && !max) fail<ValueError>(kClamp.name, "give min, max or both", at);
  DType t = x.dtype();
  if (min) t = promote_types(t, promote_with_scalar(x.dtype(), min->kind()));
  if (max) t = promote_types(t, promote_with_scalar(x.dtype(), max->kind()));
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
