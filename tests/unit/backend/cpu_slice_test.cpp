// cat, slice and slice_backward against the reference, in every memory order and element size.
#include <gtest/gtest.h>

#include "backend/layouts.h"
#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

constexpr DType kSizes[] = {DType::Bool, DType::Float16, DType::Float32, DType::Int64};

void compare(const StepDesc& step, const std::vector<HostTensor>& inputs, const RunOptions& options,
             const std::string& what) {
  const auto actual = run_step(cpu_backend(), step, inputs, options);
  RunOptions plain;
  plain.slots = options.slots;
  const auto expected = run_step(reference_backend(), step, inputs, plain);
  EXPECT_EQ(actual[0].bytes, expected[0].bytes) << what;
}

StepDesc step_of(const char* op, Attrs attrs, const std::vector<HostTensor>& inputs,
                 const Shape& out) {
  StepDesc step;
  step.op = find_op(op);
  step.attrs = std::move(attrs);
  for (const HostTensor& in : inputs)
    step.inputs.push_back(TensorDesc::contiguous(in.shape, in.dtype));
  step.outputs = {TensorDesc::contiguous(out, inputs[0].dtype)};
  return step;
}

std::vector<Dims> orders_of(const Shape& shape, std::mt19937& generator) {
  std::vector<Dims> orders{shape.contiguous_strides(), random_strides(shape, generator)};
  if (shape.rank() == 4) orders.push_back(channels_last_strides(shape));
  return orders;
}

TEST(CpuSlice, MatchesTheReference) {
  std::mt19937 generator(1);
  struct Case {
    Shape x;
    std::int64_t dim, start, length, step;
  };
  const Case cases[] = {
      {{2, 70, 5, 6}, 1, 3, 64, 1}, {{2, 70, 5, 6}, 3, 1, 3, 2},  {{9}, 0, 2, 4, 2},
      {{3, 4}, 1, 4, 0, 1},         {{60000, 2}, 0, 1, 59998, 1}, {{1, 3, 1, 4}, 1, 1, 2, 1}};
  for (const Case& c : cases)
    for (const DType t : kSizes) {
      const HostTensor x = HostTensor::random(c.x, t, generator);
      Shape y = c.x;
      y[static_cast<int>(c.dim)] = c.length;
      const HostTensor g = HostTensor::random(y, t, generator);
      for (const Dims& order : orders_of(c.x, generator))
        compare(
            step_of("slice", SliceAttrs{.dim = c.dim, .length = c.length, .step = c.step}, {x}, y),
            {x}, {.input_strides = {order}, .slots = {Scalar(c.start)}}, "slice " + c.x.str());
      for (const Dims& order : orders_of(y, generator))
        compare(step_of("slice_backward", ScatterAttrs{.dim = c.dim, .step = c.step, .shape = c.x},
                        {g}, c.x),
                {g}, {.input_strides = {order}, .slots = {Scalar(c.start)}},
                "slice_backward " + c.x.str());
    }
}

TEST(CpuSlice, CatMatchesTheReference) {
  std::mt19937 generator(2);
  struct Case {
    std::vector<Shape> parts;
    std::int64_t dim;
    Shape out;
  };
  const Case cases[] = {{{{2, 64, 5, 6}, {2, 3, 5, 6}}, 1, {2, 67, 5, 6}},
                        {{{2, 3, 5, 6}, {2, 3, 5, 1}, {2, 3, 5, 2}}, 3, {2, 3, 5, 9}},
                        {{{3}, {0}, {4}}, 0, {7}},
                        {{{40000, 1}, {40000, 2}}, 1, {40000, 3}}};
  for (const Case& c : cases)
    for (const DType t : kSizes)
      for (std::size_t order = 0; order < 3; ++order) {
        std::vector<HostTensor> inputs;
        RunOptions options;
        for (const Shape& shape : c.parts) {
          inputs.push_back(HostTensor::random(shape, t, generator));
          const auto orders = orders_of(shape, generator);
          options.input_strides.push_back(orders[std::min(order, orders.size() - 1)]);
        }
        compare(step_of("cat", AxisAttrs{c.dim, false}, inputs, c.out), inputs, options,
                "cat " + c.out.str());
      }
}

// A channels-last image stays one: no transposition around a Fire module of SqueezeNet.
TEST(CpuSlice, KeepsChannelsLast) {
  const Shape shape{2, 8, 3, 3};
  StepDesc step;
  step.op = find_op("cat");
  step.attrs = AxisAttrs{1, false};
  step.inputs = {{shape, DType::Float32, channels_last_strides(shape)},
                 {shape, DType::Float32, channels_last_strides(shape)}};
  step.outputs = {TensorDesc::contiguous({2, 16, 3, 3}, DType::Float32)};
  cpu_backend().choose_layouts(step);
  EXPECT_EQ(step.outputs[0].strides, channels_last_strides({2, 16, 3, 3}));
  EXPECT_EQ(step.inputs[0].strides, channels_last_strides(shape));
}

}  // namespace
}  // namespace ingot::testing
