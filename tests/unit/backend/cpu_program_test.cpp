// Elementwise programs on the cpu backend against the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/layouts.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

using Kind = Program::Kind;

DType result_dtype(ScalarOp op, DType t) {
  const bool predicate = (op >= ScalarOp::IsNan && op <= ScalarOp::LogicalNot) ||
                         (op >= ScalarOp::Eq && op <= ScalarOp::LogicalXor);
  return predicate ? DType::Bool : t;
}

// A step of one instruction on inputs of dtype t.
StepDesc one_op(ScalarOp op, DType t, const Shape& shape) {
  StepDesc step;
  auto program = std::make_shared<Program>();
  const int n = arity(op);
  for (int i = 0; i < n; ++i) {
    const DType in = op == ScalarOp::Where && i == 0 ? DType::Bool : t;
    program->code.push_back(
        {.kind = Kind::Load, .dtype = in, .index = static_cast<std::uint16_t>(i)});
    step.inputs.push_back({shape, in, shape.contiguous_strides()});
  }
  const DType out = result_dtype(op, t);
  program->code.push_back({.kind = Kind::Compute, .op = op, .dtype = out, .a = 0, .b = 1, .c = 2});
  program->stores.push_back(static_cast<std::uint16_t>(n));
  step.outputs.push_back({shape, out, shape.contiguous_strides()});
  step.program = program;
  return step;
}

bool exists(ScalarOp op, DType t) {
  using enum ScalarOp;
  const bool floating = is_floating(t), integral = is_integral(t);
  switch (op) {
    case None:
    case Cast:
      return false;
    case BitwiseNot:
    case BitwiseAnd:
    case BitwiseOr:
    case BitwiseXor:
      return !floating;
    case ShiftLeft:
    case ShiftRight:
      return integral;
    case Exp:
    case Expm1:
    case Log:
    case Log1p:
    case Log2:
    case Log10:
    case Sqrt:
    case Rsqrt:
    case Reciprocal:
    case Sin:
    case Cos:
    case Tan:
    case Asin:
    case Acos:
    case Atan:
    case Sinh:
    case Cosh:
    case Tanh:
    case Erf:
    case Sigmoid:
    case Div:
    case Atan2:
      return floating;
    case Neg:
    case Sub:
    case FloorDivide:
    case Remainder:
    case Fmod:
    case Pow:
    case Floor:
    case Ceil:
    case Round:
    case Trunc:
      return t != DType::Bool;
    default:
      return true;
  }
}

// Units in the last place that a result may differ from the correctly rounded one.
double allowed_ulp(ScalarOp op) {
  using enum ScalarOp;
  switch (op) {
    case Exp:
    case Expm1:
    case Log:
    case Log1p:
    case Log2:
    case Log10:
    case Rsqrt:
    case Sin:
    case Cos:
    case Tan:
    case Asin:
    case Acos:
    case Atan:
    case Sinh:
    case Cosh:
    case Tanh:
    case Erf:
    case Sigmoid:
    case Pow:
    case Atan2:
      return 4;
    case Remainder:
      return 4;  // of the divisor's size: see below
    default:
      return 0;
  }
}

double epsilon(DType t) {
  switch (t) {
    case DType::Float16:
      return 0x1p-10;
    case DType::BFloat16:
      return 0x1p-7;
    case DType::Float32:
      return 0x1p-23;
    default:
      return 0x1p-52;
  }
}

const std::vector<DType> kAllDTypes{DType::Bool,    DType::UInt8,  DType::Int8,    DType::Int16,
                                    DType::Int32,   DType::Int64,  DType::Float16, DType::BFloat16,
                                    DType::Float32, DType::Float64};

TEST(CpuProgram, EveryOpOnEveryDTypeMatchesTheReference) {
  std::mt19937 generator(1);
  const Shape shape{3, 347};
  for (int o = 1; o <= static_cast<int>(ScalarOp::Where); ++o) {
    const auto op = static_cast<ScalarOp>(o);
    for (const DType t : kAllDTypes) {
      if (!exists(op, t)) continue;
      const StepDesc step = one_op(op, t, shape);
      std::vector<HostTensor> inputs;
      for (const TensorDesc& in : step.inputs)
        inputs.push_back(HostTensor::random(shape, in.dtype, generator, -8, 9));
      const auto actual = run_step(cpu_backend(), step, inputs);
      const auto expected = run_step(reference_backend(), step, inputs);
      const double e = allowed_ulp(op) * epsilon(t);
      const double absolute = op == ScalarOp::Remainder ? 16 * epsilon(t) : 1e-6 * e;
      const std::string what = std::string(name(op)) + " on " + std::string(name(t));
      expect_close(actual[0], expected[0], is_floating(t) ? e : 0, is_floating(t) ? absolute : 0,
                   what);
    }
  }
}

TEST(CpuProgram, UnaryFunctionsOnSpecialAndLargeNumbers) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values{0.0,   -0.0,     inf,      -inf,  nan,    1e-45,  -1e-45, 1e-38, 1.0,
                             -1.0,  88.7,     88.73,    -87.4, -103.9, -104.5, -150,   3e38,  -3e38,
                             39e3,  4e4,      -1e6,     1e10,  0.5,    -0.5,   1.5,    2.5,   1e-6,
                             -1e-6, 0.999999, 1.000001, 18.8,  -18.8,  20,     -20};
  const Shape shape{static_cast<std::int64_t>(values.size())};
  for (int o = 1; o < static_cast<int>(ScalarOp::Cast); ++o) {
    const auto op = static_cast<ScalarOp>(o);
    for (const DType t : {DType::Float32, DType::Float64}) {
      if (!exists(op, t)) continue;
      const StepDesc step = one_op(op, t, shape);
      const std::vector<HostTensor> inputs{HostTensor::of(shape, t, values)};
      const double e = allowed_ulp(op) * epsilon(t);
      expect_close(run_step(cpu_backend(), step, inputs)[0],
                   run_step(reference_backend(), step, inputs)[0], e, 1e-44,
                   std::string(name(op)) + " on " + std::string(name(t)));
    }
  }
}

TEST(CpuProgram, VectorFunctionsAreAccurateOverTheirRange) {
  // A dense walk through float32: within 4 ulp of the double result.
  std::vector<double> values;
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 8191) {
    const float x = std::bit_cast<float>(bits);
    values.push_back(x);
    values.push_back(-static_cast<double>(x));
  }
  const Shape shape{static_cast<std::int64_t>(values.size())};
  for (const ScalarOp op : {ScalarOp::Exp, ScalarOp::Log, ScalarOp::Sin, ScalarOp::Cos,
                            ScalarOp::Tanh, ScalarOp::Sigmoid, ScalarOp::Erf}) {
    const StepDesc step = one_op(op, DType::Float32, shape);
    const std::vector<HostTensor> inputs{HostTensor::of(shape, DType::Float32, values)};
    // Near their zeros sine and cosine are accurate absolutely.
    const double absolute = op == ScalarOp::Sin || op == ScalarOp::Cos ? 2e-7 : 3e-45;
    expect_close(run_step(cpu_backend(), step, inputs)[0],
                 run_step(reference_backend(), step, inputs)[0], 4 * 0x1p-23, absolute,
                 std::string(name(op)));
  }
}

TEST(CpuProgram, EveryCastMatchesTheReference) {
  std::mt19937 generator(2);
  const Shape shape{5, 31};
  for (const DType from : kAllDTypes)
    for (const DType to : kAllDTypes) {
      StepDesc step = one_op(ScalarOp::Neg, from, shape);
      auto program = std::make_shared<Program>(*step.program);
      program->code[1].op = ScalarOp::Cast;
      program->code[1].dtype = to;
      step.outputs[0].dtype = to;
      step.program = program;
      for (const double range : {3.0, 1e5, 1e30}) {
        if (!is_floating(from) && range > 100) continue;
        const std::vector<HostTensor> inputs{
            HostTensor::random(shape, from, generator, -range, range)};
        expect_close(run_step(cpu_backend(), step, inputs)[0],
                     run_step(reference_backend(), step, inputs)[0], 0, 0,
                     std::string(name(from)) + " to " + std::string(name(to)));
      }
    }
}

// Random straight-line programs over mixed dtypes.
class ProgramMaker {
 public:
  explicit ProgramMaker(std::mt19937& generator) : generator_(generator) {}

  StepDesc make(const Shape& shape) {
    StepDesc step;
    auto program = std::make_shared<Program>();
    const DType main = pick({DType::Float32, DType::Float32, DType::Float64, DType::BFloat16,
                             DType::Float16, DType::Int32});
    const int loads = 1 + below(3);
    for (int i = 0; i < loads; ++i) {
      program->code.push_back(
          {.kind = Kind::Load, .dtype = main, .index = static_cast<std::uint16_t>(i)});
      step.inputs.push_back({shape, main, shape.contiguous_strides()});
    }
    if (below(2)) program->code.push_back({.kind = Kind::Slot, .dtype = main, .index = 0});
    const int instructions = 1 + below(10);
    for (int k = 0; k < instructions; ++k) {
      const auto a = find(*program, main), b = find(*program, main);
      switch (below(5)) {
        case 0:
          add(*program, ScalarOp::Abs, main, a);
          break;
        case 1: {
          const auto condition = add(*program, ScalarOp::Gt, DType::Bool, a, b);
          add(*program, ScalarOp::Where, main, condition, b, a);
          break;
        }
        case 2: {
          const DType other = pick({DType::Float64, DType::Float32, DType::Int64, DType::BFloat16});
          const auto wide = add(*program, ScalarOp::Cast, other, a);
          const auto doubled = add(*program, ScalarOp::Add, other, wide, wide);
          add(*program, ScalarOp::Cast, main, doubled);
          break;
        }
        default:
          add(*program, pick({ScalarOp::Add, ScalarOp::Sub, ScalarOp::Mul, ScalarOp::Maximum}),
              main, a, b);
      }
    }
    const int stores = 1 + below(3);
    for (int s = 0; s < stores; ++s) {
      const auto r =
          s == 0 ? static_cast<std::uint16_t>(program->code.size() - 1)
                 : static_cast<std::uint16_t>(below(static_cast<int>(program->code.size())));
      program->stores.push_back(r);
      step.outputs.push_back({shape, program->code[r].dtype, shape.contiguous_strides()});
    }
    step.program = program;
    return step;
  }

  int below(int n) { return static_cast<int>(generator_() % static_cast<unsigned>(n)); }

 private:
  template <class T>
  T pick(std::initializer_list<T> from) {
    return pick(std::vector<T>(from));
  }
  template <class T>
  T pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }
  std::uint16_t find(const Program& p, DType t) {
    std::vector<std::uint16_t> found;
    for (std::size_t i = 0; i < p.code.size(); ++i)
      if (p.code[i].dtype == t) found.push_back(static_cast<std::uint16_t>(i));
    return pick(found);
  }
  static std::uint16_t add(Program& p, ScalarOp op, DType t, int a, int b = 0, int c = 0) {
    p.code.push_back({.kind = Kind::Compute,
                      .op = op,
                      .dtype = t,
                      .a = static_cast<std::uint16_t>(a),
                      .b = static_cast<std::uint16_t>(b),
                      .c = static_cast<std::uint16_t>(c)});
    return static_cast<std::uint16_t>(p.code.size() - 1);
  }

  std::mt19937& generator_;
};

// Integers in small numbers are exact in every dtype used, so results are equal bit for bit.
TEST(CpuProgram, RandomProgramsOnRandomLayoutsMatchTheReference) {
  std::mt19937 generator(3);
  ProgramMaker maker(generator);
  const std::vector<Shape> shapes{{},        {1},       {7},          {0},          {3, 0, 2},
                                  {5, 9},    {2, 3, 4}, {4, 33, 17},  {2, 8, 5, 6}, {70, 70},
                                  {3, 1500}, {1100, 3}, {2, 1, 5, 1}, {40000}};
  for (int round = 0; round < 400; ++round) {
    const Shape& shape = shapes[static_cast<std::size_t>(round) % shapes.size()];
    StepDesc step = maker.make(shape);
    RunOptions options;
    options.slots = {Scalar(maker.below(2) ? 2.0 : -1.5)};
    std::vector<HostTensor> inputs;
    for (TensorDesc& in : step.inputs) {
      HostTensor t = HostTensor::random(shape, in.dtype, generator, -3, 4);
      Dims strides = random_strides(shape, generator);
      if (maker.below(4) == 0) {  // broadcast some dimensions: one number everywhere will do
        t = HostTensor::of(shape, in.dtype,
                           std::vector<double>(static_cast<std::size_t>(shape.numel()), 1.25));
        for (int d = 0; d < shape.rank(); ++d)
          if (maker.below(2)) strides[d] = 0;
      }
      inputs.push_back(std::move(t));
      options.input_strides.push_back(strides);
    }
    options.overwrite_input = maker.below(3) - 1;
    if (options.overwrite_input >= static_cast<int>(inputs.size())) options.overwrite_input = 0;
    const auto actual = run_step(cpu_backend(), step, inputs, options);
    options.overwrite_input = -1;
    const auto expected = run_step(reference_backend(), step, inputs, options);
    for (std::size_t o = 0; o < expected.size(); ++o)
      expect_close(actual[o], expected[o], 0, 0,
                   "round " + std::to_string(round) + ", output " + std::to_string(o) + "\n" +
                       step.program->str());
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(CpuProgram, ChannelsLastFlowsThrough) {
  const Shape shape{2, 3, 4, 5};
  StepDesc step = one_op(ScalarOp::Add, DType::Float32, shape);
  step.inputs[1].strides = channels_last_strides(shape);
  cpu_backend().choose_layouts(step);
  EXPECT_EQ(step.outputs[0].strides, channels_last_strides(shape));
  EXPECT_EQ(step.inputs[0].strides, shape.contiguous_strides());
}

TEST(CpuProgram, CopiesBetweenAllOrders) {
  std::mt19937 generator(4);
  const std::vector<Shape> shapes{{37, 41},    {2, 3, 50, 20}, {2, 70, 5, 9}, {3, 4, 5},
                                  {100, 2, 3}, {1, 64, 64},    {0, 3},        {}};
  for (const Shape& shape : shapes)
    for (const DType t : {DType::UInt8, DType::Float16, DType::Float32, DType::Float64})
      for (int round = 0; round < 6; ++round) {
        StepDesc step = one_op(ScalarOp::Neg, t, shape);
        auto program = std::make_shared<Program>();
        program->code = {step.program->code[0]};
        program->stores = {0};
        step.program = program;
        const HostTensor input = HostTensor::random(shape, t, generator, 0, 100);
        RunOptions options;
        options.input_strides = {random_strides(shape, generator)};
        expect_close(run_step(cpu_backend(), step, {input}, options)[0], input, 0, 0,
                     shape.str() + " " + std::string(name(t)));
      }
}

}  // namespace
}  // namespace ingot::testing
