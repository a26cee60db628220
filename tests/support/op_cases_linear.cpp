// Cases of include/ingot/ops/matmul.h.
#include <ingot/ops/matmul.h>

#include "support/op_cases.h"

namespace ingot::optest {

void add_linear_cases(std::vector<OpCase>& cases) {
  using In = std::span<const Tensor>;
  using Product = Tensor (*)(const Tensor&, const Tensor&, Site);
  const auto add = [&](const char* name, Product f, const Shape& a, const Shape& b,
                       bool numeric = true) {
    cases.push_back({name,
                     {in(a), in(b)},
                     one([f](In x) { return f(x[0], x[1], Site::current()); }),
                     kNumbers,
                     Tolerance::Reduction,
                     numeric,
                     numeric});
  };
  add("matmul", matmul, {3, 4}, {4, 5});
  add("matmul/row", matmul, {1, 4}, {4, 5});
  add("matmul/column", matmul, {3, 4}, {4, 1});
  add("matmul/vectors", matmul, {6}, {6});
  add("matmul/vector_left", matmul, {4}, {4, 3});
  add("matmul/vector_right", matmul, {3, 4}, {4});
  add("matmul/batches", matmul, {2, 3, 4}, {2, 4, 2});
  add("matmul/broadcast", matmul, {2, 1, 3, 4}, {3, 4, 2});
  add("matmul/batch_times_matrix", matmul, {2, 3, 4}, {4, 5});
  add("matmul/matrix_times_batch", matmul, {3, 4}, {2, 4, 2});
  add("matmul/vector_times_batch", matmul, {4}, {2, 4, 3});
  add("matmul/batch_times_vector", matmul, {2, 3, 4}, {4});
  add("matmul/empty_inner", matmul, {3, 0}, {0, 2}, false);
  add("matmul/empty_rows", matmul, {0, 3}, {3, 2}, false);
  add("matmul/empty_batch", matmul, {0, 2, 3}, {3, 2}, false);
  add("matmul/large", matmul, {67, 130}, {130, 71}, false);
  // Full mantissas: products that a narrower type could not hold.
  const auto fine = [](const Shape& s) { return in(s, Draw::Fine); };
  cases.push_back({"matmul/fine",
                   {fine({33, 70}), fine({70, 45})},
                   one([](In x) { return matmul(x[0], x[1]); }),
                   kFull,
                   Tolerance::Reduction,
                   false,
                   false});
  cases.push_back({"linear/fine",
                   {fine({9, 150}), fine({40, 150}), fine({40})},
                   one([](In x) { return linear(x[0], x[1], x[2]); }),
                   kFull,
                   Tolerance::Reduction,
                   false,
                   false});
  add("mm", mm, {2, 3}, {3, 4});
  add("bmm", bmm, {2, 3, 4}, {2, 4, 2});
  add("dot", dot, {7}, {7});
  add("outer", outer, {3}, {4});

  const auto transposed = [&](const char* name, auto f) {
    cases.push_back({name, {in({4, 3}), in({5, 4})}, one(f), kNumbers, Tolerance::Reduction});
  };
  transposed("matmul/transposed", [](In x) { return matmul(x[0].t(), x[1].t()); });

  const auto linears = [&](const char* name, std::vector<InputSpec> inputs, bool numeric = true) {
    cases.push_back({name, std::move(inputs),
                     one([](In x) { return linear(x[0], x[1], x.size() > 2 ? x[2] : Tensor()); }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  linears("linear", {in({3, 4}), in({5, 4}), in({5})});
  linears("linear/no_bias", {in({3, 4}), in({5, 4})});
  linears("linear/vector", {in({4}), in({5, 4}), in({5})});
  linears("linear/batches", {in({2, 3, 4}), in({2, 4}), in({2})});
  linears("linear/empty", {in({0, 4}), in({2, 4}), in({2})}, false);
  linears("linear/large", {in({33, 200}), in({65, 200}), in({65})}, false);
  cases.push_back({"linear/relu",
                   {in({3, 4}), in({5, 4}), in({5})},
                   one([](In x) { return linear(x[0], x[1], x[2]).relu(); }),
                   kFloats,
                   Tolerance::Reduction,
                   true,
                   true});
}

}  // namespace ingot::optest
