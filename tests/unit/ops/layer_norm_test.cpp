#include <ingot/ops/norm.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

// Numbers without another source are PyTorch 2.13's for the same input.

TEST(LayerNorm, MatchesPyTorch) {
  Tensor x = waves({2, 3, 4}, 1), w = waves({3, 4}, 2), b = waves({3, 4}, 3);
  for (Tensor* t : {&x, &w, &b}) t->requires_grad_();
  const Tensor y = layer_norm(x, {3, 4}, w, b, 1e-3);
  expect_values(y, {2, 3, 4},
                {1.47576617849,   -1.65287347062,  1.57969653986, 0.936316611682,  0.522389464741,
                 -0.918087247549, 1.44976764255,   1.41022899557, -0.848240389091, 0.451319542113,
                 0.9646568391,    1.5816308683,    1.04505449887, -0.370293878302, 0.690015587626,
                 2.52391229473,   -0.447799341243, 0.57441395249, 0.67968003431,   2.57322232031,
                 -1.10730132449,  0.974321733467,  1.35326288781, 1.49398087865},
                1e-10);
  (y * waves({2, 3, 4}, 4)).sum().backward();
  expect_values(
      x.grad(), {2, 3, 4},
      {-0.723427508327, 1.01954113593,   -0.924506246263, 0.84724131272,   -0.498249685813,
       0.54080144255,   -0.313018143964, 0.138724791912,  0.350529429534,  -0.410257973474,
       0.59162180366,   -0.619000358469, -0.231759964763, 0.0538631423807, 0.222225230287,
       -0.366404164764, 0.655176408673,  -0.767397551165, 0.919180335698,  -0.872569429971,
       0.935829533741,  -0.823819750397, 0.75386861298,   -0.4781924027},
      1e-10);
  expect_values(w.grad(), {3, 4},
                {-1.70940245085, -1.81141446345, -1.97922874602, -1.7725514954, -1.68554434637,
                 -1.92279569483, -1.90535188425, -1.74819389975, -1.70327291935, -1.99530315259,
                 -1.82942795752, -1.7189311704},
                1e-10);
  expect_values(b.grad(), {3, 4},
                {-1.85342601039, 0.354441695583, 1.76209028834, -0.808512959792, -1.55374540147,
                 1.20889604082, 1.2422262034, -1.52900405478, -0.848218694971, 1.74758067239,
                 0.397886399022, -1.85011161613},
                1e-10);
  expect_values(layer_norm(waves({2, 3}, 1), {3}), {2, 3},
                {0.959797456563, 0.419588084416, -1.37938554098, -0.805076343656, 1.40944325041,
                 -0.604366906749},
                1e-10);
}

TEST(GroupNorm, MatchesPyTorch) {
  expect_values(group_norm(waves({2, 4, 3}, 1), 2, waves({4}, 2), waves({4}, 3), 1e-3), {2, 4, 3},
                {1.36661271427,  0.629932995527,  -1.82331467604,  -0.928194595246, -2.15213463961,
                 -1.03912444106, 1.40806463577,   -0.363523280604, -1.13270385776,  0.61413164321,
                 0.367371162177, 2.28912013918,   1.26318926654,   -1.11709129076,  -0.185379352188,
                 -2.33204545196, -1.46779478789,  -0.44344173687,  0.174134191722,  -1.02882055893,
                 1.13114937571,  -0.272982034139, 1.92169323975,   1.96587256157},
                1e-10);
}

TEST(LayerNorm, ReducedPrecision) {
  const Tensor x = waves({4, 6}, 1).to(float16), w = waves({6}, 2, float32);
  const Tensor y = layer_norm(x, {6}, w);
  EXPECT_EQ(y.dtype(), float16);
  expect_values(y, {4, 6}, doubles(layer_norm(x.to(float64), {6}, w.to(float64))), 2e-3);
}

TEST(LayerNorm, Gradients) {
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{layer_norm(in[0], {3}, in[1], in[2], 1e-3)};
      },
      {waves({2, 2, 3}, 1), waves({3}, 2), waves({3}, 3)});
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{layer_norm(in[0], {2, 3}, in[1], in[2], 1e-3)};
      },
      {waves({2, 3}, 1), waves({2, 3}, 2), waves({2, 3}, 3)});
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{group_norm(in[0], 2, in[1], in[2], 1e-3)};
      },
      {waves({2, 4, 2}, 1), waves({4}, 2), waves({4}, 3)});
}

TEST(LayerNorm, Errors) {
  const Tensor x = waves({2, 4}, 1);
  expect_error<ShapeError>([&] { layer_norm(x, {3}); },
                           "layer_norm: x must end with the dimensions [3], got x[2, 4]");
  expect_error<ShapeError>([&] { layer_norm(x, {}); }, "x must end with the dimensions []");
  expect_error<ShapeError>([&] { layer_norm(x, {1, 2, 4}); }, "dimensions [1, 2, 4]");
  expect_error<ShapeError>([&] { layer_norm(x, {4}, waves({2}, 1)); },
                           "weight must have shape [4] for x[2, 4], got [2]");
  expect_error<DTypeError>([&] { layer_norm(x, {4}, waves({4}, 1), waves({4}, 1, float32)); },
                           "bias must be float64 like x, got float32[4]");
  expect_error<DTypeError>([&] { layer_norm(x.to(int64), {4}); }, "needs a floating-point tensor");
  expect_error<ValueError>([&] { group_norm(x, 3); },
                           "group_norm: 4 channels (x[2, 4]) cannot be split into 3 groups");
  expect_error<ValueError>([&] { group_norm(x, 0); }, "into 0 groups");
  expect_error<ShapeError>([&] { group_norm(waves({3}, 1), 1); }, "at least 2 dimensions");
  expect_error<ShapeError>([&] { group_norm(x, 2, {}, waves({2}, 1)); },
                           "bias must have shape [4] for x[2, 4], got [2]");
}

}  // namespace
}  // namespace ingot
