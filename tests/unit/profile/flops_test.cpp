// How much arithmetic is counted: against formulas, published figures and the ops' own expansions.
#include <gtest/gtest.h>
#include <ingot/ingot.h>

#include <functional>
#include <string>

#include "backend/backend.h"
#include "core/op_def.h"

namespace ingot {
namespace {

double total_flops(const std::function<void()>& f, const std::string& only = "") {
  const ProfileResult result = profile(f, {.memory = false});
  double total = 0;
  for (const ProfileRow& row : result.rows()) {
    if (!only.empty() && row.op.rfind(only, 0) != 0) continue;
    EXPECT_TRUE(row.flops) << row.op;
    total += row.flops.value_or(0);
  }
  return total;
}

TEST(Flops, Contractions) {
  const Tensor x = ones({5, 7, 11}), w = ones({13, 11}), b = ones({13});
  eval();
  EXPECT_EQ(total_flops([&] { linear(x, w).eval(); }), 2.0 * 5 * 7 * 11 * 13);
  EXPECT_EQ(total_flops([&] { linear(x, w, b).eval(); }), 2.0 * 5 * 7 * 11 * 13 + 5 * 7 * 13);
  EXPECT_EQ(total_flops([&] { matmul(x, x.transpose(1, 2)).eval(); }), 2.0 * 5 * 7 * 7 * 11);
  const Tensor n = ones({4, 4}, {.dtype = DType::Int64});
  eval();
  EXPECT_EQ(total_flops([&] { matmul(n, n).eval(); }), 0) << "integers";
}

TEST(Flops, ConvolutionAndItsGradientsAreAlike) {
  const auto leaf = [](const Shape& shape) {
    Tensor t = ones(shape);
    t.eval();
    t.requires_grad_();
    return t;
  };
  const Tensor x = leaf({2, 6, 9, 8}), w = leaf({4, 3, 3, 2});
  Tensor y;
  const double forward = 2.0 * (2 * 4 * 5 * 5) * (3 * 3 * 2);
  EXPECT_EQ(total_flops(
                [&] {
                  y = conv2d(x, w, {}, {.stride = 2, .padding = {1, 1}, .groups = 2});
                  y.eval();
                },
                "conv2d"),
            forward);
  ASSERT_EQ(y.shape(), Shape({2, 4, 5, 5}));
  EXPECT_EQ(total_flops(
                [&] {
                  y.sum().backward();
                  eval();
                },
                "conv2d_backward_input"),
            forward);
}

// torchvision's weights for resnet18 say 1.814 GFLOPS, by which it means products that are added.
TEST(Flops, OfResNet18AreTorchvisions) {
  const NoGradGuard off;
  const auto net = models::create("resnet18", {.num_classes = 1000, .in_channels = {}});
  net->eval();
  const Tensor image = zeros({1, 3, 224, 224});
  eval();
  const ProfileResult result = profile([&] { (*net)(image).eval(); }, {.memory = false});
  double contractions = 0, others = 0;
  bool bias = false;
  for (const ProfileRow& row : result.rows()) {
    ASSERT_TRUE(row.flops) << row.op;
    // The last layer has one row here; a backend may compute it as a product and a sum.
    const bool contracts = row.op == "conv2d" || row.op == "linear" || row.op == "matmul";
    bias |= row.op == "linear";
    (contracts ? contractions : others) += *row.flops;
  }
  EXPECT_EQ(contractions, 2.0 * 1'814'073'344 + (bias ? 1000 : 0));
  EXPECT_GT(others, 0);
  EXPECT_LT(others, 0.01 * contractions);
}

TEST(Flops, Reductions) {
  const Tensor x = ones({6, 10});
  eval();
  EXPECT_EQ(total_flops([&] { x.sum(1).eval(); }), 6 * 9);
  EXPECT_EQ(total_flops([&] { x.amax(0).eval(); }), 5 * 10);
  EXPECT_EQ(total_flops([&] { x.mean().eval(); }), 59 + 1);
  EXPECT_EQ(total_flops([&] { x.argmax(1).eval(); }), 6 * 9);
  EXPECT_EQ(total_flops([&] { x.cumsum(1).eval(); }), 6 * 9);
}

// Windows at the edges have fewer elements; counted one by one here.
TEST(Flops, PoolsCountTheElementsOfTheirWindows) {
  struct Case {
    std::int64_t size, kernel, stride, padding, dilation;
    bool ceil_mode;
  };
  for (const Case& c : {Case{9, 3, 2, 1, 1, false},
                        {9, 3, 2, 1, 1, true},
                        {8, 2, 2, 0, 1, false},
                        {10, 3, 1, 1, 3, false},
                        {5, 5, 1, 2, 1, false},
                        {7, 4, 3, 2, 1, true},
                        {4, 3, 5, 1, 1, true}}) {
    const Tensor x = ones({2, 3, c.size, c.size});
    eval();
    Tensor y;
    const double counted = total_flops([&] {
      y = max_pool2d(x, c.kernel,
                     {.stride = c.stride,
                      .padding = c.padding,
                      .dilation = c.dilation,
                      .ceil_mode = c.ceil_mode});
      y.eval();
    });
    std::int64_t along = 0;
    for (std::int64_t o = 0; o < y.size(2); ++o)
      for (std::int64_t k = 0; k < c.kernel; ++k) {
        const std::int64_t at = o * c.stride - c.padding + k * c.dilation;
        along += at >= 0 && at < c.size;
      }
    EXPECT_EQ(counted, 6.0 * static_cast<double>(along * along - y.size(2) * y.size(3)))
        << c.size << " " << c.kernel << " " << c.stride;
  }
  for (const auto& [size, out] : {std::pair{7, 3}, {8, 4}, {5, 7}, {6, 1}}) {
    const Tensor x = ones({1, 1, size, size});
    eval();
    std::int64_t along = 0;
    for (int o = 0; o < out; ++o) along += ((o + 1) * size + out - 1) / out - o * size / out;
    EXPECT_EQ(total_flops([&] { adaptive_avg_pool2d(x, out).eval(); }),
              static_cast<double>(along * along))
        << size << " " << out;
  }
}

// The cpu backend has kernels for these; the reference backend computes what they expand to. Both
// count the same.
TEST(Flops, AKernelCountsWhatItsExpansionDoes) {
  const Tensor x = randn({4, 3, 5, 6}), w = ones({3}), b = zeros({3}), rows = randn({7, 9});
  eval();
  const auto batch_norm_step = [&](bool backward) {
    Tensor in = x.clone();
    in.eval();
    in.requires_grad_();
    Tensor weight = w.clone();
    weight.eval();
    weight.requires_grad_();
    nn::BatchNorm2d norm(3);
    const Tensor y = norm(in);
    if (backward) (y * x).sum().backward();
    eval();
  };
  const std::pair<const char*, std::function<void()>> cases[] = {
      {"batch_norm", [&] { batch_norm_step(false); }},
      {"batch_norm, backward", [&] { batch_norm_step(true); }},
      {"linear",
       [&] {
         linear(rows, randn({2, 9}), randn({2})).eval();
       }},
      {"var", [&] { rows.var(1).eval(); }},
      {"var of all", [&] { rows.var().eval(); }},
      {"std", [&] { rows.std(0).eval(); }},
      {"norm", [&] { rows.norm().eval(); }},
  };
  for (const auto& [name, f] : cases) {
    const auto counted = [&] {
      const ProfileResult result = profile(f, {.memory = false});
      double total = 0;
      for (const ProfileRow& row : result.rows()) total += row.flops.value_or(0);
      return total;
    };
    f();  // state that is made once
    const double with_kernel = counted();
    const BackendOverride reference(reference_backend());
    EXPECT_EQ(with_kernel, counted()) << name;
    EXPECT_GT(with_kernel, 0) << name;
  }
}

TEST(Flops, WhatIsPickedIsReadOnce) {
  const Tensor table = ones({1000, 8}), which = arange(5);
  eval();
  const ProfileResult result = profile([&] { table.index_select(0, which).eval(); });
  ASSERT_EQ(result.rows().size(), 1u);
  EXPECT_EQ(result.rows()[0].nbytes, 4u * 5 * 8 + 8 * 5 + 4 * 5 * 8);
  EXPECT_EQ(result.rows()[0].flops, 0);
}

TEST(Flops, UnknownIsNotGuessed) {
  const Tensor x = randn({3, 50});
  eval();
  const auto flops = [](const std::function<void()>& f) { return profile(f).rows().at(0).flops; };
  EXPECT_EQ(flops([&] { x.sort().values.eval(); }), std::nullopt);
  EXPECT_EQ(flops([&] { rand({3, 4}).eval(); }), std::nullopt);
}

}  // namespace
}  // namespace ingot
