// A layer accepts the options that its function accepts, and computes the same with them: compared
// over generated options, also impossible ones.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/conv.h>
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

}  // namespace
}  // namespace ingot
