// Views, slices, joins and indexing: values, gradients, errors, and that views do not alias.
#include <gtest/gtest.h>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/gradcheck.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"

namespace ingot {
namespace {

using test::expect_tensor;
using test::message_of;

const Tensor& example() {  // [[0, 1, 2], [3, 4, 5]]
  static const Tensor x = arange(6).reshape({2, 3}).clone();
  return x;
}

TEST(Reshape, KeepsRowMajorOrder) {
  expect_tensor(example().reshape({3, 2}), {3, 2}, int64, {0, 1, 2, 3, 4, 5});
  expect_tensor(example().reshape({-1}), {6}, int64, {0, 1, 2, 3, 4, 5});
  expect_tensor(example().reshape({3, -1, 1}), {3, 2, 1}, int64, {0, 1, 2, 3, 4, 5});
  expect_tensor(example().transpose(0, 1).reshape({6}), {6}, int64, {0, 3, 1, 4, 2, 5});
  expect_tensor(zeros({0, 3}).reshape({3, 0, 7}), {3, 0, 7}, float32, {});
  expect_tensor(tensor(5).reshape({1, 1}), {1, 1}, int64, {5});
}

TEST(Reshape, RefusesOtherCounts) {
  EXPECT_NE(message_of<ShapeError>([] { example().reshape({4}); })
                .find("reshape: int64[2, 3] has 6 elements and does not fit into shape [4] (4)\n"
                      "  recorded at "),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([] {
              example().reshape({4, -1});
            }).find("does not fit"),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([] {
              example().reshape({-1, -1});
            }).find("at most one size"),
            std::string::npos);
  EXPECT_NE(message_of<ShapeError>([] {
              zeros({0}).reshape({0, -1});
            }).find("does not fit"),
            std::string::npos);
}

TEST(Flatten, JoinsDimensions) {
  const Tensor x = arange(24).reshape({2, 3, 2, 2});
  EXPECT_EQ(x.flatten().shape(), (Shape{24}));
  EXPECT_EQ(x.flatten(1).shape(), (Shape{2, 12}));
  EXPECT_EQ(x.flatten(1, 2).shape(), (Shape{2, 6, 2}));
  EXPECT_EQ(tensor(1).flatten().shape(), (Shape{1}));
  EXPECT_THROW(x.flatten(2, 1), ValueError);
}

TEST(Permute, ReordersAndChecks) {
  const Tensor x = arange(6).reshape({1, 2, 3});
  expect_tensor(x.permute({2, 0, -2}), {3, 1, 2}, int64, {0, 3, 1, 4, 2, 5});
  expect_tensor(x.transpose(1, 2), {1, 3, 2}, int64, {0, 3, 1, 4, 2, 5});
  EXPECT_THROW(x.permute({0, 1}), ShapeError);
  EXPECT_THROW(x.permute({0, 1, 1}), ShapeError);
  EXPECT_THROW(x.permute({0, 1, 3}), IndexError);
  EXPECT_THROW(x.transpose(0, 3), IndexError);
}

TEST(Expand, RepeatsSizesOfOne) {
  expect_tensor(tensor({{1}, {2}}).expand({2, 2}), {2, 2}, int64, {1, 1, 2, 2});
  expect_tensor(tensor({1, 2}).expand({2, -1}), {2, 2}, int64, {1, 2, 1, 2});
  expect_tensor(tensor(3).expand({2}), {2}, int64, {3, 3});
  expect_tensor(tensor({1}).expand({0}), {0}, int64, {});
  EXPECT_NE(message_of<ShapeError>([] {
              example().expand({2, 6});
            }).find("only dimensions of size 1 can grow"),
            std::string::npos);
  EXPECT_THROW(example().expand({3}), ShapeError);
  EXPECT_THROW(example().expand({-1, 2, 3}), ShapeError);
}

TEST(Squeeze, AndBack) {
  const Tensor x = zeros({1, 2, 1});
  EXPECT_EQ(x.squeeze().shape(), (Shape{2}));
  EXPECT_EQ(x.squeeze(0).shape(), (Shape{2, 1}));
  EXPECT_EQ(x.squeeze(1).shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(x.unsqueeze(-1).shape(), (Shape{1, 2, 1, 1}));
  EXPECT_EQ(x.unsqueeze(1).shape(), (Shape{1, 1, 2, 1}));
  EXPECT_EQ(tensor(1).unsqueeze(0).shape(), (Shape{1}));
  EXPECT_THROW(x.unsqueeze(4), IndexError);
}

TEST(Slice, CountsAsPythonDoes) {
  const Tensor x = arange(10);
  expect_tensor(x.slice(0, 2, 5), {3}, int64, {2, 3, 4});
  expect_tensor(x.slice(0, -3), {3}, int64, {7, 8, 9});
  expect_tensor(x.slice(0, 1, -1, 3), {3}, int64, {1, 4, 7});
  expect_tensor(x.slice(0, 0, 10, 4), {3}, int64, {0, 4, 8});
  expect_tensor(x.slice(0, -100, 100, 9), {2}, int64, {0, 9});
  expect_tensor(x.slice(0, 5, 5), {0}, int64, {});
  expect_tensor(x.slice(0, 7, 3), {0}, int64, {});
  expect_tensor(example().slice(1, 1), {2, 2}, int64, {1, 2, 4, 5});
  expect_tensor(example().transpose(0, 1).slice(0, 1, 3), {2, 2}, int64, {1, 4, 2, 5});
  EXPECT_THROW(x.slice(0, 0, 5, 0), ValueError);
  EXPECT_THROW(x.slice(1, 0), IndexError);
}

TEST(Narrow, AndSelectCheckTheirRange) {
  expect_tensor(example().narrow(1, 1, 2), {2, 2}, int64, {1, 2, 4, 5});
  expect_tensor(example().narrow(0, -1, 1), {1, 3}, int64, {3, 4, 5});
  expect_tensor(example().select(1, -1), {2}, int64, {2, 5});
  expect_tensor(example()[1], {3}, int64, {3, 4, 5});
  EXPECT_EQ(example()[1][2].item<int>(), 5);
  EXPECT_NE(message_of<IndexError>([] {
              example().narrow(1, 2, 2);
            }).find("narrow: 2 elements from 2 on are not all in dimension 1 of int64[2, 3]"),
            std::string::npos);
  EXPECT_NE(message_of<IndexError>([] {
              example().select(0, 2);
            }).find("select: index 2 is out of range for dimension 0 of int64[2, 3]"),
            std::string::npos);
  EXPECT_THROW(tensor(1).select(0, 0), IndexError);
}

TEST(Indexing, AssignsByRebinding) {
  Tensor x = zeros({2, 3});
  const Tensor same = x, before = x.clone();
  x[1] = 5;
  x[0] = tensor({1, 2, 3});
  expect_tensor(same, {2, 3}, float32, {1, 2, 3, 5, 5, 5});
  x[-1] = x[0];
  expect_tensor(x, {2, 3}, float32, {1, 2, 3, 1, 2, 3});
  expect_tensor(before, {2, 3}, float32, {0, 0, 0, 0, 0, 0});
  EXPECT_THROW(x[2] = 1, IndexError);
  EXPECT_THROW(x[0] = zeros({2}), ShapeError);
  Tensor w = ones({3});
  w.requires_grad_();
  x[0] = w * 2;
  expect_tensor(grad({x}, {w}, {ones({2, 3})})[0], {3}, float32, {2, 2, 2});
}

TEST(Views, DoNotAlias) {
  Tensor x = zeros({2, 3});
  for (Tensor view : {x.reshape({6}), x.transpose(0, 1), x.select(0, 0), x.narrow(1, 0, 1),
                      x.unsqueeze(0), x.expand({1, 2, 3}), x.flatten().slice(0, 1)}) {
    const std::string text = message_of<ViewError>([&] { view.add_(1); });
    EXPECT_NE(text.find("is a view of float32[2, 3]"), std::string::npos) << text;
    EXPECT_NE(text.find("base[i] = value"), std::string::npos) << text;
  }
  Tensor copy = x.reshape({6}).clone();
  copy.add_(1);
  Tensor orphan = zeros({2}).reshape({2, 1});
  orphan.add_(1);  // nobody else can see the base any more
  expect_tensor(orphan, {2, 1}, float32, {1, 1});
}

TEST(Cat, JoinsAndPromotes) {
  const Tensor a = tensor({{1, 2}}), b = tensor({{0.5, 1.5}, {2.5, 3.5}});
  expect_tensor(cat({a, b}), {3, 2}, float32, {1, 2, 0.5, 1.5, 2.5, 3.5});
  expect_tensor(cat({b, b.slice(1, 0, 1)}, -1), {2, 3}, float32, {0.5, 1.5, 0.5, 2.5, 3.5, 2.5});
  expect_tensor(cat({zeros({0}), b}), {2, 2}, float32, {0.5, 1.5, 2.5, 3.5});
  expect_tensor(cat({zeros({0}), zeros({0})}), {0}, float32, {});
  expect_tensor(stack({tensor({1, 2}), tensor({3, 4})}, 1), {2, 2}, int64, {1, 3, 2, 4});
  expect_tensor(stack({tensor(1), tensor(2)}), {2}, int64, {1, 2});
  EXPECT_EQ(stack({zeros({0}), zeros({0})}).shape(), (Shape{2, 0}));
  EXPECT_NE(message_of<ShapeError>([&] {
              cat({a, zeros({1, 3})});
            }).find("all sizes but that of dimension 0 must agree"),
            std::string::npos);
  EXPECT_THROW(cat({}), ValueError);
  EXPECT_THROW(cat({tensor(1)}), ShapeError);
  EXPECT_THROW(stack({a, b}), ShapeError);
}

TEST(Split, IntoSizesAndChunks) {
  const Tensor x = arange(7);
  const std::vector<Tensor> parts = split(x, 3);
  ASSERT_EQ(parts.size(), 3u);
  expect_tensor(parts[1], {3}, int64, {3, 4, 5});
  expect_tensor(parts[2], {1}, int64, {6});
  const std::vector<Tensor> sized = split(x, std::vector<std::int64_t>{2, 0, 5});
  expect_tensor(sized[2], {5}, int64, {2, 3, 4, 5, 6});
  EXPECT_EQ(chunk(x, 3).size(), 3u);
  EXPECT_EQ(chunk(x, 3)[0].numel(), 3);
  EXPECT_EQ(chunk(x, 6).size(), 4u);  // parts of 2, as in PyTorch
  EXPECT_THROW(split(x, std::vector<std::int64_t>{2, 2}), ShapeError);
  EXPECT_THROW(split(x, 0), ValueError);
}

TEST(Flip, Reverses) {
  expect_tensor(flip(example(), {1}), {2, 3}, int64, {2, 1, 0, 5, 4, 3});
  expect_tensor(flip(example(), {0, -1}), {2, 3}, int64, {5, 4, 3, 2, 1, 0});
  EXPECT_THROW(flip(example(), {0, -2}), ValueError);
}

TEST(Shapes, GradientsAgreeWithDifferences) {
  using Op = std::function<Tensor(const Tensor&)>;
  const std::pair<const char*, Op> all_of_them[] = {
      {"reshape",
       [](const Tensor& x) {
         return x.reshape({6, 2});
       }},
      {"permute",
       [](const Tensor& x) {
         return x.permute({2, 0, 1});
       }},
      {"broadcast_to",
       [](const Tensor& x) {
         return x.narrow(1, 0, 1).expand({3, 2, 4, 2});
       }},
      {"slice", [](const Tensor& x) { return x.slice(1, 0, 3, 2); }},
      {"select", [](const Tensor& x) { return x.select(2, 1); }},
      {"flip",
       [](const Tensor& x) {
         return flip(x, {0, 2});
       }},
      {"cat",
       [](const Tensor& x) {
         return cat({x, x.slice(1, 1), x}, 1);
       }},
      {"slice_scatter",
       [](const Tensor& x) { return slice_scatter(x, x.narrow(1, 0, 1) * 2, 1, 1, 2); }},
  };
  Tensor x = ingot::sin(arange(0.3, 12, 1, float64)).reshape({2, 3, 2}).clone().detach();
  x.requires_grad_();
  for (const auto& [name, op] : all_of_them) {
    // Squared, so that the second derivatives are not all zero.
    const auto f = [&op = op](const std::vector<Tensor>& in) {
      return std::vector{square(op(in[0]))};
    };
    const GradcheckResult first = gradcheck(f, {x});
    EXPECT_TRUE(first.ok) << name << ": " << first.message;
    const GradcheckResult second = gradgradcheck(f, {x});
    EXPECT_TRUE(second.ok) << name << ", twice: " << second.message;
  }
}

}  // namespace
}  // namespace ingot
