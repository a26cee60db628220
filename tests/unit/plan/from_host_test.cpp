// Tensors of the host's numbers: spans, vectors, raw memory, nested lists.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include <ingot/ops/elementwise.h>

namespace ingot {
namespace {

TEST(FromHost, SpansAreCopied) {
  std::array<float, 6> data{1, 2, 3, 4, 5, 6};
  const Tensor x = from_span(std::span<const float>(data), {2, 3});
  data.fill(0);
  EXPECT_EQ(x.shape(), (Shape{2, 3}));
  EXPECT_EQ(x.dtype(), float32);
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(from_span(std::span<const std::int64_t>(), {0, 4}).shape(), (Shape{0, 4}));
}

TEST(FromHost, CountAndShapeMustAgree) {
  const std::array<float, 6> data{1, 2, 3, 4, 5, 6};
  EXPECT_THROW(from_span(std::span<const float>(data), {2, 2}), ShapeError);
  EXPECT_THROW(from_span(std::span<const float>(data), {7}), ShapeError);
  EXPECT_THROW(from_vector(std::vector<double>{1, 2}, Shape{3}), ShapeError);
  EXPECT_EQ(from_vector(std::vector<double>{1, 2}).shape(), Shape{2});
  EXPECT_EQ(from_vector(std::vector<bool>{true, false, true}).str(),
            "tensor([ True, False,  True])");
}

TEST(FromHost, BlobsAreCopiedAsTheirDtype) {
  auto data = std::make_unique<std::int32_t[]>(4);
  for (int i = 0; i < 4; ++i) data[static_cast<std::size_t>(i)] = i - 2;
  const Tensor x = from_blob(data.get(), {2, 2}, int32);
  data.reset();
  EXPECT_EQ((x * 3).to_vector<std::int32_t>(), (std::vector<std::int32_t>{-6, -3, 0, 3}));
  const double value = 2.5;
  EXPECT_EQ(from_blob(&value, {}, float64).item<double>(), 2.5);
  EXPECT_EQ(from_blob(nullptr, {0, 3}, float32).numel(), 0);
}

TEST(FromHost, NestedListsHaveAShapeAndADtype) {
  const Tensor x = tensor({{{1, 2}, {3, 4}, {5, 6}}});
  EXPECT_EQ(x.shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(x.dtype(), int64);
  EXPECT_EQ(x.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(tensor({true, false}).dtype(), boolean);
  EXPECT_EQ(tensor({1, 2.5}).dtype(), float32);
  EXPECT_EQ(tensor({1, 2.5}, int32).to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 2}));
}

void expect_shape_error(const NestedList& list, const char* part) {
  try {
    tensor(list);
    FAIL() << "the list went through: " << part;
  } catch (const ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(FromHost, RaggedListsThrow) {
  expect_shape_error({{1, 2, 3}, {4, 5}}, "ragged: 3 and 2 entries in dimension 1");
  expect_shape_error({{1}, {2, 3}}, "ragged: 1 and 2 entries in dimension 1");
  expect_shape_error({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8, 9}}},
                     "ragged: 2 and 3 entries in dimension 2");
  expect_shape_error({{1, 2}, 3}, "mixes numbers and lists");
  expect_shape_error({1, {2, 3}}, "mixes numbers and lists");
}

}  // namespace
}  // namespace ingot
