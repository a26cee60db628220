// The reference backend's scalar rules and its program interpreter.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "backend/backend.h"
#include "backend/reference/scalar_math.h"

namespace ingot {
namespace {

using reference::binary;
using reference::unary;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(ScalarMath, NanWinsExtremaAndPassesRelu) {
  for (const ScalarOp op : {ScalarOp::Maximum, ScalarOp::Minimum}) {
    EXPECT_TRUE(std::isnan(binary(op, kNan, 1)));
    EXPECT_TRUE(std::isnan(binary(op, 1, kNan)));
  }
  EXPECT_TRUE(std::isnan(unary(ScalarOp::Relu, kNan)));
  EXPECT_EQ(unary(ScalarOp::Sign, kNan), 0);
  EXPECT_EQ(binary(ScalarOp::ReluGrad, 5, kNan), 5);
}

TEST(ScalarMath, RoundGoesToEven) {
  EXPECT_EQ(unary(ScalarOp::Round, 0.5), 0);
  EXPECT_EQ(unary(ScalarOp::Round, 1.5), 2);
  EXPECT_EQ(unary(ScalarOp::Round, -2.5), -2);
}

TEST(ScalarMath, RemainderTakesTheDivisorsSignFmodTheDividends) {
  EXPECT_EQ(binary(ScalarOp::Remainder, -7.0, 3.0), 2);
  EXPECT_EQ(binary(ScalarOp::Remainder, 7.0, -3.0), -2);
  EXPECT_EQ(binary(ScalarOp::Fmod, -7.0, 3.0), -1);
  EXPECT_EQ(binary(ScalarOp::FloorDivide, -7.0, 3.0), -3);
  EXPECT_EQ(binary(ScalarOp::FloorDivide, 1.0, 0.0), kInf);
  EXPECT_EQ(binary(ScalarOp::FloorDivide, 6.0, 0.1), 59);  // 0.1 is a little more than 1/10
  const auto i = [](ScalarOp op, std::int64_t a, std::int64_t b) { return binary(op, a, b, 64); };
  EXPECT_EQ(i(ScalarOp::Remainder, -7, 3), 2);
  EXPECT_EQ(i(ScalarOp::Remainder, 7, -3), -2);
  EXPECT_EQ(i(ScalarOp::Fmod, -7, 3), -1);
  EXPECT_EQ(i(ScalarOp::FloorDivide, -7, 3), -3);
  EXPECT_EQ(i(ScalarOp::FloorDivide, -6, 3), -2);
}

TEST(ScalarMath, IntegersNeverTrap) {
  constexpr std::int64_t kMin = INT64_MIN;
  for (const ScalarOp op : {ScalarOp::FloorDivide, ScalarOp::Remainder, ScalarOp::Fmod}) {
    EXPECT_EQ(binary(op, std::int64_t{5}, 0, 64), 0);
    EXPECT_EQ(binary(op, kMin, -1, 64), op == ScalarOp::FloorDivide ? kMin : 0);
  }
  EXPECT_EQ(unary(ScalarOp::Neg, kMin), kMin);
  EXPECT_EQ(unary(ScalarOp::Abs, kMin), kMin);
  EXPECT_EQ(binary(ScalarOp::Add, std::int64_t{INT64_MAX}, 1, 64), kMin);
}

TEST(ScalarMath, IntegerPowersAndShifts) {
  EXPECT_EQ(binary(ScalarOp::Pow, std::int64_t{-3}, 3, 64), -27);
  EXPECT_EQ(binary(ScalarOp::Pow, std::int64_t{2}, -1, 64), 0);
  EXPECT_EQ(binary(ScalarOp::Pow, std::int64_t{-1}, -3, 64), -1);
  EXPECT_EQ(binary(ScalarOp::Pow, std::int64_t{0}, 0, 64), 1);
  EXPECT_EQ(binary(ScalarOp::ShiftLeft, std::int64_t{1}, 8, 8), 0);
  EXPECT_EQ(binary(ScalarOp::ShiftRight, std::int64_t{-8}, 1, 8), -4);
  EXPECT_EQ(binary(ScalarOp::ShiftRight, std::int64_t{-8}, 99, 8), -1);
}

// A program of several instructions on a transposed and a broadcast input.
TEST(ReferencePrograms, RunAnyProgramOnAnyStrides) {
  using Instruction = Program::Instruction;
  auto program = std::make_shared<Program>();
  program->code = {
      Instruction{.kind = Program::Kind::Load, .dtype = float32, .index = 0},
      Instruction{.kind = Program::Kind::Load, .dtype = float32, .index = 1},
      Instruction{.kind = Program::Kind::Slot, .dtype = float32, .index = 0},
      Instruction{
          .kind = Program::Kind::Compute, .op = ScalarOp::Add, .dtype = float32, .a = 0, .b = 1},
      Instruction{
          .kind = Program::Kind::Compute, .op = ScalarOp::Gt, .dtype = boolean, .a = 3, .b = 2},
      Instruction{.kind = Program::Kind::Compute, .op = ScalarOp::Cast, .dtype = int64, .a = 4},
      Instruction{.kind = Program::Kind::Compute,
                  .op = ScalarOp::Where,
                  .dtype = float32,
                  .a = 4,
                  .b = 3,
                  .c = 2},
  };
  program->stores = {6, 5};
  StepDesc step;
  step.inputs = {{{2, 3}, float32, {1, 2}}, {{3}, float32, {1}}};
  step.outputs = {TensorDesc::contiguous({2, 3}, float32), TensorDesc::contiguous({2, 3}, int64)};
  step.slots = {Scalar::Kind::Float};
  step.program = program;
  // Stored column by column: [[1, 2, 3], [4, 5, 6]].
  std::vector<float> a = {1, 4, 2, 5, 3, 6}, b = {10, 20, 30}, chosen(6);
  std::vector<std::int64_t> larger(6);
  void* inputs[] = {a.data(), b.data()};
  void* outputs[] = {chosen.data(), larger.data()};
  const Scalar slots[] = {22.5};
  reference_backend().lower(step)->run({inputs, outputs, slots, nullptr});
  EXPECT_EQ(chosen, (std::vector<float>{22.5, 22.5, 33, 22.5, 25, 36}));
  EXPECT_EQ(larger, (std::vector<std::int64_t>{0, 0, 1, 0, 1, 1}));
}

TEST(ReferenceBackend, NamesWhatItLacks) {
  const OpDef unknown{.name = "no_such_op"};
  StepDesc step;
  step.op = &unknown;
  step.inputs = {TensorDesc::contiguous({2}, float16)};
  EXPECT_FALSE(reference_backend().supports(step));
  try {
    reference_backend().lower(step);
    FAIL();
  } catch (const DTypeError& e) {
    EXPECT_EQ(std::string(e.what()),
              "no_such_op: the reference backend has no kernel for it on float16");
  }
}

}  // namespace
}  // namespace ingot
