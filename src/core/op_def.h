// OpDef: the one definition of an op. Everything that Ingot knows about an op (shapes, gradient,
// what the gradient reads, its meaning in more basic ops, traits) is said here and read as data by
// recording, autograd, plans, export and tests.
//
// A new op: define a `const OpDef` in a file of src/ops/, list it in that file's
// INGOT_EXPORT_OPS, add the public function that records it, and a reference kernel if it has no
// `expand`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/scalar.h>
#include <ingot/core/tensor.h>

#include "core/attrs.h"
#include "core/hash.h"
#include "core/node.h"
#include "core/op_attrs.h"

namespace ingot {

/// What an elementwise primitive computes for one element. Composite elementwise ops (gelu, …) have
/// an `expand` instead. All backends implement exactly these.
enum class ScalarOp : std::uint8_t {
  None,
  // unary
  Neg,
  Abs,
  Sign,
  Exp,
  Expm1,
  Log,
  Log1p,
  Log2,
  Log10,
  Sqrt,
  Rsqrt,
  Reciprocal,
  Square,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Tanh,
  Erf,
  Sigmoid,
  Floor,
  Ceil,
  Round,
  Trunc,
  Relu,
  IsNan,
  IsInf,
  IsFinite,
  LogicalNot,
  BitwiseNot,
  Cast,
  // binary
  Add,
  Sub,
  Mul,
  Div,
  FloorDivide,
  Remainder,
  Fmod,
  Pow,
  Maximum,
  Minimum,
  Atan2,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  LogicalAnd,
  LogicalOr,
  LogicalXor,
  BitwiseAnd,
  BitwiseOr,
  BitwiseXor,
  ShiftLeft,
  ShiftRight,
  ReluGrad,  ///< (grad, out) -> out <= 0 ? 0 : grad; a NaN lets it pass
  // ternary
  Where,
};

/// Number of operands.
constexpr int arity(ScalarOp op) {
  if (op == ScalarOp::None) return 0;
  return op <= ScalarOp::Cast ? 1 : op < ScalarOp::Where ? 2 : 3;
}

/// Whether the result is true or false, whatever the operands are.
constexpr bool is_predicate(ScalarOp op) {
  return (op >= ScalarOp::IsNan && op <= ScalarOp::LogicalNot) ||
         (op >= ScalarOp::Eq && op <= ScalarOp::LogicalXor);
}

/// "add", "rsqrt", "relu_grad": the spelling used in printed programs.
std::string_view name(ScalarOp op);

enum class Gradient : std::uint8_t {
  Rule,    ///< `vjp`
  None,    ///< not differentiable: outputs never require grad
  Expand,  ///< differentiate the expansion
};

struct Traits {
  ScalarOp scalar = ScalarOp::None;  ///< an elementwise primitive; inputs broadcast to the output
  bool view = false;     ///< output 0 holds input 0's elements in another shape or order: no kernel
  bool alias = false;    ///< output i is input i unchanged: no kernel
  bool random = false;   ///< never merged, never reordered against its Philox range
  bool effect = false;   ///< ordered by recording, never dropped
  bool barrier = false;  ///< nothing is merged across it
  bool checks = false;   ///< may throw while it runs (index ranges, labels)
  /// Its outputs are the new values of its inputs, but for the gradients among them
  /// (UpdateAttrs, updated_input): an update that is taken back leaves the old ones.
  bool updates = false;
  /// float16 and bfloat16 stay what they are inside `vjp` and `expand`: these only move elements,
  /// or leave the arithmetic to one op that rounds once. All others compute in float32.
  bool in_dtype = false;
  /// `vjp` may read results that were rounded to 16 bits: they are elements of the operands, or
  /// only their sign counts. Other rounded results are computed again.
  bool reads_rounded = false;
  /// Of input 0 at most as many elements are read as output 0 has (gather, slice): for figures.
  bool selects = false;
};

/// What `infer` sees and fills.
class InferContext {
 public:
  InferContext(const OpDef& the_op, std::span<const ValueId> inputs, const Attrs& the_attrs,
               Device common_device, std::vector<TensorSpec>& outputs)
      : op(the_op), attrs(the_attrs), device(common_device), inputs_(inputs), outputs_(outputs) {}

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  const TensorSpec& in(int i) const { return inputs_[static_cast<std::size_t>(i)].spec(); }
  const Shape& shape(int i) const { return in(i).shape; }
  DType dtype(int i) const { return in(i).dtype; }
  template <class T>
  const T& as() const {
    return attrs.as<T>();
  }
  /// Adds one output on the node's device.
  void out(const Shape& shape, DType dtype) { outputs_.push_back({shape, dtype, device}); }
  /// Adds one output on another device: copies.
  void out(const Shape& shape, DType dtype, Device on) { outputs_.push_back({shape, dtype, on}); }

  /// Throws ShapeError / DTypeError with the op's name in front; record() adds the place.
  [[noreturn]] void shape_error(const std::string& text) const;
  [[noreturn]] void dtype_error(const std::string& text) const;
  [[noreturn]] void index_error(const std::string& text) const;
  [[noreturn]] void value_error(const std::string& text) const;
  /// All inputs must have one dtype.
  void require_same_dtype() const;
  void require_floating(int i) const;
  void require_rank(int i, int rank, const char* operand) const;

  const OpDef& op;
  const Attrs& attrs;
  const Device device;

 private:
  std::span<const ValueId> inputs_;
  std::vector<TensorSpec>& outputs_;
};

/// Which inputs and outputs a `vjp` may read as values; specs are always readable. Bit i is for
/// number i, the last one for its number and all that follow.
struct Saved {
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;

  static constexpr std::uint32_t kAll = ~std::uint32_t{0};
  bool input(std::size_t i) const { return (inputs >> std::min<std::size_t>(i, 31) & 1) != 0; }
  bool output(std::size_t i) const { return (outputs >> std::min<std::size_t>(i, 31) & 1) != 0; }
};

/// What `saves` may decide by: only the inputs whose gradient is wanted need what they need.
struct SavesContext {
  const Attrs& attrs;
  std::span<const ValueId> inputs;
  bool needs(int i) const { return inputs[static_cast<std::size_t>(i)].requires_grad(); }
};

/// What a gradient rule sees and fills. Reading a value that `saves` does not name throws
/// InternalError, so that a rule cannot depend on what an evaluation before backward drops.
///
/// Of an op on float16 or bfloat16 a rule sees float32: values, gradients and specs are widened,
/// and set() rounds. An output that was rounded is not read but computed again from the inputs, so
/// that a gradient is rounded once. (Not so with the trait `in_dtype`.)
class VjpContext {
 public:
  VjpContext(const Node& node, std::span<const Tensor> grads, std::span<Tensor> results,
             Saved saved);

  template <class T>
  const T& as() const {
    return node.attrs().as<T>();
  }
  int num_inputs() const;
  const TensorSpec& in(int i) const;
  const TensorSpec& out(int i) const;
  /// The scalar in slot i, to be recorded again as a slot.
  Scalar slot(int i) const;

  Tensor input(int i) const;
  Tensor output(int i) const;
  /// Gradient of output i; undefined when nothing depends on it.
  const Tensor& grad(int i = 0) const {
    return wide_ ? wide_grads_[static_cast<std::size_t>(i)] : grads_[static_cast<std::size_t>(i)];
  }
  bool needs(int i) const;
  /// Sets the gradient of input i; it must have the input's shape and dtype.
  void set(int i, Tensor grad);

  const Node& node;

 private:
  Tensor recomputed(int i) const;

  std::span<const Tensor> grads_;
  std::span<Tensor> results_;
  Saved saved_;
  bool wide_ = false;
  std::vector<Tensor> wide_grads_;
  std::vector<TensorSpec> wide_in_, wide_out_;
};

/// What `expand` sees and fills: records the op's meaning in more basic ops.
class ExpandContext {
 public:
  ExpandContext(std::span<const Tensor> inputs, const Attrs& the_attrs,
                std::span<const Scalar> slots, std::span<const TensorSpec> outputs,
                std::vector<Tensor>& results)
      : attrs(the_attrs), inputs_(inputs), slots_(slots), outputs_(outputs), results_(results) {}

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  const Tensor& in(int i) const { return inputs_[static_cast<std::size_t>(i)]; }
  Scalar slot(int i) const { return slots_[static_cast<std::size_t>(i)]; }
  const TensorSpec& out(int i) const { return outputs_[static_cast<std::size_t>(i)]; }
  template <class T>
  const T& as() const {
    return attrs.as<T>();
  }
  /// Adds the next output.
  void result(Tensor t) { results_.push_back(std::move(t)); }

  const Attrs& attrs;

 private:
  std::span<const Tensor> inputs_;
  std::span<const Scalar> slots_;
  std::span<const TensorSpec> outputs_;
  std::vector<Tensor>& results_;
};

/// What `flops` sees.
struct FlopsContext {
  const Attrs& attrs;
  std::span<const TensorSpec> inputs, outputs;

  const Shape& in(int i) const { return inputs[static_cast<std::size_t>(i)].shape; }
  const Shape& out(int i = 0) const { return outputs[static_cast<std::size_t>(i)].shape; }
  /// Elements; floating-point, since products of such numbers may exceed every integer.
  double numel_in(int i) const { return static_cast<double>(in(i).numel()); }
  double numel_out(int i = 0) const { return static_cast<double>(out(i).numel()); }
  template <class T>
  const T& as() const {
    return attrs.as<T>();
  }
};

struct OpDef {
  std::string_view name;
  void (*infer)(InferContext&) = nullptr;
  Gradient gradient = Gradient::None;
  void (*vjp)(VjpContext&) = nullptr;
  Saved (*saves)(const SavesContext&) = nullptr;
  void (*expand)(ExpandContext&) = nullptr;
  Traits traits = {};
  /// Operations on floating-point numbers that the definition asks for: additions, products,
  /// divisions, comparisons, roots and exponentials count one each, a product that is added two;
  /// what only moves elements, none. Null where it is not known (sorting depends on the values) and
  /// for what is never a step: elementwise primitives are counted by their programs.
  double (*flops)(const FlopsContext&) = nullptr;
  std::uint64_t name_hash = hash_text(name);
};

/// Records what `op` expands to, in float32 where it is an op on float16 or bfloat16 (but for the
/// trait `in_dtype`): operands are widened and each result is rounded once. How plans and autograd
/// expand; `results` become as `outputs` says, or the expansion is wrong.
void record_expansion(const OpDef& op, std::span<const Tensor> inputs, const Attrs& attrs,
                      std::span<const Scalar> slots, std::span<const TensorSpec> outputs,
                      std::vector<Tensor>& results);

/// Output i of this node was rounded to 16 bits: its rule computes it again rather than reads it.
inline bool is_rounded_output(const Node& n, std::size_t i) {
  const Traits& t = n.op().traits;
  return i < n.outputs().size() && is_reduced_float(n.outputs()[i].spec.dtype) &&
         !t.reads_rounded && !t.in_dtype;
}

/// What must survive an evaluation so that this node can still be differentiated.
inline Saved saved_for_backward(const Node& n) {
  if (n.op().saves) {
    Saved saved = n.op().saves({n.attrs(), n.inputs()});
    for (std::size_t i = 0; i < 32 && saved.outputs >> i; ++i)
      if ((saved.outputs >> i & 1u) && is_rounded_output(n, i)) {
        saved.outputs &= ~(std::uint32_t{1} << i);
        saved.inputs = Saved::kAll;
      }
    return saved;
  }
  if (n.op().gradient == Gradient::Expand) return {.inputs = Saved::kAll, .outputs = 0};
  return {};
}

/// Of an op that `updates`: the input whose new value output `o` is.
inline std::size_t updated_input(const Node& n, std::size_t o) {
  const std::size_t gradients = n.inputs().size() - n.outputs().size();
  return o < gradients ? o : o + gradients;
}

/// Two ops that core itself records: data that was given, and a leaf that requires grad.
extern const OpDef kConstant;
extern const OpDef kVariable;

/// Every OpDef of the build, in file order; generated from the files of src/ops/.
std::span<const OpDef* const> all_ops();
/// The op with that name, or nullptr.
const OpDef* find_op(std::string_view name);

/// Lists a file's OpDefs: `INGOT_EXPORT_OPS(pool, &kMaxPool2d, &kMaxPool2dBackward)` in
/// src/ops/pool.cpp. The build collects these into all_ops().
#define INGOT_EXPORT_OPS(stem, ...)                            \
  std::span<const ::ingot::OpDef* const> stem##_ops() {        \
    static const ::ingot::OpDef* const list[] = {__VA_ARGS__}; \
    return list;                                               \
  }

}  // namespace ingot
