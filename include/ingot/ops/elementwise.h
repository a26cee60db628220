// Elementwise operations, by PyTorch's names.
//
// Binary ones broadcast by NumPy's rule and promote by PyTorch's: tensors with dimensions outrank
// 0-dim tensors, which outrank C++ numbers, within a class (bool < integer < floating). Functions
// of real analysis (exp, sin, div, …) turn integers and bool into float32. All throw ShapeError
// when shapes do not broadcast, DTypeError for element types they do not take and DeviceError for
// tensors on different devices; the text ends with the place of the call.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// The dtype in which an operation on `a` and `b` computes: PyTorch's `torch.result_type`.
DType result_type(const Operand& a, const Operand& b);
/// True when an in-place operation may store `from` in a tensor of dtype `to`: PyTorch's
/// `torch.can_cast` (not floating to integer, not a number to bool).
bool can_cast(DType from, DType to);

// -- Unary, any numeric dtype; the result has the input's ----------------------------------------
Tensor neg(const Tensor& x, Site at = Site::current());
Tensor abs(const Tensor& x, Site at = Site::current());
/// -1, 0 or 1; 0 for NaN.
Tensor sign(const Tensor& x, Site at = Site::current());
Tensor square(const Tensor& x, Site at = Site::current());
Tensor floor(const Tensor& x, Site at = Site::current());
Tensor ceil(const Tensor& x, Site at = Site::current());
/// To the nearest integer, ties to even.
Tensor round(const Tensor& x, Site at = Site::current());
Tensor trunc(const Tensor& x, Site at = Site::current());
Tensor relu(const Tensor& x, Site at = Site::current());
/// Integers and bool.
Tensor bitwise_not(const Tensor& x, Site at = Site::current());

// -- Unary, floating result ----------------------------------------------------------------------
Tensor exp(const Tensor& x, Site at = Site::current());
Tensor expm1(const Tensor& x, Site at = Site::current());
Tensor log(const Tensor& x, Site at = Site::current());
Tensor log1p(const Tensor& x, Site at = Site::current());
Tensor log2(const Tensor& x, Site at = Site::current());
Tensor log10(const Tensor& x, Site at = Site::current());
Tensor sqrt(const Tensor& x, Site at = Site::current());
Tensor rsqrt(const Tensor& x, Site at = Site::current());
Tensor reciprocal(const Tensor& x, Site at = Site::current());
Tensor sin(const Tensor& x, Site at = Site::current());
Tensor cos(const Tensor& x, Site at = Site::current());
Tensor tan(const Tensor& x, Site at = Site::current());
Tensor asin(const Tensor& x, Site at = Site::current());
Tensor acos(const Tensor& x, Site at = Site::current());
Tensor atan(const Tensor& x, Site at = Site::current());
Tensor sinh(const Tensor& x, Site at = Site::current());
Tensor cosh(const Tensor& x, Site at = Site::current());
Tensor tanh(const Tensor& x, Site at = Site::current());
Tensor erf(const Tensor& x, Site at = Site::current());
/// 1 / (1 + exp(-x)).
Tensor sigmoid(const Tensor& x, Site at = Site::current());

// -- Unary, bool result --------------------------------------------------------------------------
Tensor isnan(const Tensor& x, Site at = Site::current());
Tensor isinf(const Tensor& x, Site at = Site::current());
Tensor isfinite(const Tensor& x, Site at = Site::current());
Tensor logical_not(const Tensor& x, Site at = Site::current());

// -- Arithmetic ----------------------------------------------------------------------------------
/// On bool: or.
Tensor add(const Operand& a, const Operand& b);
Tensor sub(const Operand& a, const Operand& b);
/// On bool: and.
Tensor mul(const Operand& a, const Operand& b);
/// True division: integers give float32.
Tensor div(const Operand& a, const Operand& b);
/// Rounded towards minus infinity. Of these three, integers divided by zero throw ValueError: at
/// once for a number, when values are computed for a tensor.
Tensor floor_divide(const Operand& a, const Operand& b);
/// a - b * floor(a / b): the divisor's sign, as in Python.
Tensor remainder(const Operand& a, const Operand& b);
/// a - b * trunc(a / b): the dividend's sign, as in C.
Tensor fmod(const Operand& a, const Operand& b);
/// Throws ValueError for integers with a negative number as exponent.
Tensor pow(const Operand& base, const Operand& exponent);
/// NaN wins.
Tensor maximum(const Operand& a, const Operand& b);
/// NaN wins.
Tensor minimum(const Operand& a, const Operand& b);
Tensor atan2(const Operand& y, const Operand& x);
/// x limited to [min, max]; NaN stays NaN. Throws ValueError when neither limit is given.
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max,
             Site at = Site::current());
/// start + weight * (end - start).
Tensor lerp(const Tensor& start, const Tensor& end, const Operand& weight);
/// x + value * a * b.
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1,
               Site at = Site::current());
/// x + value * a / b.
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value = 1,
               Site at = Site::current());

// -- Comparison and logic, bool result -----------------------------------------------------------
Tensor eq(const Operand& a, const Operand& b);
Tensor ne(const Operand& a, const Operand& b);
Tensor lt(const Operand& a, const Operand& b);
Tensor le(const Operand& a, const Operand& b);
Tensor gt(const Operand& a, const Operand& b);
Tensor ge(const Operand& a, const Operand& b);
Tensor logical_and(const Operand& a, const Operand& b);
Tensor logical_or(const Operand& a, const Operand& b);
Tensor logical_xor(const Operand& a, const Operand& b);

// -- Bits: integers and bool ---------------------------------------------------------------------
Tensor bitwise_and(const Operand& a, const Operand& b);
Tensor bitwise_or(const Operand& a, const Operand& b);
Tensor bitwise_xor(const Operand& a, const Operand& b);
/// Integers. A shift by the width or more gives 0.
Tensor bitwise_left_shift(const Operand& a, const Operand& b);
/// Integers, arithmetic. A shift by the width or more gives 0 or -1, by the sign.
Tensor bitwise_right_shift(const Operand& a, const Operand& b);

// -- Selection and conversion --------------------------------------------------------------------
/// a where `condition` (bool) holds, else b; all three broadcast.
Tensor where(const Tensor& condition, const Operand& a, const Operand& b);
/// Converts the elements; returns `x` itself when it has that dtype. Floating to integer truncates.
Tensor cast(const Tensor& x, DType dtype, Site at = Site::current());
/// A tensor of its own with the same value and history.
Tensor clone(const Tensor& x, Site at = Site::current());

}  // namespace ingot
