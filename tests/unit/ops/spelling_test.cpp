// Spellings that a PyTorch or libtorch user writes: each means what the longer one means.
#include <ingot/core/tensor_ref.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/order.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include <functional>
#include <type_traits>
#include <utility>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;
using namespace indexing;

void expect_same(const Tensor& a, const Tensor& b, const char* what) {
  EXPECT_EQ(a.shape(), b.shape()) << what;
  EXPECT_EQ(a.dtype(), b.dtype()) << what;
  EXPECT_EQ(doubles(a), doubles(b)) << what;
}

TEST(ANumberAlone, IsAListOfOneDimension) {
  const Tensor x = waves({2, 3, 4}, 1);
  expect_same(x.sum(-1), x.sum({-1}), "sum");
  expect_same(x.mean(1, true), x.mean({1}, true), "mean");
  expect_same(x.var(0), x.var({0}), "var");
  expect_same(x.std(0, false), x.std({0}, false), "std");
  expect_same(x.amax(2), x.amax({2}), "amax");
  expect_same(x.amin(-2), x.amin({-2}), "amin");
  expect_same(x.prod(1), x.prod({1}), "prod");
  expect_same(x.logsumexp(-1), x.logsumexp({-1}), "logsumexp");
  expect_same((x > 0).any(0), (x > 0).any({0}), "any");
  expect_same((x > 0).all(0), (x > 0).all({0}), "all");
  expect_same(norm(x, 2, -1), norm(x, 2, {-1}), "norm");
  expect_same(sum(x, 0), sum(x, {0}), "sum()");
  expect_same(x.flip(0), x.flip({0}), "flip");
  expect_same(x.roll(1, 2), x.roll({1}, {2}), "roll");
  expect_same(x[0][0].repeat(3), x[0][0].repeat({3}), "repeat");
  expect_same(x[0][0].tile(2), x[0][0].tile({2}), "tile");
  expect_same(x.amax(std::size_t{2}), x.amax({2}), "std::size_t");
}

TEST(ANumberAlone, IsAShapeOfOneDimension) {
  const Tensor x = waves({2, 3, 4}, 1);
  expect_same(x.view(-1), x.view({-1}), "view");
  expect_same(x.reshape(24), x.reshape({24}), "reshape");
  expect_same(ones({1}).expand(5), ones({1}).expand({5}), "expand");
  expect_same(zeros(3), zeros({3}), "zeros");
  expect_same(ones(3, {.dtype = int32}), ones({3}, {.dtype = int32}), "ones");
  expect_same(full(2, 7), full({2}, 7), "full");
  EXPECT_EQ(rand(4).shape(), (Shape{4}));
  EXPECT_EQ(randn(0).shape(), (Shape{0}));
  EXPECT_EQ(randint(0, 10, 5).shape(), (Shape{5}));
  expect_same(from_vector(std::vector<int>{1, 2, 3}, 3), tensor({1, 2, 3}).to(int32),
              "from_vector");
  expect_error<ShapeError>([] { zeros(-3); }, "negative sizes: [-3]");
}

// What is no whole number is no dimension, and more numbers than one are a list in braces.
template <class... T>
concept MakesZeros = requires(T... t) { zeros(t...); };
template <class... T>
concept Views = requires(const Tensor x, T... t) { x.view(t...); };
static_assert(MakesZeros<int> && MakesZeros<std::int64_t> && MakesZeros<std::size_t>);
static_assert(!MakesZeros<bool> && !MakesZeros<double> && !MakesZeros<int, int>);
static_assert(Views<int> && !Views<int, int>);
static_assert(!std::is_convertible_v<int, Site> && !std::is_convertible_v<std::nullptr_t, Site>);

Tensor with_gradient() {
  Tensor p = tensor({1., 2., 3., 4.}).requires_grad_();
  (p * p).sum().backward();
  return p;  // its gradient is 2, 4, 6, 8
}

TEST(AGradient, ChangesInPlaceOnTheTemporary) {
  Tensor p = with_gradient();
  p.grad() *= 0.5;
  expect_values(p.grad(), {4}, {1, 2, 3, 4});
  p.grad().add_(1).mul_(ones({4}));  // the second one on what the first gave
  EXPECT_EQ(doubles(p.grad())[0], 2);
  p.grad()[0] = 9;
  p.grad()[Slice(1, 3)] += 1;
  p.grad().index({Slice(3)}) = 0;
  expect_values(p.grad(), {4}, {9, 4, 5, 0});
  p.grad().zero_();
  expect_values(p.grad(), {4}, {0, 0, 0, 0});
  const Tensor fixed = p;  // const says that the handle is not changed
  fixed.grad().fill_(3);
  expect_values(p.grad(), {4}, {3, 3, 3, 3});
}

// Every in-place method on the temporary does what it does on a named tensor.
TEST(AGradient, TakesEveryInPlaceMethod) {
  using Change = std::pair<const char*, std::function<void(bool, Tensor&, const Tensor&)>>;
#define CHANGE(call)                                            \
  Change {                                                      \
    #call, [](bool temporary, Tensor& named, const Tensor& p) { \
      if (temporary)                                            \
        p.grad() call;                                          \
      else                                                      \
        named call;                                             \
    }                                                           \
  }
  const Change changes[] = {CHANGE(.copy_(ones({4}))),
                            CHANGE(.fill_(2)),
                            CHANGE(.zero_()),
                            CHANGE(.add_(1)),
                            CHANGE(.sub_(1)),
                            CHANGE(.mul_(2)),
                            CHANGE(.div_(2)),
                            CHANGE(.pow_(2)),
                            CHANGE(.clamp_(3, 5)),
                            CHANGE(.abs_()),
                            CHANGE(.neg_()),
                            CHANGE(.exp_()),
                            CHANGE(.log_()),
                            CHANGE(.sqrt_()),
                            CHANGE(.relu_()),
                            CHANGE(.sigmoid_()),
                            CHANGE(.tanh_()),
                            CHANGE(.masked_fill_(tensor({true, false, true, false}), 7)),
                            CHANGE(.scatter_(0, tensor({1, 2}), 5)),
                            CHANGE(.scatter_add_(0, tensor({1, 2}), ones({2}))),
                            CHANGE(.index_add_(0, tensor({1, 2}), ones({2}))),
                            CHANGE(+= 1),
                            CHANGE(-= 1),
                            CHANGE(*= 3),
                            CHANGE(/= 2),
                            CHANGE(%= 3),
                            CHANGE(.index_put_({0}, 5)),
                            CHANGE([1] = 8),
                            CHANGE(.index({Slice(2)}) *= 2)};
#undef CHANGE
  for (const auto& [what, change] : changes) {
    Tensor p = with_gradient(), named = tensor({-2., 4., 6., 8.}), unused;
    p.grad()[0] = -2;
    const std::string before = named.str();
    change(false, named, p);
    change(true, unused, p);
    EXPECT_EQ(p.grad().str(), named.str()) << what;
    EXPECT_NE(named.str(), before) << what;
  }
  for (const bool normal : {false, true}) {
    Tensor p = with_gradient();
    const std::vector<double> before = doubles(p.grad());
    normal ? p.grad().normal_() : p.grad().uniform_();
    EXPECT_NE(doubles(p.grad()), before);
  }
}

TEST(AGradient, ThatIsNotThereSaysSo) {
  const Tensor p = tensor({1., 2.}).requires_grad_();
  EXPECT_FALSE(p.grad().defined());
  EXPECT_THROW(p.grad().zero_(), Error);
}

// A name for it is a tensor like any other; assigning to the temporary would change nothing.
TEST(AGradient, KeepsItsNameLikeATensor) {
  Tensor p = with_gradient();
  auto g = p.grad();
  g *= 2;
  expect_values(p.grad(), {4}, {4, 8, 12, 16});
  g = ones({4});
  expect_values(p.grad(), {4}, {4, 8, 12, 16});
  const Tensor either = true ? p.grad() : Tensor();
  EXPECT_TRUE(either.is_same(p.grad()));
}
static_assert(!std::is_assignable_v<TensorRef&&, const Tensor&>);
static_assert(!std::is_assignable_v<TensorRef&&, const TensorRef&>);
static_assert(std::is_assignable_v<TensorRef&, const Tensor&>);
template <class T>
concept TakesInPlace = requires(T&& t) { std::forward<T>(t).zero_(); };
static_assert(TakesInPlace<TensorRef> && TakesInPlace<TensorRef&> && !TakesInPlace<Tensor> &&
              !TakesInPlace<const TensorRef&>);

TEST(IndexedParts, AreAssignedByLists) {
  const auto fresh = [] { return tensor({{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}}); };
  Tensor x = fresh();
  x.index({Slice(), 0}) = 0;
  expect_values(x, {3, 3}, {0, 2, 3, 0, 5, 6, 0, 8, 9});
  x.index({"...", Slice(1)}) *= 10;
  expect_values(x, {3, 3}, {0, 20, 30, 0, 50, 60, 0, 80, 90});
  x.index({1}) = tensor({1., 2., 3.});
  x.index({tensor({0, 2}), tensor({0, 1})}) = tensor({-1., -2.});
  expect_values(x, {3, 3}, {-1, 20, 30, 1, 2, 3, 0, -2, 90});
  x.index({x > 10}) = 10;
  expect_values(x, {3, 3}, {-1, 10, 10, 1, 2, 3, 0, -2, 10});
  x.index({None, 0, 0}).fill_(4);
  x[1].index({Slice(0, 2)}) = 7;
  x.index({Slice(1)})[1][0] = 8;
  expect_values(x, {3, 3}, {4, 10, 10, 7, 7, 3, 8, -2, 10});
  // As index_put_ does.
  Tensor a = fresh(), b = fresh();
  a.index({Slice(0, 2), tensor({2, 0})}) = tensor({{1., 2.}, {3., 4.}});
  b.index_put_({Slice(0, 2), tensor({2, 0})}, tensor({{1., 2.}, {3., 4.}}));
  expect_same(a, b, "index_put_");
}

TEST(IndexedParts, ReadAsBefore) {
  Tensor x = tensor({{1., 2.}, {3., 4.}});
  auto column = x.index({Slice(), 1});
  x += 100;
  expect_values(column, {2}, {2, 4});  // views do not alias yet
  expect_values(x.index({x > 103}), {1}, {104});
  expect_error<IndexError>([&] { x.index({5}); }, "spelling_test.cpp");
  EXPECT_THROW(x.index({tensor({true, false})}).copy_(ones({1, 2})), ViewError);
  const Tensor fixed = x;
  static_assert(std::is_same_v<decltype(fixed.index({0})), Tensor>);
  static_assert(std::is_same_v<decltype(ones({2}).index({0})), Tensor>);
}

TEST(Conversions, ByNameAndByExample) {
  const Tensor x = tensor({1.5, 2.5});
  EXPECT_EQ(x.float64().dtype(), float64);
  EXPECT_EQ(x.float64().float32().dtype(), float32);
  EXPECT_EQ(x.half().dtype(), float16);
  EXPECT_EQ(x.float16().dtype(), float16);
  EXPECT_EQ(x.bfloat16().dtype(), bfloat16);
  EXPECT_EQ(x.uint8().dtype(), uint8);
  EXPECT_EQ(x.int8().dtype(), int8);
  EXPECT_EQ(x.int16().dtype(), int16);
  EXPECT_EQ(x.int32().dtype(), int32);
  expect_values(x.int64(), {2}, {1, 2});
  EXPECT_EQ(x.to(tensor({1, 2})).dtype(), int64);
  EXPECT_EQ(x.to("cpu", float64).dtype(), float64);
  EXPECT_EQ(x.to(Device(DeviceType::CPU), float16).dtype(), float16);
  EXPECT_TRUE(x.to(x).is_same(x));
  expect_error<Error>([&] { x.to(Tensor()); }, "undefined");
  if (!is_available("cuda")) {
    EXPECT_THROW(x.to("cuda", float64), DeviceError);
  }
}

TEST(ValuesAndIndices, AreNamedAndTakenApart) {
  const Tensor x = tensor({{3., 1., 2.}, {4., 6., 5.}});
  expect_values(x.max(1).values, {2}, {3, 6});
  expect_values(x.max(1).indices, {2}, {0, 1});
  expect_values(ingot::min(x, 0).values, {3}, {3, 1, 2});
  expect_values(x.sort(-1, true).indices, {2, 3}, {0, 2, 1, 1, 2, 0});
  expect_values(x.topk(1).values, {2, 1}, {3, 6});
  expect_values(kthvalue(x, 2, 1).values, {2}, {2, 5});
  expect_values(median(x, 1).values, {2}, {2, 5});
  expect_values(x.cummax(1).values, {2, 3}, {3, 3, 3, 4, 6, 6});
  const auto [values, indices] = x.min(1);
  expect_values(values, {2}, {1, 4});
  expect_values(indices, {2}, {1, 0});
}

}  // namespace
}  // namespace ingot
