#include <gtest/gtest.h>

#include <ingot/core/error.h>
#include <ingot/core/shape.h>

namespace ingot {
namespace {

template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing of that type was thrown";
}

TEST(Shape, CountsAndPrints) {
  EXPECT_EQ((Shape{2, 3, 4}.numel()), 24);
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ((Shape{2, 0, 4}.numel()), 0);
  EXPECT_EQ((Shape{2, 3}.str()), "[2, 3]");
  EXPECT_EQ(Shape{}.str(), "[]");
}

TEST(Shape, InsertsAndErases) {
  Shape s{2, 4};
  s.insert(1, 3);
  EXPECT_EQ(s, (Shape{2, 3, 4}));
  s.insert(0, 1);
  EXPECT_EQ(s, (Shape{1, 2, 3, 4}));
  s.erase(2);
  EXPECT_EQ(s, (Shape{1, 2, 4}));
}

TEST(Shape, HoldsEightDimensions) {
  const Shape full = Shape::filled(8, 1);
  EXPECT_EQ(full.rank(), 8);
  EXPECT_EQ(thrown<ShapeError>([&] { Shape(full).push_back(1); }),
            "a tensor has at most 8 dimensions");
  EXPECT_EQ(thrown<ShapeError>([] { Shape(std::vector<std::int64_t>(9, 1)); }),
            "a tensor has at most 8 dimensions");
}

TEST(Shape, RowMajorStrides) {
  EXPECT_EQ((Shape{2, 3, 4}.contiguous_strides()), (Dims{12, 4, 1}));
  EXPECT_EQ(Shape{}.contiguous_strides(), Dims{});
  EXPECT_EQ((Shape{2, 0, 4}.contiguous_strides()), (Dims{4, 4, 1}));
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast_shapes({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes({}, {3}), (Shape{3}));
  EXPECT_EQ(broadcast_shapes({1}, {0}), (Shape{0}));
  EXPECT_EQ(thrown<ShapeError>([] {
              broadcast_shapes({2, 3}, {2, 4}, "add");
            }),
            "add: shapes [2, 3] and [2, 4] do not broadcast (3 ≠ 4 in dimension -1)");
}

TEST(Shape, CountsDimensionsFromBothEnds) {
  EXPECT_EQ(normalize_dim(-1, 3, "sum"), 2);
  EXPECT_EQ(normalize_dim(0, 3, "sum"), 0);
  EXPECT_EQ(normalize_dim(-1, 0, "sum"), 0);
  EXPECT_EQ(thrown<IndexError>([] { normalize_dim(3, 3, "sum"); }),
            "sum: dimension 3 is out of range for a tensor of 3 dimensions");
}

}  // namespace
}  // namespace ingot
