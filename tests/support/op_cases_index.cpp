// Cases of include/ingot/ops/index.h.
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>

#include <string>

#include "support/op_cases.h"

namespace ingot::optest {

void add_index_cases(std::vector<OpCase>& cases) {
  using In = std::span<const Tensor>;
  const auto add = [&](const char* name, std::vector<InputSpec> inputs, DTypes dtypes,
                       Tolerance tolerance, auto f, bool numeric = true) {
    cases.push_back({name, std::move(inputs), one(f), dtypes, tolerance, numeric, numeric});
  };
  const auto exact = Tolerance::Exact, sums = Tolerance::Reduction;
  const auto index32 = [](Shape shape, std::int64_t limit) {
    return InputSpec{shape, Draw::Index, limit, DType::Int32, false};
  };
  add("gather", {in({3, 4}), index({3, 5}, 4)}, kAll, exact,
      [](In x) { return gather(x[0], 1, x[1]); });
  add("gather/first", {in({4, 3}), index({2, 3}, 4)}, kAll, exact,
      [](In x) { return gather(x[0], 0, x[1]); });
  add("gather/smaller", {in({3, 4, 2}), index({2, 3, 1}, 4)}, kAll, exact,
      [](In x) { return gather(x[0], -2, x[1]); });
  add(
      "gather/empty", {in({3, 4}), index({3, 0}, 4)}, kAll, exact,
      [](In x) { return gather(x[0], 1, x[1]); }, false);
  add("scatter_add", {in({3, 4}), index({3, 6}, 4), in({3, 6})}, kNumbers, sums,
      [](In x) { return scatter_add(x[0], 1, x[1], x[2]); });
  add("scatter_add/smaller", {in({4, 3}), index({3, 2}, 4), in({3, 2})}, kNumbers, sums,
      [](In x) { return scatter_add(x[0], 0, x[1], x[2]); });
  for (const char* reduce : {"sum", "prod", "mean"})
    for (const bool self : {true, false})
      add(("scatter_reduce/" + std::string(reduce) + (self ? "" : "_without_self")).c_str(),
          {in({3, 4}), index({2, 5}, 4), in({2, 5})}, kNumbers, sums,
          [reduce, self](In x) { return scatter_reduce(x[0], 1, x[1], x[2], reduce, self); });
  for (const char* reduce : {"amax", "amin"})
    for (const bool self : {true, false}) {
      const std::string name =
          "scatter_reduce/" + std::string(reduce) + (self ? "" : "_without_self");
      add(name.c_str(), {in({4, 3}, Draw::Distinct), index({5, 2}, 4), in({5, 2}, Draw::Distinct)},
          kFloats, exact, [reduce, self](In x) {
            return scatter_reduce(x[0], 0, x[1], x[2] + 0.0078125, reduce, self);
          });
      add((name + "_integers").c_str(), {data({4, 3}), index({5, 2}, 4), data({5, 3})}, kInts,
          exact, [reduce, self](In x) { return x[0].scatter_reduce(0, x[1], x[2], reduce, self); });
    }
  add(
      "scatter_reduce/ties", {in({4}, Draw::Grid), index({9}, 4), in({9}, Draw::Grid)}, kFloats,
      exact, [](In x) { return scatter_reduce(x[0], 0, x[1], x[2], "amax"); }, false);
  add("scatter_reduce/special", {data({4}), index({16}, 4), data({16}, Draw::Special)}, kFloats,
      exact, [](In x) { return scatter_reduce(x[0], 0, x[1], x[2], "amin"); });
  add(
      "scatter_reduce/zeros", {in({4}, Draw::Grid), index({9}, 4), in({9}, Draw::Grid)}, kFull,
      sums, [](In x) { return scatter_reduce(x[0], 0, x[1], x[2], "prod"); }, false);
  add("scatter_reduce/zero_dim", {in({}), index({}, 1), in({})}, kFloats, sums,
      [](In x) { return scatter_reduce(x[0], 0, x[1], x[2], "prod"); });
  add(
      "scatter_reduce/empty", {in({3, 4}), index({0, 4}, 3), in({0, 4})}, kNumbers, sums,
      [](In x) { return scatter_reduce(x[0], 0, x[1], x[2], "mean", false); }, false);
  add("scatter/reduce_add", {in({3, 4}), index({3, 5}, 4), in({3, 5})}, kNumbers, sums,
      [](In x) { return scatter(x[0], 1, x[1], x[2], "add"); });
  add("scatter/reduce_multiply", {data({3, 4}), index({3, 5}, 4), data({3, 5})}, kNumbers, sums,
      [](In x) { return x[0].scatter(1, x[1], x[2], "multiply"); });
  add("scatter/reduce_number", {data({3, 4}), index({3, 5}, 4)}, kNumbers, sums,
      [](In x) { return scatter(x[0], 1, x[1], 2, "add"); });
  add("index_select", {in({4, 3}), index({6}, 4)}, kAll, exact,
      [](In x) { return index_select(x[0], 0, x[1]); });
  add("index_select/last", {in({2, 3, 5}), index({4}, 5)}, kAll, exact,
      [](In x) { return index_select(x[0], -1, x[1]); });
  add("index_select/int32", {in({4, 3}), index32({3}, 4)}, kNumbers, exact,
      [](In x) { return index_select(x[0], 0, x[1]); });
  add(
      "index_select/empty", {in({4, 3}), index({0}, 4)}, kAll, exact,
      [](In x) { return index_select(x[0], 0, x[1]); }, false);
  add("index_add", {in({4, 3}), index({6}, 4), in({6, 3})}, kNumbers, sums,
      [](In x) { return index_add(x[0], 0, x[1], x[2]); });
  add("index_add/alpha", {in({2, 5}), index({3}, 5), in({2, 3})}, kNumbers, sums,
      [](In x) { return index_add(x[0], 1, x[1], x[2], 2); });
  add("embedding", {in({5, 3}), index({2, 4}, 5)}, kFloats, exact,
      [](In x) { return embedding(x[0], x[1]); });
  add(
      "embedding/padding", {in({4, 3}), index({9}, 4)}, kFloats, exact,
      [](In x) { return embedding(x[0], x[1], 2); }, false);
  add("embedding/int32", {in({5, 3}), index32({2, 2}, 5)}, kFloats, exact,
      [](In x) { return embedding(x[0], x[1]); });
  add("one_hot", {index({2, 3}, 4)}, bit(DType::Int64), exact,
      [](In x) { return one_hot(x[0], 5); });
  add("one_hot/counted", {index({7}, 4)}, bit(DType::Int64), exact,
      [](In x) { return one_hot(x[0]); });
  add("masked_fill", {in({2, 3, 4}), mask({3, 1})}, kAll, exact,
      [](In x) { return masked_fill(x[0], x[1], 1); });
  add("masked_fill/number", {in({2, 3}), mask({2, 3})}, kFloats, exact,
      [](In x) { return x[0].masked_fill(x[1], -0.5); });
  add("masked_fill/tensor", {in({2, 3}), mask({3}), in({})}, kAll, exact,
      [](In x) { return masked_fill(x[0], x[1], x[2]); });
}

}  // namespace ingot::optest
