#include "support/op_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/buffer.h"
#include "core/cell.h"
#include "core/node.h"

namespace ingot::optest {
namespace {

template <class T>
T convert(double v) {
  if constexpr (std::is_same_v<T, bool>)
    return v != 0;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::int64_t>(v));
  else if constexpr (std::is_same_v<T, double>)
    return v;
  else
    return T(static_cast<float>(v));
}

std::string_view draw_name(Draw d) {
  constexpr std::string_view names[] = {"signed", "positive", "unit",     "symmetric",
                                        "wide",   "above",    "distinct", "fine",
                                        "grid",   "special",  "index",    "mask"};
  return names[static_cast<int>(d)];
}

double draw_floating(Draw d, double u, std::size_t i) {
  switch (d) {
    case Draw::Signed:
      return (2 * std::floor(128 * u) - 127) / 64;
    case Draw::Positive:
      return (2 * std::floor(112 * u) + 17) / 64;
    case Draw::Unit:
      return (2 * std::floor(64 * u) + 1) / 128;
    case Draw::Symmetric:
      return (2 * std::floor(60 * u) - 59) / 64;
    case Draw::Wide:
      return (2 * std::floor(128 * u) - 127) / 16;
    case Draw::Above:
      return (2 * std::floor(56 * u) + 41) / 32;
    case Draw::Fine:
      return 2 * u - 1;
    case Draw::Grid:
      return (std::floor(9 * u) - 4) / 2;
    case Draw::Special: {
      constexpr double inf = std::numeric_limits<double>::infinity();
      constexpr double nan = std::numeric_limits<double>::quiet_NaN();
      constexpr double values[] = {nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 2.5};
      return values[i % 8];
    }
    default:
      return 0;
  }
}

double draw_integer(const InputSpec& spec, DType dtype, double u) {
  const bool is_unsigned = dtype == DType::UInt8;
  switch (spec.draw) {
    case Draw::Positive:
      return 1 + std::floor(7 * u);
    case Draw::Unit:
    case Draw::Mask:
      return u < 0.5 ? 1 : 0;
    case Draw::Symmetric:
      return std::floor(3 * u) - (is_unsigned ? 0 : 1);
    case Draw::Wide:
      return std::floor(33 * u) - (is_unsigned ? 0 : 16);
    case Draw::Above:
      return 2 + std::floor(7 * u);
    case Draw::Index:
      return std::floor(static_cast<double>(spec.limit) * u);
    default:
      return std::floor(9 * u) - (is_unsigned ? 0 : 4);
  }
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return h;
}

double nth_uniform(std::uint64_t key, std::uint64_t i) {
  std::uint64_t x = key + i + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  x ^= x >> 31;
  return static_cast<double>(x >> 40) * 0x1p-24;
}

}  // namespace

std::string InputSpec::str() const {
  std::string text(draw_name(draw));
  if (draw == Draw::Index) text += fmt::format(":{}", limit);
  if (fixed) text += fmt::format(":{}", ingot::name(*fixed));
  return text + shape.str();
}

double uniform(std::string_view name, std::uint64_t i) { return nth_uniform(fnv1a(name), i); }

std::vector<double> uniforms(std::string_view name, std::size_t count) {
  const std::uint64_t key = fnv1a(name);
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = nth_uniform(key, i);
  return values;
}

std::vector<double> HostValues::numbers() const {
  std::vector<double> result(static_cast<std::size_t>(numel()));
  visit_dtype(dtype, [&](auto type) {
    using T = decltype(type);
    for (std::size_t i = 0; i < result.size(); ++i) {
      T v;
      std::memcpy(&v, bytes.data() + i * sizeof(T), sizeof(T));
      result[i] = static_cast<double>(v);
    }
  });
  return result;
}

HostValues make_values(const Shape& shape, DType dtype, const std::vector<double>& numbers) {
  HostValues result{shape, dtype, std::vector<std::byte>(numbers.size() * nbytes_of(dtype))};
  visit_dtype(dtype, [&](auto type) {
    using T = decltype(type);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const T v = convert<T>(numbers[i]);
      std::memcpy(result.bytes.data() + i * sizeof(T), &v, sizeof(T));
    }
  });
  return result;
}

HostValues to_values(const Tensor& t) {
  const HostArray host = t.to_host();
  HostValues result{host.shape(), host.dtype(), std::vector<std::byte>(host.nbytes())};
  if (host.nbytes() > 0) std::memcpy(result.bytes.data(), host.data(), host.nbytes());
  return result;
}

HostValues draw_values(const std::string& case_name, std::size_t i, const InputSpec& spec,
                       DType dtype) {
  const std::string key = fmt::format("{}:{}", case_name, i);
  const DType t = spec.fixed.value_or(dtype);
  const auto n = static_cast<std::size_t>(spec.shape.numel());
  std::vector<double> numbers(n);
  if (spec.draw == Draw::Distinct) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return uniform(key, a) < uniform(key, b);
    });
    for (std::size_t r = 0; r < n; ++r) {
      const auto rank = static_cast<double>(r);
      numbers[order[r]] =
          is_floating(t) ? (2 * (rank - std::floor(static_cast<double>(n) / 2)) + 1) / 64 : rank;
    }
  } else {
    for (std::size_t k = 0; k < n; ++k) {
      const double u = uniform(key, k);
      numbers[k] = is_floating(t)     ? draw_floating(spec.draw, u, k)
                   : t == DType::Bool ? (u < 0.5 ? 1.0 : 0.0)
                                      : draw_integer(spec, t, u);
    }
  }
  return make_values(spec.shape, t, numbers);
}

HostValues draw_weight(const std::string& case_name, std::size_t o, const Shape& shape,
                       DType dtype) {
  const std::string key = fmt::format("{}:w{}", case_name, o);
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  for (std::size_t k = 0; k < numbers.size(); ++k)
    numbers[k] = draw_floating(Draw::Signed, uniform(key, k), k);
  return make_values(shape, dtype, numbers);
}

// -- Layouts
// --------------------------------------------------------------------------------------

namespace {

int first_wide_dim(const Shape& shape) {
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] > 1) return d;
  return -1;
}

// Calls f(row-major position, coordinates) for every element.
template <class F>
void for_each_element(const Shape& shape, F f) {
  const std::int64_t n = shape.numel();
  Shape at = Shape::filled(shape.rank(), 0);
  for (std::int64_t k = 0; k < n; ++k) {
    f(static_cast<std::size_t>(k), at);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      if (++at[d] < shape[d]) break;
      at[d] = 0;
    }
  }
}

std::int64_t dot(const Shape& a, const Shape& b) {
  std::int64_t sum = 0;
  for (int d = 0; d < a.rank(); ++d) sum += a[d] * b[d];
  return sum;
}

}  // namespace

std::string_view name(Layout layout) {
  constexpr std::string_view names[] = {"contiguous", "transposed", "expanded", "offset",
                                        "channels-last"};
  return names[static_cast<int>(layout)];
}

bool applies(Layout layout, const Shape& shape) {
  switch (layout) {
    case Layout::Contiguous:
      return true;
    case Layout::Transposed:
      return shape.rank() >= 2 && shape.numel() > 1;
    case Layout::Expanded:
      return first_wide_dim(shape) >= 0 && shape.numel() > 1;
    case Layout::Offset:
      return shape.numel() > 0;
    case Layout::ChannelsLast:
      break;
  }
  return shape.rank() == 4 && shape.numel() > 1;
}

HostValues as_laid_out(HostValues values, Layout layout) {
  if (layout != Layout::Expanded || !applies(layout, values.shape)) return values;
  const int dim = first_wide_dim(values.shape);
  const Shape strides = values.shape.contiguous_strides();
  const std::size_t size = nbytes_of(values.dtype);
  for_each_element(values.shape, [&](std::size_t k, const Shape& at) {
    const std::size_t from = k - static_cast<std::size_t>(at[dim] * strides[dim]);
    std::memcpy(values.bytes.data() + k * size, values.bytes.data() + from * size, size);
  });
  return values;
}

Tensor make_leaf(const HostValues& values, Layout layout, bool requires_grad) {
  const Shape& shape = values.shape;
  if (!applies(layout, shape)) layout = Layout::Contiguous;
  const std::size_t size = nbytes_of(values.dtype);

  Shape extent = shape;
  Shape strides = shape.contiguous_strides();
  std::int64_t offset = 0;
  switch (layout) {
    case Layout::Contiguous:
      break;
    case Layout::Transposed: {
      std::int64_t step = 1;
      for (int d = 0; d < shape.rank(); ++d) {
        strides[d] = step;
        step *= shape[d];
      }
      break;
    }
    case Layout::Expanded: {
      const int dim = first_wide_dim(shape);
      extent[dim] = 1;
      strides = extent.contiguous_strides();
      strides[dim] = 0;
      break;
    }
    case Layout::Offset:
      for (std::int64_t& d : extent) d += 2;
      if (extent.empty()) extent = Shape{3};
      strides = extent.contiguous_strides();
      for (const std::int64_t s : strides) offset += s;
      if (shape.empty()) strides = Shape{};
      break;
    case Layout::ChannelsLast:
      strides = Shape{shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]};
      break;
  }

  Ref<Buffer> buffer = host_allocator().allocate(static_cast<std::size_t>(extent.numel()) * size);
  // What no element covers must never be read: all bits set is NaN, a large number or `true`.
  std::memset(buffer->host(), values.dtype == DType::Bool ? 1 : 0xff, buffer->nbytes());
  for_each_element(shape, [&](std::size_t k, const Shape& at) {
    const auto to = static_cast<std::size_t>(offset + dot(at, strides));
    std::memcpy(buffer->host() + to * size, values.bytes.data() + k * size, size);
  });
  const TensorSpec spec{shape, values.dtype, Device{}};
  Tensor t =
      Cell::create({make_constant(spec, make_ref<Value>(std::move(buffer), offset, strides)), 0});
  if (requires_grad) t.requires_grad_();
  return t;
}

// -- Comparing
// ------------------------------------------------------------------------------------

Difference difference(const std::vector<double>& got, const std::vector<double>& expected) {
  Difference result;
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (got.size() != expected.size()) {
    result.relative = result.elementwise = inf;
    result.text = fmt::format("{} elements, expected {}", got.size(), expected.size());
    return result;
  }
  double error2 = 0, norm2 = 0, largest = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = got[i], b = expected[i];
    if (std::isnan(b) || std::isinf(b) || std::isnan(a) || std::isinf(a)) {
      if (a == b || (std::isnan(a) && std::isnan(b))) continue;
      result.relative = result.elementwise = inf;
      result.where = static_cast<std::int64_t>(i);
      result.text = fmt::format("element {}: {}, expected {}", i, a, b);
      return result;
    }
    const double d = std::abs(a - b);
    error2 += d * d;
    norm2 += b * b;
    if (d > 0) result.elementwise = std::max(result.elementwise, b != 0 ? d / std::abs(b) : inf);
    if (d > largest) {
      largest = d;
      result.where = static_cast<std::int64_t>(i);
      result.text = fmt::format("element {}: {:.17g}, expected {:.17g}", i, a, b);
    }
  }
  // Where everything should be zero, the absolute error counts.
  result.relative = error2 == 0 ? 0 : std::sqrt(error2) / (norm2 > 0 ? std::sqrt(norm2) : 1.0);
  return result;
}

Difference difference(const HostValues& got, const HostValues& expected) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (!(got.shape == expected.shape) || got.dtype != expected.dtype)
    return {inf, inf, -1,
            fmt::format("{}{}, expected {}{}", ingot::name(got.dtype), got.shape.str(),
                        ingot::name(expected.dtype), expected.shape.str())};
  Difference result = difference(got.numbers(), expected.numbers());
  if (!is_floating(got.dtype) && got.bytes != expected.bytes) result.relative = inf;
  return result;
}

double unit_roundoff(DType t) {
  switch (t) {
    case DType::Float16:
      return 0x1p-11;
    case DType::BFloat16:
      return 0x1p-8;
    case DType::Float32:
      return 0x1p-24;
    case DType::Float64:
      return 0x1p-53;
    default:
      return 0;
  }
}

double allowed(Tolerance tolerance, DType t) {
  const double u = unit_roundoff(t);
  const bool half = is_reduced_float(t);
  switch (tolerance) {
    case Tolerance::Exact:
      return 0;
    case Tolerance::Rounded:
      return (half ? 1.01 : 16) * u;
    case Tolerance::Composite:
      return half ? 8 * u : t == DType::Float32 ? 1e-6 : t == DType::Float64 ? 1e-13 : 0;
    case Tolerance::Reduction:
      break;
  }
  return half ? 8 * u : t == DType::Float32 ? 1e-5 : t == DType::Float64 ? 1e-12 : 0;
}

}  // namespace ingot::optest
