#include "backend/cpu/im2col.h"

#include <algorithm>

#include <ingot/core/parallel.h>

#include "backend/cpu/scratch.h"
#include "core/ceil_div.h"

namespace ingot::cpu {
namespace {

constexpr std::int64_t kColumnsNbytes = 1 << 20;

template <class T>
class Im2colKernel final : public Kernel {
 public:
  Im2colKernel(const ConvDesc& desc, GemmFunction<T> gemm, const char* name)
      : d_(desc), gemm_(gemm), name_(name) {
    const Shape &x = d_.x.shape, &w = d_.weight.shape, &y = d_.y.shape;
    groups_ = d_.attrs.groups;
    out_per_group_ = y[1] / groups_;
    in_per_group_ = x[1] / groups_;
    depth_ = in_per_group_ * w[2] * w[3];
    places_ = y[2] * y[3];
    const std::int64_t fitting =
        kColumnsNbytes / static_cast<std::int64_t>(sizeof(T)) / std::max<std::int64_t>(1, depth_);
    block_ = std::clamp<std::int64_t>(fitting / 16 * 16, 16, std::max<std::int64_t>(16, places_));
  }

  void run(const KernelArgs& args) const override {
    switch (d_.kind) {
      case ConvKind::Forward:
        return forward(args.in<T>(0), args.in<T>(1), d_.bias ? args.in<T>(2) : nullptr,
                       args.out<T>(0));
      case ConvKind::BackwardInput:
        return backward_input(args.in<T>(0), args.in<T>(1), args.out<T>(0));
      case ConvKind::BackwardWeight:
        return backward_weight(args.in<T>(0), args.in<T>(1), args.out<T>(0));
    }
  }

  std::string describe() const override { return std::string("im2col, ") + name_ + " gemm"; }

 private:
  // Block `first`… of the columns of image n, group g: [depth, count].
  ThreadScratch columns(std::int64_t count) const {
    return {ScratchUser::Columns, static_cast<std::size_t>(depth_ * count) * sizeof(T)};
  }

  // Calls f(column index, x offset or -1 outside the image) along one row of the column matrix.
  template <class F>
  void walk_row(std::int64_t row, std::int64_t n, std::int64_t g, std::int64_t first,
                std::int64_t count, F f) const {
    const Shape &x = d_.x.shape, &w = d_.weight.shape;
    const Dims& s = d_.x.strides;
    const std::int64_t kw = row % w[3], kh = row / w[3] % w[2], c = row / (w[3] * w[2]);
    const std::int64_t base = n * s[0] + (g * in_per_group_ + c) * s[1];
    const std::int64_t out_width = d_.y.shape[3];
    std::int64_t oh = first / out_width, ow = first % out_width;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t h =
          oh * d_.attrs.stride[0] - d_.attrs.padding[0] + kh * d_.attrs.dilation[0];
      const std::int64_t v =
          ow * d_.attrs.stride[1] - d_.attrs.padding[1] + kw * d_.attrs.dilation[1];
      const bool inside = h >= 0 && h < x[2] && v >= 0 && v < x[3];
      f(i, inside ? base + h * s[2] + v * s[3] : -1);
      if (++ow == out_width) {
        ow = 0;
        ++oh;
      }
    }
  }

  void fill_columns(const T* x, std::int64_t n, std::int64_t g, std::int64_t first,
                    std::int64_t count, T* to) const {
    parallel_for(0, depth_, grain_for(count), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        walk_row(row, n, g, first, count, [&](std::int64_t i, std::int64_t offset) {
          to[row * count + i] = offset < 0 ? T(0) : x[offset];
        });
    });
  }

  void add_columns(const T* from, std::int64_t n, std::int64_t g, std::int64_t first,
                   std::int64_t count, T* x) const {
    const std::int64_t rows_per_channel = d_.weight.shape[2] * d_.weight.shape[3];
    parallel_for(0, in_per_group_, grain_for(count * rows_per_channel),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin * rows_per_channel; row < end * rows_per_channel;
                        ++row)
                     walk_row(row, n, g, first, count, [&](std::int64_t i, std::int64_t offset) {
                       if (offset >= 0) x[offset] += from[row * count + i];
                     });
                 });
  }

  // The weights of a group as [out_per_group, depth].
  template <class U>
  Matrix<U> weights(U* w, std::int64_t g) const {
    return {w + g * out_per_group_ * depth_, depth_, 1};
  }
  // Places `first`… of an image's group as [out_per_group, places].
  template <class U>
  Matrix<U> outputs(U* y, std::int64_t n, std::int64_t g, std::int64_t first) const {
    const Dims& s = d_.y.strides;
    const std::int64_t place_stride = channels_last() ? s[3] : 1;
    return {y + n * s[0] + g * out_per_group_ * s[1] + first * place_stride, s[1], place_stride};
  }
  bool channels_last() const { return !d_.y.is_contiguous(); }

  template <class U>
  static Matrix<U> transposed(Matrix<U> m) {
    return {m.data, m.col_stride, m.row_stride};
  }
  static Matrix<const T> read(Matrix<T> m) { return {m.data, m.row_stride, m.col_stride}; }

  void forward(const T* x, const T* w, const T* bias, T* y) const {
    const std::int64_t blocks = ceil_div(places_, block_);
    const std::int64_t tasks = d_.x.shape[0] * groups_ * blocks;
    parallel_for(0, tasks, grain_for(depth_ * block_ * out_per_group_ / 8),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t t = begin; t < end; ++t) {
                     const std::int64_t n = t / (groups_ * blocks), g = t / blocks % groups_;
                     const std::int64_t first = t % blocks * block_;
                     forward_block(x, w, bias, y, n, g, first, std::min(block_, places_ - first));
                   }
                 });
  }

  void forward_block(const T* x, const T* w, const T* bias, T* y, std::int64_t n, std::int64_t g,
                     std::int64_t first, std::int64_t count) const {
    const ThreadScratch scratch = columns(count);
    T* col = scratch.as<T>();
    fill_columns(x, n, g, first, count, col);
    const Matrix<const T> cols{col, count, 1};
    const Matrix<T> out = outputs(y, n, g, first);
    if (channels_last()) {
      gemm_(count, out_per_group_, depth_, transposed(cols), transposed(weights(w, g)),
            transposed(out), false);
    } else {
      gemm_(out_per_group_, count, depth_, weights(w, g), cols, out, false);
    }
    if (!bias) return;
    for (std::int64_t o = 0; o < out_per_group_; ++o)
      for (std::int64_t i = 0; i < count; ++i)
        *out.at(o, i) += bias[(g * out_per_group_ + o) * d_.bias->strides[0]];
  }

  void backward_input(const T* y, const T* w, T* x) const {
    std::fill_n(x, d_.x.numel(), T(0));
    parallel_for(0, d_.x.shape[0] * groups_, grain_for(depth_ * places_ * out_per_group_ / 8),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t t = begin; t < end; ++t) {
                     const std::int64_t n = t / groups_, g = t % groups_;
                     for (std::int64_t first = 0; first < places_; first += block_) {
                       const std::int64_t count = std::min(block_, places_ - first);
                       const ThreadScratch scratch = columns(count);
                       T* col = scratch.as<T>();
                       gemm_(depth_, count, out_per_group_, transposed(weights(w, g)),
                             outputs(y, n, g, first), {col, count, 1}, false);
                       add_columns(col, n, g, first, count, x);
                     }
                   }
                 });
  }

  void backward_weight(const T* y, const T* x, T* w) const {
    std::fill_n(w, d_.weight.numel(), T(0));
    parallel_for(0, groups_, grain_for(d_.x.shape[0] * depth_ * places_ * out_per_group_ / 8),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t g = begin; g < end; ++g)
                     for (std::int64_t n = 0; n < d_.x.shape[0]; ++n)
                       for (std::int64_t first = 0; first < places_; first += block_) {
                         const std::int64_t count = std::min(block_, places_ - first);
                         const ThreadScratch scratch = columns(count);
                         T* col = scratch.as<T>();
                         fill_columns(x, n, g, first, count, col);
                         gemm_(out_per_group_, depth_, count, outputs(y, n, g, first),
                               transposed(Matrix<const T>{col, count, 1}), weights(w, g), true);
                       }
                 });
  }

  ConvDesc d_;
  GemmFunction<T> gemm_;
  const char* name_;
  std::int64_t groups_ = 1, out_per_group_ = 0, in_per_group_ = 0, depth_ = 0, places_ = 0,
               block_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> lower_im2col(const ConvDesc& desc, const Im2colGemm& gemm) {
  switch (desc.x.dtype) {
    case DType::Float32:
      return std::make_unique<Im2colKernel<float>>(desc, gemm.float32, gemm.name);
    case DType::Float64:
      return std::make_unique<Im2colKernel<double>>(desc, gemm.float64, gemm.name);
    default:
      return nullptr;
  }
}

}  // namespace ingot::cpu
