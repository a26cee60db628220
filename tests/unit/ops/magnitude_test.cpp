// Ops on very large and very small float32 numbers, against the same in float64: where the result
// is a float32 number, it is the right one, whatever was computed on the way. Left out are those
// that come to it in several steps (kInSteps).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <ingot/core/error.h>

#include "core/op_def.h"
#include "support/op_run.h"

namespace ingot::optest {
namespace {

constexpr double kLargest = std::numeric_limits<float>::max();
constexpr double kSmallest = std::numeric_limits<float>::min();

// The case's inputs; floating ones so that the largest element of each is `magnitude`.
std::vector<HostValues> scaled_inputs(const OpCase& c, double magnitude) {
  std::vector<HostValues> inputs = case_inputs(c, DType::Float32, Layout::Contiguous);
  for (HostValues& in : inputs) {
    if (in.dtype != DType::Float32) continue;
    std::vector<double> numbers = in.numbers();
    double largest = 0;
    for (const double v : numbers)
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    if (largest == 0) continue;
    for (double& v : numbers) v *= magnitude / largest;
    in = make_values(in.shape, DType::Float32, numbers);
  }
  return inputs;
}

std::vector<HostValues> as_doubles(const std::vector<HostValues>& inputs) {
  std::vector<HostValues> wide;
  for (const HostValues& in : inputs)
    wide.push_back(in.dtype == DType::Float32 ? make_values(in.shape, DType::Float64, in.numbers())
                                              : in);
  return wide;
}

// "element 3: inf, expected 1e30", or nothing where each number that float32 can hold is right.
std::string wrong(const HostValues& got, const HostValues& truth) {
  const std::vector<double> a = got.numbers(), b = truth.numbers();
  if (a.size() != b.size()) return "another shape";
  double scale = 0;
  for (const double v : b)
    if (std::abs(v) <= kLargest) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(b[i]) <= kLargest)) continue;  // also NaN
    const double allowed = 1e-4 * scale + kSmallest;
    if (std::isfinite(a[i]) && std::abs(a[i] - b[i]) <= allowed) continue;
    return "element " + std::to_string(i) + ": " + std::to_string(a[i]) + ", expected " +
           std::to_string(b[i]);
  }
  return {};
}

// Cases that overflow or lose their digits in what they themselves ask for: several operations in a
// row, weights and terms as large as the result.
// Families that multiply, square or subtract what they are given, or add weighted terms, before
// they come to their result: what they make on the way has the range of the dtype, as in PyTorch.
constexpr std::array kInSteps{"adam_update",
                              "addmm",
                              "baddbmm",
                              "batch_norm",
                              "conv1d",
                              "conv2d",
                              "cumprod",
                              "conv_transpose1d",
                              "conv_transpose2d",
                              "cross_entropy",
                              "einsum",
                              "group_norm",
                              "huber_loss",
                              "index_add",
                              "instance_norm",
                              "interpolate",
                              "kl_div",
                              "l1_loss",
                              "layer_norm",
                              "linear",
                              "matmul",
                              "methods",
                              "mm",
                              "mse_loss",
                              "nll_loss",
                              "norm",
                              "outer",
                              "prod",
                              "rmsprop_update",
                              "scatter_reduce",
                              "sgd_update",
                              "std",
                              "smooth_l1_loss",
                              "vector_norm",
                              "binary_cross_entropy_with_logits",
                              "scaled_dot_product_attention"};

bool is_left_out(const std::string& name, double magnitude) {
  const std::string family = name.substr(0, name.find('/'));
  if (std::find(kInSteps.begin(), kInSteps.end(), family) != kInSteps.end()) return true;
  const auto ends_with = [&](std::string_view end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  return ends_with("kinks") || ends_with("far") || name == "chain" || name == "mul/broadcast" ||
         (name == "lerp" && magnitude > 1e38);
}

TEST(Magnitudes, AProductWithAZeroIsZero) {
  for (Backend* backend : {&cpu_backend(), &reference_backend()}) {
    const BackendOverride use(*backend);
    EXPECT_EQ(from_vector(std::vector<float>{3e38f, 3e38f, 0, 3e38f}).prod().item<float>(), 0.f);
    EXPECT_NEAR(from_vector(std::vector<float>{1e-30f, 1e-30f, 1e30f, 1e30f}).prod().item<float>(),
                1.f, 1e-6f);
    EXPECT_TRUE(std::isnan(
        from_vector(std::vector<float>{INFINITY, 0, 3e38f, 3e38f}).prod().item<float>()));
  }
}

TEST(Magnitudes, OpsAreRightWhereTheirResultIsANumber) {
  int checked = 0;
  for (const OpCase& c : all_op_cases()) {
    if (!(c.dtypes & bit(DType::Float32)) || !(c.dtypes & bit(DType::Float64))) continue;
    for (const double magnitude : {3e38, 1.5e19, 1e-30}) {
      if (is_left_out(c.name, magnitude)) continue;
      const std::vector<HostValues> inputs = scaled_inputs(c, magnitude);
      bool is_random = false;
      CaseResult truth, got;
      try {
        truth = run_case_on(c, as_doubles(inputs), Layout::Contiguous,
                            {.backend = &reference_backend(),
                             .observe = [&](const Node& n) { is_random |= n.op().traits.random; }});
      } catch (const ValueError&) {
        continue;  // such as probabilities above 1
      }
      if (is_random) break;
      const std::string where = c.name + " at " + std::to_string(std::log10(magnitude));
      got = run_case_on(c, inputs, Layout::Contiguous);
      for (std::size_t i = 0; i < truth.outputs.size(); ++i)
        EXPECT_EQ(wrong(got.outputs[i], truth.outputs[i]), "") << where << " output " << i;
      for (std::size_t i = 0; i < truth.grads.size(); ++i) {
        if (!truth.has_grad[i]) continue;
        EXPECT_EQ(wrong(got.grads[i], truth.grads[i]), "") << where << " gradient " << i;
      }
      ++checked;
    }
  }
  EXPECT_GT(checked, 400);
}

}  // namespace
}  // namespace ingot::optest
