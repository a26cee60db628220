// cat, unbind, slice and what replaces slices: blocks of elements moved between tensors of any
// strides, in runs as long as both sides allow. Images stay channels-last.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include <ingot/core/parallel.h>

#include "backend/kernel_table.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

// Copies a block of `shape` from one tensor to another.
class BlockCopy {
 public:
  BlockCopy(const Shape& shape, const Dims& from, const Dims& to, std::size_t element_nbytes)
      : element_nbytes_(static_cast<std::int64_t>(element_nbytes)), numel_(shape.numel()) {
    // As the target lies in memory; neighbours that both sides walk through without a jump are one.
    std::array<int, Shape::kMaxRank> order{};
    int rank = 0;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] != 1) order[static_cast<std::size_t>(rank++)] = d;
    std::stable_sort(order.begin(), order.begin() + rank,
                     [&](int a, int b) { return to[a] > to[b]; });
    for (int i = 0; i < rank; ++i) {
      const int d = order[static_cast<std::size_t>(i)];
      if (!sizes_.empty() && from_.back() == from[d] * shape[d] && to_.back() == to[d] * shape[d]) {
        sizes_.back() *= shape[d];
        from_.back() = from[d];
        to_.back() = to[d];
      } else {
        sizes_.push_back(shape[d]);
        from_.push_back(from[d]);
        to_.push_back(to[d]);
      }
    }
    if (sizes_.empty()) {
      sizes_.push_back(1);
      from_.push_back(1);
      to_.push_back(1);
    }
  }

  void run(const std::byte* from, std::byte* to) const {
    if (numel_ == 0) return;
    const std::int64_t inner = sizes_.back();
    parallel_for(0, numel_ / inner, grain_for(inner), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        std::int64_t rest = row, source = 0, target = 0;
        for (std::size_t d = sizes_.size() - 1; d-- > 0;) {
          source += rest % sizes_[d] * from_[d];
          target += rest % sizes_[d] * to_[d];
          rest /= sizes_[d];
        }
        copy_row(from + source * element_nbytes_, to + target * element_nbytes_);
      }
    });
  }

 private:
  void copy_row(const std::byte* from, std::byte* to) const {
    if (from_.back() == 1 && to_.back() == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(sizes_.back() * element_nbytes_));
      return;
    }
    switch (element_nbytes_) {
      case 1:
        return copy_elements<std::uint8_t>(from, to);
      case 2:
        return copy_elements<std::uint16_t>(from, to);
      case 4:
        return copy_elements<std::uint32_t>(from, to);
      default:
        return copy_elements<std::uint64_t>(from, to);
    }
  }
  template <class T>
  void copy_elements(const std::byte* from, std::byte* to) const {
    const T* source = reinterpret_cast<const T*>(from);
    T* target = reinterpret_cast<T*>(to);
    for (std::int64_t i = 0; i < sizes_.back(); ++i)
      target[i * to_.back()] = source[i * from_.back()];
  }

  std::int64_t element_nbytes_, numel_;
  std::vector<std::int64_t> sizes_, from_, to_;
};

const std::byte* input(const KernelArgs& args, std::size_t i) {
  return static_cast<const std::byte*>(args.inputs[i]);
}
std::byte* output(const KernelArgs& args, std::size_t i) {
  return static_cast<std::byte*>(args.outputs[i]);
}

// Bytes from entry to entry of a dimension.
std::int64_t step_nbytes(const TensorDesc& t, int dim) {
  return t.strides[dim] * static_cast<std::int64_t>(nbytes_of(t.dtype));
}

BlockCopy whole(const TensorDesc& from, const TensorDesc& to) {
  return {to.shape, from.strides, to.strides, nbytes_of(to.dtype)};
}

// The elements of `whole` that a slice of `part`'s shape names are read or written with its strides
// times the step.
Dims stepped(Dims strides, std::int64_t dim, std::int64_t step) {
  strides[static_cast<int>(dim)] *= step;
  return strides;
}

std::unique_ptr<Kernel> lower_slice(const StepDesc& step) {
  const auto& a = step.as<SliceAttrs>();
  const TensorDesc &x = step.inputs[0], &y = step.outputs[0];
  const BlockCopy copy(y.shape, stepped(x.strides, a.dim, a.step), y.strides, nbytes_of(y.dtype));
  return make_kernel([copy, by = step_nbytes(x, static_cast<int>(a.dim))](const KernelArgs& args) {
    copy.run(input(args, 0) + args.slots[0].to_int64() * by, output(args, 0));
  });
}

std::unique_ptr<Kernel> lower_slice_backward(const StepDesc& step) {
  const auto& a = step.as<ScatterAttrs>();
  const TensorDesc &g = step.inputs[0], &y = step.outputs[0];
  const BlockCopy copy(g.shape, g.strides, stepped(y.strides, a.dim, a.step), nbytes_of(y.dtype));
  return make_kernel([copy, by = step_nbytes(y, static_cast<int>(a.dim)),
                      nbytes = static_cast<std::int64_t>(y.nbytes())](const KernelArgs& args) {
    std::byte* to = output(args, 0);
    parallel_for(0, nbytes, grain_for(1) * 4, [&](std::int64_t first, std::int64_t last) {
      std::memset(to + first, 0, static_cast<std::size_t>(last - first));
    });
    copy.run(input(args, 0), to + args.slots[0].to_int64() * by);
  });
}

std::unique_ptr<Kernel> lower_slice_scatter(const StepDesc& step) {
  const auto& a = step.as<SliceAttrs>();
  const TensorDesc &x = step.inputs[0], &part = step.inputs[1], &y = step.outputs[0];
  const BlockCopy rest = whole(x, y);
  const BlockCopy copy(part.shape, part.strides, stepped(y.strides, a.dim, a.step),
                       nbytes_of(y.dtype));
  return make_kernel(
      [rest, copy, by = step_nbytes(y, static_cast<int>(a.dim))](const KernelArgs& args) {
        rest.run(input(args, 0), output(args, 0));
        copy.run(input(args, 1), output(args, 0) + args.slots[0].to_int64() * by);
      });
}

std::unique_ptr<Kernel> lower_cat(const StepDesc& step) {
  const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
  const TensorDesc& y = step.outputs[0];
  std::vector<std::pair<BlockCopy, std::int64_t>> parts;  // and where each goes, in bytes
  std::int64_t start = 0;
  for (const TensorDesc& x : step.inputs) {
    parts.emplace_back(BlockCopy(x.shape, x.strides, y.strides, nbytes_of(y.dtype)),
                       start * step_nbytes(y, dim));
    start += x.shape[dim];
  }
  return make_kernel([parts](const KernelArgs& args) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      parts[i].first.run(input(args, i), output(args, 0) + parts[i].second);
  });
}

std::unique_ptr<Kernel> lower_unbind(const StepDesc& step) {
  const auto dim = static_cast<int>(step.as<AxisAttrs>().dim);
  const TensorDesc& x = step.inputs[0];
  Dims strides = x.strides;
  strides.erase(dim);
  std::vector<BlockCopy> entries;
  for (const TensorDesc& y : step.outputs)
    entries.emplace_back(y.shape, strides, y.strides, nbytes_of(y.dtype));
  return make_kernel([entries, by = step_nbytes(x, dim)](const KernelArgs& args) {
    for (std::size_t i = 0; i < entries.size(); ++i)
      entries[i].run(input(args, 0) + static_cast<std::int64_t>(i) * by, output(args, i));
  });
}

// Images of a channels-last batch stay so.
void keep_channels_last(StepDesc& step) {
  const TensorDesc& x = step.inputs[0];
  const bool channels_last = x.shape.rank() == 4 && x.shape[1] > 1 && !x.is_contiguous() &&
                             x.strides == channels_last_strides(x.shape);
  for (TensorDesc& y : step.outputs)
    y.strides = channels_last ? channels_last_strides(y.shape) : y.shape.contiguous_strides();
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(parts) {
  table.add("slice", {lower_slice, keep_channels_last});
  table.add("slice_backward", {lower_slice_backward, keep_channels_last});
  table.add("slice_scatter", {lower_slice_scatter, keep_channels_last});
  table.add("cat", {lower_cat, keep_channels_last});
  table.add("unbind", {lower_unbind, take_any_strides});
}

}  // namespace ingot::cpu
