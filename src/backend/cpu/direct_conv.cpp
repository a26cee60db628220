// y[place, o] = sum over (kh, kw, c) of x[place + (kh, kw), c] · weight[o, c, kh, kw]
//
// A register tile is kRows places × two vectors of outputs. For one (kh, kw) the channels of a
// place are contiguous in x, so the tile reads x in place through one pointer per row (or a row of
// zeros in the padding); only the weights are repacked. After kChain products the tile is added to
// y.
#include "backend/cpu/direct_conv.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/conv_sizes.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/simd.h"
#include "backend/layouts.h"
#include "core/ceil_div.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/direct_conv.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef INGOT_BACKEND_CPU_DIRECT_CONV_ONCE
#define INGOT_BACKEND_CPU_DIRECT_CONV_ONCE
namespace ingot::cpu {

struct DirectConv : ConvSizes {
  using ConvSizes::ConvSizes;
  std::int64_t depth() const { return taps() * channels; }
  std::int64_t places() const { return images * out_height * out_width; }
};

struct DirectConvRun {
  const float* x;
  const float* weight;
  const float* bias;  ///< may be null; `bias_stride` apart
  std::int64_t bias_stride;
  float* y;
  float* workspace;
};

// Products summed in one chain of multiply-adds; a multiple of 9 × 16, so that 3×3 kernels over
// whole vectors of channels leave no short one.
inline constexpr std::int64_t kChain = 144;
// Places at a time: their pointers and the part of x they read stay in the second-level cache.
inline constexpr std::int64_t kPlaces = 96;
// Outputs are padded to whole panels; the largest one is two vectors of 512 bits.
inline constexpr std::int64_t kMaxPanel = 2 * 512 / 32;

}  // namespace ingot::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
constexpr std::int64_t kPanel = 2 * kLanes;
static_assert(kPanel <= kMaxPanel);
constexpr std::int64_t kRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

// packed[panel][(kh, kw, c)][kPanel]
void pack_weights(const DirectConv& g, const float* weight, float* packed) {
  const std::int64_t panels = ceil_div(g.outputs, kPanel), taps = g.taps();
  parallel_for(0, panels, grain_for(g.depth() * kPanel), [&](std::int64_t begin, std::int64_t end) {
    // Rows of weights are often a power of two apart, which is the same line of the first-level
    // cache: pieces of them are brought together first.
    constexpr std::int64_t kPiece = 128, kStride = kPiece + 16;
    HWY_ALIGN float rows[kPanel * kStride] = {};
    for (std::int64_t p = begin; p < end; ++p) {
      float* panel = packed + p * g.depth() * kPanel;
      const std::int64_t present = std::min(kPanel, g.outputs - p * kPanel);
      if (present < kPanel) std::fill(std::begin(rows), std::end(rows), 0.0f);
      const float* from = weight + p * kPanel * g.depth();
      for (std::int64_t k0 = 0; k0 < g.depth(); k0 += kPiece) {
        const std::int64_t count = std::min(kPiece, g.depth() - k0);
        for (std::int64_t o = 0; o < present; ++o)
          std::copy_n(from + o * g.depth() + k0, count, rows + o * kStride);
        std::int64_t c = k0 / taps, t = k0 % taps;
        for (std::int64_t k = 0; k < count; ++k) {
          float* to = panel + (t * g.channels + c) * kPanel;
          for (std::int64_t o = 0; o < kPanel; ++o) to[o] = rows[o * kStride + k];
          if (++t == taps) {
            t = 0;
            ++c;
          }
        }
      }
    }
  });
}

// The pieces of one chain: for each, `count` channels of one tap.
struct Piece {
  const float* const* rows;  ///< per place of the task: x at this tap, channel 0
  std::int64_t channel, count;
};

// R... = 0 … kRows - 1: indices that are constants keep the sums in registers. `bias`, null or a
// whole panel, is added last.
template <std::int64_t... R>
HWY_INLINE void tile_rows(std::integer_sequence<std::int64_t, R...>, const Piece* pieces,
                          std::size_t num_pieces, std::int64_t row,
                          const float* HWY_RESTRICT weights, float* y, std::int64_t y_stride,
                          std::int64_t rows, std::int64_t cols, bool accumulate,
                          const float* bias) {
  const D d;
  using V = hn::Vec<D>;
  V left[kRows], right[kRows];
  ((left[R] = right[R] = hn::Zero(d)), ...);
  for (std::size_t k = 0; k < num_pieces; ++k) {
    const float* from[kRows];
    ((from[R] = pieces[k].rows[row + R] + pieces[k].channel), ...);
    const std::int64_t count = pieces[k].count;
    for (std::int64_t c = 0; c < count; ++c) {
      const V w0 = hn::LoadU(d, weights), w1 = hn::LoadU(d, weights + kLanes);
      weights += kPanel;
      V x;
      ((x = hn::Set(d, from[R][c]), left[R] = hn::MulAdd(x, w0, left[R]),
        right[R] = hn::MulAdd(x, w1, right[R])),
       ...);
    }
  }
  if (rows == kRows && cols == kPanel) {
    if (accumulate) {
      ((left[R] = hn::Add(hn::LoadU(d, y + R * y_stride), left[R]),
        right[R] = hn::Add(hn::LoadU(d, y + R * y_stride + kLanes), right[R])),
       ...);
    }
    if (bias) {
      const V b0 = hn::LoadU(d, bias), b1 = hn::LoadU(d, bias + kLanes);
      ((left[R] = hn::Add(left[R], b0), right[R] = hn::Add(right[R], b1)), ...);
    }
    ((hn::StoreU(left[R], d, y + R * y_stride), hn::StoreU(right[R], d, y + R * y_stride + kLanes)),
     ...);
    return;
  }
  HWY_ALIGN float sums[kRows * kPanel];
  ((hn::Store(left[R], d, sums + R * kPanel), hn::Store(right[R], d, sums + R * kPanel + kLanes)),
   ...);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < cols; ++j) {
      float& to = y[r * y_stride + j];
      to = accumulate ? to + sums[r * kPanel + j] : sums[r * kPanel + j];
      if (bias) to += bias[j];
    }
}

// Pointers to channel 0 of x for every tap and place of a task: [tap][kPlaces + kRows].
void find_rows(const DirectConv& g, const float* x, const float* zeros, std::int64_t first,
               std::int64_t count, const float** rows) {
  constexpr std::int64_t kStride = kPlaces + kRows;
  for (std::int64_t i = 0; i < ceil_div(count, kRows) * kRows; ++i) {
    // Tiles are whole: rows past the end read the last place again.
    const std::int64_t place = first + std::min(i, count - 1);
    const std::int64_t ow = place % g.out_width, oh = place / g.out_width % g.out_height;
    const std::int64_t n = place / (g.out_width * g.out_height);
    for (std::int64_t kh = 0; kh < g.kernel_h; ++kh)
      for (std::int64_t kw = 0; kw < g.kernel_w; ++kw) {
        const std::int64_t h = oh * g.stride_h - g.pad_h + kh * g.dilation_h;
        const std::int64_t w = ow * g.stride_w - g.pad_w + kw * g.dilation_w;
        const bool inside = h >= 0 && h < g.height && w >= 0 && w < g.width;
        rows[(kh * g.kernel_w + kw) * kStride + i] =
            inside ? x + ((n * g.height + h) * g.width + w) * g.channels : zeros;
      }
  }
}

// Cuts the depth into chains of at most kChain products.
std::vector<std::vector<Piece>> cut_chains(const DirectConv& g, const float* const* rows) {
  constexpr std::int64_t kStride = kPlaces + kRows;
  std::vector<std::vector<Piece>> chains;
  std::int64_t length = kChain;
  for (std::int64_t t = 0; t < g.taps(); ++t)
    for (std::int64_t c = 0; c < g.channels;) {
      if (length == kChain) {
        chains.emplace_back();
        length = 0;
      }
      const std::int64_t count = std::min(g.channels - c, kChain - length);
      chains.back().push_back({rows + t * kStride, c, count});
      c += count;
      length += count;
    }
  return chains;
}

}  // namespace

void direct_conv(const DirectConv& g, const DirectConvRun& run) {
  const std::int64_t panels = ceil_div(g.outputs, kPanel);
  float* packed = run.workspace;
  float* zeros = packed + panels * kPanel * g.depth();
  float* bias = run.bias ? zeros + g.channels : nullptr;
  std::fill_n(zeros, g.channels, 0.0f);
  for (std::int64_t j = 0; bias && j < panels * kPanel; ++j)
    bias[j] = j < g.outputs ? run.bias[j * run.bias_stride] : 0.0f;
  pack_weights(g, run.weight, packed);
  // The threads share (group of panels, tile of places) evenly. Groups, so that small images with
  // many outputs read a part of the weights each; tiles, so that no thread is left with a block.
  constexpr std::int64_t kGroup = 4;
  const std::int64_t groups = ceil_div(panels, kGroup);
  const std::int64_t tiles = ceil_div(g.places(), kRows);
  parallel_for(
      0, groups * tiles, grain_for(kRows * kGroup * kPanel * g.depth() / 8),
      [&](std::int64_t begin, std::int64_t end) {
        const std::size_t num_rows = static_cast<std::size_t>(g.taps() * (kPlaces + kRows));
        const ThreadScratch scratch(ScratchUser::Columns, num_rows * sizeof(const float*));
        auto** rows = scratch.as<const float*>();
        const auto chains = cut_chains(g, rows);
        for (std::int64_t unit = begin; unit < end;) {
          const std::int64_t group = unit / tiles, tile = unit % tiles;
          // Blocks of nearly equal length.
          const std::int64_t left = std::min(tiles - tile, end - unit);
          const std::int64_t blocks = ceil_div(left * kRows, kPlaces);
          const std::int64_t block = ceil_div(left, blocks);
          unit += block;
          const std::int64_t first = tile * kRows;
          const std::int64_t count = std::min(block * kRows, g.places() - first);
          find_rows(g, run.x, zeros, first, count, rows);
          for (std::int64_t p = group * kGroup; p < std::min((group + 1) * kGroup, panels); ++p) {
            const float* weights = packed + p * g.depth() * kPanel;
            float* y = run.y + first * g.outputs + p * kPanel;
            const std::int64_t cols = std::min(kPanel, g.outputs - p * kPanel);
            for (std::size_t k = 0; k < chains.size(); ++k) {
              const bool is_last = k + 1 == chains.size();
              for (std::int64_t i = 0; i < count; i += kRows)
                tile_rows(std::make_integer_sequence<std::int64_t, kRows>{}, chains[k].data(),
                          chains[k].size(), i, weights, y + i * g.outputs, g.outputs,
                          std::min(kRows, count - i), cols, k > 0,
                          bias && is_last ? bias + p * kPanel : nullptr);
              for (const Piece& piece : chains[k]) weights += piece.count * kPanel;
            }
          }
        }
      });
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(direct_conv);

class DirectConvKernel final : public Kernel {
 public:
  explicit DirectConvKernel(const ConvDesc& d) : g_(d), has_bias_(d.bias.has_value()) {
    if (d.bias) bias_stride_ = d.bias->strides[0];
  }

  std::size_t workspace_nbytes() const override {
    const std::int64_t padded = ceil_div(g_.outputs, kMaxPanel) * kMaxPanel;
    const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    return times_nbytes(
        plus_nbytes(times_nbytes(size(padded), size(g_.depth() + 1)), size(g_.channels)),
        sizeof(float));
  }

  void run(const KernelArgs& args) const override {
    const DirectConvRun run{
        args.in<float>(0), args.in<float>(1),  has_bias_ ? args.in<float>(2) : nullptr,
        bias_stride_,      args.out<float>(0), static_cast<float*>(args.workspace)};
    HWY_DYNAMIC_DISPATCH(direct_conv)(g_, run);
  }

  std::string describe() const override { return "direct convolution"; }

 private:
  DirectConv g_;
  bool has_bias_;
  std::int64_t bias_stride_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> lower_direct_convolution(const ConvDesc& desc) {
  if (desc.kind != ConvKind::Forward || desc.x.dtype != DType::Float32 || desc.attrs.groups != 1 ||
      desc.x.shape[1] < 16 || desc.y.numel() == 0 || !desc.weight.is_contiguous() ||
      !fits_channels_last(desc.x) || !fits_channels_last(desc.y))
    return nullptr;
  return std::make_unique<DirectConvKernel>(desc);
}

}  // namespace ingot::cpu
#endif
