#include "backend/sampling.h"

#include <algorithm>
#include <cmath>

#include <ingot/core/error.h>

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

using Kind = SamplingRule::Kind;

double centre(const SamplingRule& a, std::int64_t o) {
  const auto i = static_cast<double>(o);
  return a.align ? a.step * i : a.step * (i + 0.5) - 0.5;
}
std::int64_t clamp(const SamplingRule& a, std::int64_t i) {
  return std::clamp<std::int64_t>(i, 0, a.in - 1);
}

// Each element where it is.
SamplingTable identity(const SamplingRule& a) {
  SamplingTable t{1, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    t.index.push_back(o);
    t.weight.push_back(1);
  }
  return t;
}

SamplingTable nearest(const SamplingRule& a) {
  SamplingTable t{1, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const float place = std::floor((static_cast<float>(o) + a.near_offset) * a.near_step);
    t.index.push_back(clamp(a, static_cast<std::int64_t>(place)));
    t.weight.push_back(1);
  }
  return t;
}

SamplingTable linear(const SamplingRule& a) {
  SamplingTable t{2, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double place = std::max(0.0, centre(a, o));
    const std::int64_t first = clamp(a, static_cast<std::int64_t>(place));
    const double part = std::clamp(place - static_cast<double>(first), 0.0, 1.0);
    t.index.insert(t.index.end(), {first, clamp(a, first + 1)});
    t.weight.insert(t.weight.end(), {1 - part, part});
  }
  return t;
}

SamplingTable cubic(const SamplingRule& a) {
  SamplingTable t{4, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double place = centre(a, o), first = std::floor(place);
    for (int k = -1; k <= 2; ++k) {
      t.index.push_back(clamp(a, static_cast<std::int64_t>(first) + k));
      t.weight.push_back(cubic(place - first - k, -0.75));
    }
  }
  return t;
}

double antialiased_support(double step, bool is_cubic) {
  return (is_cubic ? 2 : 1) * std::max(step, 1.0);
}

// The kernel, as wide as the distance of output positions, normalised over what lies inside.
SamplingTable antialiased(const SamplingRule& a, bool is_cubic) {
  const double stretch = std::max(a.step, 1.0), support = antialiased_support(a.step, is_cubic);
  SamplingTable t{a.width, {}, {}};
  for (std::int64_t o = 0; o < a.out; ++o) {
    const double middle = a.step * (static_cast<double>(o) + 0.5);
    const std::int64_t first =
        std::max<std::int64_t>(static_cast<std::int64_t>(middle - support + 0.5), 0);
    const std::int64_t end = std::min(static_cast<std::int64_t>(middle + support + 0.5), a.in);
    const std::size_t begin = t.weight.size();
    double total = 0;
    for (std::int64_t k = 0; k < t.width; ++k) {
      const std::int64_t i = first + k;
      const double x = (static_cast<double>(i) - middle + 0.5) / stretch;
      const double w = i >= end ? 0 : is_cubic ? cubic(x, -0.5) : triangle(x);
      t.index.push_back(clamp(a, i));
      t.weight.push_back(w);
      total += w;
    }
    if (total == 0) continue;
    for (std::size_t k = begin; k < t.weight.size(); ++k) t.weight[k] /= total;
  }
  return t;
}

}  // namespace

SamplingRule sampling_rule(const InterpolateAttrs& attrs, int axis) {
  SamplingRule a{.in = attrs.source[axis], .out = attrs.size[axis], .align = attrs.align_corners};
  const double factor = axis == 0 ? attrs.scale_height : attrs.scale_width;
  const auto in = static_cast<double>(a.in);
  a.step = a.align      ? (a.out > 1 ? (in - 1) / static_cast<double>(a.out - 1) : 0)
           : factor > 0 ? 1 / factor
                        : in / static_cast<double>(a.out);
  // PyTorch's rules. The scale itself says where an output position lies, even where the size that
  // it leads to is the old one or the double: bicubic and nearest-exact sample there. The others
  // take such sizes for what they look like, a copy and every element twice.
  const bool is_nearest = attrs.mode == "nearest", is_cubic = attrs.mode == "bicubic";
  if (a.in == a.out && (is_nearest || attrs.mode == "bilinear" || attrs.antialias)) return a;
  if (is_nearest || attrs.mode == "nearest-exact") {
    a.kind = Kind::Nearest;
    // In float, as PyTorch computes it in every dtype: the position decides which element is taken.
    a.near_step = factor > 0 && !(is_nearest && a.out == 2 * a.in)
                      ? static_cast<float>(1 / factor)
                      : static_cast<float>(a.in) / static_cast<float>(a.out);
    a.near_offset = is_nearest ? 0 : 0.5f;
  } else if (attrs.antialias) {
    a.kind = is_cubic ? Kind::AntialiasedCubic : Kind::AntialiasedLinear;
    a.width = static_cast<std::int64_t>(std::ceil(antialiased_support(a.step, is_cubic))) * 2 + 1;
  } else {
    a.kind = is_cubic ? Kind::Cubic : Kind::Linear;
    a.width = is_cubic ? 4 : 2;
  }
  return a;
}

SamplingTable sampling_table(const InterpolateAttrs& attrs, int axis) {
  const SamplingRule rule = sampling_rule(attrs, axis);
  switch (rule.kind) {
    case Kind::Copy:
      return identity(rule);
    case Kind::Nearest:
      return nearest(rule);
    case Kind::Linear:
      return linear(rule);
    case Kind::Cubic:
      return cubic(rule);
    case Kind::AntialiasedLinear:
      return antialiased(rule, false);
    case Kind::AntialiasedCubic:
      return antialiased(rule, true);
  }
  throw InternalError("sampling_table: no such rule");
}

}  // namespace ingot
