// scaled_dot_product_attention: rows that see nothing, dropout, and what it refuses. Values are in
// the op cases.
#include <ingot/ops/attention.h>

#include <cmath>

#include <ingot/core/generator.h>
#include <ingot/ops/creation.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;

TEST(Attention, ByHand) {
  // Two keys with scores 0 and log 3: weights 1/4 and 3/4.
  const Tensor q = tensor({{std::log(3.0)}}), k = tensor({{0.}, {1.}}), v = tensor({{4.}, {8.}});
  expect_values(scaled_dot_product_attention(q, k, v), {1, 1}, {7}, 1e-6);
  expect_values(scaled_dot_product_attention(q, k, v, {.mask = tensor({{true, false}})}), {1, 1},
                {4});
  expect_values(scaled_dot_product_attention(q, k, v, {.is_causal = true}), {1, 1}, {4});
}

TEST(Attention, RowsWithoutKeysGiveZerosAndNoNanGradients) {
  const double hidden = -std::numeric_limits<double>::infinity();
  for (const bool boolean_mask : {true, false}) {
    Tensor q = waves({2, 3}, 1), k = waves({2, 3}, 2), v = waves({2, 3}, 3);
    for (Tensor* t : {&q, &k, &v}) t->requires_grad_();
    const Tensor mask = boolean_mask ? tensor({{false, false}, {true, true}})
                                     : tensor({{hidden, hidden}, {0., 0.}}, float64);
    const Tensor y = scaled_dot_product_attention(q, k, v, {.mask = mask});
    y.sum().backward();
    const auto values = doubles(y);
    EXPECT_EQ(values[0], 0);
    EXPECT_NE(values[3], 0);
    for (const Tensor& t : {q, k, v})
      for (const double g : doubles(t.grad())) EXPECT_TRUE(std::isfinite(g));
    EXPECT_EQ(doubles(q.grad())[0], 0);
  }
}

TEST(Attention, DropoutScalesWhatIsKept) {
  manual_seed(3);
  // Equal weights 1/64 and values 1: a row is (kept keys)/(64 · (1 - p)).
  const Tensor q = zeros({200, 4}), k = zeros({64, 4}), v = ones({64, 1});
  const auto rows = doubles(scaled_dot_product_attention(q, k, v, {.dropout_p = 0.25}));
  double mean = 0;
  for (const double r : rows) {
    EXPECT_NEAR(r * 48, std::round(r * 48), 1e-4);
    mean += r / static_cast<double>(rows.size());
  }
  EXPECT_NEAR(mean, 1, 0.03);
}

TEST(Attention, Errors) {
  const Tensor q = waves({2, 3, 4}, 0), k = waves({2, 5, 4}, 0), v = waves({2, 5, 3}, 0);
  const auto attend = [](const Tensor& a, const Tensor& b, const Tensor& c,
                         const AttentionOptions& o = {}) {
    return scaled_dot_product_attention(a, b, c, o);
  };
  expect_error<ShapeError>([&] { attend(waves({4}, 0), k, v); },
                           "operands need at least 2 dimensions: query[4]");
  expect_error<ShapeError>(
      [&] {
        attend(q, waves({2, 5, 3}, 0), v);
      },
      "query[2, 3, 4] and key[2, 5, 3] differ in their last dimension (4 ≠ 3)");
  expect_error<ShapeError>(
      [&] {
        attend(q, k, waves({2, 4, 3}, 0));
      },
      "key[2, 5, 4] and value[2, 4, 3] differ in their number of keys (5 ≠ 4)");
  expect_error<ShapeError>([&] { attend(q, waves({3, 5, 4}, 0), v); }, "batches do not broadcast");
  expect_error<ShapeError>(
      [&] {
        attend(q, k, v, {.mask = ones({3, 4})});
      },
      "the mask must broadcast to the scores' shape [2, 3, 5], got [3, 4]");
  expect_error<DTypeError>(
      [&] {
        attend(q, k, v, {.mask = ones({3, 5}, {.dtype = int64})});
      },
      "the mask must be bool or float64 like the query, got int64");
  expect_error<DTypeError>([&] { attend(q, k.to(float32), v); },
                           "query is float64, key is float32");
  expect_error<DTypeError>([&] { attend(q.to(int64), k.to(int64), v.to(int64)); },
                           "needs a floating-point tensor");
  expect_error<ValueError>(
      [&] {
        attend(q, k, v, {.mask = ones({3, 5}, {.dtype = boolean}), .is_causal = true});
      },
      "a mask and is_causal exclude each other");
  expect_error<ValueError>([&] { attend(q, k, v, {.dropout_p = 1.5}); },
                           "dropout_p must lie in [0, 1], got 1.5");
  expect_error<ValueError>([&] { attend(q, Tensor(), v); }, "undefined tensor");
  expect_error<ShapeError>([&] { attend(waves({4}, 0), k, v); }, "attention_test.cpp:");
}

}  // namespace
}  // namespace ingot
