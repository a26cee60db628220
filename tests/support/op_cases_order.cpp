// Cases of include/ingot/ops/order.h, arrange.h and compare.h, and of scatter.
#include <limits>

#include <ingot/ops/arrange.h>
#include <ingot/ops/compare.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/index.h>
#include <ingot/ops/order.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

OpCase::Call both(ValuesAndIndices (*f)(const Tensor&)) {
  return [f](In x) {
    const auto [values, places] = f(x[0]);
    return std::vector<Tensor>{values, places};
  };
}

void add_sorted(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, InputSpec x, ValuesAndIndices (*f)(const Tensor&),
                       DTypes dtypes = kNumbers) {
    const bool smooth = x.differentiable;
    cases.push_back({name, {x}, both(f), dtypes, Tolerance::Exact, smooth, smooth});
  };
  using C = const Tensor&;
  const Draw distinct = Draw::Distinct;
  add("sort", in({3, 7}, distinct), [](C x) { return sort(x); });
  add("sort/descending", in({3, 7}, distinct), [](C x) { return sort(x, -1, true); });
  add("sort/first", in({7, 3}, distinct), [](C x) { return sort(x, 0); });
  add("sort/middle", in({2, 5, 3}, distinct), [](C x) { return sort(x, 1, true); });
  add(
      "sort/ties", data({4, 9}, Draw::Grid), [](C x) { return sort(x); }, kAll);
  add(
      "sort/ties_descending", data({9, 4}, Draw::Grid), [](C x) { return sort(x, 0, true); }, kAll);
  add(
      "sort/special", data({3, 8}, Draw::Special), [](C x) { return sort(x); }, kFloats);
  add(
      "sort/special_descending", data({3, 8}, Draw::Special), [](C x) { return sort(x, 1, true); },
      kFloats);
  add("sort/zero_dim", in({}), [](C x) { return sort(x, 0); });
  add("sort/empty", data({3, 0}), [](C x) { return sort(x); });
  add(
      "cummax", in({3, 7}, distinct), [](C x) { return cummax(x, 1); }, kNumbers);
  add("cummax/first", in({7, 3}, distinct), [](C x) { return x.cummax(0); });
  add(
      "cummax/ties", data({4, 9}, Draw::Grid), [](C x) { return cummax(x, -1); }, kAll);
  add(
      "cummax/special", data({3, 8}, Draw::Special), [](C x) { return cummax(x, 1); }, kFloats);
  add("cummax/zero_dim", in({}), [](C x) { return cummax(x, 0); });
  add("cummax/empty", data({3, 0}), [](C x) { return cummax(x, 1); });
  add("cummin", in({3, 7}, distinct), [](C x) { return cummin(x, 1); });
  add(
      "cummin/ties", data({9, 4}, Draw::Grid), [](C x) { return x.cummin(0); }, kAll);
  add(
      "cummin/special", data({3, 8}, Draw::Special), [](C x) { return cummin(x, 1); }, kFloats);
  add("max/dim", in({3, 7}, distinct), [](C x) { return max(x, 1); });
  add("max/keepdim", in({2, 5, 3}, distinct), [](C x) { return x.max(-2, true); });
  cases.push_back({"max/ties",
                   {in({4, 9}, Draw::Grid)},
                   both([](C x) { return max(x, 0); }),
                   kFloats,
                   Tolerance::Exact,
                   false,
                   false});
  add("max/zero_dim", in({}), [](C x) { return max(x, 0); });
  add("min/dim", in({3, 7}, distinct), [](C x) { return min(x, 0); });
  add("min/keepdim", in({3, 7}, distinct), [](C x) { return x.min(1, true); });
  add("topk", in({3, 7}, distinct), [](C x) { return topk(x, 3); });
  add("topk/smallest", in({3, 7}, distinct), [](C x) { return topk(x, 2, 1, false); });
  add("topk/first", in({7, 3}, distinct), [](C x) { return topk(x, 4, 0); });
  add("topk/all", in({3, 5}, distinct), [](C x) { return topk(x, 5); });
  add("topk/none", data({3, 5}, distinct), [](C x) { return topk(x, 0); });
  add("topk/zero_dim", in({}), [](C x) { return topk(x, 1, 0); });
  add(
      "kthvalue", in({3, 7}, distinct), [](C x) { return kthvalue(x, 2); }, kFull);
  add(
      "kthvalue/keepdim", in({5, 3}, distinct), [](C x) { return kthvalue(x, 5, 0, true); }, kFull);
  add(
      "kthvalue/zero_dim", in({}), [](C x) { return kthvalue(x, 1, 0); }, kFull);
  add(
      "median/dim", in({3, 7}, distinct), [](C x) { return median(x, 1); }, kFull);
  add(
      "median/even", in({6, 3}, distinct), [](C x) { return median(x, 0, true); },
      kFull | bit(DType::Int64));
  add(
      "median/special", data({2, 8}, Draw::Special), [](C x) { return median(x, 1); }, kFull);
  cases.push_back({"median",
                   {in({3, 5}, distinct)},
                   one([](In x) { return median(x[0]); }),
                   kFull,
                   Tolerance::Exact});
  cases.push_back({"argsort",
                   {data({3, 7}, distinct)},
                   one([](In x) { return argsort(x[0]); }),
                   kNumbers,
                   Tolerance::Exact,
                   false,
                   false});
  cases.push_back({"argsort/descending",
                   {data({7, 3}, distinct)},
                   one([](In x) { return argsort(x[0], 0, true); }),
                   kNumbers,
                   Tolerance::Exact,
                   false,
                   false});
}

void add_scans(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, InputSpec x, DTypes dtypes, auto f, bool second = true) {
    cases.push_back({name,
                     {x},
                     one([f](In in) { return f(in[0]); }),
                     dtypes,
                     Tolerance::Reduction,
                     x.differentiable,
                     x.differentiable && second});
  };
  using C = const Tensor&;
  add("cumsum", in({3, 5}), kAll, [](C x) { return cumsum(x, 1); });
  add("cumsum/first", in({4, 3}), kNumbers, [](C x) { return cumsum(x, 0); });
  add("cumsum/middle", in({2, 3, 4}), kNumbers, [](C x) { return cumsum(x, -2); });
  add("cumsum/zero_dim", in({}), kNumbers, [](C x) { return cumsum(x, 0); });
  add("cumsum/empty", in({0, 3}), kNumbers, [](C x) { return cumsum(x, 0); });
  add("cumsum/special", data({8}, Draw::Special), kFloats, [](C x) { return cumsum(x, 0); });
  add(
      "cumsum/large", in({3, 4001}), kFloats, [](C x) { return cumsum(x, 1); }, false);
  cases.back().numeric = false;
  add("cumprod", in({3, 5}), kAll, [](C x) { return cumprod(x, 1); });
  add("cumprod/first", in({4, 3}), kNumbers, [](C x) { return cumprod(x, 0); });
  add("cumprod/zeros", in({6, 8}, Draw::Grid), kFloats, [](C x) { return cumprod(x, 1); });
  add("cumprod/zero_dim", in({}), kNumbers, [](C x) { return cumprod(x, -1); });
  add("cumprod/empty", in({3, 0}), kNumbers, [](C x) { return cumprod(x, 1); });
}

void add_arranged(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const Shape& shape, auto f, DTypes dtypes = kAll) {
    cases.push_back(
        {name, {in(shape)}, one([f](In x) { return f(x[0]); }), dtypes, Tolerance::Exact});
  };
  using C = const Tensor&;
  add("pad", {2, 3}, [](C x) { return pad(x, {1, 2}); });
  add("pad/two", {2, 3, 4}, [](C x) { return pad(x, {1, 0, 0, 2}, "constant", 1); });
  add(
      "pad/number", {2, 3},
      [](C x) {
        return pad(x, {0, 1, 2, 0}, "constant", -1.5);
      },
      kFloats);
  add("pad/crop", {4, 5}, [](C x) { return pad(x, {-1, 2, -1, -1}); });
  add("pad/nothing", {2, 3}, [](C x) { return pad(x, {}); });
  add("pad/empty", {2, 0}, [](C x) { return pad(x, {1, 1}); });
  add(
      "pad/reflect", {2, 3, 5},
      [](C x) {
        return pad(x, {2, 4}, "reflect");
      },
      kFull);
  add(
      "pad/reflect_two", {1, 2, 4, 5},
      [](C x) {
        return pad(x, {1, 2, 3, 0}, "reflect");
      },
      kFull);
  add(
      "pad/replicate", {2, 3, 4},
      [](C x) {
        return pad(x, {2, 1}, "replicate");
      },
      kFull);
  add(
      "pad/replicate_two", {1, 2, 3, 4},
      [](C x) {
        return pad(x, {0, 5, 1, 2}, "replicate");
      },
      kFull);
  add(
      "pad/circular", {2, 3, 4},
      [](C x) {
        return pad(x, {4, 1}, "circular");
      },
      kFull);
  add(
      "pad/circular_two", {1, 2, 3, 4},
      [](C x) {
        return pad(x, {1, 2, 3, 1}, "circular");
      },
      kFull);
  add("roll", {3, 4}, [](C x) { return roll(x, {1}, {0}); });
  add("roll/negative", {3, 4}, [](C x) { return roll(x, {-6, 2}, {-1, 0}); });
  add("roll/flat", {3, 4}, [](C x) { return roll(x, {5}); });
  add("roll/empty", {3, 0}, [](C x) { return roll(x, {2}, {1}); });
  add("roll/same_dim", {5}, [](C x) { return roll(x, {1, 2}, {0, 0}); });
  add("repeat", {2, 3}, [](C x) { return repeat(x, {3, 2}); });
  add("repeat/more", {2, 3}, [](C x) { return repeat(x, {2, 1, 2}); });
  add("repeat/none", {2, 3}, [](C x) { return repeat(x, {0, 2}); });
  add("repeat/once", {2, 3}, [](C x) { return repeat(x, {1, 1}); });
  add("repeat/zero_dim", {}, [](C x) { return repeat(x, {2, 3}); });
  add("tile", {2, 3}, [](C x) { return tile(x, {2}); });
  add("tile/more", {3}, [](C x) { return tile(x, {2, 2}); });
  add("tril", {4, 5}, [](C x) { return tril(x); });
  add("tril/below", {2, 4, 3}, [](C x) { return tril(x, -1); });
  add("tril/far", {3, 3}, [](C x) { return tril(x, 7); });
  add("triu", {4, 5}, [](C x) { return triu(x); });
  add("triu/above", {2, 4, 3}, [](C x) { return triu(x, 1); });
  add("triu/empty", {0, 3}, [](C x) { return triu(x, -1); });
}

void add_scattered(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, std::vector<InputSpec> inputs, auto f,
                       DTypes dtypes = kAll, bool numeric = true) {
    cases.push_back({name, std::move(inputs), one(f), dtypes, Tolerance::Exact, numeric, numeric});
  };
  const InputSpec permutation{{4}, Draw::Distinct, 0, DType::Int64, false};
  add("scatter", {in({6}), permutation, in({4})},
      [](In x) { return scatter(x[0], 0, x[1], x[2]); });
  add("scatter/larger", {in({3, 4}), index({3, 1}, 4), data({3, 2})},
      [](In x) { return scatter(x[0], 1, x[1], x[2]); });
  add("scatter/first", {in({4, 3}), index({1, 2}, 4), in({1, 2})},
      [](In x) { return scatter(x[0], 0, x[1], x[2]); });
  add("scatter/middle", {in({2, 5, 3}), index({2, 1, 3}, 5), in({2, 1, 3})},
      [](In x) { return scatter(x[0], -2, x[1], x[2]); });
  add("scatter/number", {in({3, 4}), index({3, 2}, 4)},
      [](In x) { return scatter(x[0], 1, x[1], 1); });
  add(
      "scatter/empty", {in({3, 4}), index({3, 0}, 4), in({3, 0})},
      [](In x) { return scatter(x[0], 1, x[1], x[2]); }, kNumbers, false);
}

void add_compared(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, Draw draw, DTypes dtypes, auto f) {
    cases.push_back({name,
                     {data({6, 8}, draw), data({8}, draw)},
                     one(f),
                     dtypes,
                     Tolerance::Exact,
                     false,
                     false});
  };
  add("isclose", Draw::Grid, kAll, [](In x) { return isclose(x[0], x[1]); });
  add("isclose/wide", Draw::Grid, kFull, [](In x) { return isclose(x[0], x[1], 0.4, 0.2); });
  add("isclose/special", Draw::Special, kFloats, [](In x) { return isclose(x[0], x[1]); });
  add("isclose/equal_nan", Draw::Special, kFloats,
      [](In x) { return isclose(x[0], x[1], 0, 1, true); });
  // A bool about the whole tensors, as a 0-dim tensor.
  const auto whole = [&](const char* name, Draw draw, DTypes dtypes, auto f) {
    add(name, draw, dtypes,
        [f](In x) { return scalar_tensor(f(x[0], x[1]), DType::Bool, x[0].device()); });
  };
  using T = const Tensor&;
  whole("allclose", Draw::Grid, kAll, [](T a, T b) { return allclose(a, b); });
  whole("allclose/same", Draw::Grid, kAll, [](T a, T) { return allclose(a, a.clone()); });
  whole("allclose/wide", Draw::Unit, kFull, [](T a, T b) { return allclose(a, b, 0.5, 1); });
  whole("allclose/special", Draw::Special, kFloats, [](T a, T b) { return allclose(a, b); });
  whole("allclose/equal_nan", Draw::Special, kFloats,
        [](T a, T b) { return allclose(a, b, 0, 1, true); });
  whole("equal", Draw::Grid, kAll, [](T a, T b) { return equal(a, broadcast_to(b, a.shape())); });
  whole("equal/same", Draw::Grid, kAll, [](T a, T) { return equal(a, a.clone()); });
  whole("equal/other_shape", Draw::Grid, kAll, [](T a, T b) { return equal(a, b); });
  whole("equal/special", Draw::Special, kFloats,
        [](T a, T b) { return equal(a, broadcast_to(b, a.shape())); });
}

void add_options_of_reductions(std::vector<OpCase>& cases) {
  const auto add = [&](const std::string& name, InputSpec x, auto f, bool numeric = true) {
    cases.push_back({name,
                     {x},
                     one([f](In in) { return f(in[0]); }),
                     kFloats,
                     Tolerance::Reduction,
                     numeric,
                     numeric});
  };
  using C = const Tensor&;
  add("vector_norm", in({2, 3, 4}), [](C x) { return vector_norm(x); });
  add("vector_norm/one", in({2, 3, 4}), [](C x) { return vector_norm(x, 1, {1, 2}); });
  add("vector_norm/three", in({2, 3, 4}), [](C x) { return vector_norm(x, 3, {0, -1}, true); });
  add("vector_norm/half", in({2, 3, 4}), [](C x) { return vector_norm(x, 0.5, {1}); });
  add("vector_norm/negative", in({2, 3}), [](C x) { return vector_norm(x, -1, {1}); });
  add(
      "vector_norm/zero", data({3, 8}, Draw::Grid), [](C x) { return vector_norm(x, 0, {1}); },
      false);
  const double inf = std::numeric_limits<double>::infinity();
  add(
      "vector_norm/inf", in({3, 5}, Draw::Distinct),
      [inf](C x) { return vector_norm(x, inf, {1}); }, false);
  add(
      "vector_norm/minus_inf", in({3, 5}, Draw::Distinct),
      [inf](C x) { return vector_norm(x, -inf, {1}, true); }, false);
  add(
      "vector_norm/zeros", in({3, 2}), [](C x) { return vector_norm(x * 0.0, 2, {1}); }, false);
  add(
      "vector_norm/empty", in({0, 3}), [](C x) { return vector_norm(x, 2, {0}); }, false);
  add("norm/three", in({2, 3, 4}), [](C x) { return norm(x, 3, {0, -1}, true); });
  add("norm/one", in({2, 3}), [](C x) { return x.norm(1); });
  add(
      "norm/inf", in({3, 5}, Draw::Distinct), [inf](C x) { return x.norm(inf, {1}); }, false);
  add(
      "norm/zero", data({3, 8}, Draw::Grid), [](C x) { return norm(x, 0, {1}); }, false);
  add("norm/method_dims", in({2, 3, 4}), [](C x) { return x.norm({1}, true); });
  add("vector_norm/zero_dim", in({}), [](C x) { return vector_norm(x, 3); });
  add("var/correction", in({2, 3, 4}), [](C x) { return var(x, {0, 2}, {.correction = 3}); });
  add("var/correction_keepdim", in({2, 5}),
      [](C x) { return var(x, {}, {.correction = 0, .keepdim = true}); });
  add("std/correction", in({3, 6}), [](C x) { return std(x, {1}, {.correction = 2}); });
  add("std/multiple", in({2, 3, 4}), [](C x) { return std(x, {0, 1}, false, true); });
  add("logsumexp/multiple", in({2, 3, 4}), [](C x) { return logsumexp(x, {0, 2}, true); });
}

}  // namespace

void add_order_cases(std::vector<OpCase>& cases) {
  add_sorted(cases);
  add_scans(cases);
  add_arranged(cases);
  add_scattered(cases);
  add_compared(cases);
  add_options_of_reductions(cases);
}

}  // namespace ingot::optest
