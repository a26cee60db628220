// norm, var and std, and norms of other powers. Each of the three is one op, so that no
// intermediate result has to be a number of the dtype: the squares of 1e20 are not in float32, and
// their root is.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include <ingot/core/site_scope.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/at.h"
#include "ops/flops.h"
#include "ops/reduced_dims.h"

namespace ingot {
namespace ops {

// -- Dimensions (reduced_dims.h) ------------------------------------------------------------------

Shape reduced_shape(const Shape& from, const Dims& dims, bool keepdim) {
  Shape to;
  for (int d = 0; d < from.rank(); ++d) {
    if (!dims.contains(d))
      to.push_back(from[d]);
    else if (keepdim)
      to.push_back(1);
  }
  return to;
}

std::int64_t reduced_numel(const Shape& from, const Dims& dims) {
  std::int64_t n = 1;
  for (const std::int64_t d : dims) n *= from[static_cast<int>(d)];
  return n;
}

Dims reduced_dims(std::string_view op, const Tensor& x, const Dims& dims, const Site& at) {
  const int rank = defined(op, x, at).dim();
  Dims result;
  if (dims.empty()) {
    for (int d = 0; d < rank; ++d) result.push_back(d);
    return result;
  }
  const RecordState& state = record_state();
  const std::string place = recorded_at(at, state.has_outer_site ? state.outer_site : Site{});
  for (const std::int64_t d : dims) {
    int normal = 0;
    try {
      normal = normalize_dim(d, rank, op.data());
    } catch (const IndexError& e) {
      throw IndexError(e.what() + place);
    }
    if (result.contains(normal))
      fail<ValueError>(op, fmt::format("dimension {} is named twice in {}", normal, dims.str()),
                       at);
    result.push_back(normal);
  }
  if (rank == 0) return {};
  std::sort(result.begin(), result.end());
  return result;
}

namespace {

template <class A>
void infer_spread(InferContext& c) {
  c.require_floating(0);
  const auto& a = c.as<A>();
  c.out(reduced_shape(c.shape(0), a.dims, a.keepdim), c.dtype(0));
}

template <class A>
Tensor grad_kept(VjpContext& c) {
  return keep_dims(c.grad(), c.in(0).shape, c.as<A>().dims);
}

// a / b, and 0 where b is 0.
Tensor ratio(const Tensor& a, const Tensor& b) {
  const Tensor is_zero = b == 0;
  return where(is_zero, 0.0, a / where(is_zero, 1.0, b));
}

// Squares summed over dims (at least one) in units of the largest element: Σx² = scale² · sum.
struct ScaledSquares {
  Tensor scale, sum;  ///< with the reduced dimensions, as 1
};

ScaledSquares scaled_squares(const Tensor& x, const Dims& dims) {
  const Tensor size = abs(x);
  // Nothing has no largest element.
  if (reduced_numel(x.shape(), dims) == 0)
    return {ones(reduced_shape(x.shape(), dims, true), {.dtype = x.dtype(), .device = x.device()}),
            sum(size, dims, true)};
  const Tensor largest = amax(size, dims, true);
  const Tensor scale = where(logical_and(largest > 0, isfinite(largest)), largest, 1.0);
  return {scale, sum(square(x / scale), dims, true)};
}

// -- norm -----------------------------------------------------------------------------------------

void expand_norm(ExpandContext& c) {
  const Tensor x = c.in(0);
  const Dims& dims = c.as<ReduceAttrs>().dims;
  if (dims.empty()) return c.result(abs(x));
  const ScaledSquares s = scaled_squares(x, dims);
  c.result(reshape(s.scale * sqrt(s.sum), c.out(0).shape));
}

// The norm has no derivative at zero; PyTorch takes 0.
void vjp_norm(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const Tensor n = keep_dims(c.output(0), c.in(0).shape, c.as<ReduceAttrs>().dims);
  c.set(0, grad_kept<ReduceAttrs>(c) * ratio(c.input(0), n));
}

Saved save_both(const SavesContext&) { return {.inputs = 1, .outputs = 1}; }

// What the expansion does.
double flops_norm(const FlopsContext& c) {
  if (c.as<ReduceAttrs>().dims.empty()) return c.numel_in(0);
  return 5 * c.numel_in(0) + 2 * c.numel_out();
}

constexpr OpDef kNorm{.name = "norm",
                      .infer = infer_spread<ReduceAttrs>,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_norm,
                      .saves = save_both,
                      .expand = expand_norm,
                      .flops = flops_norm};

// -- var and std ----------------------------------------------------------------------------------

Tensor centered(const Tensor& x, const Dims& dims) {
  return dims.empty() ? x - x : x - mean(x, dims, true);
}

// What the sum of squares is divided by; 0 gives NaN or infinity, as in PyTorch.
double divisor(const Shape& shape, const VarAttrs& a) {
  return std::max(
      static_cast<double>(reduced_numel(shape, a.dims)) - static_cast<double>(a.correction), 0.0);
}

template <bool root>
void expand_spread(ExpandContext& c) {
  const auto& a = c.as<VarAttrs>();
  const Tensor x = c.in(0), deviations = centered(x, a.dims);
  const double n = divisor(x.shape(), a);
  if (a.dims.empty()) {
    const Tensor v = square(deviations) / n;
    return c.result(root ? sqrt(v) : v);
  }
  const ScaledSquares s = scaled_squares(deviations, a.dims);
  const Tensor v = s.sum / n;
  c.result(reshape(root ? s.scale * sqrt(v) : s.scale * v * s.scale, c.out(0).shape));
}

void vjp_var(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const auto& a = c.as<VarAttrs>();
  const double scale = 2.0 / divisor(c.in(0).shape, a);
  c.set(0, grad_kept<VarAttrs>(c) * (centered(c.input(0), a.dims) * scale));
}

// Where all elements are equal, the root has no derivative; PyTorch takes 0.
void vjp_std(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const auto& a = c.as<VarAttrs>();
  const Tensor s = keep_dims(c.output(0), c.in(0).shape, a.dims);
  const double scale = 1.0 / divisor(c.in(0).shape, a);
  c.set(0, grad_kept<VarAttrs>(c) * (ratio(centered(c.input(0), a.dims), s) * scale));
}

// What the expansion does.
template <bool root>
double flops_spread(const FlopsContext& c) {
  if (c.as<VarAttrs>().dims.empty()) return (root ? 4 : 3) * c.numel_in(0);
  return 7 * c.numel_in(0) + 3 * c.numel_out();
}

constexpr OpDef kVar{.name = "var",
                     .infer = infer_spread<VarAttrs>,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_var,
                     .saves = save_input,
                     .expand = expand_spread<false>,
                     .flops = flops_spread<false>};

constexpr OpDef kStd{.name = "std",
                     .infer = infer_spread<VarAttrs>,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_std,
                     .saves = save_both,
                     .expand = expand_spread<true>,
                     .flops = flops_spread<true>};

// 16 bits go through the float32 op, for which a backend may have a kernel.
template <class A>
Tensor record_spread(const OpDef& op, const Tensor& x, const A& attrs, Site at) {
  const Tensor wide = x.to(compute_dtype(x.dtype()), at);
  return record(op, {&wide}, attrs, at).to(x.dtype(), at);
}

// (Σ |x|ᵖ)^(1/p) in units of the largest element (of the smallest, which rules where p < 0), so
// that powers stay near 1. The norm grows as its unit does, which therefore counts as a constant.
Tensor power_norm(const Tensor& x, double p, const Dims& dims, bool keepdim, Site at) {
  const Tensor size = abs(x);
  const Dims all = reduced_dims("vector_norm", x, dims, at);
  const bool is_empty = reduced_numel(x.shape(), all) == 0;
  if (is_empty && p < 0)
    fail<ShapeError>(
        "vector_norm",
        fmt::format("{} has no elements, and for negative p nothing has no norm", spec_of(x).str()),
        at);
  const auto reduced = [&](const Tensor& t) { return all.empty() ? t : sum(t, all, true); };
  Tensor unit;
  if (is_empty) {
    unit = ones(reduced_shape(x.shape(), all, true), {.dtype = x.dtype(), .device = x.device()});
  } else {
    const NoGradGuard constant;
    const Tensor ruling = all.empty() ? size
                          : p < 0     ? amin(size, all, true)
                                      : amax(size, all, true);
    unit = where(logical_and(ruling > 0, isfinite(ruling)), ruling, 1.0);
  }
  // A power has no derivative at zero where p < 1; for every p it counts as 0, as in PyTorch. So
  // does the root.
  const Tensor is_zero = size == 0;
  const double power_of_zero = p < 0 ? std::numeric_limits<double>::infinity() : 0.0;
  const Tensor powers = where(is_zero, power_of_zero, pow(where(is_zero, 1.0, size) / unit, p));
  const Tensor total = reduced(powers), nothing = total == 0;
  const Tensor root =
      p < 0 ? pow(total, 1 / p) : where(nothing, 0.0, pow(where(nothing, 1.0, total), 1 / p));
  return reshape(unit * root, reduced_shape(x.shape(), all, keepdim), at);
}

}  // namespace

INGOT_EXPORT_OPS(spread, &kNorm, &kVar, &kStd)

}  // namespace ops

using namespace ops;  // the definitions above

Tensor detail::euclidean_norm(const Tensor& x, const Dims& dims, bool keepdim, Site at) {
  return record_spread(kNorm, x, ReduceAttrs{reduced_dims(kNorm.name, x, dims, at), keepdim}, at);
}
Tensor vector_norm(const Tensor& x, double p, const Dims& dims, bool keepdim, Site at) {
  if (!is_floating(defined("vector_norm", x, at).dtype()))
    fail<DTypeError>("vector_norm",
                     fmt::format("needs a floating-point tensor, got {}", spec_of(x).str()), at);
  const SiteScope scope(at);
  if (std::isnan(p)) fail<ValueError>("vector_norm", "p is not a number", at);
  if (p == 2) return detail::euclidean_norm(x, dims, keepdim, at);
  if (p == 0) return sum(cast(x != 0, x.dtype()), dims, keepdim);
  if (p == 1) return sum(abs(x), dims, keepdim);
  if (std::isinf(p)) return p > 0 ? amax(abs(x), dims, keepdim) : amin(abs(x), dims, keepdim);
  if (const Widened w(at, {&x}); w) return w.rounded(vector_norm(w[0], p, dims, keepdim, at));
  return power_norm(x, p, dims, keepdim, at);
}
Tensor var(const Tensor& x, const Dims& dims, const VarOptions& options, Site at) {
  const VarAttrs attrs{reduced_dims(kVar.name, x, dims, at), options.keepdim, options.correction};
  return record_spread(kVar, x, attrs, at);
}
Tensor std(const Tensor& x, const Dims& dims, const VarOptions& options, Site at) {
  const VarAttrs attrs{reduced_dims(kStd.name, x, dims, at), options.keepdim, options.correction};
  return record_spread(kStd, x, attrs, at);
}
Tensor var(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim, Site at) {
  return ingot::var(x, dims, {.correction = unbiased ? 1 : 0, .keepdim = keepdim}, at);
}
Tensor std(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim, Site at) {
  return ingot::std(x, dims, {.correction = unbiased ? 1 : 0, .keepdim = keepdim}, at);
}

}  // namespace ingot
