// One generator for all devices: after manual_seed(n) every device draws the same bits, and a draw
// on one device moves the generator for all.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/generator.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dropout.h>
#include <ingot/ops/random.h>

#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using Draw = std::function<Tensor(const TensorOptions&)>;

const std::vector<std::pair<std::string, Draw>>& draws() {
  static const std::vector<std::pair<std::string, Draw>> all = {
      {"rand",
       [](const TensorOptions& o) {
         return rand({3, 333}, o);
       }},
      {"randn",
       [](const TensorOptions& o) {
         return randn({3, 333}, o);
       }},
      {"bernoulli", [](const TensorOptions& o) { return bernoulli({999}, 0.3, o); }},
      {"randint", [](const TensorOptions& o) { return randint(0, 100, {999}, o); }},
      {"dropout", [](const TensorOptions& o) { return dropout(ones({999}, o), 0.4, true); }},
  };
  return all;
}

std::vector<double> values(const Tensor& t) { return t.to(float64).to_vector<double>(); }

TEST(TwinRandom, ManualSeedIsForAllDevices) {
  TwinOptions slow;
  slow.max_delay_us = 20;
  const test::TwinScope twin(slow), other(slow, 1);
  for (const auto& [name, draw] : draws())
    for (const DType dtype : {float32, float64, float16, bfloat16}) {
      SCOPED_TRACE(name + " of " + std::string(ingot::name(dtype)));
      manual_seed(11);
      const std::vector<double> expected = values(draw({.dtype = dtype}));
      const Generator::State after = default_generator().state();
      for (const Device device : {kTwin, kOtherTwin}) {
        manual_seed(11);
        const Tensor there = draw({.dtype = dtype, .device = device});
        EXPECT_EQ(there.device(), device);
        EXPECT_EQ(values(there), expected) << device;
        EXPECT_EQ(default_generator().state(), after) << device;
      }
      manual_seed(12);
      EXPECT_NE(values(draw({.dtype = dtype, .device = kTwin})), expected);
    }
}

TEST(TwinRandom, DrawsOfOneDeviceAreNotDrawnAgainByAnother) {
  const test::TwinScope twin, other({}, 1);
  const auto in_turn = [](const std::vector<Device>& devices) {
    manual_seed(5);
    std::vector<double> all;
    for (const Device device : devices) {
      const std::vector<double> next = values(randn({50}, {.device = device}));
      all.insert(all.end(), next.begin(), next.end());
    }
    return all;
  };
  const std::vector<double> expected = in_turn({{}, {}, {}, {}});
  EXPECT_EQ(in_turn({kTwin, {}, kOtherTwin, kTwin}), expected);
  // A generator of one's own serves any device, too.
  Generator own(5), same(5);
  EXPECT_EQ(values(randn({50}, {.device = kTwin}, &own)), values(randn({50}, {}, &same)));
  EXPECT_EQ(own.state(), same.state());
}

}  // namespace
}  // namespace ingot
