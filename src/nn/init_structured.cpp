// Initial values that are computed on the host: truncated normal numbers and structured matrices.
#include <ingot/core/error.h>
#include <ingot/nn/init.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/host_room.h"

namespace ingot::nn::init {

namespace {

Tensor& give(Tensor& t, const std::vector<double>& values) {
  const NoGradGuard no_grad;
  return t.copy_(from_vector(values, t.shape()).to(t.dtype()).to(t.device()));
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// The x in [low, high] with normal_cdf(x) = p, by bisection: initialisation has the time.
double normal_quantile(double p, double low, double high) {
  for (int i = 0; i < 60 && low < high; ++i) {
    const double middle = 0.5 * (low + high);
    (normal_cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// Row-major a[rows, cols], rows >= cols, becomes the Q of its QR decomposition with a positive
// diagonal of R, by Householder reflections. Source: Golub & Van Loan, Matrix Computations, 5.2.
// Products are added by fused multiply-adds, one after the other: the bits are the same from every
// compiler.
void to_orthonormal_columns(std::vector<double>& a, std::size_t rows, std::size_t cols) {
  const auto at = [cols](std::vector<double>& m, std::size_t i, std::size_t j) -> double& {
    return m[i * cols + j];
  };
  std::vector<std::vector<double>> reflectors;
  std::vector<double> signs;
  const auto reflect = [&](std::vector<double>& m, const std::vector<double>& v, std::size_t k,
                           std::size_t first_column) {
    for (std::size_t j = first_column; j < cols; ++j) {
      double dot = 0;
      for (std::size_t i = k; i < rows; ++i) dot = std::fma(v[i - k], at(m, i, j), dot);
      for (std::size_t i = k; i < rows; ++i)
        at(m, i, j) = std::fma(-2 * dot, v[i - k], at(m, i, j));
    }
  };
  for (std::size_t k = 0; k < cols; ++k) {
    std::vector<double> v(rows - k);
    double norm = 0;
    for (std::size_t i = k; i < rows; ++i) {
      v[i - k] = at(a, i, k);
      norm = std::fma(v[i - k], v[i - k], norm);
    }
    norm = std::sqrt(norm);
    const double target = v[0] > 0 ? -norm : norm;  // R's diagonal
    v[0] -= target;
    double length = 0;
    for (const double x : v) length = std::fma(x, x, length);
    length = std::sqrt(length);
    if (length > 0)
      for (double& x : v) x /= length;
    reflect(a, v, k, k);
    reflectors.push_back(std::move(v));
    signs.push_back(target < 0 ? -1.0 : 1.0);
  }
  std::fill(a.begin(), a.end(), 0.0);
  for (std::size_t k = 0; k < cols; ++k) at(a, k, k) = signs[k];
  for (std::size_t k = cols; k-- > 0;) reflect(a, reflectors[k], k, 0);
}

}  // namespace

Tensor& trunc_normal_(Tensor& t, double mean, double std, double low, double high) {
  if (!(std > 0) || !(low < high))
    throw ValueError(
        fmt::format("trunc_normal_: needs std > 0 and low < high, got std {}, low {} and high {}",
                    std, low, high));
  const double a = (low - mean) / std, b = (high - mean) / std;
  const double first = normal_cdf(a), last = normal_cdf(b);
  // Beyond 40 deviations there is nothing in double precision.
  const double from = std::max(a, -40.0), to = std::min(b, 40.0);
  std::vector<double> values = rand(t.shape(), {.dtype = DType::Float64}).to_vector<double>();
  for (double& v : values)
    v = std::clamp(std::fma(std, normal_quantile(std::fma(v, last - first, first), from, to), mean),
                   low, high);
  return give(t, values);
}

Tensor& eye_(Tensor& t) {
  if (t.dim() != 2) throw ShapeError("eye_: needs a matrix, got " + t.shape().str());
  const NoGradGuard no_grad;
  return t.copy_(eye(t.size(0), t.size(1), {.dtype = t.dtype(), .device = t.device()}));
}

Tensor& dirac_(Tensor& t, std::int64_t groups) {
  const Shape& s = t.shape();
  if (s.rank() < 3 || s.rank() > 5)
    throw ShapeError("dirac_: needs 3 to 5 dimensions [out, in, …], got " + s.str());
  if (groups < 1 || s[0] % groups != 0)
    throw ValueError(fmt::format("dirac_: groups={} must divide {} output channels", groups, s[0]));
  const Shape strides = s.contiguous_strides();
  std::int64_t centre = 0;
  for (int d = 2; d < s.rank(); ++d) centre += s[d] / 2 * strides[d];
  check_host_room("dirac_", s.numel(), sizeof(double));
  std::vector<double> values(static_cast<std::size_t>(s.numel()), 0.0);
  const std::int64_t per_group = s[0] / groups;
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t i = 0; i < std::min(per_group, s[1]); ++i)
      values[static_cast<std::size_t>((g * per_group + i) * strides[0] + i * strides[1] + centre)] =
          1;
  return give(t, values);
}

Tensor& orthogonal_(Tensor& t, double gain) {
  const Shape& s = t.shape();
  if (s.rank() < 2) throw ShapeError("orthogonal_: needs at least two dimensions, got " + s.str());
  if (s.numel() == 0) return t;
  const auto rows = static_cast<std::size_t>(s[0]);
  const auto cols = static_cast<std::size_t>(s.numel()) / rows;
  const std::size_t tall = std::max(rows, cols), narrow = std::min(rows, cols);
  std::vector<double> q =
      randn({static_cast<std::int64_t>(tall), static_cast<std::int64_t>(narrow)},
            {.dtype = DType::Float64})
          .to_vector<double>();
  to_orthonormal_columns(q, tall, narrow);
  std::vector<double> values(rows * cols);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j)
      values[i * cols + j] = gain * (rows >= cols ? q[i * narrow + j] : q[j * narrow + i]);
  return give(t, values);
}

}  // namespace ingot::nn::init
