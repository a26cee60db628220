// Cases of include/ingot/ops/shape.h: other shapes and orders, parts and joins.
#include <ingot/ops/shape.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

OpCase copy(std::string name, std::vector<InputSpec> inputs, OpCase::Call call) {
  return {std::move(name), std::move(inputs), std::move(call), kAll, Tolerance::Exact};
}

template <class F>
OpCase moved(std::string name, const Shape& shape, F f) {
  return copy(std::move(name), {in(shape)}, one([f](In x) { return f(x[0]); }));
}

void add_views(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const Shape& shape, auto f) {
    cases.push_back(moved(name, shape, f));
  };
  add("reshape", {2, 3, 4}, [](const Tensor& x) { return x.reshape({4, 6}); });
  add("reshape/inferred", {2, 3, 4}, [](const Tensor& x) { return x.reshape({3, -1, 2}); });
  add("reshape/transposed", {3, 4}, [](const Tensor& x) { return x.t().reshape({2, 6}); });
  add("reshape/zero_dim", {}, [](const Tensor& x) { return x.reshape({1, 1}); });
  add("reshape/to_zero_dim", {1, 1}, [](const Tensor& x) { return x.reshape({}); });
  add("reshape/empty", {0, 3}, [](const Tensor& x) { return x.reshape({3, 0, 2}); });
  add("view", {2, 6}, [](const Tensor& x) { return x.view({3, 4}); });
  add("flatten", {2, 3, 4}, [](const Tensor& x) { return x.flatten(1); });
  add("flatten/all", {2, 3, 4}, [](const Tensor& x) { return flatten(x); });
  add("flatten/zero_dim", {}, [](const Tensor& x) { return flatten(x); });
  add("permute", {2, 3, 4}, [](const Tensor& x) { return x.permute({2, 0, 1}); });
  add("permute/negative", {2, 3, 4, 2}, [](const Tensor& x) { return x.permute({0, -1, 1, 2}); });
  add("permute/twice", {2, 3, 4}, [](const Tensor& x) {
    return x.permute({2, 0, 1}).permute({1, 0, 2});
  });
  add("permute/empty", {2, 0, 4}, [](const Tensor& x) { return x.permute({2, 0, 1}); });
  add("transpose", {2, 3, 4}, [](const Tensor& x) { return x.transpose(0, -1); });
  add("t", {3, 4}, [](const Tensor& x) { return x.t(); });
  add("broadcast_to", {3, 1}, [](const Tensor& x) { return broadcast_to(x, {2, 3, 4}); });
  add("broadcast_to/zero_dim", {}, [](const Tensor& x) { return broadcast_to(x, {2, 3}); });
  add("broadcast_to/empty", {1, 3}, [](const Tensor& x) { return broadcast_to(x, {0, 3}); });
  add("expand", {3, 1}, [](const Tensor& x) { return x.expand({-1, 4}); });
  add("squeeze", {1, 3, 1, 2}, [](const Tensor& x) { return x.squeeze(); });
  add("squeeze/dim", {1, 3, 1, 2}, [](const Tensor& x) { return x.squeeze(-2); });
  add("squeeze/nothing", {2, 3}, [](const Tensor& x) { return x.squeeze(0); });
  add("unsqueeze", {2, 3}, [](const Tensor& x) { return x.unsqueeze(1); });
  add("unsqueeze/last", {2, 3}, [](const Tensor& x) { return x.unsqueeze(-1); });
  add("unsqueeze/zero_dim", {}, [](const Tensor& x) { return x.unsqueeze(0); });
}

void add_parts(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const Shape& shape, auto f) {
    cases.push_back(moved(name, shape, f));
  };
  add("flip", {2, 3, 4}, [](const Tensor& x) { return flip(x, {0, -1}); });
  add("flip/empty", {0, 3}, [](const Tensor& x) { return flip(x, {0}); });
  add("slice", {4, 5}, [](const Tensor& x) { return x.slice(1, 1, 4); });
  add("slice/step", {3, 7}, [](const Tensor& x) { return x.slice(1, 1, {}, 2); });
  add("slice/negative", {5, 3}, [](const Tensor& x) { return x.slice(0, -3, -1); });
  add("slice/clipped", {3, 2}, [](const Tensor& x) { return x.slice(0, 1, 100); });
  add("slice/nothing", {3, 2}, [](const Tensor& x) { return x.slice(0, 2, 1); });
  add("narrow", {4, 5}, [](const Tensor& x) { return x.narrow(0, 1, 2); });
  add("select", {3, 4}, [](const Tensor& x) { return x.select(1, 2); });
  add("select/negative", {3, 4}, [](const Tensor& x) { return x.select(0, -1); });
  add("index/row", {3, 4}, [](const Tensor& x) { return Tensor(x[1]); });
  add("index/element", {4}, [](const Tensor& x) { return Tensor(x[2]); });
  cases.push_back(copy("index/assign", {in({3, 4}), in({4})}, one([](In x) {
                         Tensor y = x[0].clone();
                         y[1] = x[1];
                         return y;
                       })));
  const auto slices = [&](const char* name, auto f) {
    cases.push_back(copy(name, {in({4, 5}), in({4, 2})}, one(f)));
  };
  slices("slice_scatter", [](In x) { return slice_scatter(x[0], x[1], 1, 0, 4, 2); });
  slices("slice_scatter/end", [](In x) { return slice_scatter(x[0], x[1], 1, 3); });
  cases.push_back(
      {"split", {in({5, 3})}, [](In x) { return split(x[0], 2); }, kAll, Tolerance::Exact});
  cases.push_back({"split/sizes",
                   {in({3, 6})},
                   [](In x) {
                     return split(x[0], std::vector<std::int64_t>{1, 3, 2}, 1);
                   },
                   kAll,
                   Tolerance::Exact});
  cases.push_back(
      {"unbind", {in({3, 2})}, [](In x) { return unbind(x[0]); }, kAll, Tolerance::Exact});
  cases.push_back({"unbind/inner",
                   {in({2, 3, 2})},
                   [](In x) { return unbind(x[0], 1); },
                   kAll,
                   Tolerance::Exact});
  cases.push_back({"unbind/unused",
                   {in({2, 4})},
                   [](In x) {
                     std::vector<Tensor> entries = unbind(x[0], -1);
                     if (entries.size() > 2) entries = {entries[2]};  // an empty x has none
                     return entries;
                   },
                   kAll,
                   Tolerance::Exact});
  cases.push_back(
      {"chunk", {in({3, 7})}, [](In x) { return chunk(x[0], 3, 1); }, kAll, Tolerance::Exact});
}

void add_joins(std::vector<OpCase>& cases) {
  cases.push_back(copy("cat", {in({2, 3}), in({1, 3}), in({3, 3})}, one([](In x) {
                         return cat({x[0], x[1], x[2]});
                       })));
  cases.push_back(copy("cat/inner", {in({2, 3}), in({2, 2})}, one([](In x) {
                         return cat({x[0], x[1]}, -1);
                       })));
  cases.push_back(copy("cat/middle", {in({2, 3, 4}), in({2, 2, 4})}, one([](In x) {
                         return cat({x[0], x[1]}, 1);
                       })));
  cases.push_back(copy("cat/same", {in({2, 3})}, one([](In x) { return cat({x[0], x[0]}, 1); })));
  cases.push_back(copy("cat/empty", {in({0, 3}), in({2, 3})}, one([](In x) {
                         return cat({x[0], x[1]});
                       })));
  cases.push_back(copy("cat/legacy_empty", {data({0}), in({2, 3})}, one([](In x) {
                         return cat({x[0], x[1]}, 1);
                       })));
  cases.push_back({"cat/promotes",
                   {in({2, 3}), {{1, 3}, Draw::Index, 5, DType::Int64, false}},
                   one([](In x) {
                     return cat({x[0], x[1]});
                   }),
                   kAll,
                   Tolerance::Exact});
  cases.push_back(copy("stack", {in({2, 3}), in({2, 3})}, one([](In x) {
                         return stack({x[0], x[1]});
                       })));
  cases.push_back(copy("stack/last", {in({2, 3}), in({2, 3})}, one([](In x) {
                         return stack({x[0], x[1]}, -1);
                       })));
  cases.push_back(copy("stack/zero_dim", {in({}), in({})}, one([](In x) {
                         return stack({x[0], x[1]});
                       })));
  // Views between computations: what the planner may or must not turn into strides.
  cases.push_back({"views/chain",
                   {in({2, 3, 4}), in({4, 3})},
                   one([](In x) {
                     const Tensor y = (x[0].permute({0, 2, 1}) * x[1]).reshape({2, 12});
                     return y.slice(1, 2, 11, 3).t() + x[0].select(1, 0).slice(1, 0, 3).t().sum();
                   }),
                   kNumbers & ~bit(DType::Float16) & ~bit(DType::BFloat16)});
}

}  // namespace

void add_shape_cases(std::vector<OpCase>& cases) {
  add_views(cases);
  add_parts(cases);
  add_joins(cases);
}

}  // namespace ingot::optest
