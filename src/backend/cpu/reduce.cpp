// sum, mean, prod, amax, amin, norm, var and std over any dimensions of tensors of any strides; see
// reduce_kernels.h for the order in which elements are joined. The last three take float32 and join
// squares in float64, which those of no float32 number leave. A sum or product that left the
// numbers of its dtype on the way is made again with exponents of any size (exact_range).
//
// Work is cut into blocks: kReduceBlock elements of one output ("runs"), or kReduceBlock rows of up
// to kColumns neighbouring outputs where the outputs lie next to each other and the reduced
// elements do not ("columns"). Both give the same bits.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/cpu/loop_nest.h"
#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/tile_ops.h"
#include "backend/kernel_table.h"
#include "core/ceil_div.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

constexpr std::int64_t kColumns = 64;

// What becomes of sums, and of sums of squares.
enum class Finish : std::uint8_t { None, Mean, Norm, Var, Std };

// A product, or a sum of numbers of at most 2^1024, that no exponent can leave.
template <class T>
class Ranged {
 public:
  void add(T x) { mantissa_ += std::ldexp(static_cast<double>(x), -64); }
  void multiply(T x) {
    int exponent = 0;
    mantissa_ = std::frexp(mantissa_ * std::frexp(static_cast<double>(x), &exponent), &own_);
    exponent_ += exponent + own_;
  }
  void start_product() { mantissa_ = 1; }
  T sum(double divisor) const { return static_cast<T>(std::ldexp(mantissa_ / divisor, 64)); }
  T product() const {
    return static_cast<T>(std::ldexp(
        mantissa_, static_cast<int>(std::clamp<std::int64_t>(exponent_, -10'000, 10'000))));
  }

 private:
  double mantissa_ = 0;
  std::int64_t exponent_ = 0;
  int own_ = 0;
};

class ReduceKernel final : public Kernel {
 public:
  /// `acc` is the dtype in which elements are joined: float64 for squares. Means and deviations are
  /// divided by the number of elements less `correction`.
  ReduceKernel(const StepDesc& step, const Dims& dims, Join join, DType acc,
               Finish finish = Finish::None, std::int64_t correction = 0)
      : acc_dtype_(acc), finish_(finish), join_(join) {
    const TensorDesc& in = step.inputs[0];
    TensorDesc kept{{}, in.dtype, {}}, reduced{{}, in.dtype, {}};
    for (int d = 0; d < in.shape.rank(); ++d) {
      TensorDesc& part = dims.contains(d) ? reduced : kept;
      part.shape.push_back(in.shape[d]);
      part.strides.push_back(in.strides[d]);
    }
    // Row-major order of the indices, whatever the memory order of the input.
    const auto nest_of = [](const TensorDesc& part) {
      const TensorDesc order = TensorDesc::contiguous(part.shape, part.dtype);
      const TensorDesc* const operands[] = {&order, &part};
      return make_loop_nest(part.shape, operands);
    };
    kept_ = nest_of(kept);
    reduced_ = nest_of(reduced);
    num_outputs_ = kept.shape.numel();
    num_reduced_ = reduced.shape.numel();
    num_blocks_ = std::max<std::int64_t>(1, ceil_div(num_reduced_, kReduceBlock));
    in_dtype_ = in.dtype;
    out_dtype_ = step.outputs[0].dtype;
    acc_nbytes_ = static_cast<std::int64_t>(nbytes_of(acc_dtype_));
    in_nbytes_ = static_cast<std::int64_t>(nbytes_of(in_dtype_));
    convert_ = find_unpack(in_dtype_);
    if (!convert_) convert_ = find_cast(in_dtype_, acc_dtype_);
    functions_ = reduce_functions(join, acc_dtype_);
    divisor_ = std::max(static_cast<double>(num_reduced_) - static_cast<double>(correction), 0.0);
    columns_ = kept_.inner_stride(1) == 1 && kept_.inner_size() >= 8 &&
               reduced_.inner_stride(1) != 1 && num_reduced_ > 1;
  }

  std::size_t workspace_nbytes() const override {
    const auto rows = static_cast<std::size_t>(num_blocks_ + (is_centered() ? 1 : 0));
    return times_nbytes(times_nbytes(static_cast<std::size_t>(num_outputs_), rows),
                        static_cast<std::size_t>(acc_nbytes_));
  }

  void run(const KernelArgs& args) const override {
    if (num_outputs_ == 0) return;
    const auto* in = args.in<std::byte>(0);
    // Partial results, [block][output].
    auto* partial = static_cast<std::byte*>(args.workspace);
    if (is_centered()) {
      reduce(in, partial, {});
      const auto* sums = reinterpret_cast<const double*>(partial);
      auto* means = reinterpret_cast<double*>(partial + num_outputs_ * num_blocks_ * acc_nbytes_);
      for (std::int64_t o = 0; o < num_outputs_; ++o)
        means[o] = sums[o] / static_cast<double>(num_reduced_);
      reduce(in, partial, {true, means});
    } else {
      reduce(in, partial, {finish_ == Finish::Norm, nullptr});
    }
    if (is_centered() || finish_ == Finish::Norm)
      finish_squares(reinterpret_cast<double*>(partial));
    else if (acc_dtype_ == DType::Float32)
      finish_floats<float>(in, partial);
    else if (acc_dtype_ == DType::Float64)
      finish_floats<double>(in, partial);
    store(partial, args.outputs[0]);
  }

  std::string describe() const override { return columns_ ? "columns" : "runs"; }

 private:
  bool is_centered() const { return finish_ == Finish::Var || finish_ == Finish::Std; }

  // What elements are before they are joined: themselves, or the square of what they are beyond
  // their output's center (0 without centers).
  struct Prepared {
    bool squares = false;
    const double* centers = nullptr;
  };

  void reduce(const std::byte* in, std::byte* partial, Prepared p) const {
    if (num_reduced_ == 0) {
      functions_.start(partial, num_outputs_);
    } else if (columns_) {
      reduce_columns(in, partial, p);
    } else {
      reduce_runs(in, partial, p);
    }
    join_blocks(partial);
  }

  // Divides means, and makes again what overflowed or vanished on the way to its result.
  template <class T>
  void finish_floats(const std::byte* in, std::byte* partial) const {
    if (join_ != Join::Sum && join_ != Join::Prod) return;
    auto* results = reinterpret_cast<T*>(partial);
    if (finish_ == Finish::Mean) divide(results);
    constexpr T kLargest = std::numeric_limits<T>::max(), kLeast = std::numeric_limits<T>::min();
    const T least = join_ == Join::Prod ? kLeast : T(0);
    const auto has_left = [=](T x) { return !(std::abs(x) <= kLargest && std::abs(x) >= least); };
    bool any = false;
    for (std::int64_t o = 0; o < num_outputs_; ++o) any |= has_left(results[o]);
    if (!any || num_reduced_ < 2) return;
    for (std::int64_t o = 0; o < num_outputs_; ++o)
      if (has_left(results[o])) exact_range(in, o, results[o]);
  }

  template <class T>
  void divide(T* sums) const {
    const auto divisor = static_cast<T>(divisor_);
    if (static_cast<double>(divisor) == divisor_)
      for (std::int64_t o = 0; o < num_outputs_; ++o) sums[o] /= divisor;
    else
      for (std::int64_t o = 0; o < num_outputs_; ++o)
        sums[o] = static_cast<T>(static_cast<double>(sums[o]) / divisor_);
  }

  // Where an element is infinite or NaN, the result is what it is; so is a product that a factor
  // made 0.
  template <class T>
  void exact_range(const std::byte* in, std::int64_t o, T& result) const {
    const ThreadScratch own(ScratchUser::Tiles,
                            static_cast<std::size_t>(kReduceBlock * (acc_nbytes_ + in_nbytes_)));
    Ranged<T> ranged;
    if (join_ == Join::Prod) ranged.start_product();
    for (std::int64_t b = 0; b < num_blocks_; ++b) {
      const T* block = reinterpret_cast<const T*>(load_block(in, o, b, own.data()));
      for (std::int64_t i = 0; i < block_size(b); ++i) {
        if (!std::isfinite(block[i]) || (block[i] == 0 && result == 0 && join_ == Join::Prod))
          return;
        if (join_ == Join::Sum)
          ranged.add(block[i]);
        else
          ranged.multiply(block[i]);
      }
    }
    result =
        join_ == Join::Sum ? ranged.sum(finish_ == Finish::Mean ? divisor_ : 1) : ranged.product();
  }

  void finish_squares(double* sums) const {
    for (std::int64_t o = 0; o < num_outputs_; ++o) {
      if (is_centered()) sums[o] /= divisor_;
      if (finish_ != Finish::Var) sums[o] = std::sqrt(sums[o]);
    }
  }

  std::int64_t block_size(std::int64_t b) const {
    return std::min(kReduceBlock, num_reduced_ - b * kReduceBlock);
  }

  void reduce_runs(const std::byte* in, std::byte* partial, Prepared p) const {
    const std::int64_t per_task = std::min(num_reduced_, kReduceBlock);
    parallel_for(0, num_outputs_ * num_blocks_, grain_for(per_task),
                 [&](std::int64_t first, std::int64_t last) {
                   const ThreadScratch own(
                       ScratchUser::Tiles,
                       static_cast<std::size_t>(kReduceBlock * (acc_nbytes_ + in_nbytes_)));
                   std::byte* scratch = own.data();
                   for (std::int64_t task = first; task < last; ++task) {
                     const std::int64_t o = task / num_blocks_, b = task % num_blocks_;
                     std::byte* to = partial + (b * num_outputs_ + o) * acc_nbytes_;
                     if (p.squares)
                       squares_.block(reinterpret_cast<const float*>(find_block(in, o, b, scratch)),
                                      p.centers ? p.centers[o] : 0, block_size(b),
                                      reinterpret_cast<double*>(to));
                     else
                       functions_.block(load_block(in, o, b, scratch), block_size(b), to);
                   }
                 });
  }

  // Block b of output o as contiguous accumulator elements.
  const std::byte* load_block(const std::byte* in, std::int64_t o, std::int64_t b,
                              std::byte* scratch) const {
    const std::byte* found = find_block(in, o, b, scratch);
    if (!convert_) return found;
    convert_(found, nullptr, nullptr, scratch, static_cast<std::size_t>(block_size(b)));
    return scratch;
  }

  // The same as contiguous elements of the input: in place if it lies so, else gathered.
  const std::byte* find_block(const std::byte* in, std::int64_t o, std::int64_t b,
                              std::byte* scratch) const {
    const std::byte* base = in + offset_of(kept_, o) * in_nbytes_;
    const std::int64_t first = b * kReduceBlock, count = block_size(b);
    const std::int64_t stride = reduced_.inner_stride(1);
    const std::byte* found = nullptr;
    std::byte* gathered = scratch + kReduceBlock * acc_nbytes_;
    for_each_run(reduced_, 1, first, first + count,
                 [&](std::int64_t offset, std::int64_t at, std::int64_t run) {
                   const std::byte* from = base + offset * in_nbytes_;
                   if (run == count && stride == 1) {
                     found = from;
                   } else {
                     gather(from, stride, gathered + (at - first) * in_nbytes_, run);
                   }
                 });
    return found ? found : gathered;
  }

  void gather(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count) const {
    if (stride == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(count * in_nbytes_));
      return;
    }
    visit_element_size(in_nbytes_, [&]<class T>(T) {
      const T* source = reinterpret_cast<const T*>(from);
      T* target = reinterpret_cast<T*>(to);
      for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * stride];
    });
  }

  static std::int64_t offset_of(const LoopNest& nest, std::int64_t index) {
    std::int64_t offset = 0;
    for (int d = nest.rank - 1; d >= 0; --d) {
      const auto k = static_cast<std::size_t>(d);
      offset += index % nest.sizes[k] * nest.strides[1][k];
      index /= nest.sizes[k];
    }
    return offset;
  }

  void reduce_columns(const std::byte* in, std::byte* partial, Prepared p) const {
    const std::int64_t inner = kept_.inner_size();
    const std::int64_t tiles_per_row = ceil_div(inner, kColumns);
    const std::int64_t tiles = num_outputs_ / inner * tiles_per_row;
    const std::int64_t per_task = std::min(num_reduced_, kReduceBlock) * std::min(inner, kColumns);
    // Tiles of a block are neighbours in memory, so they are done one after the other.
    parallel_for(0, num_blocks_ * tiles, grain_for(per_task),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t task = first; task < last; ++task) {
                     const std::int64_t tile = task % tiles, b = task / tiles;
                     const std::int64_t column = tile % tiles_per_row * kColumns;
                     const std::int64_t o = tile / tiles_per_row * inner + column;
                     reduce_tile(in, o, std::min(kColumns, inner - column), b, p,
                                 partial + (b * num_outputs_ + o) * acc_nbytes_);
                   }
                 });
  }

  // Outputs o … o + width of block b: one row of accumulators per lane.
  void reduce_tile(const std::byte* in, std::int64_t o, std::int64_t width, std::int64_t b,
                   Prepared p, std::byte* to) const {
    const ThreadScratch scratch(
        ScratchUser::Tiles, static_cast<std::size_t>((kReduceLanes + 1) * kColumns * acc_nbytes_));
    std::byte* lanes = scratch.data();
    std::byte* converted = lanes + kReduceLanes * kColumns * acc_nbytes_;
    functions_.start(lanes, kReduceLanes * kColumns);
    const std::byte* base = in + offset_of(kept_, o) * in_nbytes_;
    const std::int64_t first = b * kReduceBlock, stride = reduced_.inner_stride(1);
    for_each_run(reduced_, 1, first, first + block_size(b),
                 [&](std::int64_t offset, std::int64_t at, std::int64_t count) {
                   for (std::int64_t i = 0; i < count; ++i) {
                     const std::byte* row = base + (offset + i * stride) * in_nbytes_;
                     std::byte* sums = lane(lanes, (at - first + i) % kReduceLanes);
                     if (p.squares) {
                       squares_.row(reinterpret_cast<double*>(sums),
                                    reinterpret_cast<const float*>(row),
                                    p.centers ? p.centers + o : nullptr, width);
                       continue;
                     }
                     if (convert_) {
                       convert_(row, nullptr, nullptr, converted, static_cast<std::size_t>(width));
                       row = converted;
                     }
                     functions_.row(sums, row, width);
                   }
                 });
    for (std::int64_t half = kReduceLanes / 2; half > 0; half /= 2)
      for (std::int64_t l = 0; l < half; ++l)
        functions_.row(lane(lanes, l), lane(lanes, l + half), width);
    std::memcpy(to, lanes, static_cast<std::size_t>(width * acc_nbytes_));
  }

  std::byte* lane(std::byte* lanes, std::int64_t l) const {
    return lanes + l * kColumns * acc_nbytes_;
  }

  // Blocks pairwise, into the first one: 0+1, 2+3, …, then 0+2, …
  void join_blocks(std::byte* partial) const {
    const std::int64_t row_nbytes = num_outputs_ * acc_nbytes_;
    for (std::int64_t step = 1; step < num_blocks_; step *= 2)
      for (std::int64_t b = 0; b + step < num_blocks_; b += 2 * step)
        functions_.row(partial + b * row_nbytes, partial + (b + step) * row_nbytes, num_outputs_);
  }

  void store(const std::byte* partial, void* out) const {
    const auto count = static_cast<std::size_t>(num_outputs_);
    if (const TileFunction pack = find_pack(out_dtype_)) {
      pack(partial, nullptr, nullptr, out, count);
    } else if (const TileFunction cast = find_cast(acc_dtype_, out_dtype_)) {
      cast(partial, nullptr, nullptr, out, count);
    } else {
      std::memcpy(out, partial, count * static_cast<std::size_t>(acc_nbytes_));
    }
  }

  // Operand 0 of each nest is the row-major order of the indices, operand 1 the input.
  LoopNest kept_, reduced_;
  std::int64_t num_outputs_ = 0, num_reduced_ = 0, num_blocks_ = 1;
  std::int64_t acc_nbytes_ = 4, in_nbytes_ = 4;
  DType in_dtype_ = DType::Float32, acc_dtype_ = DType::Float32, out_dtype_ = DType::Float32;
  Finish finish_ = Finish::None;
  Join join_ = Join::Sum;
  double divisor_ = 1;
  TileFunction convert_ = nullptr;
  ReduceFunctions functions_;
  SquareFunctions squares_ = square_functions();
  bool columns_ = false;
};

template <Join join>
std::unique_ptr<Kernel> lower_reduce(const StepDesc& step) {
  const bool wide = join == Join::Sum || join == Join::Prod;
  const DType dtype = step.inputs[0].dtype;
  return std::make_unique<ReduceKernel>(
      step, step.as<ReduceAttrs>().dims, join,
      wide && !is_floating(dtype) ? DType::Int64 : compute_dtype(dtype));
}

template <Finish finish>
std::unique_ptr<Kernel> lower_squares(const StepDesc& step) {
  if constexpr (finish == Finish::Norm) {
    return std::make_unique<ReduceKernel>(step, step.as<ReduceAttrs>().dims, Join::Sum,
                                          DType::Float64, finish);
  } else {
    const auto& a = step.as<VarAttrs>();
    return std::make_unique<ReduceKernel>(step, a.dims, Join::Sum, DType::Float64, finish,
                                          a.correction);
  }
}
std::unique_ptr<Kernel> lower_mean(const StepDesc& step) {
  return std::make_unique<ReduceKernel>(step, step.as<ReduceAttrs>().dims, Join::Sum,
                                        compute_dtype(step.inputs[0].dtype), Finish::Mean);
}
bool is_float32(const StepDesc& step) { return step.inputs[0].dtype == DType::Float32; }

// any and all: the largest and smallest of bools. Converting a 16-bit float goes through float32,
// which is one step too many here.
template <Join join>
std::unique_ptr<Kernel> lower_logical(const StepDesc& step) {
  return std::make_unique<ReduceKernel>(step, step.as<ReduceAttrs>().dims, join, DType::Bool);
}
bool is_convertible(const StepDesc& step) { return !is_reduced_float(step.inputs[0].dtype); }

}  // namespace

INGOT_EXPORT_CPU_KERNELS(reduce) {
  table.add("sum", {lower_reduce<Join::Sum>, take_any_strides});
  table.add("mean", {lower_mean, take_any_strides});
  table.add("prod", {lower_reduce<Join::Prod>, take_any_strides});
  table.add("amax", {lower_reduce<Join::Max>, take_any_strides});
  table.add("amin", {lower_reduce<Join::Min>, take_any_strides});
  table.add("norm", {lower_squares<Finish::Norm>, take_any_strides, is_float32});
  table.add("var", {lower_squares<Finish::Var>, take_any_strides, is_float32});
  table.add("std", {lower_squares<Finish::Std>, take_any_strides, is_float32});
  table.add("any", {lower_logical<Join::Max>, take_any_strides, is_convertible});
  table.add("all", {lower_logical<Join::Min>, take_any_strides, is_convertible});
}

}  // namespace ingot::cpu
