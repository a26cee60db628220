// float16 and bfloat16 over 100,000 elements: counts, sums, statistics and numbers that 16 bits
// cannot hold. What an op gives, and its gradient, is what float32 gives, rounded once.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include <ingot/ingot.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using Function = std::function<Tensor(const Tensor&)>;

constexpr std::int64_t kRows = 1000, kColumns = 100, kNumel = kRows * kColumns;

Tensor constant(double value, const Shape& shape, const Tensor& like) {
  return full(shape, value, {.dtype = like.dtype()});
}
Tensor first_places() { return zeros({kRows}, {.dtype = int64}); }
Tensor targets(std::int64_t classes) {
  return (arange(0, kNumel / classes, 1, int64) * 7) % classes;
}

// Ten columns of one row, each of which becomes 10,000 elements.
constexpr std::int64_t kFew = kNumel / 10;
Tensor few(const Tensor& x) { return x.narrow(0, 0, 1).narrow(1, 0, 10); }
Tensor many_zeros() { return zeros({kFew}, {.dtype = int64}); }

struct Case {
  const char* name;
  Function f;  ///< of x[1000, 100]
};

std::vector<Case> cases() {
  const Shape whole{kNumel};
  return {
      {"sum", [](const Tensor& x) { return x.sum(); }},
      {"sum of columns", [](const Tensor& x) { return x.sum({0}); }},
      {"mean", [](const Tensor& x) { return x.mean(); }},
      {"var", [](const Tensor& x) { return x.var(); }},
      {"std", [](const Tensor& x) { return x.std(); }},
      {"norm", [](const Tensor& x) { return x.norm(); }},
      {"vector_norm 1", [](const Tensor& x) { return vector_norm(x, 1); }},
      {"vector_norm 3", [](const Tensor& x) { return vector_norm(x, 3); }},
      {"vector_norm 0", [](const Tensor& x) { return vector_norm(x, 0); }},
      {"logsumexp", [](const Tensor& x) { return x.reshape({kNumel}).logsumexp({0}); }},
      {"softmax", [](const Tensor& x) { return x.reshape({kNumel}).softmax(0); }},
      {"log_softmax", [](const Tensor& x) { return x.reshape({kNumel}).log_softmax(0); }},
      {"cumsum", [](const Tensor& x) { return cumsum(x.reshape({kNumel}), 0); }},
      {"amax", [](const Tensor& x) { return x.amax(); }},
      {"amin", [](const Tensor& x) { return x.amin(); }},
      {"amax of columns", [](const Tensor& x) { return x.amax({0}); }},
      {"max of dimension", [](const Tensor& x) { return x.max(0).values; }},
      {"median", [](const Tensor& x) { return median(x); }},
      {"mse_loss", [](const Tensor& x) { return mse_loss(x, zeros_like(x)); }},
      {"l1_loss", [](const Tensor& x) { return l1_loss(x, zeros_like(x)); }},
      {"smooth_l1_loss", [](const Tensor& x) { return smooth_l1_loss(x, zeros_like(x)); }},
      {"huber_loss", [](const Tensor& x) { return huber_loss(x, zeros_like(x)); }},
      {"binary_cross_entropy",
       [](const Tensor& x) { return binary_cross_entropy(clamp(x, 0, 1), ones_like(x)); }},
      {"binary_cross_entropy_with_logits",
       [](const Tensor& x) { return binary_cross_entropy_with_logits(x, ones_like(x)); }},
      {"kl_div", [](const Tensor& x) { return kl_div(x, constant(0.25, x.shape(), x)); }},
      {"cross_entropy",
       [](const Tensor& x) {
         return cross_entropy(x.reshape({-1, 2}), targets(2));
       }},
      {"cross_entropy sum",
       [](const Tensor& x) {
         return cross_entropy(x.reshape({-1, 2}), targets(2), {.reduction = Reduction::Sum});
       }},
      {"cross_entropy weight",
       [](const Tensor& x) {
         return cross_entropy(x.reshape({-1, 2}), targets(2),
                              {.weight = tensor({1.5, 2.5}).to(x.dtype())});
       }},
      {"cross_entropy smoothing",
       [](const Tensor& x) {
         return cross_entropy(x.reshape({-1, 2}), targets(2),
                              {.weight = tensor({1.5, 2.5}).to(x.dtype()), .label_smoothing = 0.1});
       }},
      {"cross_entropy probabilities",
       [](const Tensor& x) {
         const Tensor logits = x.reshape({-1, 2});
         return cross_entropy(logits, constant(0.5, logits.shape(), x));
       }},
      {"nll_loss weight",
       [](const Tensor& x) {
         return nll_loss(x.reshape({-1, 2}), targets(2),
                         {.weight = tensor({1.5, 2.5}).to(x.dtype())});
       }},
      {"layer_norm", [](const Tensor& x) { return layer_norm(x.reshape({kNumel}), {kNumel}); }},
      {"group_norm",
       [](const Tensor& x) {
         return group_norm(x.reshape({1, 2, kNumel / 2}), 1, tensor({0.375, 3.0}).to(x.dtype()),
                           tensor({0.125, -1.0}).to(x.dtype()));
       }},
      {"batch_norm",
       [](const Tensor& x) {
         return batch_norm(x.reshape({kNumel, 1}), {}, {}, tensor({0.375}).to(x.dtype()),
                           tensor({0.125}).to(x.dtype()), true);
       }},
      {"instance_norm",
       [](const Tensor& x) {
         return instance_norm(x.reshape({1, 2, kNumel / 2}));
       }},
      {"scatter_add",
       [](const Tensor& x) {
         return scatter_add(constant(0.125, {1}, x), 0, zeros({kNumel}, {.dtype = int64}),
                            x.reshape({kNumel}));
       }},
      {"scatter_reduce mean",
       [](const Tensor& x) {
         return scatter_reduce(constant(0.125, {1}, x), 0, zeros({kNumel}, {.dtype = int64}),
                               x.reshape({kNumel}), "mean");
       }},
      {"scatter_reduce amax",
       [](const Tensor& x) {
         return scatter_reduce(constant(0, {1}, x), 0, zeros({kNumel}, {.dtype = int64}),
                               x.reshape({kNumel}), "amax");
       }},
      {"index_add",
       [](const Tensor& x) {
         return index_add(constant(0.125, {1, kColumns}, x), 0, first_places(), x, 0.3);
       }},
      {"gradient of embedding", [](const Tensor& x) { return embedding(few(x), many_zeros()); }},
      {"gradient of index_select",
       [](const Tensor& x) { return index_select(few(x), 0, many_zeros()); }},
      {"gradient of index", [](const Tensor& x) { return few(x).index({many_zeros()}); }},
      {"gradient of gather",
       [](const Tensor& x) {
         return gather(x.reshape({kNumel}), 0, zeros({kNumel}, {.dtype = int64}));
       }},
      {"gradient of add",
       [](const Tensor& x) {
         return x.narrow(0, 0, 1) + constant(0.125, {kRows, kColumns}, x);
       }},
      {"gradient of mul",
       [](const Tensor& x) {
         return x.narrow(0, 0, 1) *
                test::waves({kRows, kColumns}, 1, float32).to(bfloat16).to(x.dtype());
       }},
      {"gradient of div",
       [](const Tensor& x) {
         return constant(0.125, {kRows, kColumns}, x) / (x.narrow(0, 0, 1));
       }},
      {"gradient of expand",
       [](const Tensor& x) {
         return few(x).expand({kFew, 10});
       }},
      {"avg_pool2d",
       [](const Tensor& x) {
         return avg_pool2d(x.reshape({1, 1, 1000, 100}), 100);
       }},
      {"adaptive_avg_pool2d",
       [](const Tensor& x) {
         return adaptive_avg_pool2d(x.reshape({1, 1, 1000, 100}), {3, 3});
       }},
      {"global pool",
       [](const Tensor& x) {
         return adaptive_avg_pool2d(x.reshape({1, 1, 1000, 100}), 1);
       }},
      {"interpolate",
       [](const Tensor& x) {
         return interpolate(
             x.reshape({1, 1, 1000, 100}),
             {.size = Pair(3, 3), .mode = Interpolation::Bilinear, .antialias = true});
       }},
      {"dot",
       [](const Tensor& x) { return dot(x.reshape({kNumel}), constant(0.125, {kNumel}, x)); }},
      {"linear",
       [](const Tensor& x) {
         return linear(x.reshape({1, kNumel}), constant(0.0078125, {3, kNumel}, x),
                       constant(0.125, {3}, x));
       }},
      {"gradient of linear",
       [](const Tensor& x) {
         const Tensor bias = x.narrow(0, 0, 3).narrow(1, 0, 1).reshape({3}).detach();
         return linear(constant(0.125, {kFew, 10}, x), x.narrow(0, 0, 3).narrow(1, 0, 10), bias);
       }},
      {"conv2d",
       [](const Tensor& x) {
         return conv2d(x.reshape({1, 1, 1000, 100}), constant(0.0078125, {2, 1, 100, 100}, x),
                       constant(0.125, {2}, x), {.stride = 10});
       }},
  };
}

// Finite 16-bit numbers in order.
std::int64_t place_of(double v, DType t) {
  if (v == 0) return 0;
  int e = 0;
  const double mantissa = std::frexp(std::abs(v), &e);
  const int digits = t == float16 ? 11 : 8, lowest = t == float16 ? -13 : -125;
  const double unit = std::ldexp(1.0, std::max(e, lowest) - digits);
  const auto steps = static_cast<std::int64_t>(std::ldexp(mantissa, e) / unit);
  const std::int64_t place = (static_cast<std::int64_t>(std::max(e, lowest)) << 12) + steps;
  return v < 0 ? -place : place;
}

std::string differing(const std::vector<double>& got, const std::vector<double>& wide, DType t,
                      std::int64_t allowed) {
  const Tensor rounded = from_vector(wide).to(float32).to(t);
  const std::vector<double> expected = doubles(rounded);
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(expected[i])) continue;
    if (got[i] == expected[i]) continue;
    if (std::isfinite(got[i]) && std::isfinite(expected[i]) &&
        std::abs(place_of(got[i], t) - place_of(expected[i], t)) <= allowed)
      continue;
    return "element " + std::to_string(i) + ": " + std::to_string(got[i]) + ", float32 gives " +
           std::to_string(wide[i]);
  }
  return {};
}

struct Result {
  std::vector<double> value, gradient;
};

Result run(const Function& f, const Tensor& values) {
  Tensor x = values.detach();
  x.requires_grad_();
  const Tensor y = f(x);
  if (!y.requires_grad()) return {doubles(y), {}};
  y.backward(ones_like(y));
  return {doubles(y), doubles(x.grad())};
}

TEST(SixteenBitCounts, HundredThousandElements) {
  struct Draw {
    const char* name;
    std::function<Tensor()> make;
  };
  const Shape shape{kRows, kColumns};
  const Draw draws[] = {
      {"ones", [&] { return ones(shape); }},
      {"waves", [&] { return test::waves(shape, 0.3, float32); }},
      // Sums of these and their squares leave float16.
      {"large", [&] { return test::waves(shape, 0.3, float32) * 300; }},
      {"small", [&] { return test::waves(shape, 0.3, float32) * 1e-3; }},
  };
  for (const DType t : {float16, bfloat16})
    for (const Case& c : cases())
      for (const Draw& draw : draws) {
        SCOPED_TRACE(std::string(c.name) + " " + std::string(name(t)) + " " + draw.name);
        const Tensor x = draw.make().to(t);
        const Result narrow = run(c.f, x), wide = run(c.f, x.to(float32));
        EXPECT_EQ(differing(narrow.value, wide.value, t, 0), "");
        EXPECT_EQ(differing(narrow.gradient, wide.gradient, t, 0), "") << "gradient";
      }
}

}  // namespace
}  // namespace ingot
