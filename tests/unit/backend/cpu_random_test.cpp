// Random numbers of the cpu backend: the reference's bits for every dtype, offset and thread count.
#include <gtest/gtest.h>

#include <ingot/core/parallel.h>

#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

TEST(CpuRandom, GivesTheReferencesBits) {
  const int threads = num_threads();
  for (const char* op : {"uniform", "normal", "bernoulli", "randint"})
    for (const DType t : {DType::Bool, DType::UInt8, DType::Int64, DType::Float16, DType::BFloat16,
                          DType::Float32, DType::Float64})
      for (const std::int64_t numel : {0, 1, 5, 255, 1000, 20000})
        for (const std::int64_t offset :
             {std::int64_t{0}, std::int64_t{3}, (std::int64_t{1} << 34) - 2}) {
          StepDesc step;
          step.op = find_op(op);
          step.attrs = CreateAttrs{.shape = {numel}, .dtype = t, .device = {}};
          step.outputs = {TensorDesc::contiguous({numel}, t)};
          RunOptions options;
          options.slots = {Scalar(-123456789012345), Scalar(offset)};
          if (std::string(op) == "bernoulli") options.slots.push_back(Scalar(0.3));
          if (std::string(op) == "randint") {
            options.slots.push_back(Scalar(-7));
            options.slots.push_back(Scalar(90));
          }
          set_num_threads(1 + static_cast<int>(numel % 3));
          EXPECT_EQ(run_step(cpu_backend(), step, {}, options)[0].bytes,
                    run_step(reference_backend(), step, {}, options)[0].bytes)
              << op << " " << name(t) << " " << numel << " from " << offset;
        }
  set_num_threads(threads);
}

}  // namespace
}  // namespace ingot::testing
