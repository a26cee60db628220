#include <ingot/ops/norm.h>

#include "core/op_def.h"
#include "core/record.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

// Numbers without another source are PyTorch 2.13's for the same input.

TEST(BatchNorm, TrainingMatchesPyTorch) {
  Tensor x = waves({3, 2, 2}, 1);
  Tensor w = tensor({1.5, -0.5}, float64), b = tensor({0.1, 0.2}, float64);
  const Tensor rm = tensor({0.5, -0.5}, float64), rv = tensor({2., 3.}, float64);
  for (Tensor* t : {&x, &w, &b}) t->requires_grad_();
  const Tensor y = batch_norm(x, rm, rv, w, b, true, 0.3, 1e-3);
  expect_values(y, {3, 2, 2},
                {1.20697663309, 0.115506228628, 0.6962511837, 0.112513869516, 1.62099140188,
                 -1.20907599139, 0.717171525693, -0.274123512161, 1.34751915089, -2.4819174231,
                 0.54405422764, -0.595867294387},
                1e-10);
  expect_values(rm, {2}, {0.514383829403, -0.466017310474}, 1e-10);
  expect_values(rv, {2}, {1.59667328472, 2.36390724461}, 1e-10);
  EXPECT_FALSE(rm.requires_grad());
  (y * waves({3, 2, 2}, 4)).sum().backward();
  expect_values(x.grad(), {3, 2, 2},
                {0.25063017068, -0.177683884039, 0.0571843098158, -0.043565151053, 0.0283999055143,
                 -0.080099941751, 0.00120579881931, -0.0146655980153, -0.130450657646,
                 0.109204407242, -0.0366558576414, 0.0364964980746},
                1e-10);
  expect_values(w.grad(), {2}, {-3.95135519483, -4.75967518377}, 1e-10);
  expect_values(b.grad(), {2}, {-3.72869289373, 2.87386822108}, 1e-10);
}

TEST(BatchNorm, EvaluationMatchesPyTorch) {
  const Tensor x = waves({3, 2, 2}, 1);
  const Tensor w = tensor({1.5, -0.5}, float64), b = tensor({0.1, 0.2}, float64);
  const Tensor rm = tensor({0.5, -0.5}, float64), rv = tensor({2., 3.}, float64);
  expect_values(batch_norm(x, rm, rv, w, b, false, 0.1, 1e-3), {3, 2, 2},
                {0.729781675449, 0.158951440431, 0.412741992447, 0.124036613283, 0.946308066639,
                 -0.533794397532, 0.423088795916, -0.0671868859928, 0.803284280867, -1.19948021974,
                 0.337468271136, -0.226315244562},
                1e-10);
  expect_values(rm, {2}, {0.5, -0.5});
}

TEST(BatchNorm, WithoutWeightAndStatistics) {
  const Tensor x = tensor({{1., 10.}, {3., 30.}}, float64);
  expect_values(batch_norm(x, {}, {}, {}, {}, true, 0.1, 0), {2, 2}, {-1, -1, 1, 1}, 1e-12);
}

// A mean far from zero must not eat the variance.
TEST(BatchNorm, LargeMeanKeepsPrecision) {
  const Tensor x = tensor({{4096.f}, {4097.f}, {4098.f}, {4099.f}});
  const double scale = 1 / std::sqrt(1.25);
  expect_values(batch_norm(x, {}, {}, {}, {}, true, 0.1, 0), {4, 1},
                {-1.5 * scale, -0.5 * scale, 0.5 * scale, 1.5 * scale}, 1e-5);
}

TEST(BatchNorm, ReducedPrecisionKeepsFloatStatistics) {
  const Tensor x = waves({4, 2, 3}, 1).to(bfloat16);
  const Tensor w = tensor({1.5, -0.5}, float32), b = tensor({0.1, 0.2}, float32);
  const Tensor rm = tensor({0., 0.}), rv = tensor({1., 1.});
  const Tensor y = batch_norm(x, rm, rv, w, b, true);
  EXPECT_EQ(y.dtype(), bfloat16);
  EXPECT_EQ(rm.dtype(), float32);
  const Tensor exact = batch_norm(x.to(float64), {}, {}, w.to(float64), b.to(float64), true);
  expect_values(y, {4, 2, 3}, doubles(exact), 0.02);
}

TEST(BatchNorm, Gradients) {
  const auto train = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{batch_norm(in[0], {}, {}, in[1], in[2], true, 0.1, 1e-3)};
  };
  expect_gradients(train, {waves({3, 2, 2}, 1), waves({2}, 2), waves({2}, 3)});
  expect_gradients(train, {waves({4, 2}, 1), waves({2}, 2), waves({2}, 3)});
  const Tensor rm = tensor({0.5, -0.5}, float64), rv = tensor({2., 3.}, float64);
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{batch_norm(in[0], rm, rv, in[1], in[2], false)};
      },
      {waves({3, 2, 2}, 1), waves({2}, 2), waves({2}, 3)});
}

// The hidden statistics are differentiable outputs.
TEST(BatchNorm, GradientsThroughTheStatistics) {
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        const Tensor* inputs[] = {&in[0], &in[1], &in[1]};
        const auto out =
            record_multi(*find_op("batch_norm"), inputs, NormAttrs{.eps = 1e-3}, Site::current());
        return std::vector<Tensor>{out[0] * out[1].unsqueeze(-1), out[2]};
      },
      {waves({3, 2, 2}, 1), waves({2}, 2)});
}

TEST(BatchNorm, Errors) {
  const Tensor x = waves({3, 2, 2}, 1).to(float32);
  const Tensor two = tensor({1., 1.}), three = tensor({1., 1., 1.});
  expect_error<ValueError>([&] { batch_norm(x, {}, {}); },
                           "batch_norm: evaluation mode needs running_mean and running_var");
  expect_error<ValueError>(
      [&] {
        batch_norm(waves({1, 3}, 1).to(float32), {}, {}, {}, {}, true);
      },
      "batch_norm: training needs more than one value per channel, got x[1, 3]");
  expect_error<ShapeError>([&] { batch_norm(x, {}, {}, three, two, true); },
                           "batch_norm: weight must have shape [2] for x[3, 2, 2], got [3]");
  expect_error<ShapeError>([&] { batch_norm(x, {}, {}, two, three, true); },
                           "bias must have shape");
  expect_error<ShapeError>([&] { batch_norm(x, three, two, two, two, true); },
                           "batch_norm: running_mean must have shape [2], got [3]");
  expect_error<ShapeError>([&] { batch_norm(x, two, three); }, "running_var must have shape [2]");
  expect_error<ShapeError>([&] { batch_norm(two, two, two); },
                           "x must have at least 2 dimensions [N, C, …], got [2]");
  expect_error<DTypeError>([&] { batch_norm(x, two, two, two.to(float64), two); },
                           "weight must be float32 like x, got float64[2]");
  expect_error<DTypeError>([&] { batch_norm(x.to(int64), two, two, two, two); },
                           "needs a floating-point tensor");
}

// A failed call must not have moved running_mean while running_var refuses.
TEST(BatchNorm, StatisticsMoveTogetherOrNotAtAll) {
  const Tensor x = waves({3, 2, 2}, 1).to(float32);
  const Tensor rm = tensor({0., 0.}), rv = tensor({1., 1., 1.});
  expect_error<ShapeError>([&] { batch_norm(x, rm, rv, {}, {}, true); }, "running_var must");
  expect_values(rm, {2}, {0, 0});
}

}  // namespace
}  // namespace ingot
