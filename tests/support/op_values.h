// Values for op cases: drawn by a formula that the fixture scripts share, laid out in memory in any
// order, compared by norms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/tensor.h>

#include "support/op_cases.h"

namespace ingot::optest {

/// u(name, i): splitmix64 of FNV-1a(name) + i, upper 24 bits; see fixtures/formula.py.
double uniform(std::string_view name, std::uint64_t i);
/// u(name, 0) … u(name, count - 1).
std::vector<double> uniforms(std::string_view name, std::size_t count);

/// Row-major elements on the host.
struct HostValues {
  Shape shape;
  DType dtype = DType::Float32;
  std::vector<std::byte> bytes;

  std::int64_t numel() const { return shape.numel(); }
  /// Elements as numbers; int64 above 2^53 lose bits, equal() does not.
  std::vector<double> numbers() const;
  bool equal(const HostValues& other) const {
    return shape == other.shape && dtype == other.dtype && bytes == other.bytes;
  }
};

HostValues make_values(const Shape& shape, DType dtype, const std::vector<double>& numbers);
/// Evaluates.
HostValues to_values(const Tensor& t);

/// The values of input `i` of a case run with `dtype`.
HostValues draw_values(const std::string& case_name, std::size_t i, const InputSpec& spec,
                       DType dtype);
/// Weights "w<o>" by which output `o` enters the sum that is differentiated.
HostValues draw_weight(const std::string& case_name, std::size_t o, const Shape& shape,
                       DType dtype);

/// Physical orders in which an input can lie.
enum class Layout : std::uint8_t {
  Contiguous,
  Transposed,   ///< dimensions in reverse order
  Expanded,     ///< stride 0 in the first dimension that is not 1: its entries become equal
  Offset,       ///< a window of a larger buffer, NaN (or a large number) all around
  ChannelsLast  ///< N, H, W, C
};
inline constexpr Layout kLayouts[] = {Layout::Contiguous, Layout::Transposed, Layout::Expanded,
                                      Layout::Offset, Layout::ChannelsLast};
std::string_view name(Layout layout);
/// Whether the layout differs from contiguous for this shape.
bool applies(Layout layout, const Shape& shape);
/// The values as that layout shows them: what stride 0 makes equal is made equal.
HostValues as_laid_out(HostValues values, Layout layout);
/// A leaf tensor that holds the values in that physical order.
Tensor make_leaf(const HostValues& values, Layout layout, bool requires_grad = false);

/// The largest norm-relative difference and where the element that differs most lies.
struct Difference {
  double relative = 0;     ///< ||a - b|| / ||b||; infinite when NaN or infinities differ
  double elementwise = 0;  ///< largest |a - b| / |b| of one element
  std::int64_t where = -1;
  std::string text;  ///< "element 3: 1.5, expected 2" or what else is wrong
};
Difference difference(const std::vector<double>& got, const std::vector<double>& expected);
/// Also compares shapes and dtypes; integers and bools exactly.
Difference difference(const HostValues& got, const HostValues& expected);

/// 2^-(mantissa bits + 1), 0 for integers.
double unit_roundoff(DType t);
/// What `difference` may be between two right implementations.
double allowed(Tolerance tolerance, DType t);

}  // namespace ingot::optest
