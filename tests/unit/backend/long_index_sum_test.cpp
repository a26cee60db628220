// Millions of terms that meet at one place: scatter_add, index_add, index_put with accumulate, and
// the gradients of what reads by indices.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include <ingot/autograd/autograd.h>
#include <ingot/core/parallel.h>
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>

#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"

namespace ingot {
namespace {

constexpr std::int64_t kMany = 3'000'000;
constexpr double kTenth = static_cast<double>(0.1f);

struct Adding {
  const char* name;
  std::function<Tensor(const Tensor& places, const Tensor& rows)>
      f;  ///< rows[n, width] to [5, width]
};

const Adding kAddings[] = {
    {"index_add",
     [](const Tensor& places, const Tensor& rows) {
       return index_add(zeros({5, rows.size(1)}, {.dtype = rows.dtype()}), 0, places, rows);
     }},
    {"scatter_add",
     [](const Tensor& places, const Tensor& rows) {
       const Tensor index = places.reshape({-1, 1}).expand(rows.shape());
       return scatter_add(zeros({5, rows.size(1)}, {.dtype = rows.dtype()}), 0, index, rows);
     }},
    {"scatter_add of a row",
     [](const Tensor& places, const Tensor& rows) {
       const Tensor index = places.reshape({1, -1}).expand({rows.size(1), rows.size(0)});
       return scatter_add(zeros({rows.size(1), 5}, {.dtype = rows.dtype()}), 1, index, rows.t())
           .t();
     }},
    {"index_put",
     [](const Tensor& places, const Tensor& rows) {
       return index_put(zeros({5, rows.size(1)}, {.dtype = rows.dtype()}), {places}, rows, true);
     }},
    {"embedding",
     [](const Tensor& places, const Tensor& rows) {
       Tensor table = zeros({5, rows.size(1)}, {.dtype = rows.dtype()});
       table.requires_grad_();
       return grad({embedding(table, places)}, {table}, {rows})[0];
     }},
    {"index_select",
     [](const Tensor& places, const Tensor& rows) {
       Tensor table = zeros({rows.size(1), 5}, {.dtype = rows.dtype()});
       table.requires_grad_();
       return grad({index_select(table, 1, places)}, {table}, {rows.t()})[0].t();
     }},
    {"gather",
     [](const Tensor& places, const Tensor& rows) {
       Tensor table = zeros({5, rows.size(1)}, {.dtype = rows.dtype()});
       table.requires_grad_();
       const Tensor index = places.reshape({-1, 1}).expand(rows.shape());
       return grad({gather(table, 0, index)}, {table}, {rows})[0];
     }},
    {"index",
     [](const Tensor& places, const Tensor& rows) {
       Tensor table = zeros({5, rows.size(1)}, {.dtype = rows.dtype()});
       table.requires_grad_();
       return grad({table.index({places})}, {table}, {rows})[0];
     }},
};

TEST(LongIndexSums, AreRight) {
  for (const Adding& a : kAddings)
    for (const std::int64_t width : {1, 3}) {
      SCOPED_TRACE(testing::Message() << a.name << " " << width);
      const std::int64_t n = kMany / width;
      // Place 3 has all but a few, place 1 has five hundred, place 4 none.
      Tensor places = full({n}, 3, {.dtype = int64});
      places = cat({places.narrow(0, 0, n - 507), full({500}, 1, {.dtype = int64}),
                    zeros({7}, {.dtype = int64})});
      const std::vector<double> got = test::values(a.f(places, full({n, width}, 0.1)));
      ASSERT_EQ(got.size(), static_cast<std::size_t>(5 * width));
      const double expected[] = {7 * kTenth, 500 * kTenth, 0, static_cast<double>(n - 507) * kTenth,
                                 0};
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double right = expected[i / static_cast<std::size_t>(width)];
        EXPECT_NEAR(got[i], right, 1e-5 * right) << i;
      }
    }
}

// 16 bits: a sum in float32 at least, rounded once.
TEST(LongIndexSums, OfSixteenBits) {
  for (const Adding& a : kAddings)
    for (const DType t : {float16, bfloat16}) {
      SCOPED_TRACE(std::string(a.name) + " " + std::string(name(t)));
      const Tensor places = full({100'000}, 2, {.dtype = int64});
      const Tensor rows = full({100'000, 2}, 0.1, {.dtype = t});
      const double tenth = test::values(full({1}, 0.1, {.dtype = t}))[0];
      const std::vector<double> got = test::values(a.f(places, rows));
      EXPECT_NEAR(got[4] / (1e5 * tenth), 1, t == float16 ? 0x1p-11 : 0x1p-8);
      EXPECT_EQ(got[2], 0);
    }
}

TEST(LongIndexSums, AnyNumberOfThreadsGivesTheSameBits) {
  const int before = num_threads();
  for (const Adding& a : kAddings) {
    SCOPED_TRACE(a.name);
    manual_seed(3);
    const Tensor places = randint(0, 2, {20'000}), rows = randn({20'000, 70});
    eval();
    std::vector<float> first;
    for (const int threads : {1, 2, 3}) {
      set_num_threads(threads);
      const std::vector<float> got = a.f(places, rows).contiguous().to_vector<float>();
      if (threads == 1) first = got;
      EXPECT_EQ(got, first) << threads;
    }
  }
  set_num_threads(before);
}

// What short and long chains give differs by rounding alone, wherever the border is.
TEST(LongIndexSums, AroundTheBorder) {
  for (const Adding& a : kAddings)
    for (const std::int64_t n : {1023, 1024, 1025, 1026, 2047, 2048, 2049}) {
      SCOPED_TRACE(testing::Message() << a.name << " " << n);
      manual_seed(n);
      const Tensor places = zeros({n}, {.dtype = int64}), rows = rand({n, 2});
      const std::vector<double> got = test::values(a.f(places, rows));
      const std::vector<double> right = test::values(rows.to(float64).sum({0}));
      for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(got[i], right[i], 1e-5 * right[i]);
    }
}

}  // namespace
}  // namespace ingot
