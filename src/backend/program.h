// Program: what an elementwise step computes for one element, as straight-line code over numbered
// registers. One op is a program of one instruction; a fused group is a longer one. Every register
// holds one dtype; each instruction rounds its result to that dtype, so that fusing changes no bit.
// An instruction may read float32 beside float16 or bfloat16 (a number, which is not rounded before
// it is used): it computes in float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ingot/core/dtype.h>

#include "core/op_def.h"

namespace ingot {

struct Program {
  enum class Kind : std::uint8_t {
    Load,    ///< element of step input `index`
    Slot,    ///< the step's scalar slot `index`, converted to `dtype`
    Compute  ///< op(a, b, c)
  };
  /// Instruction i writes register i.
  struct Instruction {
    Kind kind = Kind::Load;
    ScalarOp op = ScalarOp::None;
    DType dtype = DType::Float32;  ///< of the result
    std::uint16_t index = 0;
    std::uint16_t a = 0, b = 0, c = 0;
  };
  std::vector<Instruction> code;
  /// Register stored to step output i.
  std::vector<std::uint16_t> stores;

  std::string str() const;
};

}  // namespace ingot
