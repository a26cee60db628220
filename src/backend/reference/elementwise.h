// Elementwise programs on the reference backend.
#pragma once

#include <memory>

#include "backend/step.h"

namespace ingot::reference {

/// The kernel of an elementwise step: runs its program instruction by instruction, each over the
/// whole output.
std::unique_ptr<Kernel> lower_program(const StepDesc& step);

}  // namespace ingot::reference
