// Arithmetic at a given recording site, for gradient rules and composite functions.
#pragma once

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

}  // namespace ingot::ops
