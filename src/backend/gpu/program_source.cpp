#include "backend/gpu/program_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "backend/gpu/source.h"

namespace ingot::gpu {
namespace {

using Instruction = Program::Instruction;

bool is_shift(ScalarOp op) { return op == ScalarOp::ShiftLeft || op == ScalarOp::ShiftRight; }

// What an instruction computes in: f64 if an operand is, else f32 if one is floating, else i64.
std::string_view work_of(const Program& program, const Instruction& in) {
  const std::uint16_t operands[] = {in.a, in.b};
  DType widest = DType::Int64;
  for (int k = 0; k < arity(in.op); ++k) {
    const DType t = program.code[operands[k]].dtype;
    if (is_floating(t)) widest = std::max(widest, std::max(t, DType::Float32));
  }
  return work_name(widest);
}

// A value of a work type as a register of dtype `t`.
std::string rounded(DType t, const std::string& value) {
  if (is_reduced_float(t)) return fmt::format("widen(To<{}>::of({}))", type_name(t), value);
  return fmt::format("To<{}>::of({})", type_name(t), value);
}

std::string compute(const Program& program, const Instruction& in) {
  const auto operand = [](std::uint16_t r) { return fmt::format("widen(r{})", r); };
  if (in.op == ScalarOp::Where) {
    const auto branch = [&](std::uint16_t r) {
      return program.code[r].dtype == in.dtype ? fmt::format("r{}", r)
                                               : rounded(in.dtype, operand(r));
    };
    return fmt::format("r{} ? {} : {}", in.a, branch(in.b), branch(in.c));
  }
  if (in.op == ScalarOp::Cast)
    return program.code[in.a].dtype == in.dtype ? fmt::format("r{}", in.a)
                                                : rounded(in.dtype, operand(in.a));
  // All bits of bool are one bit.
  if (in.op == ScalarOp::BitwiseNot && in.dtype == DType::Bool) return fmt::format("!r{}", in.a);
  const std::string_view work = work_of(program, in);
  std::string call = fmt::format("op_{}(({}){}", name(in.op), work, operand(in.a));
  if (arity(in.op) == 2) call += fmt::format(", ({}){}", work, operand(in.b));
  if (is_shift(in.op)) call += fmt::format(", (i64){}", 8 * nbytes_of(in.dtype));
  call += ")";
  return is_predicate(in.op) ? call : rounded(in.dtype, call);
}

}  // namespace

std::string_view register_type(DType t) {
  return is_reduced_float(t) ? std::string_view("f32") : type_name(t);
}

std::string stored(DType t, const std::string& r) {
  return is_reduced_float(t) ? fmt::format("To<{}>::of({})", type_name(t), r) : r;
}

std::string program_statements(const Program& program,
                               const std::function<std::string(std::size_t)>& load,
                               const std::function<std::string(std::size_t, DType)>& slot) {
  std::string text;
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    const Instruction& in = program.code[i];
    std::string value;
    switch (in.kind) {
      case Program::Kind::Load:
        value =
            is_reduced_float(in.dtype) ? fmt::format("widen({})", load(in.index)) : load(in.index);
        break;
      case Program::Kind::Slot:
        value = slot(in.index, in.dtype);
        break;
      case Program::Kind::Compute:
        value = compute(program, in);
        break;
    }
    text += fmt::format("    const {} r{} = {};\n", register_type(in.dtype), i, value);
  }
  return text;
}

bool can_write(const Program& program, bool has_float64) {
  return has_float64 || std::none_of(program.code.begin(), program.code.end(),
                                     [](const auto& in) { return in.dtype == DType::Float64; });
}

}  // namespace ingot::gpu
