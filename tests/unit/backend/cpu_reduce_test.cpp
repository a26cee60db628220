// Reductions: against the reference, and the same bits for every layout and thread count.
#include <gtest/gtest.h>

#include <ingot/core/parallel.h>

#include "backend/layouts.h"
#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

StepDesc reduce_step(const char* op, const Shape& shape, DType t, const Dims& dims) {
  StepDesc step;
  step.op = find_op(op);
  step.attrs = ReduceAttrs{dims, false};
  step.inputs = {TensorDesc::contiguous(shape, t)};
  Shape out;
  for (int d = 0; d < shape.rank(); ++d)
    if (!dims.contains(d)) out.push_back(shape[d]);
  const bool accumulates = step.op->name == "sum" || step.op->name == "prod";
  const bool logical = step.op->name == "any" || step.op->name == "all";
  const DType result = logical ? DType::Bool : accumulates && !is_floating(t) ? DType::Int64 : t;
  step.outputs = {TensorDesc::contiguous(out, result)};
  return step;
}

struct ReduceCase {
  Shape shape;
  Dims dims;
};

std::vector<ReduceCase> reduce_cases() {
  return {{{}, {}},
          {{5}, {0}},
          {{5}, {}},
          {{0}, {0}},
          {{3, 0, 2}, {1}},
          {{0, 4}, {1}},
          {{3000}, {0}},
          {{40, 70}, {0}},
          {{40, 70}, {1}},
          {{7, 2500}, {1}},
          {{2500, 7}, {0}},
          {{2500, 100}, {0}},
          {{3, 5, 7, 11}, {0, 2, 3}},
          {{4, 20, 19, 13}, {0, 2, 3}},
          {{4, 20, 19, 13}, {2, 3}},
          {{4, 20, 19, 13}, {1}},
          {{2, 3, 4, 5, 6}, {1, 3}},
          {{100000}, {0}}};
}

bool exists(const std::string& op, DType t) { return t != DType::Bool || !op.starts_with("am"); }

TEST(CpuReduce, MatchesTheReference) {
  std::mt19937 generator(1);
  for (const char* op : {"sum", "prod", "amax", "amin", "any", "all"})
    for (const DType t : {DType::Bool, DType::UInt8, DType::Int32, DType::Int64, DType::Float16,
                          DType::BFloat16, DType::Float32, DType::Float64})
      for (const ReduceCase& c : reduce_cases()) {
        const bool extremum = std::string(op).starts_with("am");
        if (!exists(op, t)) continue;
        const StepDesc step = reduce_step(op, c.shape, t, c.dims);
        if (extremum && c.shape.numel() == 0) continue;
        const bool prod = std::string(op) == "prod";
        const HostTensor input = prod && is_floating(t)
                                     ? HostTensor::random(c.shape, t, generator, 0.99, 1.01)
                                     : HostTensor::random(c.shape, t, generator, -4, 5);
        RunOptions options;
        options.input_strides = {random_strides(c.shape, generator)};
        const double e = !is_floating(t) || extremum ? 0
                         : t == DType::Float16       ? 2e-3
                         : t == DType::BFloat16      ? 1.6e-2
                         : t == DType::Float32       ? 3e-6
                                                     : 1e-14;
        // Sums cancel: the error is that of the sum of magnitudes.
        const double absolute = prod ? 0 : e * static_cast<double>(input.shape.numel());
        expect_close(run_step(cpu_backend(), step, {input}, options)[0],
                     run_step(reference_backend(), step, {input})[0], prod ? 30 * e : e,
                     t == DType::Float32 || t == DType::Float64 ? absolute : 10 * absolute,
                     std::string(op) + " " + std::string(name(t)) + " " + c.shape.str() + " over " +
                         c.dims.str());
      }
}

TEST(CpuReduce, BitsDoNotDependOnLayoutOrThreads) {
  const int threads = num_threads();
  std::mt19937 generator(2);
  for (const ReduceCase& c : reduce_cases())
    for (const DType t : {DType::Float32, DType::BFloat16}) {
      const StepDesc step = reduce_step("sum", c.shape, t, c.dims);
      const HostTensor input = HostTensor::random(c.shape, t, generator, -1, 1);
      const HostTensor expected = run_step(cpu_backend(), step, {input})[0];
      for (int round = 0; round < 8; ++round) {
        set_num_threads(1 + round % 3);
        RunOptions options;
        options.input_strides = {random_strides(c.shape, generator)};
        if (round == 7 && c.shape.rank() == 4)
          options.input_strides = {channels_last_strides(c.shape)};
        EXPECT_EQ(run_step(cpu_backend(), step, {input}, options)[0].bytes, expected.bytes)
            << c.shape.str() << " over " << c.dims.str();
      }
      set_num_threads(threads);
    }
}

TEST(CpuReduce, NanWinsExtrema) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::size_t place : {0u, 5u, 19u, 36u}) {
    std::vector<double> values(37, 1.0);
    values[place] = nan;
    for (const char* op : {"amax", "amin"}) {
      const StepDesc step = reduce_step(op, {37}, DType::Float32, {0});
      const auto out =
          run_step(cpu_backend(), step, {HostTensor::of({37}, DType::Float32, values)});
      EXPECT_TRUE(std::isnan(out[0].values()[0])) << op << place;
    }
  }
}

}  // namespace
}  // namespace ingot::testing
