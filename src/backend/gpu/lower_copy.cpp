// slice, slice_backward, slice_scatter, flip, cat, unbind, pad: elements copied from place to
// place, as a row of maps that only move.
#include <fmt/format.h>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// A part of an operand: where it begins and how it is walked.
struct Part {
  std::size_t number;
  TensorDesc whole;
  Shape shape;
  Dims strides;
  std::int64_t fixed = 0;  ///< elements from the operand's first
  /// More of them: slot 0 times this.
  std::int64_t by_slot = 0;

  Part(std::size_t n, const TensorDesc& t)
      : number(n), whole(t), shape(t.shape), strides(t.strides) {}

  /// Elements start, start + step, … of one dimension.
  Part slice(std::int64_t dim, std::int64_t start, std::int64_t length, std::int64_t step) const {
    Part p = *this;
    const auto d = static_cast<int>(dim);
    if (length > 0) p.fixed += start * strides[d];
    p.shape[d] = length;
    if (length > 1) p.strides[d] *= step;
    return p;
  }
  /// The same from slot 0 on.
  Part slice_by_slot(std::int64_t dim, std::int64_t length, std::int64_t step) const {
    Part p = slice(dim, 0, length, step);
    p.by_slot = strides[static_cast<int>(dim)];
    return p;
  }
  MapOperand operand(std::string name, std::string type, bool is_output) const {
    MapOperand o = map_operand(number, std::move(name), whole, is_output);
    o.type = std::move(type);
    o.strides = strides;
    if (fixed != 0 || by_slot != 0)
      o.base = [f = fixed, s = by_slot](const Scalar* slots) {
        return f + (s == 0 ? 0 : s * slots[0].to_int64());
      };
    return o;
  }
};

class Copies {
 public:
  Copies(const StepDesc& step, Driver& driver) : step_(step), driver_(driver) {}

  Part input(std::size_t i) const { return {i, step_.inputs[i]}; }
  Part output(std::size_t o = 0) const { return {step_.inputs.size() + o, step_.outputs[o]}; }

  void copy(const Part& to, const Part& from) {
    if (to.shape.numel() == 0) return;
    const std::string type = bits_name(to.whole.dtype);
    Map map;
    map.shape = to.shape;
    map.operands = {from.operand("from", type, false), to.operand("to", type, true)};
    map.body = "    b.to[to_at] = b.from[from_at];\n";
    map.what = "copy";
    launches_.push_back(launch_map(driver_, map));
  }

  /// Slot `slot`, or 0 where there is none.
  void fill(const Part& to, int slot) {
    if (to.shape.numel() == 0) return;
    const DType t = to.whole.dtype;
    Map map;
    map.shape = to.shape;
    map.operands = {to.operand("to", std::string(type_name(t)), true)};
    if (slot >= 0) {
      const auto k = static_cast<std::size_t>(slot);
      map.slots = {{"value",
                    t == DType::Float64 ? "f64"
                    : is_floating(t)    ? "f32"
                                        : "i64",
                    [k, t](const Scalar* slots) { return encode_slot(slots[k], t); }}};
    }
    map.body = fmt::format("    b.to[to_at] = To<{}>::of({});\n", type_name(t),
                           slot >= 0 ? "p.value" : "(i64)0");
    map.what = "fill";
    launches_.push_back(launch_map(driver_, map));
  }

  std::unique_ptr<Kernel> finish() {
    return std::make_unique<LaunchKernel>(step_.inputs.size(), step_.outputs.size(),
                                          std::move(launches_));
  }

 private:
  const StepDesc& step_;
  Driver& driver_;
  std::vector<Launch> launches_;
};

std::unique_ptr<Kernel> lower_slice(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<SliceAttrs>();
  Copies copies(step, driver);
  copies.copy(copies.output(), copies.input(0).slice_by_slot(a.dim, a.length, a.step));
  return copies.finish();
}

std::unique_ptr<Kernel> lower_slice_backward(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<ScatterAttrs>();
  const std::int64_t length = step.inputs[0].shape[static_cast<int>(a.dim)];
  Copies copies(step, driver);
  copies.fill(copies.output(), -1);
  copies.copy(copies.output().slice_by_slot(a.dim, length, a.step), copies.input(0));
  return copies.finish();
}

std::unique_ptr<Kernel> lower_slice_scatter(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<SliceAttrs>();
  Copies copies(step, driver);
  copies.copy(copies.output(), copies.input(0));
  copies.copy(copies.output().slice_by_slot(a.dim, a.length, a.step), copies.input(1));
  return copies.finish();
}

std::unique_ptr<Kernel> lower_flip(const StepDesc& step, Driver& driver) {
  Copies copies(step, driver);
  Part from = copies.input(0);
  if (step.outputs[0].numel() > 0)
    for (const std::int64_t dim : step.as<PermuteAttrs>().dims) {
      const auto d = static_cast<int>(dim);
      from.fixed += (from.shape[d] - 1) * from.strides[d];
      from.strides[d] = -from.strides[d];
    }
  copies.copy(copies.output(), from);
  return copies.finish();
}

std::unique_ptr<Kernel> lower_cat(const StepDesc& step, Driver& driver) {
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  Copies copies(step, driver);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const std::int64_t length = step.inputs[i].shape[static_cast<int>(dim)];
    copies.copy(copies.output().slice(dim, start, length, 1), copies.input(i));
    start += length;
  }
  return copies.finish();
}

std::unique_ptr<Kernel> lower_unbind(const StepDesc& step, Driver& driver) {
  const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
  Copies copies(step, driver);
  for (std::size_t o = 0; o < step.outputs.size(); ++o) {
    Part entry = copies.input(0).slice(dim, static_cast<std::int64_t>(o), 1, 1);
    entry.shape.erase(dim);
    entry.strides.erase(dim);
    copies.copy(copies.output(o), entry);
  }
  return copies.finish();
}

std::unique_ptr<Kernel> lower_pad(const StepDesc& step, Driver& driver) {
  const Shape& shape = step.inputs[0].shape;
  Copies copies(step, driver);
  Part inner = copies.output();
  for (int d = 0; d < shape.rank(); ++d)
    inner = inner.slice(d, step.as<PadAttrs>().before[d], shape[d], 1);
  copies.fill(copies.output(), 0);
  copies.copy(inner, copies.input(0));
  return copies.finish();
}

}  // namespace

void register_copy(Table& table) {
  table.add("slice", {lower_slice});
  table.add("slice_backward", {lower_slice_backward});
  table.add("slice_scatter", {lower_slice_scatter});
  table.add("flip", {lower_flip});
  table.add("cat", {lower_cat});
  table.add("unbind", {lower_unbind});
  table.add("pad", {lower_pad});
}

}  // namespace ingot::gpu
