#include "backend/sampling.h"

#include <algorithm>
#include <cmath>

namespace ingot {

namespace {

// Keys' cubic convolution kernel.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

struct Axis {
  std::int64_t in, out;
  double factor;
  bool align;

  // Distance of neighbouring output positions, in input elements.
  double step() const {
    if (align) return out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
    return factor > 0 ? 1 / factor : static_cast<double>(in) / static_cast<double>(out);
  }
  double centre(std::int64_t o) const {
    const auto i = static_cast<double>(o);
    return align ? step() * i : step() * (i + 0.5) - 0.5;
  }
  bool keeps_size() const { return in == out; }
  std::int64_t clamp(std::int64_t i) const { return std::clamp<std::int64_t>(i, 0, in - 1); }
};

// Each element where it is.
SamplingTable identity(const Axis& a) {
  SamplingTable t{1, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    t.index.push_back(o);
    t.weight.push_back(1);
  }
  return t;
}

// In float, as PyTorch computes it in every dtype: the position decides which element is taken.
SamplingTable nearest(const Axis& a, float offset) {
  SamplingTable t{1, {}, {}};
  const float step = a.factor > 0 ? static_cast<float>(1 / a.factor)
                                  : static_cast<float>(a.in) / static_cast<float>(a.out);
  for (std::int64_t o = 0; o < a.out; ++o) {
    const float place = std::floor((static_cast<float>(o) + offset) * step);
    t.index.push_back(a.clamp(static_cast<std::int64_t>(place)));
    t.weight.push_back(1);
  }
  return t;
}

SamplingTable linear(const Axis& a) {
  SamplingTable t{2, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double place = std::max(0.0, a.centre(o));
    const std::int64_t first = a.clamp(static_cast<std::int64_t>(place));
    const double part = std::clamp(place - static_cast<double>(first), 0.0, 1.0);
    t.index.insert(t.index.end(), {first, a.clamp(first + 1)});
    t.weight.insert(t.weight.end(), {1 - part, part});
  }
  return t;
}

SamplingTable cubic(const Axis& a) {
  SamplingTable t{4, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double place = a.centre(o), first = std::floor(place);
    for (int k = -1; k <= 2; ++k) {
      t.index.push_back(a.clamp(static_cast<std::int64_t>(first) + k));
      t.weight.push_back(cubic(place - first - k, -0.75));
    }
  }
  return t;
}

// The kernel, as wide as the distance of output positions, normalised over what lies inside.
SamplingTable antialiased(const Axis& a, bool is_cubic) {
  const double step = a.step(), stretch = std::max(step, 1.0);
  const double support = (is_cubic ? 2 : 1) * stretch;
  SamplingTable t{static_cast<std::int64_t>(std::ceil(support)) * 2 + 1, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double centre = step * (static_cast<double>(o) + 0.5);
    const std::int64_t first =
        std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const std::int64_t end = std::min(static_cast<std::int64_t>(centre + support + 0.5), a.in);
    const std::size_t begin = t.weight.size();
    double total = 0;
    for (std::int64_t k = 0; k < t.width; ++k) {
      const std::int64_t i = first + k;
      const double x = (static_cast<double>(i) - centre + 0.5) / stretch;
      const double w = i >= end ? 0 : is_cubic ? cubic(x, -0.5) : triangle(x);
      t.index.push_back(a.clamp(i));
      t.weight.push_back(w);
      total += w;
    }
    if (total == 0) continue;
    for (std::size_t k = begin; k < t.weight.size(); ++k) t.weight[k] /= total;
  }
  return t;
}

}  // namespace

SamplingTable sampling_table(const InterpolateAttrs& attrs, int axis) {
  const Axis a{attrs.source[axis], attrs.size[axis],
               axis == 0 ? attrs.scale_height : attrs.scale_width, attrs.align_corners};
  // PyTorch's rules. The scale itself says where an output position lies, even where the size that
  // it leads to is the old one or the double: bicubic and nearest-exact sample there. The others
  // take such sizes for what they look like, a copy and every element twice.
  const bool is_nearest = attrs.mode == "nearest", is_cubic = attrs.mode == "bicubic";
  if (a.keeps_size() && (is_nearest || attrs.mode == "bilinear" || attrs.antialias))
    return identity(a);
  if (is_nearest && a.out == 2 * a.in) return nearest({a.in, a.out, 0, false}, 0);
  if (is_nearest) return nearest(a, 0);
  if (attrs.mode == "nearest-exact") return nearest(a, 0.5f);
  if (attrs.antialias) return antialiased(a, is_cubic);
  return is_cubic ? cubic(a) : linear(a);
}

}  // namespace ingot
