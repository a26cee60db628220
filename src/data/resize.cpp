#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <fmt/format.h>
#include <ingot/core/error.h>

#include "core/host_room.h"
#include "data/picture.h"

namespace ingot::data {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;  // Pillow's PRECISION_BITS
// Weights and strips take memory by the edge, not by the pixel.
constexpr std::int64_t kMaxEdge = std::int64_t{1} << 22;
constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

/// For each output position: which input positions it reads, and with what weights.
struct Taps {
  std::int64_t count = 0;             // weights stored per output position, unused ones are 0
  std::vector<std::int64_t> first;    // [out] first input position
  std::vector<std::int64_t> length;   // [out] number of input positions, <= count
  std::vector<std::int32_t> weights;  // [out, count], 22 fractional bits
};

double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

/// precompute_coeffs and normalize_coeffs_8bpc of Pillow, operation by operation: the doubles must
/// round as they do there.
Taps make_taps(std::int64_t in_size, std::int64_t out_size) {
  const double scale = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double filter_scale = std::max(scale, 1.0);
  const double support = 1.0 * filter_scale;
  const double inverse = 1.0 / filter_scale;
  Taps taps;
  taps.count = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  taps.first.resize(static_cast<std::size_t>(out_size));
  taps.length.resize(static_cast<std::size_t>(out_size));
  taps.weights.assign(static_cast<std::size_t>(out_size * taps.count), 0);
  std::vector<double> exact(static_cast<std::size_t>(taps.count));
  for (std::int64_t out = 0; out < out_size; ++out) {
    const double center = (static_cast<double>(out) + 0.5) * scale;
    const auto begin = std::max<std::int64_t>(static_cast<int>(center - support + 0.5), 0);
    const auto end = std::min<std::int64_t>(static_cast<int>(center + support + 0.5), in_size);
    const std::int64_t length = end - begin;
    double sum = 0.0;
    for (std::int64_t i = 0; i < length; ++i) {
      const double weight = triangle((static_cast<double>(i + begin) - center + 0.5) * inverse);
      exact[static_cast<std::size_t>(i)] = weight;
      sum += weight;
    }
    for (std::int64_t i = 0; i < length; ++i) {
      double weight = exact[static_cast<std::size_t>(i)];
      if (sum != 0.0) weight /= sum;
      // A triangle's weights are never negative, so Pillow's rounding is always upward from half.
      taps.weights[static_cast<std::size_t>(out * taps.count + i)] =
          static_cast<std::int32_t>(0.5 + weight * (1 << kPrecisionBits));
    }
    taps.first[static_cast<std::size_t>(out)] = begin;
    // Weights that are 0 at the far end need not be read; enlarging has one in most places.
    std::int64_t used = length;
    while (used > 1 && taps.weights[static_cast<std::size_t>(out * taps.count + used - 1)] == 0)
      --used;
    taps.length[static_cast<std::size_t>(out)] = used;
  }
  return taps;
}

/// Weights are >= 0 and sum to about 1, so the sum is never negative; it may round up past 255.
inline std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::min<std::int32_t>(sum >> kPrecisionBits, 255));
}

constexpr std::int64_t kLanes = 16;

/// kWidth neighbouring sums of one output row; a constant width lets them stay in vector registers.
template <std::int64_t kWidth>
inline void combine_block(const std::uint8_t* in, std::int64_t row, const std::int32_t* weights,
                          std::int64_t count, std::uint8_t* out) {
  std::int32_t sums[kWidth];
  for (std::int64_t i = 0; i < kWidth; ++i) sums[i] = kHalf;
  for (std::int64_t t = 0; t < count; ++t, in += row) {
    const std::int32_t weight = weights[t];
    for (std::int64_t i = 0; i < kWidth; ++i) sums[i] += weight * in[i];
  }
  for (std::int64_t i = 0; i < kWidth; ++i) out[i] = to_byte(sums[i]);
}

/// Weighted sums of whole rows: out[o][i] = sum_t weights[o][t] * in[first[o] + t][i]. Both passes
/// come down to this.
void combine_rows(const std::uint8_t* in, std::int64_t row, const Taps& taps, std::uint8_t* out) {
  for (std::size_t o = 0; o < taps.first.size(); ++o, out += row) {
    const std::int32_t* weights = taps.weights.data() + o * static_cast<std::size_t>(taps.count);
    const std::uint8_t* const source = in + taps.first[o] * row;
    const std::int64_t count = taps.length[o];
    std::int64_t i = 0;
    for (; i + kLanes <= row; i += kLanes) {
      combine_block<kLanes>(source + i, row, weights, count, out + i);
    }
    for (; i < row; ++i) combine_block<1>(source + i, row, weights, count, out + i);
  }
}

/// The horizontal pass takes strips of rows, turns each strip so that the pixels of one column lie
/// side by side, combines columns as rows, and turns the result back.
Image resize_width(const Image& image, std::int64_t width) {
  constexpr std::int64_t kStrip = kLanes;
  const Taps taps = make_taps(image.width, width);
  const std::int64_t channels = image.channels;
  Image result{image.height, width, channels, {}};
  check_host_room("resize", image.height * width * channels, 1);
  result.pixels.resize(static_cast<std::size_t>(image.height * width * channels));
  const std::int64_t in_row = image.width * channels;
  const std::int64_t out_row = width * channels;
  std::vector<std::uint8_t> turned(static_cast<std::size_t>(in_row * kStrip));
  std::vector<std::uint8_t> combined(static_cast<std::size_t>(out_row * kStrip));
  for (std::int64_t top = 0; top < image.height; top += kStrip) {
    const std::int64_t rows = std::min(kStrip, image.height - top);
    const std::uint8_t* in = image.pixels.data() + top * in_row;
    for (std::int64_t y = 0; y < rows; ++y, in += in_row) {
      for (std::int64_t i = 0; i < in_row; ++i)
        turned[static_cast<std::size_t>(i * kStrip + y)] = in[i];
    }
    combine_rows(turned.data(), channels * kStrip, taps, combined.data());
    std::uint8_t* out = result.pixels.data() + top * out_row;
    for (std::int64_t y = 0; y < rows; ++y, out += out_row) {
      for (std::int64_t i = 0; i < out_row; ++i)
        out[i] = combined[static_cast<std::size_t>(i * kStrip + y)];
    }
  }
  return result;
}

Image resize_height(const Image& image, std::int64_t height) {
  const Taps taps = make_taps(image.height, height);
  Image result{height, image.width, image.channels, {}};
  const std::int64_t row = image.width * image.channels;
  check_host_room("resize", height * row, 1);
  result.pixels.resize(static_cast<std::size_t>(height * row));
  combine_rows(image.pixels.data(), row, taps, result.pixels.data());
  return result;
}

}  // namespace

Image resize_bilinear(const Image& image, std::int64_t height, std::int64_t width,
                      const std::string& who) {
  check_result(height, width, image, who);
  if (image.width != width) check_result(image.height, width, image, who);
  if (image.width > kMaxEdge || image.height > kMaxEdge)
    throw IoError(
        fmt::format("{}: the image of {} x {} pixels (height x width) has an edge of more "
                    "than {}",
                    who, image.height, image.width, kMaxEdge));
  if (image.width == width) return image.height == height ? image : resize_height(image, height);
  Image wide = resize_width(image, width);
  return image.height == height ? wide : resize_height(wide, height);
}

}  // namespace ingot::data
