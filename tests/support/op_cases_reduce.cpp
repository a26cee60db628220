// Cases of include/ingot/ops/reduction.h.
#include <ingot/ops/reduction.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;
using Reduce = Tensor (*)(const Tensor&, const Dims&, bool, Site);

struct Row {
  const char* name;
  Reduce f;
  Draw draw;
  DTypes dtypes;
  Tolerance tolerance;
  bool differentiable = true;
  bool of_nothing = true;  ///< takes empty dimensions
};

const Row kRows[] = {
    {"sum", sum, Draw::Signed, kAll, Tolerance::Reduction},
    {"mean", mean, Draw::Signed, kFloats, Tolerance::Reduction},
    {"prod", prod, Draw::Positive, kAll, Tolerance::Reduction},
    {"amax", amax, Draw::Distinct, kAll, Tolerance::Exact, true, false},
    {"amin", amin, Draw::Distinct, kAll, Tolerance::Exact, true, false},
    {"any", any, Draw::Grid, kAll, Tolerance::Exact, false},
    {"all", all, Draw::Grid, kAll, Tolerance::Exact, false},
    {"norm", norm, Draw::Signed, kFloats, Tolerance::Reduction},
    {"logsumexp", logsumexp, Draw::Wide, kFloats, Tolerance::Reduction},
};

void add_rows(std::vector<OpCase>& cases) {
  for (const Row& row : kRows) {
    const auto add = [&](const char* variant, const Shape& shape, const Dims& dims, bool keepdim,
                         bool numeric = true) {
      const InputSpec spec{shape, row.draw, 0, {}, row.differentiable};
      OpCase c{
          std::string(row.name) + variant,
          {spec},
          one([f = row.f, dims, keepdim](In x) { return f(x[0], dims, keepdim, Site::current()); }),
          row.dtypes,
          row.tolerance};
      c.numeric = c.second = numeric && row.differentiable;
      cases.push_back(std::move(c));
    };
    // logsumexp wants its dimensions named.
    const bool named = std::string_view(row.name) == "logsumexp";
    add("", {2, 3, 4}, named ? Dims{0, 1, 2} : Dims{}, false);
    add("/first", {2, 3, 4}, {0}, false);
    add("/last", {2, 3, 5}, {-1}, false);
    add("/middle_keepdim", {2, 3, 4}, {1}, true);
    add("/two", {2, 3, 4}, {0, 2}, false);
    add("/two_keepdim", {2, 3, 4}, {0, -1}, true);
    add("/size_one", {3, 1}, {1}, false);
    add("/zero_dim", {}, named ? Dims{0} : Dims{}, false);
    if (row.of_nothing) add("/empty", {0, 3}, {0}, false, false);
    add("/empty_kept", {0, 3}, {1}, false, false);
  }
}

void add_large(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, DTypes dtypes, auto f) {
    cases.push_back({name,
                     {in({257, 151}, Draw::Unit)},
                     one([f](In x) { return f(x[0]); }),
                     dtypes,
                     Tolerance::Reduction,
                     false,
                     false});
  };
  add("sum/large", kFloats, [](const Tensor& x) { return x.sum(); });
  add("sum/large_rows", kFloats, [](const Tensor& x) { return x.sum({1}); });
  add("sum/large_columns", kFloats, [](const Tensor& x) { return x.sum({0}); });
  add("mean/large", kFloats, [](const Tensor& x) { return x.mean(); });
  for (const auto& [name, f] :
       {std::pair{"sum/fine", Reduce(sum)}, std::pair{"mean/fine", Reduce(mean)}})
    for (const std::int64_t dim : {0, 1})
      cases.push_back({std::string(name) + (dim == 0 ? "_columns" : "_rows"),
                       {in({257, 151}, Draw::Fine)},
                       one([f = f, dim](In x) { return f(x[0], {dim}, false, Site::current()); }),
                       kFull,
                       Tolerance::Reduction,
                       false,
                       false});
  add("amax/large", kFloats, [](const Tensor& x) { return x.amax({0}); });
  add("var/large", kFloats, [](const Tensor& x) { return x.var({0}); });
}

void add_others(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, InputSpec input, DTypes dtypes, Tolerance tolerance,
                       bool numeric, auto f) {
    cases.push_back(
        {name, {input}, one([f](In x) { return f(x[0]); }), dtypes, tolerance, numeric, numeric});
  };
  using T = const Tensor&;
  const auto reduction = Tolerance::Reduction;
  const auto exact = Tolerance::Exact;
  add("var", in({2, 3, 4}), kFloats, reduction, true, [](T x) { return var(x); });
  add("var/dims", in({2, 3, 4}), kFloats, reduction, true, [](T x) { return var(x, {0, 2}); });
  add("var/biased_keepdim", in({3, 4}), kFloats, reduction, true,
      [](T x) { return var(x, {1}, false, true); });
  add("var/one_element", data({3, 1}), kFloats, reduction, false, [](T x) { return var(x, {1}); });
  add("std", in({3, 4}), kFloats, reduction, true, [](T x) { return ingot::std(x, {1}); });
  add("std/biased", in({3, 4}), kFloats, reduction, true,
      [](T x) { return ingot::std(x, {}, false); });
  add("prod/zeros", in({3, 4}, Draw::Grid), kNumbers, reduction, true,
      [](T x) { return prod(x, {1}); });
  add("amax/ties", in({4, 6}, Draw::Grid), kAll, exact, false, [](T x) { return amax(x, {1}); });
  add("amin/ties", in({4, 6}, Draw::Grid), kAll, exact, false, [](T x) { return amin(x); });
  add("sum/special", data({8}, Draw::Special), kFloats, exact, false, [](T x) { return sum(x); });
  add("amax/special", data({8}, Draw::Special), kFloats, exact, false, [](T x) { return amax(x); });
  add("argmax", data({3, 4, 5}, Draw::Distinct), kNumbers, exact, false,
      [](T x) { return argmax(x); });
  add("argmax/dim", data({3, 4, 5}, Draw::Distinct), kNumbers, exact, false,
      [](T x) { return argmax(x, 1); });
  add("argmax/keepdim", data({3, 4, 5}, Draw::Distinct), kNumbers, exact, false,
      [](T x) { return argmax(x, -1, true); });
  add("argmax/ties", data({4, 9}, Draw::Grid), kNumbers, exact, false,
      [](T x) { return argmax(x, 1); });
  add("argmax/special", data({8}, Draw::Special), kFloats, exact, false,
      [](T x) { return argmax(x); });
  add("argmax/zero_dim", data({}), kNumbers, exact, false, [](T x) { return argmax(x); });
  add("argmin", data({3, 4, 5}, Draw::Distinct), kNumbers, exact, false,
      [](T x) { return argmin(x); });
  add("argmin/ties", data({4, 9}, Draw::Grid), kNumbers, exact, false,
      [](T x) { return argmin(x, 0, true); });
  add("logsumexp/far", in({2, 3}, Draw::Wide), kFloats, reduction, false,
      [](T x) { return logsumexp(x * 1000.0, {1}); });
}

}  // namespace

void add_reduce_cases(std::vector<OpCase>& cases) {
  add_rows(cases);
  add_large(cases);
  add_others(cases);
}

}  // namespace ingot::optest
