// Plain copies between memory orders: the kernel of the `clone` steps that a plan puts where two
// kernels want different layouts.
#include <algorithm>
#include <cstring>

#include <ingot/core/parallel.h>

#include "backend/cpu/loop_nest.h"
#include "backend/cpu/program_kernel.h"
#include "core/ceil_div.h"

namespace ingot::cpu {
namespace {

// Blocks of a transposition: both sides of a block stay in the first-level cache.
constexpr std::int64_t kBlock = 32;

template <class T>
class TransposeKernel final : public Kernel {
 public:
  /// Operand 0 of the nest is the flat target, operand 1 the source; the source is contiguous (or
  /// nearly) along `row_dim`, the target along the last dimension.
  TransposeKernel(LoopNest nest, int row_dim) : nest_(std::move(nest)), row_dim_(row_dim) {}

  void run(const KernelArgs& args) const override {
    const T* source = args.in<T>(0);
    T* target = args.out<T>(0);
    const auto row = static_cast<std::size_t>(row_dim_), col = last();
    const std::int64_t rows = nest_.sizes[row], cols = nest_.sizes[col];
    const std::int64_t row_blocks = ceil_div(rows, kBlock);
    const std::int64_t col_blocks = ceil_div(cols, kBlock);
    std::int64_t planes = 1;
    for (std::size_t d = 0; d < col; ++d)
      if (d != row) planes *= nest_.sizes[d];
    parallel_for(0, planes * row_blocks * col_blocks, grain_for(kBlock * std::min(kBlock, cols)),
                 [&](std::int64_t first, std::int64_t last_block) {
                   for (std::int64_t k = first; k < last_block; ++k) {
                     const std::int64_t plane = k / (row_blocks * col_blocks);
                     const std::int64_t block = k % (row_blocks * col_blocks);
                     const std::int64_t r = block / col_blocks * kBlock;
                     const std::int64_t c = block % col_blocks * kBlock;
                     const auto [from, to] = plane_offsets(plane);
                     copy_block(
                         source + from + r * nest_.strides[1][row] + c * nest_.strides[1][col],
                         target + to + r * nest_.strides[0][row] + c, std::min(kBlock, rows - r),
                         std::min(kBlock, cols - c));
                   }
                 });
  }
  std::string describe() const override { return "transposing copy"; }

 private:
  std::size_t last() const { return static_cast<std::size_t>(nest_.rank - 1); }

  std::pair<std::int64_t, std::int64_t> plane_offsets(std::int64_t plane) const {
    std::int64_t from = 0, to = 0;
    for (std::size_t d = last(); d-- > 0;) {
      if (d == static_cast<std::size_t>(row_dim_)) continue;
      const std::int64_t i = plane % nest_.sizes[d];
      plane /= nest_.sizes[d];
      from += i * nest_.strides[1][d];
      to += i * nest_.strides[0][d];
    }
    return {from, to};
  }

  void copy_block(const T* from, T* to, std::int64_t rows, std::int64_t cols) const {
    const std::int64_t from_row = nest_.strides[1][static_cast<std::size_t>(row_dim_)];
    const std::int64_t from_col = nest_.strides[1][last()];
    const std::int64_t to_row = nest_.strides[0][static_cast<std::size_t>(row_dim_)];
    if (from_row == 1 && cols >= 8) {
      // Both sides are walked in order; the turn happens in the first-level cache.
      T turned[kBlock][kBlock];
      for (std::int64_t c = 0; c < cols; ++c) std::copy_n(from + c * from_col, rows, turned[c]);
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < cols; ++c) to[r * to_row + c] = turned[c][r];
    } else if (rows >= cols) {
      for (std::int64_t c = 0; c < cols; ++c)
        for (std::int64_t r = 0; r < rows; ++r)
          to[r * to_row + c] = from[r * from_row + c * from_col];
    } else {
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < cols; ++c)
          to[r * to_row + c] = from[r * from_row + c * from_col];
    }
  }

  LoopNest nest_;
  int row_dim_;
};

// Source rows are contiguous or a repeated element.
class RowCopyKernel final : public Kernel {
 public:
  RowCopyKernel(LoopNest nest, std::size_t element_nbytes)
      : nest_(std::move(nest)), element_nbytes_(element_nbytes), flat_(nest_.is_flat(1)) {}

  void run(const KernelArgs& args) const override {
    const auto* source = args.in<std::byte>(0);
    auto* target = args.out<std::byte>(0);
    const auto size = static_cast<std::int64_t>(element_nbytes_);
    parallel_for(0, nest_.numel(), kParallelNumel, [&](std::int64_t first, std::int64_t last) {
      if (flat_) {
        std::memcpy(target + first * size, source + first * size,
                    static_cast<std::size_t>((last - first) * size));
        return;
      }
      for_each_run(nest_, 1, first, last,
                   [&](std::int64_t offset, std::int64_t at, std::int64_t count) {
                     copy_row(source + offset * size, target + at * size, count);
                   });
    });
  }
  std::string describe() const override { return flat_ ? "copy" : "copy by rows"; }

 private:
  void copy_row(const std::byte* from, std::byte* to, std::int64_t count) const {
    if (nest_.inner_stride(1) == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(count) * element_nbytes_);
      return;
    }
    switch (element_nbytes_) {
      case 1:
        return fill<std::uint8_t>(from, to, count);
      case 2:
        return fill<std::uint16_t>(from, to, count);
      case 4:
        return fill<std::uint32_t>(from, to, count);
      default:
        return fill<std::uint64_t>(from, to, count);
    }
  }
  template <class T>
  static void fill(const std::byte* from, std::byte* to, std::int64_t count) {
    std::fill_n(reinterpret_cast<T*>(to), count, *reinterpret_cast<const T*>(from));
  }

  LoopNest nest_;
  std::size_t element_nbytes_;
  bool flat_;
};

}  // namespace

std::unique_ptr<Kernel> lower_copy(const TensorDesc& from, const TensorDesc& to) {
  const TensorDesc* const operands[] = {&to, &from};
  LoopNest nest = make_loop_nest(to.shape, operands);
  if (!nest.is_flat(0)) return nullptr;
  const std::int64_t inner = nest.inner_stride(1);
  if (inner == 1 || inner == 0)
    return std::make_unique<RowCopyKernel>(std::move(nest), nbytes_of(to.dtype));
  // The dimension along which the source is read in order.
  int row_dim = -1;
  for (int d = 0; d < nest.rank - 1; ++d) {
    const auto stride = [&](int k) { return nest.strides[1][static_cast<std::size_t>(k)]; };
    if (stride(d) > 0 && stride(d) < inner && (row_dim < 0 || stride(d) < stride(row_dim)))
      row_dim = d;
  }
  if (row_dim < 0) return nullptr;
  switch (nbytes_of(to.dtype)) {
    case 1:
      return std::make_unique<TransposeKernel<std::uint8_t>>(std::move(nest), row_dim);
    case 2:
      return std::make_unique<TransposeKernel<std::uint16_t>>(std::move(nest), row_dim);
    case 4:
      return std::make_unique<TransposeKernel<std::uint32_t>>(std::move(nest), row_dim);
    default:
      return std::make_unique<TransposeKernel<std::uint64_t>>(std::move(nest), row_dim);
  }
}

}  // namespace ingot::cpu
