#include "backend/program.h"

#include <fmt/format.h>

#include <iterator>

namespace ingot {

std::string_view name(ScalarOp op) {
  // In the order of the enumeration.
  static constexpr const char* kNames[] = {
      "none",        "neg",         "abs",         "sign",        "exp",          "expm1",
      "log",         "log1p",       "log2",        "log10",       "sqrt",         "rsqrt",
      "reciprocal",  "square",      "sin",         "cos",         "tan",          "asin",
      "acos",        "atan",        "sinh",        "cosh",        "tanh",         "erf",
      "sigmoid",     "floor",       "ceil",        "round",       "trunc",        "relu",
      "is_nan",      "is_inf",      "is_finite",   "logical_not", "bitwise_not",  "cast",
      "add",         "sub",         "mul",         "div",         "floor_divide", "remainder",
      "fmod",        "pow",         "maximum",     "minimum",     "atan2",        "eq",
      "ne",          "lt",          "le",          "gt",          "ge",           "logical_and",
      "logical_or",  "logical_xor", "bitwise_and", "bitwise_or",  "bitwise_xor",  "shift_left",
      "shift_right", "relu_grad",   "where",
  };
  static_assert(std::size(kNames) == static_cast<std::size_t>(ScalarOp::Where) + 1);
  return kNames[static_cast<std::size_t>(op)];
}

std::string Program::str() const {
  std::string text;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const Instruction& in = code[i];
    switch (in.kind) {
      case Kind::Load:
        text += fmt::format("r{} = {} in{}\n", i, name(in.dtype), in.index);
        break;
      case Kind::Slot:
        text += fmt::format("r{} = {} slot{}\n", i, name(in.dtype), in.index);
        break;
      case Kind::Compute:
        text += fmt::format("r{} = {} {}", i, name(in.dtype), name(in.op));
        for (int k = 0; k < arity(in.op); ++k)
          text += fmt::format(" r{}", k == 0 ? in.a : k == 1 ? in.b : in.c);
        text += '\n';
        break;
    }
  }
  for (std::size_t i = 0; i < stores.size(); ++i)
    text += fmt::format("out{} = r{}\n", i, stores[i]);
  return text;
}

}  // namespace ingot
