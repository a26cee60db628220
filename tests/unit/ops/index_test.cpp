#include <ingot/ops/index.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;

TEST(Gather, ReadsByIndexAlongOneDimension) {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  expect_values(gather(x, 1, tensor({{0, 0, 2, 1}, {2, 1, 0, 0}})), {2, 4},
                {1, 1, 3, 2, 6, 5, 4, 4});
  expect_values(x.gather(0, tensor({{1, 0, 1}})), {1, 3}, {4, 2, 6});
  expect_values(gather(x, -1, tensor({{2}})), {1, 1}, {3});  // smaller than x elsewhere
  expect_values(gather(tensor({true, false}), 0, tensor({1, 1, 0})), {3}, {0, 0, 1});
  expect_values(gather(tensor(7.), 0, tensor(0)), {}, {7});
  expect_values(gather(x.t(), 0, tensor({{2, 0}})), {1, 2}, {3, 4});
}

TEST(ScatterAdd, IsTheReverseOfGather) {
  const Tensor x = tensor({{10., 10., 10.}, {20., 20., 20.}});
  const Tensor source = tensor({{1., 2., 4.}, {8., 16., 32.}});
  const Tensor index = tensor({{0, 0, 2}, {1, 1, 1}});
  expect_values(scatter_add(x, 1, index, source), {2, 3}, {13, 10, 14, 20, 76, 20});
  // A source larger than the index: the rest is not used.
  expect_values(scatter_add(x, 0, tensor({{1, 1}}), source), {2, 3}, {10, 10, 10, 21, 22, 20});
  expect_values(scatter_add(tensor({5, 5}), 0, tensor({1, 1, 1}), tensor({1, 2, 3})), {2}, {5, 11});
}

TEST(IndexSelect, TakesSlices) {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  expect_values(index_select(x, 1, tensor({2, 0, 2})), {2, 3}, {3, 1, 3, 6, 4, 6});
  expect_values(x.index_select(0, tensor({1}, int32)), {1, 3}, {4, 5, 6});
  expect_values(x.index_select(-1, tensor(1)), {2, 1}, {2, 5});
  expect_values(x.index_select(0, tensor({1}).narrow(0, 0, 0)), {0, 3}, {});
}

TEST(IndexAdd, AddsSlices) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}, {5., 6.}});
  const Tensor source = tensor({{10., 20.}, {100., 200.}});
  expect_values(index_add(x, 0, tensor({2, 2}), source), {3, 2}, {1, 2, 3, 4, 115, 226});
  expect_values(index_add(x, 0, tensor({0, 2}), source, 0.5), {3, 2}, {6, 12, 3, 4, 55, 106});
}

TEST(Embedding, RowsByIndicesOfAnyShape) {
  const Tensor weight = tensor({{1., 2.}, {3., 4.}, {5., 6.}});
  expect_values(embedding(weight, tensor({{2, 0}, {1, 1}})), {2, 2, 2}, {5, 6, 1, 2, 3, 4, 3, 4});
  expect_values(embedding(weight, tensor(1, int32)), {2}, {3, 4});
}

TEST(Embedding, PaddingRowGetsNoGradient) {
  Tensor weight = tensor({{1., 2.}, {3., 4.}, {5., 6.}});
  weight.requires_grad_();
  embedding(weight, tensor({0, 1, 1, 2}), 1).sum().backward();
  expect_values(weight.grad(), {3, 2}, {1, 1, 0, 0, 1, 1});
}

TEST(OneHot, MarksClasses) {
  const Tensor h = one_hot(tensor({{1, 0}}), 3);
  EXPECT_EQ(h.dtype(), int64);
  expect_values(h, {1, 2, 3}, {0, 1, 0, 1, 0, 0});
  expect_values(one_hot(tensor({0, 2})), {2, 3}, {1, 0, 0, 0, 0, 1});
}

TEST(MaskedFill, FillsWhereTheMaskHolds) {
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  expect_values(masked_fill(x, tensor({true, false}), -1), {2, 2}, {-1, 2, -1, 4});
  expect_values(x.masked_fill(tensor({{false, false}, {true, false}}), tensor(9)), {2, 2},
                {1, 2, 9, 4});
  EXPECT_EQ(masked_fill(tensor({1, 2}), tensor({true, false}), 2.7).dtype(), int64);
  expect_values(masked_fill(tensor({1, 2}), tensor({true, false}), 2.7), {2}, {2, 2});
}

TEST(Index, Gradients) {
  const Tensor index = tensor({{0, 2, 2}, {1, 0, 1}});
  expect_gradients(
      [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{gather(in[0], 1, index)}; },
      {waves({2, 3}, 1)});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{scatter_add(in[0], 1, index, in[1])};
      },
      {waves({2, 3}, 1), waves({3, 4}, 2)});
  const Tensor places = tensor({2, 0, 2});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{index_select(in[0], 1, places)};
      },
      {waves({2, 3}, 1)});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{index_add(in[0], 0, places, in[1], 1.5)};
      },
      {waves({3, 2}, 1), waves({3, 2}, 2)});
  expect_gradients(
      [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{embedding(in[0], index)}; },
      {waves({3, 2}, 1)});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{masked_fill(in[0], tensor({true, false}), 3.0)};
      },
      {waves({2, 2}, 1)});
}

TEST(Index, OutOfRangeNamesIndexPositionAndBound) {
  const Tensor x = waves({2, 3}, 1);
  expect_error<IndexError>(
      [&] {
        gather(x, 1, tensor({{0, 1}, {2, 3}})).eval();
      },
      "gather: index 3 at position [1, 1] is out of range for dimension 1 of "
      "size 3");
  expect_error<IndexError>([&] { gather(x, 1, tensor({{-1}})).eval(); },
                           "gather: index -1 at position [0, 0]");
  expect_error<IndexError>([&] { scatter_add(x, 0, tensor({{2}}), x).eval(); },
                           "scatter_add: index 2 at position [0, 0] is out of range for dimension "
                           "0 of size 2");
  expect_error<IndexError>(
      [&] {
        index_select(x, 0, tensor({0, 1, 2})).eval();
      },
      "index_select: index 2 at position 2 is out of range for dimension 0 of "
      "size 2");
  expect_error<IndexError>([&] { index_select(x, 1, tensor({-3})).eval(); },
                           "index_select: index -3 at position 0");
  expect_error<IndexError>(
      [&] {
        index_add(x, 0, tensor({0, 5}), x).eval();
      },
      "index_add: index 5 at position 1");
  expect_error<IndexError>(
      [&] {
        embedding(x, tensor({{0, 7}})).eval();
      },
      "embedding: index 7 at position [0, 1] is out of range for dimension 0 "
      "of size 2");
  expect_error<IndexError>(
      [&] {
        one_hot(tensor({0, 3}), 3).eval();
      },
      "one_hot: label 3 at position 1 is out of range for 3 classes");
}

TEST(Index, Errors) {
  const Tensor x = waves({2, 3}, 1);
  expect_error<DTypeError>([&] { gather(x, 1, tensor({{0}}, int32)); },
                           "gather: index must be int64, got int32[1, 1]");
  expect_error<ShapeError>([&] { gather(x, 1, tensor({0})); },
                           "index[1] does not lie within x[2, 3]");
  expect_error<ShapeError>(
      [&] {
        gather(x, 1, tensor({{0}, {0}, {0}}));
      },
      "index[3, 1] does not lie within x[2, 3] outside of dimension 1");
  expect_error<IndexError>([&] { gather(x, 2, tensor({{0}})); }, "gather: ");
  expect_error<ShapeError>(
      [&] {
        scatter_add(x, 1, tensor({{0, 0, 0, 0}}), x);
      },
      "index[1, 4] is larger than source[2, 3] in dimension 1");
  expect_error<DTypeError>([&] { scatter_add(x, 1, tensor({{0}}), x.to(float32)); },
                           "x is float64 but source is float32");
  expect_error<ShapeError>([&] { index_select(x, 1, tensor({{0}})); },
                           "index_select: index must have 1 dimensions");
  expect_error<DTypeError>([&] { index_select(x, 1, tensor({0.})); }, "index must be int64");
  expect_error<ShapeError>([&] { index_add(x, 0, tensor({0}), x); },
                           "adding 1 slices along dimension 0 of x[2, 3] needs source[1, 3], got "
                           "[2, 3]");
  expect_error<DTypeError>([&] { index_add(tensor({1}), 0, tensor({0}), tensor({1}), 0.5); },
                           "index_add: alpha must be an integer for int64 tensors, got 0.5");
  expect_error<ShapeError>([&] { embedding(waves({3}, 1), tensor({0})); },
                           "weight must have 2 dimensions");
  expect_error<ValueError>([&] { embedding(x, tensor({0}), 2); },
                           "padding_idx 2 is not a row of weight[2, 3]");
  expect_error<DTypeError>([&] { one_hot(tensor({0.}), 2); }, "one_hot: labels must be int64");
  expect_error<DTypeError>(
      [&] {
        masked_fill(x, tensor({1, 0, 1}), 0);
      },
      "masked_fill: the mask must be bool, got int64[3]");
  expect_error<ShapeError>(
      [&] {
        masked_fill(x, tensor({true, false, true}), tensor({1., 2.}));
      },
      "the value must be a number or a 0-dim tensor, got [2]");
  expect_error<ShapeError>([&] { masked_fill(x, tensor({true, false}), 0); }, "masked_fill");
}

}  // namespace
}  // namespace ingot
