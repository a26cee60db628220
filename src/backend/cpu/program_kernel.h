// Elementwise steps: a Program run over tiles that stay in the first-level cache.
#pragma once

#include <memory>

#include "backend/step.h"

namespace ingot::cpu {

/// The kernel for a step with a program; inputs of any strides that broadcast to the outputs, any
/// dense or strided outputs. nullptr when an instruction has no tile function.
std::unique_ptr<Kernel> lower_program(const StepDesc& step);

/// Outputs take the memory order of the first full-sized dense input that is not row-major, so that
/// channels-last images stay so; inputs are taken as they are.
void choose_program_layouts(StepDesc& step);

/// A plain copy from one TensorDesc's order to another's (same shape and dtype), in parallel.
std::unique_ptr<Kernel> lower_copy(const TensorDesc& from, const TensorDesc& to);

}  // namespace ingot::cpu
