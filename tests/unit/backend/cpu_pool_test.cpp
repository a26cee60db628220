// Pooling against the reference, in both image layouts.
#include <gtest/gtest.h>

#include "backend/layouts.h"
#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

struct PoolCase {
  Shape x, y;
  PoolAttrs attrs;
  bool adaptive_only = false;  ///< no fixed window gives y
};

std::vector<PoolCase> pool_cases() {
  const auto attrs = [](std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                        std::int64_t dilation, bool include_pad) {
    PoolAttrs a;
    a.kernel = {kernel, kernel};
    a.stride = {stride, stride};
    a.padding = {padding, padding};
    a.dilation = {dilation, dilation};
    a.count_include_pad = include_pad;
    return a;
  };
  return {{{2, 3, 8, 6}, {2, 3, 4, 3}, attrs(2, 2, 0, 1, true)},
          {{2, 70, 9, 9}, {2, 70, 5, 5}, attrs(3, 2, 1, 1, true)},
          {{1, 5, 7, 7}, {1, 5, 7, 7}, attrs(3, 1, 1, 1, false)},
          {{1, 40, 11, 10}, {1, 40, 5, 4}, attrs(3, 2, 1, 2, true)},
          {{0, 3, 4, 4}, {0, 3, 2, 2}, attrs(2, 2, 0, 1, true)},
          {{3, 1, 5, 5}, {3, 1, 3, 3}, attrs(3, 2, 1, 1, false)},
          // One pixel: row-major and channels-last are the same strides there.
          {{2, 20, 3, 3}, {2, 20, 1, 1}, attrs(3, 3, 0, 1, true)},
          {{2, 20, 1, 1}, {2, 20, 1, 1}, attrs(1, 1, 0, 1, true)},
          {{2, 20, 1, 1}, {2, 20, 3, 2}, {}, true}};
}

// What max_pool2d says of a random image: kernels may rely on places inside their windows.
HostTensor places_of_maxima(const PoolCase& c, PoolAttrs attrs, std::mt19937& generator) {
  attrs.shape = {};
  StepDesc step;
  step.op = find_op("max_pool2d");
  step.attrs = attrs;
  step.inputs = {TensorDesc::contiguous(c.x, DType::Float32)};
  step.outputs = {TensorDesc::contiguous(c.y, DType::Float32),
                  TensorDesc::contiguous(c.y, DType::Int64)};
  return run_step(reference_backend(), step,
                  {HostTensor::random(c.x, DType::Float32, generator)})[1];
}

void compare(const char* op, const PoolCase& c, DType t, bool channels_last,
             std::mt19937& generator) {
  const std::string name(op);
  const bool backward = name.ends_with("_backward"), max = name.find("max") != name.npos;
  StepDesc step;
  step.op = find_op(op);
  PoolAttrs attrs = c.attrs;
  if (name.starts_with("adaptive")) attrs = {.kernel = {c.y[2], c.y[3]}};
  std::vector<HostTensor> inputs;
  if (backward) {
    attrs.shape = c.x;
    inputs.push_back(HostTensor::random(c.y, t, generator, -4, 5));
    if (max) inputs.push_back(places_of_maxima(c, attrs, generator));
    step.outputs = {TensorDesc::contiguous(c.x, t)};
  } else {
    inputs.push_back(HostTensor::random(c.x, t, generator, -4, 5));
    step.outputs = {TensorDesc::contiguous(c.y, t)};
    if (max) step.outputs.push_back(TensorDesc::contiguous(c.y, DType::Int64));
  }
  step.attrs = attrs;
  RunOptions options;
  for (const HostTensor& in : inputs) {
    step.inputs.push_back(TensorDesc::contiguous(in.shape, in.dtype));
    options.input_strides.push_back(channels_last ? channels_last_strides(in.shape)
                                                  : in.shape.contiguous_strides());
  }
  const auto actual = run_step(cpu_backend(), step, inputs, options);
  const auto expected = run_step(reference_backend(), step, inputs);
  const double e = !is_floating(t) || (max && !backward) ? 0
                   : t == DType::Float16                 ? 2e-3
                   : t == DType::BFloat16                ? 1.6e-2
                   : t == DType::Float32                 ? 2e-6
                                                         : 1e-14;
  for (std::size_t o = 0; o < expected.size(); ++o)
    expect_close(actual[o], expected[o], e, 4 * e,
                 name + " " + c.x.str() + " " + std::string(ingot::name(t)) +
                     (channels_last ? " channels-last" : ""));
}

TEST(CpuPool, MatchesTheReferenceInBothLayouts) {
  std::mt19937 generator(1);
  for (const PoolCase& c : pool_cases())
    for (const bool channels_last : {false, true}) {
      for (const DType t : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16}) {
        for (const char* op :
             {"max_pool2d", "max_pool2d_backward", "avg_pool2d", "avg_pool2d_backward",
              "adaptive_avg_pool2d", "adaptive_avg_pool2d_backward", "adaptive_max_pool2d"}) {
          const bool adaptive = std::string(op).starts_with("adaptive");
          if (adaptive ? !c.adaptive_only && c.attrs.padding[0] != 0 : c.adaptive_only) continue;
          compare(op, c, t, channels_last, generator);
        }
      }
      if (c.adaptive_only) continue;
      for (const DType t : {DType::Int64, DType::UInt8})
        compare("max_pool2d", c, t, channels_last, generator);
    }
}

TEST(CpuPool, MaximumKeepsNanAndFirstPlace) {
  StepDesc step;
  step.op = find_op("max_pool2d");
  step.attrs = pool_cases()[0].attrs;
  step.outputs = {TensorDesc::contiguous({1, 1, 1, 2}, DType::Float32),
                  TensorDesc::contiguous({1, 1, 1, 2}, DType::Int64)};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto out =
      run_step(cpu_backend(), step,
               {HostTensor::of({1, 1, 2, 4}, DType::Float32, {1, nan, 2, 2, 3, 4, 2, 2})});
  EXPECT_TRUE(std::isnan(out[0].values()[0]));
  EXPECT_EQ(out[0].values()[1], 2);
  EXPECT_EQ(out[1].values(), (std::vector<double>{1, 2}));
}

}  // namespace
}  // namespace ingot::testing
