// batch_norm and its gradient against their formulas in double, in both layouts.
#include <gtest/gtest.h>

#include <cmath>

#include <ingot/core/parallel.h>

#include "backend/layouts.h"
#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/kernel_runner.h"

namespace ingot::testing {
namespace {

constexpr double kEps = 1e-5;

struct Expected {
  std::vector<double> y, mean, var, dx, dweight, dbias;
};

// The formulas, element by element.
Expected by_formula(const Shape& shape, const std::vector<double>& x, const std::vector<double>& g,
                    const std::vector<double>& weight, const std::vector<double>& bias) {
  const auto channels = static_cast<std::size_t>(shape[1]);
  std::size_t places = 1;
  for (int d = 2; d < shape.rank(); ++d) places *= static_cast<std::size_t>(shape[d]);
  const double count = static_cast<double>(x.size() / channels);
  const auto channel = [&](std::size_t i) { return i / places % channels; };
  Expected e;
  e.mean.assign(channels, 0);
  e.var = e.dweight = e.dbias = e.mean;
  e.y.resize(x.size());
  e.dx.resize(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) e.mean[channel(i)] += x[i] / count;
  for (std::size_t i = 0; i < x.size(); ++i)
    e.var[channel(i)] += std::pow(x[i] - e.mean[channel(i)], 2) / count;
  const auto rstd = [&](std::size_t c) { return 1 / std::sqrt(e.var[c] + kEps); };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = channel(i);
    const double normalized = (x[i] - e.mean[c]) * rstd(c);
    e.y[i] = normalized * weight[c] + bias[c];
    e.dweight[c] += g[i] * normalized;
    e.dbias[c] += g[i];
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = channel(i);
    const double normalized = (x[i] - e.mean[c]) * rstd(c);
    e.dx[i] = (g[i] - e.dbias[c] / count - normalized * e.dweight[c] / count) * weight[c] * rstd(c);
  }
  return e;
}

StepDesc step_of(const char* op, const std::vector<Shape>& outputs) {
  StepDesc step;
  step.op = find_op(op);
  step.attrs = NormAttrs{.eps = kEps};
  for (const Shape& s : outputs) step.outputs.push_back(TensorDesc::contiguous(s, DType::Float32));
  return step;
}

TEST(CpuBatchNorm, MatchesTheFormulasWithEqualBitsInAllLayouts) {
  const int threads = num_threads();
  std::mt19937 generator(1);
  for (const Shape& shape :
       {Shape{4, 3}, Shape{70, 130}, Shape{2, 5, 7}, Shape{3, 2, 4, 5}, Shape{4, 70, 19, 13},
        Shape{2, 64, 40, 40}, Shape{5, 1, 6, 6}, Shape{2, 3, 2, 3, 4}}) {
    const Shape vector{shape[1]};
    const auto random = [&](const Shape& s, double low, double high) {
      return HostTensor::random(s, DType::Float32, generator, low, high);
    };
    const HostTensor x = random(shape, 4, 6), g = random(shape, -1, 1);
    const HostTensor weight = random(vector, 0.5, 1.5), bias = random(vector, -1, 1);
    const Expected e = by_formula(shape, x.values(), g.values(), weight.values(), bias.values());
    const auto full = [&](const std::vector<double>& v) {
      return HostTensor::of(shape, DType::Float64, v);
    };
    const auto of_vector = [&](const std::vector<double>& v) {
      return HostTensor::of(vector, DType::Float64, v);
    };
    const StepDesc forward = step_of("batch_norm", {shape, vector, vector});
    const StepDesc backward = step_of("batch_norm_backward", {shape, vector, vector});
    std::vector<HostTensor> first_forward, first_backward;
    for (int round = 0; round < 4; ++round) {
      set_num_threads(1 + round % 2);
      RunOptions images;
      if (round >= 2 && shape.rank() == 4) images.input_strides = {channels_last_strides(shape)};
      images.overwrite_input = round % 2 ? 0 : -1;
      const auto y = run_step(cpu_backend(), forward, {x, weight, bias}, images);
      expect_close(y[0], full(e.y), 3e-6, 3e-6, shape.str() + " y");
      expect_close(y[1], of_vector(e.mean), 1e-6, 0, shape.str() + " mean");
      expect_close(y[2], of_vector(e.var), 1e-5, 0, shape.str() + " var");
      if (shape.rank() == 4 && round >= 2) images.input_strides.push_back(images.input_strides[0]);
      const auto d = run_step(cpu_backend(), backward, {g, x, weight, y[1], y[2]}, images);
      const double sums = 3e-7 * static_cast<double>(shape.numel() / shape[1]) + 1e-5;
      expect_close(d[0], full(e.dx), 1e-4, 3e-5, shape.str() + " dx");
      expect_close(d[1], of_vector(e.dweight), 1e-5, sums, shape.str() + " dweight");
      expect_close(d[2], of_vector(e.dbias), 1e-5, sums, shape.str() + " dbias");
      if (round == 0) {
        first_forward = y;
        first_backward = d;
      }
      for (std::size_t o = 0; o < 3; ++o) {
        EXPECT_EQ(y[o].bytes, first_forward[o].bytes) << shape.str() << " output " << o;
        EXPECT_EQ(d[o].bytes, first_backward[o].bytes) << shape.str() << " gradient " << o;
      }
    }
    set_num_threads(threads);
  }
}

}  // namespace
}  // namespace ingot::testing
