#include <ingot/ops/matmul.h>

#include <ingot/ops/creation.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

TEST(Matmul, MatricesByHand) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}}), b = tensor({{1, 0}, {2, -1}, {0, 3}});
  const Tensor c = matmul(a, b);
  EXPECT_EQ(c.dtype(), int64);
  expect_values(c, {2, 2}, {5, 7, 14, 13});
  expect_values(a.to(float32).matmul(b.to(float32)), {2, 2}, {5, 7, 14, 13});
  expect_values(a.to(bfloat16).mm(b.to(bfloat16)), {2, 2}, {5, 7, 14, 13});
}

TEST(Matmul, VectorsAreRowsAndColumns) {
  const Tensor m = tensor({{1., 2., 3.}, {4., 5., 6.}});
  expect_values(matmul(tensor({1., 2., 3.}), tensor({4., 5., 6.})), {}, {32});
  expect_values(matmul(m, tensor({1., 0., -1.})), {2}, {-2, -2});
  expect_values(matmul(tensor({1., -1.}), m), {3}, {-3, -3, -3});
  expect_values(dot(tensor({1., 2.}), tensor({3., 4.})), {}, {11});
  expect_values(outer(tensor({1., 2.}), tensor({3., 4., 5.})), {2, 3}, {3, 4, 5, 6, 8, 10});
}

// Every combination of ranks against the definition.
TEST(Matmul, BatchesBroadcast) {
  const std::vector<std::pair<Shape, Shape>> cases = {
      {{2, 3, 4}, {4, 5}},       {{3, 4}, {2, 4, 5}},    {{2, 3, 4}, {2, 4, 5}},
      {{2, 1, 3, 4}, {3, 4, 5}}, {{1, 3, 4}, {6, 4, 5}}, {{2, 3, 4}, {4}},
      {{4}, {2, 4, 5}},          {{0, 4}, {4, 5}},       {{2, 0}, {0, 3}}};
  for (const auto& [sa, sb] : cases) {
    SCOPED_TRACE(sa.str() + " x " + sb.str());
    const Tensor a = waves(sa, 1), b = waves(sb, 2);
    const std::vector<double> va = doubles(a), vb = doubles(b);
    const std::int64_t m = sa.rank() > 1 ? sa[sa.rank() - 2] : 1, k = sa.back();
    const std::int64_t n = sb.rank() > 1 ? sb.back() : 1;
    const auto batch_of = [](const Shape& s) {
      return Shape(s.data(), static_cast<std::size_t>(std::max(s.rank() - 2, 0)));
    };
    const Shape ba = batch_of(sa), bb = batch_of(sb), batch = broadcast_shapes(ba, bb);
    // Which matrix of an operand belongs to result batch `flat`.
    const auto matrix_of = [&](const Shape& own, std::int64_t flat) {
      std::int64_t index = 0, stride = 1;
      for (int d = batch.rank() - 1, o = own.rank() - 1; d >= 0; --d, --o) {
        const std::int64_t i = flat % batch[d];
        flat /= batch[d];
        if (o >= 0) {
          if (own[o] != 1) index += i * stride;
          stride *= own[o];
        }
      }
      return index;
    };
    std::vector<double> expected;
    for (std::int64_t f = 0; f < batch.numel(); ++f)
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (std::int64_t l = 0; l < k; ++l)
            sum += va[static_cast<std::size_t>((matrix_of(ba, f) * m + i) * k + l)] *
                   vb[static_cast<std::size_t>((matrix_of(bb, f) * k + l) * n + j)];
          expected.push_back(sum);
        }
    Shape shape = batch;
    if (sa.rank() > 1) shape.push_back(m);
    if (sb.rank() > 1) shape.push_back(n);
    expect_values(matmul(a, b), shape, expected, 1e-12);
  }
}

TEST(Matmul, TransposedOperands) {
  const Tensor a = waves({3, 2}, 1), b = waves({4, 3}, 2);
  const std::vector<double> expected = doubles(matmul(b, a));
  const Tensor c = matmul(a.t(), b.t());
  ASSERT_EQ(c.shape(), (Shape{2, 4}));
  const std::vector<double> values = doubles(c);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(values[i * 4 + j], expected[j * 2 + i], 1e-12);
}

TEST(Matmul, Gradients) {
  const auto product = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{matmul(in[0], in[1])};
  };
  expect_gradients(product, {waves({2, 3}, 1), waves({3, 2}, 2)});
  expect_gradients(product, {waves({2, 1, 2, 3}, 1), waves({2, 3, 2}, 2)});
  expect_gradients(product, {waves({3}, 1), waves({3}, 2)});
  expect_gradients(product, {waves({2, 2, 3}, 1), waves({3}, 2)});
}

TEST(Linear, IsProductWithTransposedWeightPlusBias) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}), w = tensor({{1., 1.}, {2., 0.}, {0., -1.}});
  const Tensor b = tensor({10., 20., 30.});
  expect_values(linear(x, w, b), {2, 3}, {13, 22, 28, 17, 26, 26});
  expect_values(linear(x, w), {2, 3}, {3, 2, -2, 7, 6, -4});
  expect_values(linear(tensor({1., 2.}), w, b), {3}, {13, 22, 28});
  expect_values(linear(x.unsqueeze(0), w, b), {1, 2, 3}, {13, 22, 28, 17, 26, 26});
}

TEST(Linear, Gradients) {
  const auto f = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{linear(in[0], in[1], in[2])};
  };
  expect_gradients(f, {waves({2, 3}, 1), waves({2, 3}, 2), waves({2}, 3)});
  expect_gradients(f, {waves({2, 2, 3}, 1), waves({2, 3}, 2), waves({2}, 3)});
}

TEST(Addmm, ByHand) {
  const Tensor a = tensor({{1., 2.}}), b = tensor({{3.}, {4.}}), x = tensor({{100.}});
  expect_values(addmm(x, a, b), {1, 1}, {111});
  expect_values(addmm(x, a, b, 0.5, 2), {1, 1}, {72});
  const double nan = std::nan("");
  expect_values(addmm(full({1, 1}, nan), a, b, 0), {1, 1}, {11});
  expect_values(baddbmm(x, a.unsqueeze(0), b.unsqueeze(0), 1, 10), {1, 1, 1}, {210});
}

TEST(Addmm, Errors) {
  const Tensor a = waves({2, 3}, 0), b = waves({3, 4}, 0);
  expect_error<ShapeError>(
      [&] {
        addmm(waves({3, 4}, 0), a, b);
      },
      "addmm: x[3, 4] does not broadcast to the product's shape [2, 4]");
  expect_error<ShapeError>([&] { addmm(waves({1, 2, 4}, 0), a, b); }, "does not broadcast");
  expect_error<DTypeError>([&] { addmm(waves({4}, 0, float32), a, b); },
                           "addmm: x is float32 but the matrices are float64");
  expect_error<DTypeError>(
      [&] { addmm(waves({4}, 0).to(int64), a.to(int64), b.to(int64), 1, 0.5); },
      "addmm: alpha must be an integer for int64 matrices");
  expect_error<ShapeError>([&] { baddbmm(waves({4}, 0), a, b); }, "bmm: both operands");
}

TEST(Matmul, Errors) {
  const auto zeros = [](const Shape& s, DType t = float32) { return waves(s, 0).to(t); };
  expect_error<ShapeError>(
      [&] {
        matmul(zeros({32, 100}), zeros({64, 10}));
      },
      "matmul: inner dimensions differ: a[32, 100] · b[64, 10] (100 ≠ 64)");
  expect_error<ShapeError>([&] { matmul(zeros({32, 100}), zeros({64, 10})); }, "matmul_test.cpp:");
  expect_error<ShapeError>(
      [&] {
        matmul(zeros({2, 3, 4}), zeros({5}));
      },
      "inner dimensions differ: a[2, 3, 4] · b[5] (4 ≠ 5)");
  expect_error<ShapeError>([&] { matmul(zeros({}), zeros({5})); },
                           "both operands need at least one dimension: a[] · b[5]");
  expect_error<ShapeError>(
      [&] {
        matmul(zeros({2, 3, 4}), zeros({3, 4, 5}));
      },
      "batches do not broadcast: a[2, 3, 4] · b[3, 4, 5]");
  expect_error<DTypeError>(
      [&] {
        matmul(zeros({2, 2}), zeros({2, 2}, float64));
      },
      "matmul: operands have different dtypes");
  expect_error<DTypeError>(
      [&] {
        matmul(zeros({2, 2}, boolean), zeros({2, 2}, boolean));
      },
      "no product of bool matrices");
  expect_error<ShapeError>([&] { mm(zeros({2}), zeros({2, 2})); }, "mm: both operands must be");
  expect_error<ShapeError>([&] { bmm(zeros({2, 2, 2}), zeros({3, 2, 2})); }, "bmm: both operands");
  expect_error<ShapeError>([&] { dot(zeros({2, 2}), zeros({2})); }, "dot: a must be a vector");
  expect_error<ShapeError>([&] { outer(zeros({2}), zeros({})); }, "outer: b must be a vector");
  expect_error<ShapeError>([&] { zeros({2, 2, 2}).t(); }, "t: needs at most 2 dimensions");
  expect_error<ShapeError>(
      [&] {
        linear(zeros({64, 100}), zeros({10, 784}));
      },
      "linear: inner dimensions differ: x[64, 100] · weight[10, 784]ᵀ "
      "(100 ≠ 784)");
  expect_error<ShapeError>(
      [&] {
        linear(zeros({1, 4}), zeros({3, 4}), zeros({4}));
      },
      "linear: bias must have shape [3] for weight[3, 4], got [4]");
}

}  // namespace
}  // namespace ingot
