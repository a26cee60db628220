// scatter, what joins elements there, and pad: elements put into other places.
#include <fmt/format.h>

#include <vector>

#include <ingot/core/error.h>

#include "backend/kernel_table.h"
#include "backend/reference/naive.h"
#include "core/convert.h"

namespace ingot::reference {
namespace {

// The index of element `i` of the index operand (input 1), its bounds checked.
struct Place {
  const StepDesc& step;
  const KernelArgs& args;
  int dim = static_cast<int>(step.as<AxisAttrs>().dim);

  std::int64_t operator()(const Dims& i) const {
    const TensorDesc &x = step.inputs[0], &index = step.inputs[1];
    const std::int64_t value = args.in<std::int64_t>(1)[offset_of(i, index.strides)];
    if (value < 0 || value >= x.shape[dim])
      throw IndexError(fmt::format(
          "{}: index {} at position {} is out of range for dimension {} of size {}", step.op->name,
          value, i.rank() == 1 ? std::to_string(i[0]) : i.str(), dim, x.shape[dim]));
    return value;
  }
};

struct Scatter {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &index = step.inputs[1], &source = step.inputs[2];
    const TensorDesc& out = step.outputs[0];
    const Place place{step, args};
    for_each_index(index.shape, place);  // all checks come before the first change
    for_each_index(x.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(i, x.strides)];
    });
    for_each_index(index.shape, [&](const Dims& i) {
      Dims to = i;
      to[place.dim] = place(i);
      args.out<T>(0)[offset_of(to, out.strides)] = args.in<T>(2)[offset_of(i, source.strides)];
    });
  }
};

template <class Join>
struct ScatterJoin {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &index = step.inputs[1], &source = step.inputs[2];
    const TensorDesc& out = step.outputs[0];
    const Place place{step, args};
    std::vector<Accumulator<T>> joined(static_cast<std::size_t>(x.numel()));
    const Dims rows = x.shape.contiguous_strides();
    const auto at = [&](const Dims& i) -> Accumulator<T>& {
      return joined[static_cast<std::size_t>(offset_of(i, rows))];
    };
    for_each_index(x.shape,
                   [&](const Dims& i) { at(i) = load(args.in<T>(0)[offset_of(i, x.strides)]); });
    for_each_index(index.shape, [&](const Dims& i) {
      Dims to = i;
      to[place.dim] = place(i);
      at(to) = Join::join(at(to), load(args.in<T>(2)[offset_of(i, source.strides)]));
    });
    for_each_index(x.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] = round_to<T>(at(i));
    });
  }
};

struct Product {
  static double join(double a, double b) { return a * b; }
  static std::int64_t join(std::int64_t a, std::int64_t b) {  // wraps
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
// NaN wins.
struct Largest {
  static auto join(auto a, auto b) { return b > a || b != b ? b : a; }
};
struct Smallest {
  static auto join(auto a, auto b) { return b < a || b != b ? b : a; }
};

struct Pad {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    const Dims& before = step.as<PadAttrs>().before;
    const T value = convert_scalar<T>(args.slots[0]);
    for_each_index(out.shape,
                   [&](const Dims& i) { args.out<T>(0)[offset_of(i, out.strides)] = value; });
    for_each_index(x.shape, [&](const Dims& i) {
      Dims to = i;
      for (int d = 0; d < to.rank(); ++d) to[d] += before[d];
      args.out<T>(0)[offset_of(to, out.strides)] = args.in<T>(0)[offset_of(i, x.strides)];
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(place) {
  table.add("scatter", {lower_any<Scatter>, take_any_strides});
  table.add("scatter_prod", {lower_numbers<ScatterJoin<Product>>, take_any_strides});
  table.add("scatter_amax", {lower_numbers<ScatterJoin<Largest>>, take_any_strides});
  table.add("scatter_amin", {lower_numbers<ScatterJoin<Smallest>>, take_any_strides});
  table.add("pad", {lower_any<Pad>, take_any_strides});
}

}  // namespace ingot::reference
