// Op cases: one table that says, for every public operation, on which inputs it is tested. The same
// table serves the comparison of backends, numerical gradients, the comparison with PyTorch and the
// parity report, so an op is written down once. tests/fixtures/make_op_fixtures.py holds the same
// cases by name, written with PyTorch's functions.
//
// Input values come from a formula (op_values.h), never from a file. But for Draw::Fine they are
// exact in every floating dtype, so that one float64 result of PyTorch is the truth for all of
// these.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::optest {

/// How an input's values are drawn from u in [0, 1); floating values / integers.
/// Floating values are odd multiples of a power of two: none lies on a kink such as 0, 1/2, 1,
/// 3, 6.
enum class Draw : std::uint8_t {
  Signed,     ///< ±1.98 / -4 … 4 (uint8: 0 … 8)
  Positive,   ///< 0.26 … 3.73 / 1 … 7
  Unit,       ///< 0.008 … 0.992 / 0, 1
  Symmetric,  ///< ±0.92 / -1 … 1
  Wide,       ///< ±7.9 / -16 … 16 (uint8: 0 … 32)
  Above,      ///< 1.26 … 4.73 / 2 … 8
  Distinct,   ///< no two are equal: a shuffled sequence with step 1/32 (integers: step 1)
  Fine,       ///< ±1 with 24 bits: not exact in 16-bit types / as Signed
  Grid,       ///< multiples of 1/2 in ±2, ties and kinks included / as Signed
  Special,    ///< nan, inf, -inf, 0, -0, 1, -1, 2.5 in turn / as Signed
  Index,      ///< / 0 … limit - 1
  Mask        ///< / 0, 1
};

struct InputSpec {
  Shape shape;
  Draw draw = Draw::Signed;
  std::int64_t limit = 0;
  std::optional<DType> fixed = {};  ///< else the dtype the case is run with
  bool differentiable = true;

  /// "signed[2, 3]", "index:5:int64[4]": what the fixture file says of it.
  std::string str() const;
};

/// Inputs of the run's dtype.
inline InputSpec in(Shape shape, Draw draw = Draw::Signed) { return {shape, draw}; }
/// The same, without a gradient (running statistics, targets).
inline InputSpec data(Shape shape, Draw draw = Draw::Signed) { return {shape, draw, 0, {}, false}; }
/// int64 values below `limit`.
inline InputSpec index(Shape shape, std::int64_t limit) {
  return {shape, Draw::Index, limit, DType::Int64, false};
}
inline InputSpec mask(Shape shape) { return {shape, Draw::Mask, 0, DType::Bool, false}; }

/// How close results must be. `u` is the dtype's unit of rounding; errors are relative to a
/// tensor's norm.
enum class Tolerance : std::uint8_t {
  Exact,      ///< the correctly rounded value: copies, comparisons, selections, integers
  Rounded,    ///< one primitive: one rounding in 16-bit types, 16 u in the others
  Composite,  ///< several primitives: 8 u in 16-bit types, 1e-6 in float32, 1e-13 in float64
  Reduction   ///< sums over many terms: 8 u in 16-bit types, 1e-5 in float32, 1e-12 in float64
};

/// Sets of dtypes, as bits 1 << dtype.
using DTypes = std::uint32_t;
constexpr DTypes bit(DType t) { return 1u << static_cast<int>(t); }
inline constexpr DTypes kFull = bit(DType::Float32) | bit(DType::Float64);
inline constexpr DTypes kHalves = bit(DType::Float16) | bit(DType::BFloat16);
inline constexpr DTypes kFloats = kFull | kHalves;
inline constexpr DTypes kSignedInts =
    bit(DType::Int8) | bit(DType::Int16) | bit(DType::Int32) | bit(DType::Int64);
inline constexpr DTypes kInts = kSignedInts | bit(DType::UInt8);
inline constexpr DTypes kBool = bit(DType::Bool);
inline constexpr DTypes kNumbers = kFloats | kInts;
inline constexpr DTypes kAll = kNumbers | kBool;

struct OpCase {
  using Call = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

  std::string name;  ///< "conv2d/groups": the public function, then what is special
  std::vector<InputSpec> inputs;
  Call call;
  DTypes dtypes = kFloats;
  Tolerance tolerance = Tolerance::Composite;
  /// Compare the numerical with the recorded gradient (first order, second order).
  bool numeric = true;
  bool second = true;

  /// The part of the name before the slash.
  std::string function() const { return name.substr(0, name.find('/')); }
  bool differentiable() const {
    for (const InputSpec& i : inputs)
      if (i.differentiable && !i.fixed) return true;
    return false;
  }
};

/// All cases, in a fixed order.
const std::vector<OpCase>& all_op_cases();
/// The case of that name; throws std::out_of_range.
const OpCase& op_case(const std::string& name);

// The families; each appends its cases.
void add_elementwise_cases(std::vector<OpCase>& cases);
void add_activation_cases(std::vector<OpCase>& cases);
void add_order_cases(std::vector<OpCase>& cases);
void add_method_cases(std::vector<OpCase>& cases);
void add_shape_cases(std::vector<OpCase>& cases);
void add_reduce_cases(std::vector<OpCase>& cases);
void add_linear_cases(std::vector<OpCase>& cases);
void add_algebra_cases(std::vector<OpCase>& cases);
void add_vision_cases(std::vector<OpCase>& cases);
void add_index_cases(std::vector<OpCase>& cases);
void add_selection_cases(std::vector<OpCase>& cases);
void add_loss_cases(std::vector<OpCase>& cases);
void add_creation_cases(std::vector<OpCase>& cases);
void add_random_cases(std::vector<OpCase>& cases);
void add_update_cases(std::vector<OpCase>& cases);

/// For calls that give one tensor.
template <class F>
OpCase::Call one(F f) {
  return [f](std::span<const Tensor> x) { return std::vector<Tensor>{f(x)}; };
}

}  // namespace ingot::optest
