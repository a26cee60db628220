// What looks elements up, puts them in their places or in order, on the host driver: the cpu's bits
// at sizes where several groups and several passes take part, and the cpu's errors.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/indexing.h>
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/interpolate.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/order.h>
#include <ingot/ops/random.h>
#include <ingot/ops/shape.h>

#include "support/expect.h"
#include "support/same_bits.h"

namespace ingot {
namespace {

using test::expect_same_bits;

// Many equal ones.
Tensor whole_numbers(const Shape& shape, std::int64_t below, DType t, Device d) {
  return randint(0, below, shape, {.dtype = int64, .device = d}).to(t);
}
Tensor places(const Shape& shape, std::int64_t below, Device d) {
  return randint(0, below, shape, {.dtype = int64, .device = d});
}

TEST(GpuOrder, SortsLongLinesStably) {
  for (const std::int64_t n : {1, 31, 256, 257, 1000, 4099})
    for (const bool descending : {false, true})
      expect_same_bits(
          [&](Device d) {
            const ValuesAndIndices s = sort(whole_numbers({3, n}, 50, float32, d), 1, descending);
            return cat({s.values, s.indices.to(float32)}, 0);
          },
          "sort of " + std::to_string(n));
  for (const DType t : {float16, int8, boolean, float64})
    expect_same_bits(
        [&](Device d) {
          return argsort(whole_numbers({500, 3}, 2, t, d), 0);
        },
        "argsort");
  expect_same_bits(
      [](Device d) {
        const Tensor x = randn({600}, {.device = d});
        return argsort(where(x > 1, log(-x), x), 0, true);  // NaN among them
      },
      "sort of NaN");
  expect_same_bits(
      [](Device d) {
        return topk(randn({4, 700, 2}, {.device = d}).permute({2, 0, 1}), 5, 2).values;
      },
      "topk");
}

TEST(GpuOrder, ScansLongLines) {
  for (const std::int64_t n : {1, 64, 65, 256, 1000}) {
    expect_same_bits(
        [&](Device d) {
          return cumsum(whole_numbers({3, n}, 9, int64, d), 1);
        },
        "cumsum");
    expect_same_bits(
        [&](Device d) {
          return cumprod(whole_numbers({n, 2}, 9, int64, d), 0);
        },
        "cumprod");
    expect_same_bits(
        [&](Device d) {
          return cummax(whole_numbers({3, n}, 40, float32, d), 1).indices;
        },
        "cummax");
    expect_same_bits(
        [&](Device d) {
          const Tensor x = randn({3, n}, {.device = d});
          return cummin(where(x > 2, log(-x), x), 1).indices;
        },
        "cummin");
  }
}

TEST(GpuOrder, LooksElementsUp) {
  for (const DType t : {float32, float64, bfloat16, int16, boolean}) {
    const auto x = [t](const Shape& shape, Device d) { return whole_numbers(shape, 99, t, d); };
    expect_same_bits(
        [&](Device d) {
          return gather(x({7, 9}, d), 0, places({20, 5}, 7, d));
        },
        "gather");
    expect_same_bits(
        [&](Device d) {
          return index_select(x({7, 9, 2}, d), 1, places({30}, 9, d));
        },
        "select");
    expect_same_bits(
        [&](Device d) {
          return index(x({7, 9, 4}, d).permute({2, 0, 1}),
                       {places({3, 1}, 4, d) - 4, Slice(), places({5}, 9, d)});
        },
        "index");
  }
  expect_same_bits(
      [](Device d) {
        return embedding(randn({50, 8}, {.device = d}), places({4, 6}, 50, d));
      },
      "embedding");
}

// Of whole numbers sums are exact in any order; which element is the last is not.
TEST(GpuOrder, PutsElementsWhereIndicesSay) {
  for (const DType t : {float32, bfloat16, int32}) {
    const auto x = [t](const Shape& shape, Device d) { return whole_numbers(shape, 9, t, d); };
    expect_same_bits(
        [&](Device d) {
          return scatter_add(x({12, 5}, d), 0, places({900, 5}, 12, d), x({900, 5}, d));
        },
        "scatter_add");
    expect_same_bits(
        [&](Device d) {
          return scatter(x({12, 50}, d), 1, places({9, 300}, 50, d), x({9, 300}, d));
        },
        "scatter");
    for (const char* reduce : {"amax", "amin", "sum"})
      expect_same_bits(
          [&](Device d) {
            return scatter_reduce(x({40}, d), 0, places({900}, 40, d), x({900}, d), reduce);
          },
          reduce);
    expect_same_bits(
        [&](Device d) {
          return index_add(x({6, 20, 3}, d), 1, places({400}, 20, d), x({6, 400, 3}, d));
        },
        "index_add");
    for (const bool accumulate : {false, true})
      expect_same_bits(
          [&](Device d) {
            return index_put(x({8, 3, 9}, d), {places({20, 1}, 8, d), Slice(), places({15}, 9, d)},
                             x({20, 15, 3}, d), accumulate);
          },
          accumulate ? "index_put accumulating" : "index_put");
  }
}

TEST(GpuOrder, CountsWhatThereIs) {
  const auto mask = [](Device d) { return rand({23, 40}, {.device = d}) > 0.5; };
  expect_same_bits([&](Device d) { return nonzero(mask(d)); }, "nonzero");
  expect_same_bits(
      [&](Device d) {
        const Tensor x = randn({23, 40}, {.device = d});
        return masked_select(x, mask(d));
      },
      "masked_select");
  expect_same_bits(
      [&](Device d) {
        const Tensor m = mask(d), x = randn({40, 23}, {.device = d}).t();
        return masked_scatter(x, m, randn({920}, {.device = d}));
      },
      "masked_scatter");
  for (const DType t : {float32, int64, uint8})
    expect_same_bits(
        [&](Device d) {
          const UniqueResult u = unique(whole_numbers({1000}, 37, t, d),
                                        {.return_inverse = true, .return_counts = true});
          return cat({u.values.to(int64), u.inverse, u.counts}, 0);
        },
        "unique");
  expect_same_bits(
      [](Device d) {
        const UniqueResult u = unique(whole_numbers({300, 3}, 4, int64, d),
                                      {.return_inverse = true, .return_counts = true, .dim = 0});
        return cat({u.values.reshape({-1}), u.inverse, u.counts}, 0);
      },
      "unique rows");
}

TEST(GpuOrder, ResamplesNearest) {
  for (const Interpolation mode : {Interpolation::Nearest, Interpolation::NearestExact})
    for (const Pair size : {Pair(10, 7), Pair(5, 30), Pair(20, 14)})
      expect_same_bits(
          [&](Device d) {
            return interpolate(randn({2, 3, 10, 7}, {.device = d}), {.size = size, .mode = mode});
          },
          "interpolate");
}

// -- Errors ---------------------------------------------------------------------------------------

template <class E>
void expect_same_error(const test::Make& make, const std::string& part) {
  const test::HostScope host;
  plan::set_fallback("error");
  const std::string here = test::message_of<E>([&] { make(Device{}).eval(); });
  const std::string there = test::message_of<E>([&] { make(test::kHostDriver).to_host(); });
  EXPECT_NE(here.find(part), std::string::npos) << here;
  EXPECT_NE(there.find(part), std::string::npos) << there;
}

TEST(GpuOrder, SaysWhichIndexIsOutOfRange) {
  const auto list = [](std::vector<std::int64_t> v, Device d) {
    return from_vector(v, std::nullopt, d);
  };
  expect_same_error<IndexError>(
      [&](Device d) {
        return embedding(ones({5, 2}, {.device = d}), list({1, 4, 5, 9}, d));
      },
      "index 5 at position 2 is out of range for dimension 0 of size 5");
  expect_same_error<IndexError>(
      [&](Device d) {
        return index_select(ones({2, 5}, {.device = d}), 1, list({0, -1}, d));
      },
      "index -1 at position 1 is out of range for dimension 1 of size 5");
  expect_same_error<IndexError>(
      [&](Device d) {
        return index(ones({4, 3}, {.device = d}), {list({-4, 3, 1}, d), list({2, -3, 3}, d)});
      },
      "index 3 at position 2 is out of range for dimension 1 of size 3");
  expect_same_error<IndexError>(
      [&](Device d) {
        const Tensor at = list({0, 1, 2, 7, 0, 0}, d).reshape({2, 3});
        return scatter_add(zeros({5, 3}, {.device = d}), 0, at, ones({2, 3}, {.device = d}));
      },
      "index 7 at position [1, 0] is out of range for dimension 0 of size 5");
  expect_same_error<ValueError>(
      [&](Device d) {
        return floor_divide(list({6, 7, 8}, d), list({1, 2, 0}, d));
      },
      "integer division by zero at position [2] of the divisor");
  expect_same_error<IndexError>(
      [&](Device d) {
        return cross_entropy(randn({3, 4}, {.device = d}), list({0, 4, 1}, d));
      },
      "label 4 at position 1 is out of range for 4 classes");
}

// Threads of a group in any order, every access watched.
TEST(GpuOrder, DoesNothingForbidden) {
  for (int order = 0; order < 5; ++order) {
    gpu::HostDeviceOptions options;
    options.driver.checked = true;
    options.driver.schedule.order = static_cast<gpu::Schedule::Order>(order);
    expect_same_bits(
        [](Device d) {
          return argsort(whole_numbers({2, 600}, 30, int64, d), 1);
        },
        "sort", options);
    expect_same_bits(
        [](Device d) {
          return cumsum(whole_numbers({2, 300}, 30, int64, d), 1);
        },
        "cumsum", options);
    expect_same_bits(
        [](Device d) {
          return scatter_add(zeros({9, 2}, {.dtype = int64, .device = d}), 0,
                             places({400, 2}, 9, d), whole_numbers({400, 2}, 9, int64, d));
        },
        "scatter_add", options);
  }
}

}  // namespace
}  // namespace ingot
