// Shapes whose element count does not fit are refused where they are recorded, not counted wrongly.
#include <gtest/gtest.h>

#include <ingot/core/tensor.h>
#include <ingot/ops/creation.h>

namespace ingot {
namespace {

constexpr std::int64_t kBig = std::int64_t{1} << 32;

TEST(Addressable, ShapesThatOverflowAreRefused) {
  EXPECT_THROW(ones({kBig, kBig}), ShapeError);
  EXPECT_THROW(ones({kBig, kBig / 4}), ShapeError);  // 2^62 elements of four bytes
  EXPECT_THROW(ones({1}).expand({kBig, kBig}), ShapeError);
  EXPECT_THROW(from_blob(nullptr, {kBig, kBig}, float32), ShapeError);
  // Empty, but the product of its other sizes would be no number.
  EXPECT_THROW(ones({kBig, kBig, 0}), ShapeError);
  EXPECT_THROW(ones({0, kBig, kBig}), ShapeError);
  EXPECT_EQ(ones({kBig, 0, 2}).numel(), 0);
  EXPECT_TRUE((Shape{kBig, kBig / 16}).is_addressable(1));
  EXPECT_FALSE((Shape{kBig, kBig}).is_addressable(1));
}

TEST(Addressable, TheErrorNamesTheLine) {
  try {
    zeros({kBig, kBig});
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find("addressable_test.cpp:"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace ingot
