// A layer accepts the options that its function accepts, and computes the same with them: compared
// over generated options, also impossible ones.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/index.h>
#include <ingot/ops/interpolate.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/random.h>

namespace ingot {
namespace {

/// What came of it: a value, or the error.
struct Outcome {
  std::optional<std::vector<float>> value;
  std::string shape, error;
};

Outcome outcome(const std::function<Tensor()>& f) {
  try {
    const Tensor y = f();
    return {y.to_vector<float>(), y.shape().str(), {}};
  } catch (const Error& e) {
    return {{}, {}, e.what()};
  }
}

class SameOptions : public ::testing::Test {
 protected:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  Pair pair(std::int64_t low, std::int64_t high) {
    const std::int64_t h = pick(low, high);
    return {h, pick(0, 2) == 0 ? pick(low, high) : h};
  }
  void compare(const std::string& options, const std::function<Tensor()>& layer,
               const std::function<Tensor()>& function) {
    SCOPED_TRACE(options);
    const Outcome a = outcome(layer), b = outcome(function);
    ASSERT_EQ(a.value.has_value(), b.value.has_value())
        << "layer: " << a.error << "\nfunction: " << b.error;
    ++(a.value ? accepted_ : refused_);
    EXPECT_EQ(a.shape, b.shape);
    EXPECT_TRUE(a.value == b.value);
  }
  void TearDown() override {
    EXPECT_GT(accepted_, 40) << "the options are mostly impossible";
    EXPECT_GT(refused_, 20) << "no impossible options";
  }

  std::mt19937_64 random_{7};
  int accepted_ = 0, refused_ = 0;
};

std::string text(Pair p) { return "{" + std::to_string(p.h) + "," + std::to_string(p.w) + "} "; }

TEST_F(SameOptions, MaxPool2d) {
  const Tensor x = randn({2, 2, 9, 8});
  for (int i = 0; i < 400; ++i) {
    const Pair kernel = pair(0, 4);
    MaxPool2dOptions o{
        .padding = pair(-1, 4), .dilation = pair(0, 3), .ceil_mode = pick(0, 1) == 1};
    if (pick(0, 2) > 0) o.stride = pair(0, 3);
    compare(
        text(kernel) + text(o.stride.value_or(kernel)) + text(o.padding) + text(o.dilation),
        [&] {
          return nn::MaxPool2d{kernel, o}(x);
        },
        [&] { return max_pool2d(x, kernel, o); });
  }
  // The example of PyTorch's users: a dilated kernel may have more padding than half of its size.
  EXPECT_EQ((nn::MaxPool2d{3, {.stride = 1, .padding = 2, .dilation = 2}}(x).shape()), x.shape());
}

TEST_F(SameOptions, AvgPool2d) {
  const Tensor x = randn({2, 2, 9, 8});
  for (int i = 0; i < 400; ++i) {
    const Pair kernel = pair(0, 4);
    AvgPool2dOptions o{
        .padding = pair(-1, 3), .ceil_mode = pick(0, 1) == 1, .count_include_pad = pick(0, 1) == 1};
    if (pick(0, 2) > 0) o.stride = pair(0, 3);
    if (pick(0, 3) == 0) o.divisor_override = pick(-1, 3);
    compare(
        text(kernel) + text(o.stride.value_or(kernel)) + text(o.padding) +
            std::to_string(o.divisor_override.value_or(99)),
        [&] {
          return nn::AvgPool2d{kernel, o}(x);
        },
        [&] { return avg_pool2d(x, kernel, o); });
  }
}

TEST_F(SameOptions, AdaptivePools) {
  const Tensor x = randn({2, 2, 9, 8});
  for (int i = 0; i < 120; ++i) {
    const Pair size = pair(-1, 10);
    compare(
        text(size), [&] { return nn::AdaptiveAvgPool2d{size}(x); },
        [&] { return adaptive_avg_pool2d(x, size); });
    compare(
        text(size), [&] { return nn::AdaptiveMaxPool2d{size}(x); },
        [&] { return adaptive_max_pool2d(x, size); });
  }
}

TEST_F(SameOptions, Conv2d) {
  const Tensor x = randn({2, 4, 9, 8});
  for (int i = 0; i < 400; ++i) {
    const Pair kernel = pair(1, 4);
    nn::Conv2dOptions o{.stride = pair(0, 3), .padding = pair(-1, 4), .dilation = pair(0, 3)};
    if (pick(0, 4) == 0) o.padding = "same";
    o.groups = std::int64_t{1} << pick(0, 2);
    const Tensor weight = randn({8, 4 / o.groups, kernel.h, kernel.w}), bias = randn({8});
    compare(
        text(kernel) + text(o.stride) + text(o.padding) + text(o.dilation) +
            std::to_string(o.groups),
        [&] {
          nn::Conv2d layer(4, 8, kernel, o);
          layer.load_state_dict({{"weight", weight}, {"bias", bias}});
          return layer(x);
        },
        [&] {
          return conv2d(x, weight, bias,
                        {.stride = o.stride,
                         .padding = o.padding,
                         .dilation = o.dilation,
                         .groups = o.groups});
        });
  }
}

TEST_F(SameOptions, Conv1d) {
  const Tensor x = randn({2, 4, 9});
  for (int i = 0; i < 400; ++i) {
    const std::int64_t kernel = pick(1, 4);
    nn::Conv1dOptions o{.stride = pick(0, 3), .padding = pick(-1, 4), .dilation = pick(0, 3)};
    if (pick(0, 4) == 0) o.padding = "same";
    o.groups = std::int64_t{1} << pick(0, 2);
    const Tensor weight = randn({8, 4 / o.groups, kernel}), bias = randn({8});
    compare(
        text({kernel, o.stride}) + text({o.padding.size, o.dilation}),
        [&] {
          nn::Conv1d layer(4, 8, kernel, o);
          layer.load_state_dict({{"weight", weight}, {"bias", bias}});
          return layer(x);
        },
        [&] {
          return conv1d(x, weight, bias,
                        {.stride = o.stride,
                         .padding = o.padding,
                         .dilation = o.dilation,
                         .groups = o.groups});
        });
  }
}

TEST_F(SameOptions, ConvTranspose2d) {
  const Tensor x = randn({2, 4, 5, 4});
  for (int i = 0; i < 400; ++i) {
    const Pair kernel = pair(1, 4);
    nn::ConvTranspose2dOptions o;
    o.stride = pair(0, 3);
    o.padding = pair(-1, 3);
    o.output_padding = pair(-1, 2);
    o.dilation = pair(0, 3);
    o.groups = std::int64_t{1} << pick(0, 2);
    const Tensor weight = randn({4, 8 / o.groups, kernel.h, kernel.w}), bias = randn({8});
    compare(
        text(kernel) + text(o.stride) + text(o.padding) + text(o.output_padding) + text(o.dilation),
        [&] {
          nn::ConvTranspose2d layer(4, 8, kernel, o);
          layer.load_state_dict({{"weight", weight}, {"bias", bias}});
          return layer(x);
        },
        [&] {
          return conv_transpose2d(x, weight, bias,
                                  {.stride = o.stride,
                                   .padding = o.padding,
                                   .output_padding = o.output_padding,
                                   .groups = o.groups,
                                   .dilation = o.dilation});
        });
  }
}

TEST_F(SameOptions, ConvTranspose1d) {
  const Tensor x = randn({2, 4, 5});
  for (int i = 0; i < 400; ++i) {
    const std::int64_t kernel = pick(1, 4);
    nn::ConvTranspose1dOptions o;
    o.stride = pick(0, 3);
    o.padding = pick(-1, 3);
    o.output_padding = pick(-1, 2);
    o.dilation = pick(0, 3);
    o.groups = std::int64_t{1} << pick(0, 2);
    const Tensor weight = randn({4, 8 / o.groups, kernel}), bias = randn({8});
    compare(
        text({kernel, o.stride}) + text({o.padding, o.output_padding}) + std::to_string(o.dilation),
        [&] {
          nn::ConvTranspose1d layer(4, 8, kernel, o);
          layer.load_state_dict({{"weight", weight}, {"bias", bias}});
          return layer(x);
        },
        [&] {
          return conv_transpose1d(x, weight, bias,
                                  {.stride = o.stride,
                                   .padding = o.padding,
                                   .output_padding = o.output_padding,
                                   .groups = o.groups,
                                   .dilation = o.dilation});
        });
  }
}

TEST_F(SameOptions, Upsample) {
  const Tensor image = rand({1, 2, 5, 4}), sequence = rand({1, 2, 5}), matrix = rand({5, 4});
  for (int i = 0; i < 400; ++i) {
    InterpolateOptions o{.mode = static_cast<Interpolation>(pick(0, 4)),
                         .align_corners = pick(0, 3) == 0,
                         .recompute_scale_factor = pick(0, 3) == 0,
                         .antialias = pick(0, 5) == 0};
    if (pick(0, 1) == 0) o.size = pair(0, 7);
    if (!o.size || pick(0, 9) == 0) o.scale_factor = static_cast<double>(pick(0, 5)) * 0.75;
    const Tensor& x = pick(0, 4) == 0 ? (pick(0, 3) == 0 ? matrix : sequence) : image;
    compare(
        "mode " + std::to_string(static_cast<int>(o.mode)), [&] { return nn::Upsample(o)(x); },
        [&] { return interpolate(x, o); });
  }
}

TEST_F(SameOptions, Embedding) {
  for (int i = 0; i < 200; ++i) {
    const std::int64_t row = pick(-9, 8);
    const Tensor weight = randn({5, 3}), places = randint(0, 5, {2, 4});
    // The gradient, since the row is about that.
    compare(
        "padding " + std::to_string(row),
        [&] {
          nn::Embedding layer(5, 3, {.padding_idx = row});
          layer.load_state_dict({{"weight", weight}});
          layer(places).sum().backward();
          return layer.weight.grad();
        },
        [&] {
          if (row < -5) throw ValueError("no such row");
          Tensor table = weight.clone().detach();
          table.requires_grad_();
          embedding(table, places, row < 0 ? row + 5 : row).sum().backward();
          return table.grad();
        });
  }
}

TEST_F(SameOptions, Norms) {
  for (int i = 0; i < 300; ++i) {
    const std::int64_t groups = pick(0, 4), channels = pick(0, 6);
    const double eps = static_cast<double>(pick(-1, 3)) * 0.01;
    const Tensor x = randn({2, channels, 3});
    const Tensor weight = randn({channels}), bias = randn({channels});
    compare(
        text({groups, channels}) + std::to_string(eps),
        [&] {
          nn::GroupNorm layer(groups, channels, {.eps = eps});
          layer.load_state_dict({{"weight", weight}, {"bias", bias}});
          return layer(x);
        },
        [&] {
          if (channels < 1 || eps < 0) throw ValueError("what only the layer refuses");
          return group_norm(x, groups, weight, bias, eps);
        });
    const Shape shape = pick(0, 3) == 0 ? Shape{pick(0, 4)} : Shape{4, 3};
    const Tensor rows = randn({2, 4, 3}), scale = randn(shape), shift = randn(shape);
    compare(
        shape.str() + std::to_string(eps),
        [&] {
          nn::LayerNorm layer(shape, {.eps = eps});
          layer.load_state_dict({{"weight", scale}, {"bias", shift}});
          return layer(rows);
        },
        [&] {
          if (shape.numel() < 1 || eps < 0) throw ValueError("what only the layer refuses");
          return layer_norm(rows, shape, scale, shift, eps);
        });
  }
}

TEST_F(SameOptions, Losses) {
  for (int i = 0; i < 300; ++i) {
    const auto reduction = static_cast<Reduction>(pick(0, 3));
    const Tensor x = randn({4, 3}), t = rand({4, 3}), labels = randint(0, 3, {4});
    CrossEntropyOptions o{.reduction = reduction,
                          .ignore_index = pick(-2, 3),
                          .label_smoothing = static_cast<double>(pick(-1, 5)) * 0.25};
    if (pick(0, 2) == 0) o.weight = rand({pick(2, 3)});
    compare(
        "cross entropy", [&] { return nn::CrossEntropyLoss(o)(x, labels); },
        [&] { return cross_entropy(x, labels, o); });
    const double edge = static_cast<double>(pick(-1, 3)) * 0.5;
    const std::string options = std::to_string(edge) + " " + std::to_string(pick(0, 3));
    compare(
        "smooth l1 " + options,
        [&] { return nn::SmoothL1Loss({.reduction = reduction, .beta = edge})(x, t); },
        [&] { return smooth_l1_loss(x, t, {.reduction = reduction, .beta = edge}); });
    compare(
        "huber " + options,
        [&] { return nn::HuberLoss({.reduction = reduction, .delta = edge})(x, t); },
        [&] { return huber_loss(x, t, {.reduction = reduction, .delta = edge}); });
    compare(
        "kl " + options, [&] { return nn::KLDivLoss({.reduction = reduction})(x, t); },
        [&] { return kl_div(x, t, {.reduction = reduction}); });
    compare(
        "mse " + options, [&] { return nn::MSELoss({.reduction = reduction})(x, t); },
        [&] { return mse_loss(x, t, LossOptions{.reduction = reduction}); });
  }
}

}  // namespace
}  // namespace ingot
