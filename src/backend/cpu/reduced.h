// float16 and bfloat16 for kernels that only know float32: operands are widened into the workspace
// and the results rounded once.
#pragma once

#include <memory>
#include <vector>

#include "backend/step.h"

namespace ingot::cpu {

/// Runs `inner`, made for float32 operands of the same shapes and strides, on operands of `dtype`.
/// All operands are dense, given by their sizes.
std::unique_ptr<Kernel> run_in_float(std::unique_ptr<Kernel> inner, DType dtype,
                                     std::vector<std::int64_t> input_numels,
                                     std::vector<std::int64_t> output_numels);

inline TensorDesc as_float(TensorDesc t) {
  t.dtype = DType::Float32;
  return t;
}

}  // namespace ingot::cpu
