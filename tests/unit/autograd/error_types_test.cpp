// What differs decides the type of the error: shape, dtype or device.
#include <gtest/gtest.h>

#include <ingot/core/error.h>
#include <ingot/core/tensor.h>
#include <ingot/ops/creation.h>

namespace ingot {
namespace {

TEST(ErrorTypes, SetGradSaysWhatDiffers) {
  Tensor x = ones({2, 3}).requires_grad_();
  EXPECT_THROW(x.set_grad(ones({3, 2})), ShapeError);
  EXPECT_THROW(x.set_grad(ones({6})), ShapeError);
  for (const DType dtype : {float64, float16, bfloat16, int32})
    EXPECT_THROW(x.set_grad(ones({2, 3}, {.dtype = dtype})), DTypeError) << name(dtype);
  EXPECT_THROW(x.set_grad(ones({2}, {.dtype = float64})), DTypeError);
  EXPECT_FALSE(x.grad().defined());
  x.set_grad(ones({2, 3}));
  EXPECT_TRUE(x.grad().defined());
}

TEST(ErrorTypes, BackwardSaysWhatDiffers) {
  const Tensor x = ones({2, 3}).requires_grad_();
  EXPECT_THROW((x * 2).backward(ones({3})), ShapeError);
  EXPECT_THROW((x * 2).backward(ones({2, 3}, {.dtype = float64})), DTypeError);
  EXPECT_THROW((x * 2).backward(ones({2, 3}, {.dtype = int64})), DTypeError);
}

TEST(ErrorTypes, InPlaceOperationsSayWhatWouldChange) {
  Tensor whole = ones({2}, {.dtype = int32}), row = ones({3});
  EXPECT_THROW(whole += 0.5, DTypeError);
  EXPECT_THROW(whole.mul_(ones({2}, {.dtype = float32})), DTypeError);
  EXPECT_THROW(row += ones({2, 3}), ShapeError);
}

}  // namespace
}  // namespace ingot
