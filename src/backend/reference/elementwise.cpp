#include "backend/reference/elementwise.h"

#include <vector>

#include "backend/layouts.h"
#include "backend/reference/loops.h"
#include "backend/reference/scalar_math.h"

namespace ingot::reference {
namespace {

using Instruction = Program::Instruction;

// One register for all elements, in row-major order.
struct Register {
  DType dtype = DType::Float32;
  std::vector<std::byte> bytes;

  Register(DType t, std::int64_t numel)
      : dtype(t), bytes(static_cast<std::size_t>(numel) * nbytes_of(t)) {}
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
};

// Floating elements as double, all others as int64.
template <class T>
auto widen(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<std::int64_t>(x);
  else
    return static_cast<double>(x);
}

template <class T>
T unary_element(ScalarOp op, T x) {
  // All bits of bool are one bit.
  if constexpr (std::is_same_v<T, bool>)
    if (op == ScalarOp::BitwiseNot) return !x;
  return convert_element<T>(unary(op, widen(x)));
}

template <class T>
T binary_element(ScalarOp op, T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return convert_element<T>(binary(op, widen(a), widen(b), static_cast<int>(8 * sizeof(T))));
  else
    return convert_element<T>(binary(op, widen(a), widen(b)));
}

void load(Register& out, const TensorDesc& in, const Shape& shape, const void* data) {
  const std::size_t size = nbytes_of(in.dtype);
  std::byte* to = out.bytes.data();
  for_each_index<1>(
      shape, {broadcast_strides(in.shape, in.strides, shape)}, [&](const auto& offsets) {
        std::copy_n(
            static_cast<const std::byte*>(data) + offsets[0] * static_cast<std::int64_t>(size),
            size, to);
        to += size;
      });
}

void store(const Register& in, const TensorDesc& out, void* data) {
  const std::size_t size = nbytes_of(out.dtype);
  const std::byte* from = in.bytes.data();
  for_each_index<1>(out.shape, {out.strides}, [&](const auto& offsets) {
    std::copy_n(from, size,
                static_cast<std::byte*>(data) + offsets[0] * static_cast<std::int64_t>(size));
    from += size;
  });
}

// The register as float32.
Register widened(const Register& r, std::int64_t numel) {
  Register wide(DType::Float32, numel);
  visit_dtype(r.dtype, [&](auto type) {
    using T = decltype(type);
    for (std::int64_t i = 0; i < numel; ++i)
      wide.as<float>()[i] = convert_element<float>(r.as<T>()[i]);
  });
  return wide;
}

void round_to(Register& out, const Register& wide, std::int64_t numel) {
  visit_dtype(out.dtype, [&](auto type) {
    using T = decltype(type);
    for (std::int64_t i = 0; i < numel; ++i)
      out.as<T>()[i] = convert_element<T>(wide.as<float>()[i]);
  });
}

// Two floating operands of different dtypes: float32 arithmetic, rounded once.
bool is_mixed(const Instruction& code, const std::vector<Register>& registers) {
  if (code.op == ScalarOp::Where) return registers[code.b].dtype != registers[code.c].dtype;
  return arity(code.op) == 2 && registers[code.a].dtype != registers[code.b].dtype;
}

void compute(Register& out, const Instruction& code, const std::vector<Register>& registers,
             std::int64_t numel);

void compute_mixed(Register& out, const Instruction& code, const std::vector<Register>& registers,
                   std::int64_t numel) {
  std::vector<Register> wide;
  const bool where = code.op == ScalarOp::Where;
  wide.push_back(where ? registers[code.a] : widened(registers[code.a], numel));
  wide.push_back(widened(registers[code.b], numel));
  wide.push_back(where ? widened(registers[code.c], numel) : Register(DType::Float32, 0));
  Instruction same = code;
  same.a = 0;
  same.b = 1;
  same.c = 2;
  if (!is_reduced_float(out.dtype)) return compute(out, same, wide, numel);
  same.dtype = DType::Float32;
  Register result(DType::Float32, numel);
  compute(result, same, wide, numel);
  round_to(out, result, numel);
}

void compute(Register& out, const Instruction& code, const std::vector<Register>& registers,
             std::int64_t numel) {
  if (is_mixed(code, registers)) return compute_mixed(out, code, registers, numel);
  const Register& a = registers[code.a];
  if (code.op == ScalarOp::Where) {
    visit_dtype(code.dtype, [&](auto type) {
      using T = decltype(type);
      const auto* condition = a.as<bool>();
      const auto *x = registers[code.b].as<T>(), *y = registers[code.c].as<T>();
      for (std::int64_t i = 0; i < numel; ++i) out.as<T>()[i] = condition[i] ? x[i] : y[i];
    });
    return;
  }
  visit_dtype(a.dtype, [&](auto type) {
    using T = decltype(type);
    const T* x = a.as<T>();
    const T* y = arity(code.op) == 2 ? registers[code.b].as<T>() : nullptr;
    if (code.op == ScalarOp::Cast) {
      visit_dtype(code.dtype, [&](auto target) {
        using To = decltype(target);
        for (std::int64_t i = 0; i < numel; ++i) out.as<To>()[i] = convert_element<To>(x[i]);
      });
    } else if (is_predicate(code.op)) {
      for (std::int64_t i = 0; i < numel; ++i)
        out.as<bool>()[i] =
            y ? predicate(code.op, widen(x[i]), widen(y[i])) : predicate(code.op, widen(x[i]));
    } else {
      for (std::int64_t i = 0; i < numel; ++i)
        out.as<T>()[i] =
            y ? binary_element<T>(code.op, x[i], y[i]) : unary_element<T>(code.op, x[i]);
    }
  });
}

}  // namespace

std::unique_ptr<Kernel> lower_program(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const Shape& shape = step.outputs[0].shape;
    const std::int64_t numel = shape.numel();
    std::vector<Register> registers;
    for (const Instruction& code : step.program->code) {
      Register& out = registers.emplace_back(code.dtype, numel);
      switch (code.kind) {
        case Program::Kind::Load:
          load(out, step.inputs[code.index], shape, args.inputs[code.index]);
          break;
        case Program::Kind::Slot:
          visit_dtype(code.dtype, [&](auto type) {
            using T = decltype(type);
            std::fill_n(out.as<T>(), numel, convert_scalar<T>(args.slots[code.index]));
          });
          break;
        case Program::Kind::Compute:
          compute(out, code, registers, numel);
          break;
      }
    }
    for (std::size_t i = 0; i < step.program->stores.size(); ++i)
      store(registers[step.program->stores[i]], step.outputs[i], args.outputs[i]);
  });
}

}  // namespace ingot::reference
