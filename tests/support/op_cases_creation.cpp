// Cases of include/ingot/ops/creation.h. An empty tensor brings the dtype of the run.
#include <ingot/ops/creation.h>

#include "support/op_cases.h"

namespace ingot::optest {

void add_creation_cases(std::vector<OpCase>& cases) {
  using In = std::span<const Tensor>;
  const auto add = [&](const char* name, DTypes dtypes, Tolerance tolerance, auto f) {
    cases.push_back({name,
                     {data({0})},
                     one([f](In x) { return f(TensorOptions{x[0].dtype()}); }),
                     dtypes,
                     tolerance,
                     false,
                     false});
  };
  using O = const TensorOptions&;
  const auto exact = Tolerance::Exact;
  add("zeros", kAll, exact, [](O o) { return zeros({2, 3}, o); });
  add("zeros/empty", kAll, exact, [](O o) { return zeros({2, 0}, o); });
  add("ones", kAll, exact, [](O o) { return ones({2, 3}, o); });
  add("ones/zero_dim", kAll, exact, [](O o) { return ones({}, o); });
  add("full", kNumbers, exact, [](O o) { return full({2, 3}, 7, o); });
  add("full/fraction", kFloats, exact, [](O o) { return full({3}, 0.1, o); });
  add("scalar_tensor", kAll, exact, [](O o) { return scalar_tensor(1, o.dtype); });
  add("arange", kNumbers, exact, [](O o) { return arange(2, 17, 3, o.dtype); });
  add("arange/down", kFloats | kSignedInts, exact, [](O o) { return arange(5, -4, -2, o.dtype); });
  add("arange/fraction", kFloats, Tolerance::Rounded,
      [](O o) { return arange(0.5, 3.0, 0.3, o.dtype); });
  add("arange/nothing", kNumbers, exact, [](O o) { return arange(3, 3, 1, o.dtype); });
  add("arange/default", bit(DType::Float32), exact, [](O) { return arange(5); });
  add("linspace", kFloats, Tolerance::Rounded, [](O o) { return linspace(-1.5, 2.0, 8, o); });
  add("linspace/one", kFloats, exact, [](O o) { return linspace(3, 5, 1, o); });
  add("eye", kAll, exact, [](O o) { return eye(3, {}, o); });
  add("eye/wide", kAll, exact, [](O o) { return eye(2, 4, o); });
  const auto like = [&](const char* name, auto f) {
    cases.push_back(
        {name, {data({2, 3})}, one([f](In x) { return f(x[0]); }), kAll, exact, false, false});
  };
  like("zeros_like", [](const Tensor& x) { return zeros_like(x); });
  like("ones_like", [](const Tensor& x) { return ones_like(x); });
  like("zeros_like/dtype", [](const Tensor& x) { return zeros_like(x, DType::Int32); });
  like("ones_like/dtype", [](const Tensor& x) { return ones_like(x, DType::Bool); });
  like("full_like/dtype", [](const Tensor& x) { return full_like(x, 2.5, DType::Float64); });
  like("full_like", [](const Tensor& x) { return full_like(x, 1); });
}

}  // namespace ingot::optest
