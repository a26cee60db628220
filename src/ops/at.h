// Arithmetic at a given recording site, for gradient rules and composite functions.
#pragma once

#include <initializer_list>
#include <vector>

#include <ingot/core/tensor.h>

#include "ops/support.h"

namespace ingot::ops {

/// Makes operands that carry a given site: `at(g) * y` in a gradient rule is recorded where the
/// user wrote the forward operation.
struct At {
  Site site;
  Operand operator()(const Tensor& t) const { return Operand(t, site); }
  Operand operator()(double number) const { return Operand(number, site); }
};

/// The dtype in which composite ops compute: float16 and bfloat16 go through float32.
inline DType compute_dtype(DType t) { return is_reduced_float(t) ? DType::Float32 : t; }

/// For public functions that are written in terms of several ops: where the result is float16 or
/// bfloat16, they compute in float32 and round once.
///
///   if (const Widened w(at, {&x, &y}); w) return w.rounded(distance(w[0], w[1], at));
///
/// True when the tensors (undefined ones do not count) promote to a 16-bit dtype, where 0-dim ones
/// weigh less than others, as everywhere.
class Widened {
 public:
  Widened(Site at, std::initializer_list<const Tensor*> tensors);
  explicit operator bool() const { return is_reduced_float(dtype_); }
  /// Tensor i, in float32 if it had 16 bits.
  const Tensor& operator[](std::size_t i) const { return tensors_[i]; }
  /// A result, as the function gives it.
  Tensor rounded(const Tensor& result) const { return result.to(dtype_, site_); }

 private:
  Site site_;
  DType dtype_ = DType::Bool;
  std::vector<Tensor> tensors_;
};

}  // namespace ingot::ops
