// x[…] and x.index({…}): what may stand there, that the part is a tensor, and what assigning does.
#include <ingot/autograd/autograd.h>
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include <type_traits>

#include "support/lazy_scope.h"
#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::expect_error;
using test::expect_gradients;
using test::expect_values;
using test::waves;
using namespace indexing;

Tensor example() { return tensor({{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}}); }

TEST(IndexProxy, IsATensor) {
  Tensor x = example();
  const Tensor mask = x > 4;
  EXPECT_EQ(x[0].shape(), (Shape{3}));
  EXPECT_EQ(x[mask].shape(), (Shape{5}));
  EXPECT_EQ(x[0].sum().item(), 6);
  EXPECT_EQ(x[mask].amax().item(), 9);
  EXPECT_EQ(x[1][2].item(), 6);
  EXPECT_EQ(x[mask][0].item(), 5);
  EXPECT_EQ(x[Slice(1)][0][Slice(None, 2)].to_vector<float>(), (std::vector<float>{4, 5}));
  expect_values(x[0] + x[1] * 2, {3}, {9, 12, 15});
  expect_values(exp(x[0] - x[0]), {3}, {1, 1, 1});
  expect_values(stack({x[0], x[2]}), {2, 3}, {1, 2, 3, 7, 8, 9});
  EXPECT_EQ(x[0].str(), "tensor([1., 2., 3.])");
  Tensor row;
  row = x[0];
  const Tensor other = true ? x[1] : row;
  expect_values(other, {3}, {4, 5, 6});
}

TEST(IndexProxy, KeepsWhatItWas) {
  Tensor x = example();
  auto row = x[0];
  auto chosen = x[x > 8];
  x += 100;
  expect_values(row, {3}, {1, 2, 3});
  expect_values(chosen, {1}, {9});
  row = 5;  // changes x, and reads as what it is now
  expect_values(row, {3}, {5, 5, 5});
  expect_values(x[0], {3}, {5, 5, 5});
}

TEST(IndexProxy, AssignsThroughChains) {
  Tensor x = example();
  const Tensor same = x;
  x[0][1] = 20;
  x[1][Slice(None, None, 2)] += tensor({100., 200.});
  x[Slice(1)][-1][0] *= -1;
  expect_values(same, {3, 3}, {1, 20, 3, 104, 5, 206, -7, 8, 9});
  x[2][x[2] > 0] = 0;
  expect_values(same, {3, 3}, {1, 20, 3, 104, 5, 206, -7, 0, 0});
  auto row = x[0];
  row[2] = 33;
  row[0] = 11;
  x[0][1] = 22;
  row += 1;  // of what x holds now
  expect_values(x, {3, 3}, {12, 23, 34, 104, 5, 206, -7, 0, 0});
  Tensor n = tensor({{1, 2}, {3, 4}});
  n[0] %= 2;
  n[1] |= 8;
  n[0][0] ^= 7;
  n[1] &= 9;
  expect_values(n, {2, 2}, {6, 0, 9, 8});
}

TEST(IndexProxy, InPlaceMethodsChangeTheWhole) {
  Tensor x = example();
  x[0].zero_();
  x[1].fill_(2).add_(1);
  x[2].copy_(tensor({3., 2., 1.}));
  x[2].mul_(2);
  x[Slice(0, 1)].sub_(1);
  x[1].div_(3);
  expect_values(x, {3, 3}, {-1, -1, -1, 1, 1, 1, 6, 4, 2});
  expect_error<ViewError>([&] { x[x > 0].zero_(); }, "x[mask] = value");
  expect_error<ViewError>([&] { x[tensor({0})].add_(1); }, "is a copy");
  expect_error<ViewError>([&] { x[x > 0][0] = 1; }, "is a copy");
  // Only named tensors: in a temporary nothing would be changed.
  static_assert(!std::is_assignable_v<Tensor&&, const Tensor&>);
  static_assert(std::is_assignable_v<Tensor&, const Tensor&>);
  const Tensor fixed = x;
  static_assert(std::is_same_v<decltype(fixed[0]), Tensor>);
}

// As for a whole tensor in place: 1 + 0.9 is no whole number. Plain assignment converts.
TEST(IndexProxy, PartsRefuseValuesOfAHigherKind) {
  Tensor whole = ones({3}, {.dtype = DType::Int64});
  expect_error<DTypeError>([&] { whole[0] += 0.9; },
                           "add_: the result is float32 and cannot be stored in int64[]");
  expect_error<DTypeError>([&] { whole[tensor({1})] -= 0.5; }, "sub_: the result is float32");
  expect_error<DTypeError>([&] { whole[Slice(2)] *= 0.5; }, "mul_: the result is float32");
  expect_error<DTypeError>([&] { whole[1] /= 2; }, "div_: the result is float32");
  EXPECT_EQ(whole.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 1, 1}));
  whole[0] += 2;
  whole[1] = 1.7;
  EXPECT_EQ(whole.to_vector<std::int64_t>(), (std::vector<std::int64_t>{3, 1, 1}));
  Tensor flags = tensor({true, false});
  expect_error<DTypeError>([&] { flags[0] += 1; }, "add_: the result is int64");
  flags[1] |= true;
  EXPECT_TRUE(flags[1].item<bool>());
}

TEST(IndexProxy, AViewIsKnownAsOne) {
  Tensor x = example();
  Tensor row = x[0], part = x[Slice(0, 2)], chosen = x[tensor({0})];
  expect_error<ViewError>([&] { row += 1; }, "views do not alias");
  expect_error<ViewError>([&] { part.zero_(); }, "views do not alias");
  chosen += 1;  // a copy of its own
  expect_values(chosen, {1, 3}, {2, 3, 4});
  Tensor leaf = example();
  leaf.requires_grad_();
  expect_error<AutogradError>([&] { leaf[0] = 1; }, "leaf");
  Tensor view = x.t();
  expect_error<ViewError>([&] { view[0] = 1; }, "views do not alias");
}

TEST(IndexProxy, Gradients) {
  Tensor x = example();
  x.requires_grad_();
  (x[0] * x[1] + x[Slice(1)][1]).sum().backward();
  expect_values(x.grad(), {3, 3}, {4, 5, 6, 1, 2, 3, 1, 1, 1});
  expect_gradients(
      [](const std::vector<Tensor>& in) {
        Tensor y = in[0] * 1;
        y[Slice(0, 2)][1] = in[1] * in[1];
        y[2] *= y[0];
        return std::vector<Tensor>{y, y[0][1]};
      },
      {waves({3, 3}, 1), waves({3}, 2)});
}

TEST(IndexProxy, NothingIsComputedForAnAssignment) {
  const testing_support::LazyScope lazy;
  Tensor x = example();
  const Tensor mask = x > 2;
  x[mask] = 0;
  x[0] = 1;
  EXPECT_FALSE(mask.is_evaluated());
  EXPECT_FALSE(x.is_evaluated());
}

TEST(IndexList, TakesWhatPyTorchTakes) {
  const Tensor x = arange(24).reshape({2, 3, 4});
  EXPECT_EQ(x.index({Slice(), 0}).shape(), (Shape{2, 4}));
  EXPECT_EQ(x.index({{}, 0}).shape(), (Shape{2, 4}));
  EXPECT_EQ(x.index({Tensor(), 0}).shape(), (Shape{2, 4}));
  EXPECT_EQ(x.index({"...", None}).shape(), (Shape{2, 3, 4, 1}));
  EXPECT_EQ(x.index({Ellipsis, 1}).shape(), (Shape{2, 3}));
  EXPECT_EQ(x.index({1, 2, 3}).item(), 23);
  EXPECT_EQ(x.index({1, "...", 2, 3}).item(), 23);
  EXPECT_EQ(x[Slice(5)].shape(), (Shape{0, 3, 4}));
  EXPECT_EQ(x[Slice(None, -1)].shape(), (Shape{1, 3, 4}));
  EXPECT_EQ(x[None].shape(), (Shape{1, 2, 3, 4}));
  EXPECT_TRUE(x[Ellipsis].is_same(x));
  EXPECT_TRUE(x.index({Slice()}).is_same(x));
  const Tensor rows = tensor({0, 1}), columns = tensor({0, 2});
  expect_values(x.index({rows, 0, columns}), {2}, {0, 14});
  expect_values(x.index(std::vector<Tensor>{rows, columns, columns}), {2}, {0, 22});
  const std::vector<TensorIndex> list{0, Slice(1), rows};
  expect_values(x.index(list), {2, 2}, {4, 5, 8, 9});
}

TEST(IndexList, BadIndicesAreNamed) {
  const Tensor x = arange(6).reshape({2, 3});
  expect_error<IndexError>(
      [&] {
        x.index({0, 0, 0});
      },
      "more indices than x[2, 3] has dimensions (2)");
  expect_error<IndexError>([&] { x.index({0, 3}); }, "index 3 is out of range");
  expect_error<IndexError>([&] { x[-3]; }, "index -3 is out of range");
  expect_error<IndexError>([&] { x[2]; }, "indexing_test.cpp:");
  expect_error<IndexError>([&] { x.index({"...", Ellipsis}); }, "give it once");
  expect_error<ValueError>([&] { x.index({"…"}); }, "the only text that is an index");
  expect_error<ValueError>([&] { x[Slice(0, 2, 0)]; }, "the step must be positive");
  expect_error<ValueError>([&] { x[Slice(None, None, -1)]; }, "flip() reverses");
  expect_error<ValueError>([&] { x.index({}); }, "names no index");
  expect_error<ValueError>([&] { Tensor()[0]; }, "undefined");
  Tensor y = x;
  expect_error<IndexError>([&] { y[2] = 1; }, "index 2 is out of range");
  expect_error<IndexError>([&] { const Tensor row = y[2]; }, "index 2 is out of range");
  expect_error<IndexError>([&] { y[0][3] = 1; }, "index 3 is out of range");
  expect_error<IndexError>([&] { y[0][0][0] = 1; }, "more indices than x[] has dimensions");
  expect_error<ShapeError>([&] { y[Slice(0, 1)] = zeros({2, 3}); }, "[1, 3]");
  expect_error<ShapeError>([&] { y.index_put_({0, Slice(1)}, tensor({1, 2, 3})); }, "[2]");
  expect_error<DTypeError>([&] { y.index_put_({0}, tensor({1.5})); }, "convert one");
  expect_error<ValueError>([&] { y.index_put_({}, 1); }, "names no index");
  expect_values(y, {2, 3}, {0, 1, 2, 3, 4, 5});
}

TEST(Operators, RefuseWhatPyTorchRefuses) {
  const Tensor x = tensor({1.5, 2.5}), n = tensor({1, 2}), b = tensor({true, false});
  expect_error<DTypeError>([&] { x& n; }, "bitwise_and");
  expect_error<DTypeError>([&] { ~x; }, "bitwise_not");
  expect_error<DTypeError>([&] { x << 1; }, "shift");
  expect_error<ValueError>([&] { n % 0; }, "division by zero");
  expect_error<ValueError>([&] { (n % tensor({1, 0})).eval(); }, "division by zero");
  Tensor m = n;
  expect_error<DTypeError>([&] { m %= 2.5; }, "%=");
  m &= b;  // promoted to int64
  expect_values(m, {2}, {1, 0});
}

}  // namespace
}  // namespace ingot
