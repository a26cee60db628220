// What op families share: errors with the place of the call, PyTorch's promotion of operands, and
// the usual `infer` and `saves` functions.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include <ingot/core/device.h>
#include <ingot/core/error.h>
#include <ingot/core/tensor.h>

#include "core/checked.h"
#include "core/op_def.h"
#include "core/record.h"

namespace ingot::ops {

/// Throws E: "op: text" and where it was recorded.
template <class E>
[[noreturn]] void fail(std::string_view op, const std::string& text, const Site& at) {
  throw E(fmt::format("{}: {}{}", op, text, recorded_here(at)));
}

/// Throws DeviceError, or DeviceLostError, where the device cannot be used.
inline void check_available(std::string_view op, Device device, const Site& at) {
  if (device == Device{} || is_available(device)) return;
  const std::string why = fmt::format("{}: {}", device.str(), why_unavailable(device));
  if (is_lost(device)) fail<DeviceLostError>(op, why, at);
  fail<DeviceError>(op, why, at);
}

/// f(), with the name of the op and the place of the call in the error of sizes that overflow.
template <class F>
auto checked_sizes(std::string_view op, const Site& at, F f) {
  try {
    return f();
  } catch (const SizeOverflow& e) {
    fail<ShapeError>(op, e.what(), at);
  }
}

/// Throws ValueError when `t` is undefined.
inline const Tensor& defined(std::string_view op, const Tensor& t, const Site& at) {
  if (!t.defined()) fail<ValueError>(op, "the operand is an undefined tensor", at);
  return t;
}

/// Shape, dtype and device, of a defined tensor.
inline const TensorSpec& spec_of(const Tensor& t) { return t.cell()->spec(); }

/// float32 for integers and bool, else the dtype itself.
constexpr DType floating_of(DType t) { return is_floating(t) ? t : DType::Float32; }

/// Throws ValueError, naming `op`, unless dtype `t` can hold the number.
void require_fits(std::string_view op, const Scalar& number, DType t, const Site& at);
/// The operand as a tensor of dtype `t`: cast, or a 0-dim `full` on `device` for a number, which
/// must fit `t`.
Tensor to_tensor(const Operand& x, DType t, Device device, std::string_view op = "full");
/// The device of the first operand that is a tensor with dimensions, else of the first tensor.
Device device_of(const Operand& a, const Operand& b);

/// An operand of elementwise arithmetic whose result is `t`: like to_tensor, but where `t` is
/// float16 or bfloat16, a number or a tensor of another dtype becomes float32. The op rounds once.
Tensor to_operand(const Operand& x, DType t, Device device, std::string_view op = "full");

/// The dtype that the floating inputs from `first` on share. float32 beside a 16-bit dtype is what
/// to_operand made of a number. Throws DTypeError where they differ otherwise.
DType shared_dtype(const InferContext& c, int first = 0);

/// Records a binary op on both operands converted to `t` (to_operand).
Tensor record_binary(const OpDef& op, const Operand& a, const Operand& b, DType t);

/// All inputs broadcast to one shape; the output has the dtype that all share.
void infer_elementwise(InferContext& c);
/// The same, with a bool result.
void infer_predicate(InferContext& c);
/// One output like input 0.
inline void infer_like_first(InferContext& c) { c.out(c.shape(0), c.dtype(0)); }

inline Saved save_nothing(const SavesContext&) { return {}; }
inline Saved save_input(const SavesContext&) { return {.inputs = 1}; }
inline Saved save_output(const SavesContext&) { return {.outputs = 1}; }

using Vjp = void (*)(VjpContext&);
using Saves = Saved (*)(const SavesContext&);
using Infer = void (*)(InferContext&);

/// An elementwise primitive without a gradient.
constexpr OpDef primitive(std::string_view name, ScalarOp scalar, Infer infer) {
  return {.name = name, .infer = infer, .traits = {.scalar = scalar}};
}
/// An elementwise primitive with a gradient rule.
constexpr OpDef primitive(std::string_view name, ScalarOp scalar, Infer infer, Saves saves,
                          Vjp vjp) {
  return {.name = name,
          .infer = infer,
          .gradient = Gradient::Rule,
          .vjp = vjp,
          .saves = saves,
          .traits = {.scalar = scalar}};
}
/// The same, with the trait `in_dtype`.
constexpr OpDef in_dtype(OpDef op) {
  op.traits.in_dtype = true;
  return op;
}

}  // namespace ingot::ops
