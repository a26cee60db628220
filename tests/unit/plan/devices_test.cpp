// Rule 27: 0-dim cpu tensors mix with tensors of any device. Only the cpu computes so far, so the
// other device's tensors are recorded, and evaluating them must say what is missing.
#include <gtest/gtest.h>

#include <string>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>

#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"

namespace ingot {
namespace {

const Device kCuda("cuda:0");

// A tensor that claims to hold data on another device.
Tensor elsewhere(const Shape& shape, Device device = kCuda) {
  const Tensor here = zeros(shape).eval();
  const ValueId& id = here.cell()->value();
  return Cell::create(
      {make_constant({shape, DType::Float32, device}, id.node->outputs()[id.output].value), 0});
}

template <class F>
std::string device_error(F f) {
  try {
    f();
  } catch (const DeviceError& e) {
    return e.what();
  }
  ADD_FAILURE() << "no DeviceError";
  return {};
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Rule27, AZeroDimCpuTensorMixesWithAnyDevice) {
  const Tensor there = elsewhere({2, 3}), number = tensor(2.f), pending = tensor({1.f}).sum();
  ASSERT_EQ(number.device(), Device{});
  for (const Tensor& result :
       {there * number, number * there, there + pending, where(there > number, there, number),
        maximum(number, there), there - number}) {
    EXPECT_EQ(result.device(), kCuda);
    EXPECT_EQ(result.shape(), (Shape{2, 3}));
  }
  // A 0-dim tensor of the other device decides, too, and two cpu tensors stay on the cpu.
  EXPECT_EQ((elsewhere({}) * number).device(), kCuda);
  EXPECT_EQ((number * elsewhere({})).device(), kCuda);
  EXPECT_EQ((number * number).device(), Device{});
}

TEST(Rule27, AnyOtherMixtureThrows) {
  const Tensor there = elsewhere({2}), here = ones({2}), one = ones({1});
  for (const Tensor& cpu : {here, one}) {
    const std::string text = device_error([&] { there + cpu; });
    EXPECT_HAS(text, "add: tensors live on different devices");
    EXPECT_HAS(text, "cuda:0");
    EXPECT_HAS(text, "cpu");
    // What is on the cpu was forgotten there, whichever it is.
    EXPECT_HAS(text, "operand 1 on cpu; move operand 1 with .to(\"cuda:0\")");
    EXPECT_HAS(text, "devices_test.cpp:");
    EXPECT_HAS(device_error([&] { cpu + there; }),
               "operand 1 on cuda:0; move operand 0 with .to(\"cuda:0\")");
  }
  // Only the cpu's 0-dim tensors mix.
  device_error([&] { here* elsewhere({}); });
  device_error([&] { elsewhere({2}, "cuda:1") * elsewhere({}, kCuda); });
  device_error([&] { elsewhere({2}, "cuda:1") * there; });
  // The cpu's number joins neither of two other devices.
  device_error([&] { where(there > tensor(0.f), elsewhere({2}, "cuda:1"), tensor(1.f)); });
  device_error([&] { matmul(elsewhere({2, 2}), ones({2, 2})); });
}

TEST(Rule27, WhatCannotBeComputedSaysWhyAndWhere) {
  const Tensor there = elsewhere({2}), number = tensor(2.f);
  {
    const Tensor mixed = there * number;
    const std::string text = device_error([&] { mixed.eval(); });
    EXPECT_HAS(text, "mul: cuda:0: this build of Ingot has no CUDA backend");
    EXPECT_HAS(text, "devices_test.cpp:");
    EXPECT_FALSE(mixed.is_evaluated());
    device_error([&] { mixed.eval(); });
  }
  // Let go of, it stands in nobody's way.
  EXPECT_EQ((number + 1).item<float>(), 3.f);
}

TEST(Rule27, NumbersTakeTheTensorsDevice) {
  // A C++ number is not on any device: it goes where the tensor is, or says why it cannot.
  const std::string text = device_error([] { elsewhere({2}) * 2; });
  EXPECT_HAS(text, "cuda:0: this build of Ingot has no CUDA backend");
  EXPECT_HAS(text, "devices_test.cpp:");
}

}  // namespace
}  // namespace ingot
