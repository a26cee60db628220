// argmax and argmin of row-major tensors. Along the last dimension the extremum is found first, by
// vector code, and then its place; otherwise several neighbouring outputs are followed at once.
#include <algorithm>
#include <array>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/cpu/reduce_kernels.h"
#include "backend/kernel_table.h"
#include "core/ceil_div.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

// Whether `x` replaces `best`: strictly better, or the first NaN.
template <bool largest, class T>
bool beats(T x, T best) {
  if (best != best) return false;
  return x != x || (largest ? x > best : x < best);
}

template <bool largest, class T>
std::int64_t scan(const T* x, std::int64_t count) {
  std::int64_t position = 0;
  for (std::int64_t i = 1; i < count; ++i)
    if (beats<largest>(comparable(x[i]), comparable(x[position]))) position = i;
  return position;
}

// Long enough that the search within one costs little, short enough for a fair split.
constexpr std::int64_t kSection = 32 * kReduceBlock;

template <bool largest, class T>
T extremum(const ReduceFunctions& functions, const T* x, std::int64_t count) {
  T best{}, next{};
  for (std::int64_t i = 0; i < count; i += kReduceBlock) {
    functions.block(x + i, std::min(kReduceBlock, count - i), &next);
    if (i == 0 || beats<largest>(next, best)) best = next;
  }
  return best;
}

template <class T>
std::int64_t find(const T* x, T value) {
  std::int64_t i = 0;
  if (value != value)
    while (x[i] == x[i]) ++i;
  else
    while (x[i] != value) ++i;
  return i;
}

// Position of the extremum in `count` neighbouring elements; the first of several.
template <bool largest, class T>
std::int64_t along_row(const T* x, std::int64_t count) {
  if constexpr (std::is_floating_point_v<T>) {
    const ReduceFunctions functions = reduce_functions(
        largest ? Join::Max : Join::Min, sizeof(T) == 4 ? DType::Float32 : DType::Float64);
    // The first section that holds the extremum.
    std::int64_t first = 0;
    T best = extremum<largest>(functions, x, std::min(count, kSection));
    for (std::int64_t i = kSection; i < count; i += kSection) {
      const T next = extremum<largest>(functions, x + i, std::min(kSection, count - i));
      if (beats<largest>(next, best)) {
        best = next;
        first = i;
      }
    }
    return first + find(x + first, best);
  } else {
    return scan<largest>(x, count);
  }
}

// One row that is longer than a section: sections in parallel, then the best of them.
template <bool largest, class T>
std::int64_t along_long_row(const T* x, std::int64_t count) {
  const std::int64_t sections = ceil_div(count, kSection);
  std::vector<std::int64_t> positions(static_cast<std::size_t>(sections));
  parallel_for(0, sections, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s)
      positions[static_cast<std::size_t>(s)] =
          s * kSection +
          along_row<largest>(x + s * kSection, std::min(kSection, count - s * kSection));
  });
  std::int64_t best = positions[0];
  for (const std::int64_t p : positions)
    if (beats<largest>(comparable(x[p]), comparable(x[best]))) best = p;
  return best;
}

// `width` neighbouring outputs; rows of the input are `stride` apart.
template <bool largest, class T>
void along_columns(const T* x, std::int64_t count, std::int64_t stride, std::int64_t width,
                   std::int64_t* out) {
  constexpr std::int64_t kWidth = 256;
  std::array<T, kWidth> best;
  for (std::int64_t c = 0; c < width; c += kWidth) {
    const std::int64_t n = std::min(kWidth, width - c);
    std::copy_n(x + c, n, best.begin());
    std::fill_n(out + c, n, 0);
    for (std::int64_t i = 1; i < count; ++i) {
      const T* row = x + i * stride + c;
      for (std::int64_t k = 0; k < n; ++k) {
        const auto place = static_cast<std::size_t>(k);
        if (beats<largest>(comparable(row[k]), comparable(best[place]))) {
          best[place] = row[k];
          out[c + k] = i;
        }
      }
    }
  }
}

template <bool largest>
std::unique_ptr<Kernel> lower_position(const StepDesc& step) {
  const Shape& shape = step.inputs[0].shape;
  const std::int64_t dim = shape.empty() ? 0 : step.as<AxisAttrs>().dim;
  std::int64_t outer = 1, count = 1, inner = 1;
  for (int d = 0; d < shape.rank(); ++d) (d < dim ? outer : d == dim ? count : inner) *= shape[d];
  return visit_dtype(step.inputs[0].dtype, [&]<class T>(T) {
    return make_kernel([outer, count, inner](const KernelArgs& args) {
      const T* x = args.in<T>(0);
      auto* out = args.out<std::int64_t>(0);
      if (outer == 1 && inner == 1 && count > kSection) {
        *out = along_long_row<largest>(x, count);
      } else if (inner == 1) {
        parallel_for(0, outer, grain_for(count), [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t o = first; o < last; ++o)
            out[o] = along_row<largest>(x + o * count, count);
        });
      } else {
        parallel_for(0, outer * inner, std::max<std::int64_t>(16, grain_for(count)),
                     [&](std::int64_t first, std::int64_t last) {
                       while (first < last) {
                         const std::int64_t o = first / inner, column = first % inner;
                         const std::int64_t width = std::min(last - first, inner - column);
                         along_columns<largest>(x + o * count * inner + column, count, inner, width,
                                                out + first);
                         first += width;
                       }
                     });
      }
    });
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(position) {
  table.add("argmax", {lower_position<true>});
  table.add("argmin", {lower_position<false>});
}

}  // namespace ingot::cpu
