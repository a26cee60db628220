// Cases of include/ingot/ops/dynamic.h and include/ingot/ops/advanced_index.h.
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;
using namespace indexing;

// Indices that occur once each: 0 … n-1 in some order.
InputSpec distinct(Shape shape) { return {shape, Draw::Distinct, 0, DType::Int64, false}; }

void add_dynamic_cases(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, std::vector<InputSpec> inputs, DTypes dtypes,
                       OpCase::Call f) {
    cases.push_back({name, std::move(inputs), std::move(f), dtypes, Tolerance::Exact, true, true});
  };
  add("nonzero", {data({3, 4})}, kAll, one([](In x) { return nonzero(x[0] > 0); }));
  add("nonzero/numbers", {data({2, 3, 4}, Draw::Grid)}, kAll,
      one([](In x) { return nonzero(x[0]); }));
  add("nonzero/vector", {data({9}, Draw::Special)}, kAll, one([](In x) { return x[0].nonzero(); }));
  add("nonzero/zero_dim", {data({})}, kAll, one([](In x) { return nonzero(x[0]); }));
  add("nonzero_as_tuple", {data({3, 4}, Draw::Grid)}, kAll,
      [](In x) { return nonzero_as_tuple(x[0]); });
  add("nonzero_as_tuple/zero_dim", {data({})}, kAll, [](In x) { return nonzero_as_tuple(x[0]); });
  add("masked_select", {in({3, 4}), mask({3, 4})}, kAll,
      one([](In x) { return masked_select(x[0], x[1]); }));
  add("masked_select/broadcast", {in({2, 3, 4}), mask({3, 1})}, kAll,
      one([](In x) { return x[0].masked_select(x[1]); }));
  add("masked_select/stretched", {in({3, 1}), mask({2, 3, 4})}, kAll,
      one([](In x) { return masked_select(x[0], x[1]); }));
  add("masked_select/zero_dim", {in({}), mask({5})}, kAll,
      one([](In x) { return masked_select(x[0], x[1]); }));
  add("masked_scatter", {in({3, 4}), mask({3, 4}), in({12})}, kAll,
      one([](In x) { return masked_scatter(x[0], x[1], x[2]); }));
  add("masked_scatter/broadcast", {in({2, 3, 4}), mask({3, 1}), in({6, 4})}, kAll,
      one([](In x) { return masked_scatter(x[0], x[1], x[2]); }));

  const auto all = [](const UniqueResult& r) {
    return std::vector<Tensor>{r.values, r.inverse, r.counts};
  };
  const UniqueOptions everything{.return_inverse = true, .return_counts = true};
  add("unique", {data({3, 5}, Draw::Grid)}, kAll,
      [=](In x) { return all(unique(x[0], everything)); });
  add("unique/values", {data({17}, Draw::Grid)}, kAll,
      one([](In x) { return unique(x[0]).values; }));
  add("unique/special", {data({16}, Draw::Special)}, kFull,
      [=](In x) { return all(unique(x[0], everything)); });
  add("unique/zero_dim", {data({})}, kAll, [=](In x) { return all(unique(x[0], everything)); });
  UniqueOptions rows = everything, columns = everything;
  rows.dim = 0;
  columns.dim = -1;
  add("unique/rows", {data({8, 2}, Draw::Symmetric)}, kInts,
      [=](In x) { return all(unique(x[0], rows)); });
  add("unique/slices", {data({2, 1, 9}, Draw::Symmetric)}, kInts,
      [=](In x) { return all(unique(x[0], columns)); });
}

void add_advanced_index_cases(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, std::vector<InputSpec> inputs, DTypes dtypes,
                       Tolerance tolerance, auto f, bool numeric = true) {
    cases.push_back({name, std::move(inputs), one(f), dtypes, tolerance, numeric, numeric});
  };
  const auto exact = Tolerance::Exact, sums = Tolerance::Reduction;
  const InputSpec rows32{{3}, Draw::Index, 4, DType::Int32, false};

  add("index", {in({4, 3}), index({5}, 4)}, kAll, exact, [](In x) { return index(x[0], {x[1]}); });
  add("index/pairs", {in({4, 3}), index({5}, 4), index({5}, 3)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], x[2]});
  });
  add("index/grid", {in({4, 5}), index({3, 1}, 4), index({2}, 5)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], x[2]});
  });
  add("index/middle", {in({2, 4, 3}), index({2, 3}, 4)}, kAll, exact, [](In x) {
    return x[0].index({Tensor(), x[1]});
  });
  add("index/neighbours", {in({2, 4, 3, 2}), index({2, 3}, 4), index({3}, 3)}, kFloats, exact,
      [](In x) {
        return index(x[0], {Tensor(), x[1], x[2]});
      });
  add("index/apart", {in({4, 2, 3}), index({5}, 4), index({5}, 3)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], Tensor(), x[2]});
  });
  add("index/negative", {in({4, 3}), index({2, 2}, 4)}, kFloats, exact,
      [](In x) { return index(x[0], {x[1] - 4}); });
  add("index/int32", {in({4, 3}), rows32}, kNumbers, exact, [](In x) { return x[0][x[1]]; });
  add("index/mask", {in({3, 4}), mask({3, 4})}, kAll, exact, [](In x) { return x[0][x[1]]; });
  add("index/mask_of_rows", {in({4, 3}), mask({4})}, kAll, exact, [](In x) { return x[0][x[1]]; });
  add("index/mask_and_index", {in({4, 3}), mask({4}), index({1}, 3)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], x[2]});
  });
  add("index/mask_in_the_middle", {in({2, 3, 2, 2}), mask({3, 2})}, kFloats, exact, [](In x) {
    return index(x[0], {Tensor(), x[1]});
  });
  add(
      "index/empty", {in({4, 3}), index({0}, 4)}, kAll, exact,
      [](In x) { return index(x[0], {x[1]}); }, false);

  add("index/slices", {in({6, 5})}, kAll, exact, [](In x) {
    return x[0].index({Slice(1, 5, 2), Slice(None, -1)});
  });
  add("index/number_and_slice", {in({2, 3, 4})}, kAll, exact, [](In x) {
    return x[0].index({Slice(), 0, Slice(-3)});
  });
  add("index/new_dims", {in({2, 3})}, kAll, exact, [](In x) {
    return x[0].index({None, "...", None, -1});
  });
  add("index/ellipsis", {in({2, 3, 4})}, kAll, exact, [](In x) {
    return x[0].index({1, Ellipsis, Slice(None, None, 3)});
  });
  add("index/number_between", {in({4, 2, 3}), index({5}, 4), index({5}, 3)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], 1, x[2]});
  });
  add("index/zero_dim_index", {in({3, 2, 4}), index({}, 3), index({5}, 4)}, kAll, exact, [](In x) {
    return index(x[0], {x[1], Slice(), x[2]});
  });
  add("index/zero_dim_alone", {in({3, 2, 4}), index({}, 2)}, kAll, exact, [](In x) {
    return index(x[0], {Slice(), x[1]});
  });
  add("index/slice_and_mask", {in({4, 3}), mask({3})}, kAll, exact, [](In x) {
    return index(x[0], {Slice(1, 3), x[1]});
  });
  add("index/brackets", {in({4, 3, 2})}, kNumbers, exact, [](In t) {
    Tensor x = t[0];
    return cat({x[0][1], x[Slice(1, 4)][-1][0], x[None][0][2][1], x[Ellipsis][3][2]});
  });

  add("index_put", {in({4, 3}), distinct({3}), in({3, 3})}, kAll, exact,
      [](In x) { return index_put(x[0], {x[1]}, x[2]); });
  add("index_put/pairs", {in({4, 3}), distinct({3}), distinct({3}), in({3})}, kAll, exact,
      [](In x) {
        return index_put(x[0], {x[1], x[2]}, x[3]);
      });
  add("index_put/broadcast", {in({2, 4, 3}), distinct({2}), in({3})}, kAll, exact, [](In x) {
    return index_put(x[0], {Tensor(), x[1]}, x[2]);
  });
  add("index_put/number", {in({4, 3}), index({6}, 4)}, kAll, exact,
      [](In x) { return index_put(x[0], {x[1]}, 1); });
  add("index_put/mask", {in({3, 4}), mask({3, 4}), in({})}, kAll, exact,
      [](In x) { return index_put(x[0], {x[1]}, x[2]); });
  add("index_put/mask_of_rows", {in({4, 3}), mask({4}), in({3})}, kAll, exact,
      [](In x) { return index_put(x[0], {x[1]}, x[2]); });
  add("index_put/accumulate", {in({4, 3}), index({9}, 4), in({9, 3})}, kNumbers, sums,
      [](In x) { return index_put(x[0], {x[1]}, x[2], true); });
  add("index_put/accumulate_pairs", {in({2, 2}), index({7}, 2), index({7}, 2), in({})}, kNumbers,
      sums, [](In x) {
        return index_put(x[0], {x[1], x[2]}, x[3], true);
      });
  add("index_put/slices", {in({5, 4}), in({2})}, kAll, exact, [](In x) {
    return index_put(x[0], {Slice(1, 5, 2), -1}, x[1]);
  });
  add("index_put/slice_accumulate", {in({5, 4}), in({2, 1})}, kNumbers, sums, [](In x) {
    return index_put(x[0], {Slice(3), Slice(1, 3)}, x[1], true);
  });
  add("index_put/slice_and_index", {in({2, 4, 3}), distinct({2}), in({2, 2})}, kAll, exact,
      [](In x) {
        return index_put(x[0], {"...", x[1], Slice(1)}, x[2]);
      });
  add("index_put/brackets", {in({4, 3}), in({2, 3})}, kNumbers, sums, [](In x) {
    Tensor y = x[0].clone();
    y[Slice(1, 3)] += x[1];
    y[0][1] = 2;
    y[-1][Slice(None, 2)] *= 3;
    y[3].fill_(1);
    y[2].copy_(x[1][0]);
    return y;
  });
  add("index_put/in_place", {in({4, 3}), distinct({3}), in({3, 1})}, kAll, exact, [](In x) {
    Tensor y = x[0].clone();
    y.index_put_({x[1]}, x[2]);
    y[y > 2] = 1;
    return y;
  });
}

}  // namespace

void add_selection_cases(std::vector<OpCase>& cases) {
  add_dynamic_cases(cases);
  add_advanced_index_cases(cases);
}

}  // namespace ingot::optest
