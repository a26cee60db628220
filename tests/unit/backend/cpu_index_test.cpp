// Indexing, slicing and joining on the cpu backend: sizes that are cut into pieces, 16-bit sums,
// and bits that do not depend on the number of threads.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "backend/backend.h"
#include "backend/layouts.h"

namespace ingot {
namespace {

std::vector<float> with_threads(int threads, const std::function<Tensor()>& f) {
  const int before = num_threads();
  set_num_threads(threads);
  const auto values = f().to(float32).to_vector<float>();
  set_num_threads(before);
  return values;
}

struct Large {
  Tensor x, source, index, places;
  Large() {
    manual_seed(3);
    x = randn({700, 130});
    source = randn({2000, 130});
    index = randint(0, 700, {2000});
    places = randint(0, 130, {700, 90});
    eval();
  }
};

TEST(CpuIndex, BitsDoNotDependOnThreads) {
  const Large d;
  const std::vector<std::function<Tensor()>> calls{
      [&] { return index_add(d.x, 0, d.index, d.source); },
      [&] { return index_add(d.x.to(bfloat16), 0, d.index, d.source.to(bfloat16)); },
      [&] { return scatter_add(d.x, 1, d.places, d.source.narrow(0, 0, 700)); },
      [&] { return index_select(d.x, 0, d.index); },
      [&] { return gather(d.x, 1, d.places); },
      [&] { return argmax(d.source, 0); },
      [&] {
        return cat({d.x, d.source}, 0);
      },
      [&] { return d.source.slice(0, 3, 1900, 3); },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(with_threads(4, calls[i]), with_threads(1, calls[i]));
  }
}

// By hand, element by element.
TEST(CpuIndex, LargeOnesAgreeWithLoops) {
  const Large d;
  const auto x = d.x.to_vector<float>(), source = d.source.to_vector<float>();
  const auto index = d.index.to_vector<std::int64_t>(), places = d.places.to_vector<std::int64_t>();

  std::vector<double> sums(x.begin(), x.end());
  for (std::size_t i = 0; i < 2000; ++i)
    for (std::size_t c = 0; c < 130; ++c)
      sums[static_cast<std::size_t>(index[i]) * 130 + c] += source[i * 130 + c];
  const auto added = index_add(d.x, 0, d.index, d.source).to_vector<float>();
  for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_NEAR(added[i], sums[i], 1e-4) << i;

  const auto selected = index_select(d.x, 0, d.index).to_vector<float>();
  for (std::size_t i = 0; i < selected.size(); ++i)
    ASSERT_EQ(selected[i], x[static_cast<std::size_t>(index[i / 130]) * 130 + i % 130]) << i;

  const auto gathered = gather(d.x, 1, d.places).to_vector<float>();
  for (std::size_t i = 0; i < gathered.size(); ++i)
    ASSERT_EQ(gathered[i], x[i / 90 * 130 + static_cast<std::size_t>(places[i])]) << i;

  // Rows of the index along the first dimension.
  const Tensor down = randint(0, 700, {300, 130});
  const auto rows = down.to_vector<std::int64_t>();
  const auto first = gather(d.x, 0, down).to_vector<float>();
  for (std::size_t i = 0; i < first.size(); ++i)
    ASSERT_EQ(first[i], x[static_cast<std::size_t>(rows[i]) * 130 + i % 130]) << i;
}

TEST(CpuIndex, SlicesOfLargeTensors) {
  const Tensor x = arange(0, 40 * 50 * 60).reshape({40, 50, 60});
  const auto values = x.slice(1, 5, 47, 4).to_vector<std::int64_t>();
  std::size_t k = 0;
  for (std::int64_t i = 0; i < 40; ++i)
    for (std::int64_t j = 5; j < 47; j += 4)
      for (std::int64_t c = 0; c < 60; ++c) ASSERT_EQ(values[k++], (i * 50 + j) * 60 + c);
  EXPECT_EQ(k, values.size());
  const auto flipped = flip(x, {0, 2}).to_vector<std::int64_t>();
  k = 0;
  for (std::int64_t i = 39; i >= 0; --i)
    for (std::int64_t j = 0; j < 50; ++j)
      for (std::int64_t c = 59; c >= 0; --c) ASSERT_EQ(flipped[k++], (i * 50 + j) * 60 + c);
}

TEST(CpuIndex, PartsOfChannelsLastStaySo) {
  StepDesc step;
  step.op = find_op("cat");
  step.attrs = AxisAttrs{.dim = 1};
  step.inputs = {TensorDesc::contiguous({2, 3, 4, 5}, DType::Float32),
                 TensorDesc::contiguous({2, 6, 4, 5}, DType::Float32)};
  step.outputs = {TensorDesc::contiguous({2, 9, 4, 5}, DType::Float32)};
  for (TensorDesc& in : step.inputs) in.strides = channels_last_strides(in.shape);
  cpu_backend().choose_layouts(step);
  EXPECT_EQ(step.outputs[0].strides, channels_last_strides({2, 9, 4, 5}));
  EXPECT_EQ(step.inputs[1].strides, channels_last_strides({2, 6, 4, 5}));
}

TEST(CpuIndex, LongRowsOfArgmax) {
  Tensor x = zeros({100000});
  x[70001] = 2.0;
  x[99999] = 2.0;
  EXPECT_EQ(argmax(x).item<std::int64_t>(), 70001);
  EXPECT_EQ(argmin(x).item<std::int64_t>(), 0);
  x[90000] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(argmax(x).item<std::int64_t>(), 90000);
  EXPECT_EQ(argmin(x).item<std::int64_t>(), 90000);
  EXPECT_EQ(argmax(x.reshape({2, 50000}), 1).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{0, 40000}));
  EXPECT_EQ(argmax(x.reshape({50000, 2}), 0).to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{45000, 35000}));
}

TEST(CpuIndex, OutOfRange) {
  const Tensor x = ones({3, 4});
  const auto message = [](const std::function<Tensor()>& f) {
    try {
      f().eval();
    } catch (const IndexError& e) {
      return std::string(e.what()).substr(0, std::string(e.what()).find('\n'));
    }
    return std::string("nothing");
  };
  EXPECT_EQ(message([&] {
              return gather(x, 1, tensor({{0, 1}, {2, 4}}));
            }),
            "gather: index 4 at position [1, 1] is out of range for dimension 1 of size 4");
  EXPECT_EQ(message([&] {
              return embedding(x, tensor({{0, -1}}));
            }),
            "embedding: index -1 at position [0, 1] is out of range for dimension 0 of size 3");
  EXPECT_EQ(message([&] {
              return index_select(x, 1, tensor({3, 9}));
            }),
            "index_select: index 9 at position 1 is out of range for dimension 1 of size 4");
}

}  // namespace
}  // namespace ingot
