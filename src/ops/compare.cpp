// Plain functions of recorded operations.
#include <ingot/ops/compare.h>

#include <fmt/format.h>

#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "ops/at.h"

namespace ingot {

namespace {

void require_same_dtype(const char* op, const Tensor& a, const Tensor& b, Site at) {
  if (ops::defined(op, a, at).dtype() != ops::defined(op, b, at).dtype())
    ops::fail<DTypeError>(
        op,
        fmt::format("{} and {} have different dtypes; convert one with .to(dtype)",
                    ops::spec_of(a).str(), ops::spec_of(b).str()),
        at);
}

}  // namespace

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan,
               Site at) {
  require_same_dtype("isclose", a, b, at);
  if (!(rtol >= 0) || !(atol >= 0))
    ops::fail<ValueError>(
        "isclose",
        fmt::format("tolerances must not be negative, got rtol {} and atol {}", rtol, atol), at);
  const ops::At s{at};
  const bool floating = is_floating(a.dtype());
  Tensor close = s(a) == b;
  if (floating && equal_nan)
    close = logical_or(s(close), logical_and(s(isnan(a, at)), isnan(b, at)));
  if (rtol == 0 && atol == 0) return close;
  // Differences of integers and bool are taken in float64, and those of 16 bits in float32.
  const DType wide = floating ? ops::compute_dtype(a.dtype()) : DType::Float64;
  const Tensor x = cast(a, wide, at), y = cast(b, wide, at);
  const Tensor distance = abs(s(x) - y, at);
  const Tensor allowed = s(s(abs(y, at)) * rtol) + atol;
  return logical_or(s(close), logical_and(s(isfinite(distance, at)), s(distance) <= allowed));
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan, Site at) {
  const NoGradGuard no_grad;
  return all(isclose(a, b, rtol, atol, equal_nan, at), {}, false, at).item<bool>();
}

bool equal(const Tensor& a, const Tensor& b, Site at) {
  require_same_dtype("equal", a, b, at);
  if (!(a.shape() == b.shape())) return false;
  const NoGradGuard no_grad;
  return all(Operand(a, at) == b, {}, false, at).item<bool>();
}

}  // namespace ingot
