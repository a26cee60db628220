// What a step of a plan does, in figures: kept with the step, for profiles and messages. About 60
// bytes and 8 for each dimension of its operands.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/step.h"
#include "core/node.h"

namespace ingot::plan {

struct StepFigures {
  double flops = -1;  ///< below 0: not known
  std::uint64_t nbytes_read = 0, nbytes_written = 0;
  /// Shapes and dtypes of inputs, then outputs; operand_specs() reads it.
  std::vector<std::int64_t> operands;
};

/// Operations on floating-point numbers that the step needs: of a Program, its arithmetic
/// instructions on such numbers times the elements; else what OpDef::flops says. Below 0 where
/// nobody says.
double flops_of(const StepDesc& step);

StepFigures figures_of(const StepDesc& step);
/// All operands, inputs first.
std::vector<TensorSpec> operand_specs(const StepFigures& figures, Device device);

}  // namespace ingot::plan
