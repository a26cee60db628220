// Cases of include/ingot/ops/{conv,interpolate,norm,pool}.h.
#include <ingot/ops/conv.h>
#include <ingot/ops/interpolate.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/pool.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

void add_conv(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const Shape& x, const Shape& w, bool bias,
                       const Conv2dOptions& options, bool numeric = true) {
    std::vector<InputSpec> inputs = {in(x), in(w)};
    if (bias) inputs.push_back(in({w[0]}));
    cases.push_back({name, std::move(inputs), one([options](In t) {
                       return conv2d(t[0], t[1], t.size() > 2 ? t[2] : Tensor(), options);
                     }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  add("conv2d", {2, 2, 4, 3}, {3, 2, 3, 2}, true, {});
  add("conv2d/no_bias", {1, 2, 4, 4}, {3, 2, 3, 3}, false, {});
  add("conv2d/padding", {1, 2, 3, 3}, {2, 2, 3, 3}, true, {.padding = 1});
  add("conv2d/stride", {1, 2, 5, 4}, {2, 2, 2, 2}, true, {.stride = 2});
  add("conv2d/pairs", {1, 1, 5, 6}, {2, 1, 3, 2}, true, {.stride = {2, 1}, .padding = {1, 2}});
  add("conv2d/dilation", {1, 1, 6, 5}, {2, 1, 3, 2}, true, {.padding = 1, .dilation = {2, 3}});
  add("conv2d/groups", {1, 4, 3, 3}, {4, 2, 2, 2}, true, {.groups = 2});
  add("conv2d/depthwise", {2, 3, 4, 3}, {6, 1, 2, 2}, true,
      {.stride = 2, .padding = 1, .groups = 3});
  add("conv2d/pointwise", {2, 3, 2, 3}, {4, 3, 1, 1}, true, {});
  add("conv2d/strided_pointwise", {1, 3, 4, 5}, {2, 3, 1, 1}, false, {.stride = 2});
  add("conv2d/unbatched", {2, 4, 4}, {2, 2, 3, 3}, true, {});
  add("conv2d/unused_border", {1, 1, 6, 6}, {1, 1, 3, 3}, false, {.stride = 2});
  add("conv2d/empty_batch", {0, 2, 4, 4}, {3, 2, 3, 3}, true, {}, false);
  add("conv2d/valid", {1, 2, 4, 5}, {2, 2, 3, 3}, true, {.padding = "valid"});
  add("conv2d/same", {1, 2, 4, 5}, {2, 2, 3, 3}, true, {.padding = "same"});
  add("conv2d/same_uneven", {2, 2, 4, 5}, {3, 2, 2, 4}, true, {.padding = "same"});
  add("conv2d/same_dilated", {1, 2, 5, 6}, {2, 1, 2, 4}, true,
      {.padding = "same", .dilation = {3, 1}, .groups = 2});
  add("conv2d/large", {3, 5, 20, 17}, {19, 5, 5, 5}, true, {.stride = 2, .padding = 2}, false);
  add("conv2d/large_channels", {1, 32, 7, 7}, {32, 32, 3, 3}, false, {.padding = 1}, false);
  const auto fine = [&](const char* name, const Shape& x, const Shape& w,
                        const Conv2dOptions& options) {
    cases.push_back({name,
                     {in(x, Draw::Fine), in(w, Draw::Fine), in({w[0]}, Draw::Fine)},
                     one([options](In t) { return conv2d(t[0], t[1], t[2], options); }),
                     kFull,
                     Tolerance::Reduction,
                     false,
                     false});
  };
  fine("conv2d/fine", {2, 6, 9, 8}, {12, 6, 3, 3}, {.padding = 1});
  fine("conv2d/fine_long_sums", {1, 64, 6, 6}, {16, 64, 3, 3}, {.stride = 2, .padding = 1});
  fine("conv2d/fine_depthwise", {2, 8, 9, 8}, {8, 1, 3, 3}, {.padding = 1, .groups = 8});
}

std::vector<InputSpec> conv_inputs(const Shape& x, const Shape& w, std::int64_t bias) {
  std::vector<InputSpec> inputs = {in(x), in(w)};
  if (bias > 0) inputs.push_back(in({bias}));
  return inputs;
}

void add_other_convs(std::vector<OpCase>& cases) {
  const auto sequence = [&](const char* name, const Shape& x, const Shape& w, bool bias,
                            const Conv1dOptions& options, bool numeric = true) {
    cases.push_back({name, conv_inputs(x, w, bias ? w[0] : 0), one([options](In t) {
                       return conv1d(t[0], t[1], t.size() > 2 ? t[2] : Tensor(), options);
                     }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  sequence("conv1d", {2, 3, 7}, {4, 3, 3}, true, {});
  sequence("conv1d/options", {1, 4, 9}, {6, 2, 2}, false,
           {.stride = 2, .padding = 1, .dilation = 3, .groups = 2});
  sequence("conv1d/same", {2, 2, 5}, {3, 2, 4}, true, {.padding = "same"});
  sequence("conv1d/unbatched", {2, 6}, {3, 2, 3}, true, {.padding = 2});
  sequence("conv1d/large", {3, 17, 53}, {13, 17, 5}, true, {.padding = 2}, false);

  const auto transposed = [&](const char* name, const Shape& x, const Shape& w, bool bias,
                              const ConvTranspose2dOptions& options, bool numeric = true) {
    cases.push_back({name, conv_inputs(x, w, bias ? w[1] * options.groups : 0),
                     one([options](In t) {
                       return conv_transpose2d(t[0], t[1], t.size() > 2 ? t[2] : Tensor(), options);
                     }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  transposed("conv_transpose2d", {2, 3, 3, 4}, {3, 2, 3, 2}, true, {});
  transposed("conv_transpose2d/stride", {1, 2, 3, 3}, {2, 3, 3, 3}, true,
             {.stride = 2, .padding = 1, .output_padding = 1});
  transposed("conv_transpose2d/pairs", {1, 2, 3, 4}, {2, 2, 2, 3}, false,
             {.stride = {3, 2}, .padding = {0, 1}, .output_padding = {2, 0}});
  transposed("conv_transpose2d/groups", {1, 4, 3, 3}, {4, 2, 2, 2}, true,
             {.stride = 2, .groups = 2});
  transposed("conv_transpose2d/dilation", {1, 2, 3, 3}, {2, 2, 2, 3}, true,
             {.padding = 1, .dilation = {3, 2}});
  transposed("conv_transpose2d/wide_output_padding", {1, 2, 3, 3}, {2, 2, 2, 2}, true,
             {.stride = {1, 2}, .padding = 1, .output_padding = {2, 3}, .dilation = {3, 4}});
  transposed("conv_transpose2d/unbatched", {2, 3, 3}, {2, 3, 2, 2}, true, {});
  transposed("conv_transpose2d/empty_batch", {0, 2, 3, 3}, {2, 3, 2, 2}, true, {}, false);
  transposed("conv_transpose2d/large", {2, 19, 9, 8}, {19, 11, 4, 4}, true,
             {.stride = 2, .padding = 1}, false);

  const auto transposed_sequence = [&](const char* name, const Shape& x, const Shape& w,
                                       const ConvTranspose1dOptions& options) {
    cases.push_back({name, conv_inputs(x, w, w[1] * options.groups),
                     one([options](In t) { return conv_transpose1d(t[0], t[1], t[2], options); }),
                     kFloats, Tolerance::Reduction});
  };
  transposed_sequence("conv_transpose1d", {2, 3, 5}, {3, 2, 3}, {});
  transposed_sequence("conv_transpose1d/options", {1, 4, 5}, {4, 1, 3},
                      {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2, .dilation = 2});
  transposed_sequence("conv_transpose1d/unbatched", {3, 5}, {3, 2, 3}, {.stride = 2});
}

void add_interpolate(std::vector<OpCase>& cases) {
  using Mode = Interpolation;
  const auto add = [&](const char* name, const Shape& x, const InterpolateOptions& options,
                       DTypes dtypes = kFloats, bool numeric = true) {
    const bool copies = options.mode == Mode::Nearest || options.mode == Mode::NearestExact;
    cases.push_back({name,
                     {in(x)},
                     one([options](In t) { return interpolate(t[0], options); }),
                     dtypes,
                     copies ? Tolerance::Exact : Tolerance::Reduction,
                     numeric,
                     numeric});
  };
  constexpr DTypes kCopied = kFloats | bit(DType::UInt8);
  add("interpolate/nearest", {2, 2, 3, 4}, {.size = Pair(5, 7)}, kCopied);
  add("interpolate/nearest_double", {1, 2, 3, 2}, {.scale_factor = 2}, kCopied);
  add("interpolate/nearest_shrink", {1, 2, 7, 5}, {.size = Pair(3, 2)}, kCopied);
  add("interpolate/nearest_factor", {1, 1, 5, 6}, {.scale_factor = ScaleFactor(1.7, 0.6)}, kCopied);
  add("interpolate/nearest_exact", {1, 2, 4, 5}, {.size = Pair(7, 3), .mode = Mode::NearestExact},
      kCopied);
  add("interpolate/nearest_sequence", {2, 2, 4}, {.size = 7}, kCopied);
  add("interpolate/linear", {2, 2, 4}, {.size = 7, .mode = Mode::Linear});
  add("interpolate/linear_corners", {2, 2, 4},
      {.size = 7, .mode = Mode::Linear, .align_corners = true});
  add("interpolate/bilinear", {2, 2, 3, 4}, {.size = Pair(5, 7), .mode = Mode::Bilinear});
  add("interpolate/bilinear_shrink", {1, 2, 7, 6}, {.size = Pair(3, 2), .mode = Mode::Bilinear});
  add("interpolate/bilinear_corners", {1, 2, 3, 4},
      {.size = Pair(6, 3), .mode = Mode::Bilinear, .align_corners = true});
  add("interpolate/bilinear_to_one", {1, 2, 3, 4},
      {.size = 1, .mode = Mode::Bilinear, .align_corners = true});
  add("interpolate/bilinear_factor", {1, 1, 5, 4},
      {.scale_factor = ScaleFactor(1.3, 2.6), .mode = Mode::Bilinear});
  add("interpolate/bilinear_recomputed", {1, 1, 5, 4},
      {.scale_factor = ScaleFactor(1.3, 2.6),
       .mode = Mode::Bilinear,
       .recompute_scale_factor = true});
  // PyTorch has no antialiasing of 16-bit floats.
  add("interpolate/bilinear_antialias", {1, 2, 8, 7},
      {.size = Pair(3, 4), .mode = Mode::Bilinear, .antialias = true}, kFull);
  add("interpolate/bilinear_large", {2, 17, 13, 11}, {.size = Pair(26, 31), .mode = Mode::Bilinear},
      kFloats, false);
  add("interpolate/bicubic", {1, 2, 4, 5}, {.size = Pair(7, 3), .mode = Mode::Bicubic});
  add("interpolate/bicubic_corners", {1, 1, 4, 5},
      {.size = Pair(6, 8), .mode = Mode::Bicubic, .align_corners = true});
  add("interpolate/bicubic_antialias", {1, 1, 9, 8},
      {.size = Pair(4, 12), .mode = Mode::Bicubic, .antialias = true}, kFull);
  // A channels-last image, which a convolution leaves behind.
  cases.push_back({"interpolate/after_conv",
                   {in({2, 3, 4, 4}), in({8, 3, 3, 3})},
                   one([](In t) {
                     return interpolate(conv2d(t[0], t[1]), {.size = 5, .mode = Mode::Bilinear});
                   }),
                   kFloats,
                   Tolerance::Reduction});
}

void add_pools(std::vector<OpCase>& cases) {
  const auto max = [&](const char* name, InputSpec x, Pair kernel, const MaxPool2dOptions& options,
                       bool numeric = true) {
    cases.push_back({name,
                     {x},
                     one([kernel, options](In t) { return max_pool2d(t[0], kernel, options); }),
                     kFloats,
                     Tolerance::Exact,
                     numeric,
                     numeric});
  };
  const auto distinct = [](const Shape& s) { return in(s, Draw::Distinct); };
  max("max_pool2d", distinct({2, 2, 4, 6}), 2, {});
  max("max_pool2d/overlap", distinct({1, 2, 5, 5}), 3, {.stride = 2, .padding = 1});
  max("max_pool2d/pairs", distinct({1, 2, 4, 5}), {2, 3}, {.stride = Pair(1, 2)});
  max("max_pool2d/dilation", distinct({1, 1, 6, 6}), 2, {.stride = 1, .dilation = 2});
  max("max_pool2d/ceil", distinct({1, 2, 5, 5}), 2, {.ceil_mode = true});
  max("max_pool2d/ceil_padding", distinct({1, 1, 6, 7}), 3,
      {.stride = 3, .padding = 1, .ceil_mode = true});
  max("max_pool2d/unbatched", distinct({2, 4, 4}), 2, {});
  max("max_pool2d/ties", in({1, 2, 6, 6}, Draw::Grid), 3, {.stride = 2}, false);
  max("max_pool2d/special", data({1, 1, 4, 4}, Draw::Special), 2, {.stride = 1}, false);
  max("max_pool2d/large", in({2, 17, 23, 19}), 3, {.stride = 2, .padding = 1}, false);
  cases.push_back({"max_pool2d_with_indices",
                   {in({2, 2, 5, 5}, Draw::Distinct)},
                   [](In t) {
                     auto [y, where] =
                         max_pool2d_with_indices(t[0], 3, {.stride = 2, .padding = 1});
                     return std::vector<Tensor>{y, where};
                   },
                   kFloats,
                   Tolerance::Exact});

  const auto average = [&](const char* name, const Shape& x, Pair kernel,
                           const AvgPool2dOptions& options, bool numeric = true) {
    cases.push_back({name,
                     {in(x)},
                     one([kernel, options](In t) { return avg_pool2d(t[0], kernel, options); }),
                     kFloats,
                     Tolerance::Reduction,
                     numeric,
                     numeric});
  };
  average("avg_pool2d", {2, 2, 4, 4}, 2, {});
  average("avg_pool2d/padding", {1, 2, 5, 5}, 3, {.stride = 2, .padding = 1});
  average("avg_pool2d/exclude_pad", {1, 2, 5, 5}, 3,
          {.stride = 2, .padding = 1, .count_include_pad = false});
  average("avg_pool2d/ceil", {1, 2, 5, 6}, {2, 3}, {.padding = {1, 1}, .ceil_mode = true});
  average("avg_pool2d/ceil_exclude", {1, 1, 6, 6}, {3, 3},
          {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false});
  average("avg_pool2d/divisor", {1, 2, 5, 6}, {2, 3},
          {.padding = {1, 1}, .ceil_mode = true, .divisor_override = 5});
  average("avg_pool2d/unbatched", {2, 4, 4}, 2, {});
  average("avg_pool2d/large", {2, 17, 23, 19}, 3, {.stride = 2, .padding = 1}, false);

  const auto adaptive = [&](const char* name, const Shape& x, Pair size) {
    cases.push_back({name,
                     {in(x)},
                     one([size](In t) { return adaptive_avg_pool2d(t[0], size); }),
                     kFloats,
                     Tolerance::Reduction});
  };
  adaptive("adaptive_avg_pool2d", {2, 2, 4, 4}, 1);
  adaptive("adaptive_avg_pool2d/even", {1, 2, 4, 6}, {2, 3});
  adaptive("adaptive_avg_pool2d/uneven", {1, 2, 5, 7}, {3, 4});
  adaptive("adaptive_avg_pool2d/larger", {1, 2, 2, 3}, {4, 5});
  adaptive("adaptive_avg_pool2d/unbatched", {2, 5, 5}, 2);

  const auto adaptive_max = [&](const char* name, InputSpec x, Pair size, bool numeric = true) {
    cases.push_back({name,
                     {x},
                     one([size](In t) { return adaptive_max_pool2d(t[0], size); }),
                     kFloats,
                     Tolerance::Exact,
                     numeric,
                     numeric});
  };
  adaptive_max("adaptive_max_pool2d", distinct({2, 2, 4, 4}), 1);
  adaptive_max("adaptive_max_pool2d/uneven", distinct({1, 2, 5, 7}), {3, 4});
  adaptive_max("adaptive_max_pool2d/larger", distinct({1, 2, 2, 3}), {4, 5});
  adaptive_max("adaptive_max_pool2d/unbatched", distinct({2, 5, 5}), 2);
  adaptive_max("adaptive_max_pool2d/ties", in({1, 2, 6, 7}, Draw::Grid), 3, false);
  adaptive_max("adaptive_max_pool2d/special", data({1, 1, 4, 4}, Draw::Special), 3, false);
  cases.push_back({"adaptive_max_pool2d_with_indices",
                   {in({2, 3, 5, 4}, Draw::Distinct)},
                   [](In t) {
                     auto [y, where] = adaptive_max_pool2d_with_indices(t[0], {3, 2});
                     return std::vector<Tensor>{y, where};
                   },
                   kFloats,
                   Tolerance::Exact});
}

void add_norms(std::vector<OpCase>& cases) {
  // x, running mean, running variance, weight, bias; the running statistics are outputs as well.
  const auto add = [&](const char* name, const Shape& shape, bool affine, bool training,
                       bool numeric, double momentum = 0.1, double eps = 1e-5) {
    const std::int64_t channels = shape[1];
    std::vector<InputSpec> inputs = {in(shape), data({channels}), data({channels}, Draw::Positive)};
    if (affine) {
      inputs.push_back(in({channels}, Draw::Positive));
      inputs.push_back(in({channels}));
    }
    cases.push_back({name, std::move(inputs),
                     [=](In t) {
                       const Tensor mean = t[1].clone(), var = t[2].clone();
                       const bool given = t.size() > 3;
                       const Tensor y =
                           batch_norm(t[0], mean, var, given ? t[3] : Tensor(),
                                      given ? t[4] : Tensor(), training, momentum, eps);
                       return std::vector<Tensor>{y, mean, var};
                     },
                     kFull, Tolerance::Reduction, numeric, numeric});
  };
  add("batch_norm/training", {3, 2, 2, 2}, true, true, true);
  add("batch_norm/evaluation", {2, 3, 2, 2}, true, false, true);
  add("batch_norm/plain_training", {4, 3, 2}, false, true, true);
  add("batch_norm/plain_evaluation", {2, 3, 2, 2}, false, false, true);
  add("batch_norm/rank_two", {5, 3}, true, true, true, 0.3, 1e-3);
  add("batch_norm/large", {4, 17, 9, 11}, true, true, false);
  add("batch_norm/large_evaluation", {4, 17, 9, 11}, true, false, false);
  cases.push_back({"batch_norm/no_statistics",
                   {in({3, 2, 2, 2}), in({2}, Draw::Positive), in({2})},
                   one([](In t) { return batch_norm(t[0], {}, {}, t[1], t[2], true); }),
                   kFull,
                   Tolerance::Reduction});
  // 16-bit images with float32 parameters and statistics.
  const auto single = [](Shape shape, Draw draw) {
    return InputSpec{shape, draw, 0, DType::Float32, true};
  };
  for (const bool training : {true, false})
    cases.push_back({training ? "batch_norm/mixed_training" : "batch_norm/mixed_evaluation",
                     {in({3, 4, 3, 2}), single({4}, Draw::Signed), single({4}, Draw::Positive),
                      single({4}, Draw::Positive), single({4}, Draw::Signed)},
                     [training](In t) {
                       const Tensor mean = t[1].detach().clone(), var = t[2].detach().clone();
                       const Tensor y = batch_norm(t[0], mean, var, t[3], t[4], training);
                       return std::vector<Tensor>{y, mean, var};
                     },
                     kHalves | bit(DType::Float32),
                     Tolerance::Reduction,
                     false,
                     false});
}

void add_instance_norms(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const Shape& shape, bool affine, bool own) {
    const std::int64_t channels = shape[1];
    std::vector<InputSpec> inputs = {in(shape), data({channels}), data({channels}, Draw::Positive)};
    if (affine) {
      inputs.push_back(in({channels}, Draw::Positive));
      inputs.push_back(in({channels}));
    }
    cases.push_back({name, std::move(inputs),
                     [=](In t) {
                       const Tensor mean = t[1].clone(), var = t[2].clone();
                       const bool given = t.size() > 3;
                       const Tensor y = instance_norm(t[0], mean, var, given ? t[3] : Tensor(),
                                                      given ? t[4] : Tensor(), own, 0.3, 1e-3);
                       return std::vector<Tensor>{y, mean, var};
                     },
                     kFull, Tolerance::Reduction});
  };
  add("instance_norm/training", {3, 2, 2, 2}, true, true);
  add("instance_norm/sequence", {2, 3, 4}, false, true);
  add("instance_norm/evaluation", {2, 3, 2, 2}, true, false);
  cases.push_back({"instance_norm",
                   {in({2, 3, 2, 2}), in({3}, Draw::Positive), in({3})},
                   one([](In t) { return instance_norm(t[0], {}, {}, t[1], t[2]); }),
                   kFull,
                   Tolerance::Reduction});
}

// x, and where affine weight and bias of the given shape.
std::vector<InputSpec> normalized_inputs(const Shape& x, const Shape& weight, bool affine) {
  if (!affine) return {in(x)};
  return {in(x), in(weight, Draw::Positive), in(weight)};
}

void add_row_norms(std::vector<OpCase>& cases) {
  const auto layer = [&](const char* name, const Shape& x, const Shape& shape, bool affine = true,
                         double eps = 1e-5, bool numeric = true) {
    cases.push_back({name, normalized_inputs(x, shape, affine), one([=](In t) {
                       const bool given = t.size() > 1;
                       return layer_norm(t[0], shape, given ? t[1] : Tensor(),
                                         given ? t[2] : Tensor(), eps);
                     }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  layer("layer_norm", {3, 5}, {5});
  layer("layer_norm/two_dims", {2, 3, 2, 4}, {2, 4}, true, 1e-3);
  layer("layer_norm/everything", {3, 4}, {3, 4});
  layer("layer_norm/plain", {2, 3, 4}, {4}, false);
  layer("layer_norm/large", {33, 257}, {257}, true, 1e-5, false);

  const auto group = [&](const char* name, const Shape& x, std::int64_t groups, bool affine = true,
                         double eps = 1e-5) {
    cases.push_back({name, normalized_inputs(x, {x[1]}, affine), one([=](In t) {
                       const bool given = t.size() > 1;
                       return group_norm(t[0], groups, given ? t[1] : Tensor(),
                                         given ? t[2] : Tensor(), eps);
                     }),
                     kFloats, Tolerance::Reduction});
  };
  group("group_norm", {2, 4, 3, 2}, 2);
  group("group_norm/one_group", {3, 2, 5}, 1, true, 1e-3);
  group("group_norm/plain", {2, 6, 3}, 3, false);
}

}  // namespace

void add_vision_cases(std::vector<OpCase>& cases) {
  add_conv(cases);
  add_other_convs(cases);
  add_interpolate(cases);
  add_pools(cases);
  add_norms(cases);
  add_instance_norms(cases);
  add_row_norms(cases);
}

}  // namespace ingot::optest
