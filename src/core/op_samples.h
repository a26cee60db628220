// Samples of ops: small operands and attributes with which an op can be recorded. By them a device
// is asked what it has kernels for (ingot/core/op_support.h).
#pragma once

#include <vector>

#include <ingot/core/scalar.h>

#include "core/attrs.h"
#include "core/op_def.h"

namespace ingot {

struct OpSample {
  std::vector<TensorSpec> inputs;
  Attrs attrs;
  std::vector<Scalar> slots;
  /// The operands that it is meant for are of two different rows in turns, of odd length.
  bool two_rows = false;
};

/// For the dtype of the tensors that the op is about: of its first operand, or of what it makes.
/// Throws DTypeError where no public function records the op for that dtype; that `infer` refuses
/// it is for the caller to find out. Defined in ops/. Throws InternalError for an op without a
/// sample.
OpSample sample_of(const OpDef& op, DType dtype, Device device);

}  // namespace ingot
