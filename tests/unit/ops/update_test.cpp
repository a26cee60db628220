#include <ingot/ops/update.h>

#include <ingot/ops/creation.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::expect_error;
using test::expect_values;
using test::waves;

// Three steps from waves({3}, 1) with gradients waves({3}, 10), 11 and 12; the numbers are those of
// PyTorch 2.13 in float64 with foreach=False.

Tensor after_sgd(SgdStep step, DType dtype = float64) {
  std::vector<Tensor> params = {waves({3}, 1, dtype), waves({2, 2}, 3, dtype)}, buffers;
  if (step.momentum != 0) buffers = {zeros_like(params[0]), zeros_like(params[1])};
  for (int s = 0; s < 3; ++s) {
    step.first = s == 0;
    const std::vector<Tensor> grads = {waves({3}, 10 + s, dtype), waves({2, 2}, s, dtype)};
    const SgdResult r = sgd_update(params, grads, buffers, step);
    params = r.params;
    buffers = r.momentum_buffers;
  }
  return params[0];
}

TEST(SgdUpdate, MatchesPyTorch) {
  const double tolerance = 1e-10;
  expect_values(after_sgd({.lr = 0.1}), {3}, {1.36438823086, 0.519557428329, -1.49827245908},
                tolerance);
  expect_values(after_sgd({.lr = 0.1, .weight_decay = 0.05}), {3},
                {1.34670600033, 0.510363619368, -1.47822108521}, tolerance);
  expect_values(after_sgd({.lr = 0.1, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.05}),
                {3}, {1.51007137439, 0.688123931229, -1.68739333426}, tolerance);
  expect_values(after_sgd({.lr = 0.1, .momentum = 0.9, .nesterov = true, .maximize = true}), {3},
                {0.365866701691, 0.485642312984, -0.491011378141}, tolerance);
  expect_values(
      after_sgd({.lr = 0.1, .momentum = 0.9, .nesterov = true, .maximize = true}, float32), {3},
      {0.365866701691, 0.485642312984, -0.491011378141}, 1e-6);
}

Tensor after_adam(AdamStep step, DType dtype = float64) {
  std::vector<Tensor> params = {waves({2, 2}, 3, dtype), waves({3}, 1, dtype)};
  std::vector<Tensor> m = {zeros_like(params[0]), zeros_like(params[1])}, v = m, highest;
  if (step.amsgrad) highest = m;
  for (int s = 0; s < 3; ++s) {
    step.step = s + 1;
    const std::vector<Tensor> grads = {waves({2, 2}, s, dtype), waves({3}, 10 + s, dtype)};
    const AdamResult r = adam_update(params, grads, m, v, highest, step);
    params = r.params;
    m = r.exp_avg;
    v = r.exp_avg_sq;
    highest = r.max_exp_avg_sq;
  }
  return params[1];
}

TEST(AdamUpdate, MatchesPyTorch) {
  const double tolerance = 1e-10;
  expect_values(after_adam({.lr = 0.1}), {3}, {1.3866297887, 0.68685123525, -1.5272274292},
                tolerance);
  expect_values(
      after_adam({.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.05}), {3},
      {1.38598586318, 0.66662962721, -1.52375746303}, tolerance);
  expect_values(
      after_adam({.lr = 0.1, .beta1 = 0.5, .beta2 = 0.6, .amsgrad = true, .maximize = true}), {3},
      {0.808619986221, 0.489513102945, -0.967615114776}, tolerance);
  expect_values(after_adam({.lr = 0.1, .weight_decay = 0.05, .decoupled_decay = true}), {3},
                {1.36881859704, 0.677295524909, -1.50726720577}, tolerance);
  const AdamStep adamw{.lr = 0.1, .weight_decay = 0.01, .decoupled_decay = true, .amsgrad = true};
  expect_values(after_adam(adamw), {3}, {1.38305404968, 0.68493303939, -1.52322016921}, tolerance);
  expect_values(after_adam(adamw, float32), {3}, {1.38305404968, 0.68493303939, -1.52322016921},
                1e-6);
}

TEST(Update, NothingToDo) {
  EXPECT_TRUE(sgd_update({}, {}, {}, {}).params.empty());
  EXPECT_TRUE(adam_update({}, {}, {}, {}, {}, {}).params.empty());
}

TEST(Update, Errors) {
  const std::vector<Tensor> p = {waves({3}, 1)}, other = {waves({2}, 1)}, none;
  const std::vector<Tensor> narrow = {waves({3}, 1, float32)};
  expect_error<ShapeError>([&] { sgd_update(p, other, none, {}); },
                           "sgd_update: parameter 0 is float64[3], but its gradient is float64[2]");
  expect_error<ShapeError>([&] { adam_update(p, p, narrow, p, none, {}); },
                           "adam_update: parameter 0 is float64[3], but its state is float32[3]");
  expect_error<ValueError>([&] { sgd_update(p, p, none, {.momentum = 0.9}); },
                           "momentum and momentum buffers go together");
  expect_error<ValueError>([&] { sgd_update(p, p, p, {}); },
                           "momentum and momentum buffers go together");
  expect_error<ValueError>([&] { adam_update(p, p, p, p, none, {.amsgrad = true}); },
                           "1 parameters need 5 operands, got 4");
  expect_error<ValueError>([&] { adam_update(p, p, p, p, none, {.step = 0}); },
                           "steps count from 1, got 0");
}

}  // namespace
}  // namespace ingot
