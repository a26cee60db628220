// Sizes beyond 32 bits: kernels and libraries that count in 32 bits are not asked. Nothing here is
// allocated.
#include <gtest/gtest.h>

#include "backend/backend.h"
#include "backend/cpu/contraction.h"
#include "core/op_attrs.h"
#include "core/op_def.h"

namespace ingot {
namespace {

cpu::ConvDesc conv(const Shape& x, const Shape& weight, const Shape& y, std::int64_t stride = 1,
                   std::int64_t padding = 0) {
  ConvAttrs attrs;
  attrs.stride = {stride, stride};
  attrs.padding = {padding, padding};
  attrs.dilation = {1, 1};
  return {cpu::ConvKind::Forward,
          TensorDesc::contiguous(x, DType::Float32),
          TensorDesc::contiguous(weight, DType::Float32),
          TensorDesc::contiguous(y, DType::Float32),
          std::nullopt,
          attrs};
}

TEST(SizeGuards, OnednnIsNotAskedForWhatItCannotCount) {
  const auto takes = [](const cpu::ConvDesc& d) {
    return cpu::onednn_provider().convolution(d) != nullptr;
  };
  EXPECT_TRUE(takes(conv({1, 16, 8, 8}, {16, 16, 1, 1}, {1, 16, 8, 8})));
  const std::int64_t wide = (std::int64_t{1} << 28) + 1;
  EXPECT_FALSE(takes(conv({1, 1, 1, wide}, {1, 1, 1, 1}, {1, 1, 1, wide})));
  EXPECT_FALSE(takes(conv({1, 1, 1, 1}, {wide, 1, 1, 1}, {1, wide, 1, 1})));
  EXPECT_FALSE(takes(conv({1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, 1 << 17)));
  EXPECT_FALSE(takes(conv({1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, 1, 1 << 17)));
}

}  // namespace
}  // namespace ingot
