#include "ops/support.h"

#include "ops/at.h"

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "core/fits.h"

namespace ingot {

namespace {

// The dtypes of one class of operands, joined; PyTorch keeps three such classes apart.
struct Joined {
  bool any = false;
  DType dtype = DType::Bool;
  void add(DType t) {
    dtype = any ? promote_types(dtype, t) : t;
    any = true;
  }
};

// PyTorch's combine_categories: the lower class counts only when it is of a higher kind.
DType combine(DType higher, DType lower) {
  if (is_floating(higher)) return higher;
  if (higher == DType::Bool || is_floating(lower)) return promote_types(higher, lower);
  return higher;
}

}  // namespace

DType result_type(const Operand& a, const Operand& b) {
  Joined with_dims, zero_dim, number;
  for (const Operand* x : {&a, &b}) {
    if (!x->is_tensor())
      number.add(x->scalar().default_dtype());
    else if (x->tensor().dim() > 0)
      with_dims.add(x->tensor().dtype());
    else
      zero_dim.add(x->tensor().dtype());
  }
  Joined result;
  for (const Joined* lower : {&with_dims, &zero_dim, &number}) {
    if (!lower->any) continue;
    result.dtype = result.any ? combine(result.dtype, lower->dtype) : lower->dtype;
    result.any = true;
  }
  return result.dtype;
}

bool can_cast(DType from, DType to) {
  if (is_floating(from)) return is_floating(to);
  return from == DType::Bool || to != DType::Bool;
}

namespace ops {

void require_fits(std::string_view op, const Scalar& number, DType t, const Site& at) {
  if (!fits(number, t)) fail<ValueError>(op, misfit_text(number, t), at);
}

Tensor to_tensor(const Operand& x, DType t, Device device, std::string_view op) {
  if (x.is_tensor()) return cast(x.tensor(), t, x.site());
  require_fits(op, x.scalar(), t, x.site());
  return scalar_tensor(x.scalar(), t, device, x.site());
}

Tensor to_operand(const Operand& x, DType t, Device device, std::string_view op) {
  const bool wide = is_reduced_float(t) && !(x.is_tensor() && x.tensor().dtype() == t);
  return to_tensor(x, wide ? DType::Float32 : t, device, op);
}

DType shared_dtype(const InferContext& c, int first) {
  DType t = c.dtype(first);
  for (int i = first + 1; i < c.num_inputs(); ++i) {
    const DType u = c.dtype(i);
    if (t == DType::Float32 && is_reduced_float(u)) t = u;
    if (u == t || (u == DType::Float32 && is_reduced_float(t))) continue;
    c.dtype_error(
        fmt::format("operands have different dtypes: {} and {}; convert one with .to(dtype)",
                    c.in(first).str(), c.in(i).str()));
  }
  return t;
}

Widened::Widened(Site at, std::initializer_list<const Tensor*> tensors) : site_(at) {
  Joined with_dims, zero_dim;
  for (const Tensor* t : tensors)
    if (t->defined()) (t->dim() > 0 ? with_dims : zero_dim).add(t->dtype());
  dtype_ = !with_dims.any  ? zero_dim.dtype
           : !zero_dim.any ? with_dims.dtype
                           : combine(with_dims.dtype, zero_dim.dtype);
  if (!*this) return;
  for (const Tensor* t : tensors)
    tensors_.push_back(t->defined() && is_floating(t->dtype()) ? t->to(DType::Float32, at) : *t);
}

Device device_of(const Operand& a, const Operand& b) {
  const Operand* first = nullptr;
  for (const Operand* x : {&a, &b}) {
    if (!x->is_tensor()) continue;
    if (x->tensor().dim() > 0) return x->tensor().device();
    if (!first) first = x;
  }
  return first ? first->tensor().device() : Device{};
}

Tensor record_binary(const OpDef& op, const Operand& a, const Operand& b, DType t) {
  const Device device = device_of(a, b);
  const Tensor x = to_operand(a, t, device, op.name), y = to_operand(b, t, device, op.name);
  return record(op, {&x, &y}, {}, a.site());
}

namespace {
Shape broadcast_inputs(const InferContext& c) {
  Shape shape = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i)
    shape = broadcast_shapes(shape, c.shape(i), c.op.name.data());
  return shape;
}
}  // namespace

void infer_elementwise(InferContext& c) { c.out(broadcast_inputs(c), shared_dtype(c)); }

void infer_predicate(InferContext& c) {
  c.require_same_dtype();
  c.out(broadcast_inputs(c), DType::Bool);
}

}  // namespace ops
}  // namespace ingot
