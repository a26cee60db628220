// Operations whose shape depends on data (rule 10), and indexing by tensors.
#include <ingot/autograd/autograd.h>
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "core/cell.h"
#include "plan/plan.h"
#include "support/lazy_scope.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;
using testing_support::LazyScope;

std::string_view op_of(const Tensor& t) { return t.cell()->value().node->op().name; }

Tensor example() { return tensor({{1., -2., 3.}, {-4., 5., -6.}}); }

TEST(Rule10, WhatDecidesTheShapeIsEvaluatedAndTheNodeKeepsItsName) {
  const LazyScope lazy;
  const Tensor x = example();
  const Tensor mask = x < 0;
  const Tensor chosen = masked_select(x, mask);
  EXPECT_TRUE(mask.is_evaluated());
  EXPECT_FALSE(chosen.is_evaluated()) << "only the shape is known";
  EXPECT_EQ(chosen.shape(), (Shape{3}));
  EXPECT_EQ(op_of(chosen), "masked_select");
  const Tensor places = nonzero(mask);
  EXPECT_FALSE(places.is_evaluated());
  EXPECT_EQ(places.shape(), (Shape{3, 2}));
  EXPECT_EQ(op_of(places), "nonzero");
  EXPECT_EQ(op_of(x.index({mask})), "masked_select");
  EXPECT_EQ(op_of(masked_scatter(x, mask, ones({3}))), "masked_scatter");
  expect_values(chosen, {3}, {-2, -4, -6});
  expect_values(places, {3, 2}, {0, 1, 1, 0, 1, 2});
}

TEST(Rule10, ANumberPutThroughAMaskNeedsNoValues) {
  const LazyScope lazy;
  Tensor x = example();
  const Tensor mask = x < 0;
  x[mask] = 0;
  EXPECT_FALSE(mask.is_evaluated());
  expect_values(x, {2, 3}, {1, 0, 3, 0, 5, 0});
}

TEST(Rule10, APlanIsFoundAgainForTheSameCount) {
  const LazyScope lazy;
  const auto run = [](std::vector<double> values) {
    const Tensor x = from_vector(values);
    return masked_select(x, x > 0).to_vector<double>();
  };
  run({1, -1, 2});
  const auto before = plan::cache_figures();
  EXPECT_EQ(run({-5, 6, 7}), (std::vector<double>{6, 7}));
  EXPECT_EQ(plan::cache_figures().misses, before.misses);
  EXPECT_EQ(run({5, 6, 7}), (std::vector<double>{5, 6, 7}));
  EXPECT_GT(plan::cache_figures().misses, before.misses);
}

TEST(Nonzero, EmptyAndZeroDim) {
  expect_values(nonzero(zeros({2, 3})), {0, 2}, {});
  expect_values(nonzero(zeros({0, 3})), {0, 2}, {});
  expect_values(nonzero(tensor(3.)), {1, 0}, {});
  expect_values(nonzero(tensor(0.)), {0, 0}, {});
  expect_values(nonzero(tensor({0., std::nan(""), -0.})), {1, 1}, {1});
  const std::vector<Tensor> columns = nonzero_as_tuple(example() > 0);
  ASSERT_EQ(columns.size(), 2u);
  expect_values(columns[0], {3}, {0, 0, 1});
  expect_values(columns[1], {3}, {0, 2, 1});
  // They select what they were made from.
  expect_values(example().index(columns), {3}, {1, 3, 5});
}

TEST(MaskedSelect, GradientGoesBackToItsPlaces) {
  Tensor x = example();
  x.requires_grad_();
  const Tensor chosen = masked_select(x, x > 0);
  (chosen * tensor({10., 20., 30.})).sum().backward();
  expect_values(x.grad(), {2, 3}, {10, 0, 20, 0, 30, 0});
  const Tensor nothing = masked_select(x, x > 100);
  expect_values(nothing, {0}, {});
  x.set_grad({});
  nothing.sum().backward();
  expect_values(x.grad(), {2, 3}, {0, 0, 0, 0, 0, 0});
}

TEST(MaskedScatter, TakesAsManyAsTheMaskHasPlaces) {
  const Tensor mask = example() < 0;
  expect_values(masked_scatter(example(), mask, tensor({{7., 8.}, {9., 10.}})), {2, 3},
                {1, 7, 3, 8, 5, 9});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{masked_scatter(in[0], mask, in[1])};
      },
      {waves({2, 3}, 1), waves({5}, 2)});
}

TEST(Unique, GivesWhatWasAskedFor) {
  const Tensor x = tensor({{3, 1, 3}, {2, 1, 3}});
  const UniqueResult values = unique(x);
  expect_values(values.values, {3}, {1, 2, 3});
  EXPECT_FALSE(values.inverse.defined());
  EXPECT_FALSE(values.counts.defined());
  const UniqueResult all = unique(x, {.return_inverse = true, .return_counts = true});
  expect_values(all.inverse, {2, 3}, {2, 0, 2, 1, 0, 2});
  expect_values(all.counts, {3}, {2, 1, 3});
  expect_values(index(all.values, {all.inverse}), {2, 3}, {3, 1, 3, 2, 1, 3});
  const Tensor rows = tensor({{1, 2}, {0, 9}, {1, 2}, {1, 0}});
  const UniqueResult by_row =
      unique(rows, {.return_inverse = true, .return_counts = true, .dim = 0});
  expect_values(by_row.values, {3, 2}, {0, 9, 1, 0, 1, 2});
  expect_values(by_row.inverse, {4}, {2, 0, 2, 1});
  expect_values(by_row.counts, {3}, {1, 1, 2});
  expect_values(unique(zeros({0})).values, {0}, {});
  expect_values(unique(zeros({0, 2}), {.dim = 0}).values, {0, 2}, {});
}

TEST(AdvancedIndex, AssigningRebindsTheTensor) {
  Tensor x = example();
  const Tensor copy = x;
  x[tensor({1, 0})] = tensor({{10., 11., 12.}, {20., 21., 22.}});
  expect_values(copy, {2, 3}, {20, 21, 22, 10, 11, 12});
  x[x > 20] = tensor({-1., -2.});
  expect_values(x, {2, 3}, {20, -1, -2, 10, 11, 12});
  x[tensor({-1})] += 100;
  expect_values(x, {2, 3}, {20, -1, -2, 110, 111, 112});
  x[tensor({true, false})] = tensor(7);  // converted to x's dtype
  expect_values(x, {2, 3}, {7, 7, 7, 110, 111, 112});
  x[0] = 1;
  expect_values(x[tensor({0, 0})], {2, 3}, {1, 1, 1, 1, 1, 1});
  expect_values(x[x > 111], {1}, {112});
  EXPECT_EQ(x[x > 111].item(), 112);
  x.index_put_({tensor({0, 0, 1}), tensor({0, 0, 2})}, 1, /*accumulate=*/true);
  expect_values(x, {2, 3}, {3, 1, 1, 110, 111, 113});
}

TEST(AdvancedIndex, AnIndexTwiceKeepsTheLastValueAndAddsAll) {
  const Tensor x = zeros({3}), twice = tensor({1, 1}), values = tensor({4.f, 5.f});
  expect_values(index_put(x, {twice}, values), {3}, {0, 5, 0});
  expect_values(index_put(x, {twice}, values, true), {3}, {0, 9, 0});
}

TEST(AdvancedIndex, ATensorPutIntoItselfIsReadBeforeItIsWritten) {
  const Tensor order = tensor({2, 0, 1});
  Tensor x = arange(0, 3, 1, float32) * 10;  // pending: its memory may be written over
  expect_values(index_put(x, {order}, x), {3}, {10, 20, 0});
  Tensor y = arange(0, 3) * 1;
  expect_values(index_put(y, {y}, y * 1, true), {3}, {0, 2, 4});
}

TEST(AdvancedIndex, Gradients) {
  const Tensor rows = tensor({2, 0, 2}), columns = tensor({1, 1, 0});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{index(in[0], {rows, columns}), index(in[0], {Tensor(), rows})};
      },
      {waves({3, 3, 2}, 1)});
  expect_gradients(
      [&](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{index_put(in[0], {rows, columns}, in[1], true)};
      },
      {waves({3, 2}, 1), waves({3}, 2)});
}

TEST(SelectionErrors, NameTheCauseAndTheLine) {
  const Tensor x = example();
  expect_error<DTypeError>([&] { masked_select(x, x); }, "the mask must be bool, got float");
  expect_error<DTypeError>([&] { masked_scatter(x, x, x); }, "masked_scatter: the mask");
  expect_error<ShapeError>([&] { masked_select(x, ones({4}) > 0); }, "masked_select");
  expect_error<ShapeError>([&] { masked_select(x, ones({4}) > 0); }, "selection_test.cpp:");
  expect_error<DTypeError>([&] { masked_scatter(x, x > 0, tensor({1, 2, 3})); }, "source is int64");
  expect_error<ShapeError>(
      [&] {
        masked_scatter(x, x > 0, tensor({1., 2.}));
      },
      "the mask has 3 places, the source [2] has only 2 elements");
  expect_error<ValueError>([&] { nonzero(Tensor()); }, "undefined");
  expect_error<ValueError>([&] { unique(Tensor()); }, "undefined");
  expect_error<IndexError>([&] { unique(x, {.dim = 2}); }, "out of range");
  expect_error<ShapeError>([&] { unique(zeros({3, 0}), {.dim = 0}); }, "have no elements");

  expect_error<IndexError>(
      [&] {
        index(x, {tensor({0}), tensor({0}), tensor({0})});
      },
      "more indices than x[2, 3] has dimensions (2)");
  expect_error<IndexError>(
      [&] {
        index(x, {tensor({true, false, true})});
      },
      "the mask [3] at position 0 does not have the sizes of x[2, 3]");
  expect_error<IndexError>([&] { x[tensor(true)]; }, "0-dim mask");
  expect_error<DTypeError>([&] { index(x, {tensor({0.})}); }, "indices are int64");
  expect_error<DTypeError>([&] { index(x, {tensor({0}, uint8)}); }, ".to(int64)");
  expect_error<ShapeError>([&] { index(x, {tensor({0, 1}), tensor({0, 1, 1})}); }, "index");
  expect_error<ValueError>([&] { index(x, {}); }, "names no index");
  expect_error<ValueError>([&] { x[Tensor()]; }, "undefined");
  expect_error<IndexError>([&] { x[tensor({2})].eval(); },
                           "index 2 at position 0 is out of range for dimension 0 of size 2");
  expect_error<IndexError>([&] { x[tensor({2})].eval(); }, "selection_test.cpp:");
  expect_error<IndexError>(
      [&] {
        index(zeros({2, 0}), {tensor({{0}, {-3}})}).eval();
      },
      "index -3 at position [1, 0]");
  expect_error<DTypeError>([&] { index_put(x, {tensor({0})}, tensor({1})); }, "convert one");
  expect_error<DTypeError>(
      [&] {
        index_put(tensor({1, 2}), {tensor({0})}, 0.5);
      },
      "convert x first");
  expect_error<ShapeError>(
      [&] {
        index_put(x, {tensor({0, 1})}, tensor({1., 2.}));
      },
      "values of shape [2] do not fit the selection, which has shape [2, 3]");
  Tensor y = x;
  expect_error<ShapeError>([&] { y[y > 0] = tensor({1., 2.}); }, "which has shape [3]");
  expect_error<IndexError>(
      [&] {
        y[tensor({5})] = 1;
        y.eval();
      },
      "index_put: index 5");
}

TEST(SelectionErrors, AViewIsNotAssignedThrough) {
  Tensor x = example();
  Tensor view = x.t();
  EXPECT_THROW(view[view > 0] = 0, ViewError);
  EXPECT_THROW(view.index_put_({tensor({0})}, 1.), ViewError);
  Tensor leaf = example();
  leaf.requires_grad_();
  EXPECT_THROW(leaf[leaf > 0] = 0, AutogradError);
}

TEST(IntegerDivision, ByZeroThrowsAsInPyTorch) {
  const Tensor x = tensor({7, -7, 9}), divisor = tensor({2, 0, 1});
  expect_values(floor_divide(x, 2), {3}, {3, -4, 4});
  expect_values(fmod(x, tensor({2, 2, 5})), {3}, {1, -1, 4});
  for (const auto f : {floor_divide, remainder, fmod}) {
    expect_error<ValueError>([&] { f(x, 0); }, "integer division by zero");
    expect_error<ValueError>([&] { f(x, 0); }, "selection_test.cpp:");
    expect_error<ValueError>([&] { f(x, divisor).eval(); }, "position [1] of the divisor[3]");
    expect_error<ValueError>([&] { f(x, divisor).eval(); }, "selection_test.cpp:");
    expect_error<ValueError>([&] { f(5, divisor).eval(); }, "integer division by zero");
    EXPECT_NO_THROW(f(x.to(float32), 0).eval());
    EXPECT_NO_THROW(f(x.to(float32), divisor).eval());
    EXPECT_NO_THROW(f(x.narrow(0, 0, 0), divisor.narrow(0, 0, 0)).eval());
  }
  EXPECT_EQ(floor_divide(tensor({1.f, -1.f}), 0).to_vector<float>(),
            (std::vector<float>{INFINITY, -INFINITY}));
}

}  // namespace
}  // namespace ingot
