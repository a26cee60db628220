// Tensor's methods and operators, which forward to the functions: that each reaches the right one.
#include <ingot/core/tensor.h>

#include "support/op_cases.h"

namespace ingot::optest {

void add_method_cases(std::vector<OpCase>& cases) {
  using In = std::span<const Tensor>;
  using Out = std::vector<Tensor>;
  const auto add = [&](const char* name, std::vector<InputSpec> inputs, OpCase::Call call) {
    cases.push_back(
        {name, std::move(inputs), std::move(call), kFull, Tolerance::Reduction, false, false});
  };
  add("methods/unary", {in({2, 3}, Draw::Positive)}, [](In t) {
    const Tensor& x = t[0];
    return Out{-x,         x.neg(), x.abs(), x.exp(),  x.log(),     x.sqrt(), x.rsqrt(),
               x.square(), x.sin(), x.cos(), x.tanh(), x.sigmoid(), x.relu()};
  });
  add("methods/binary", {in({2, 3}, Draw::Positive), in({3}, Draw::Positive)}, [](In t) {
    const Tensor &x = t[0], &y = t[1];
    return Out{x + y, x - y, x * y, x / y, x.add(y), x.sub(y), x.mul(y), x.div(y),         x.pow(y),
               2 + x, 2 - x, 2 * x, 2 / x, x.pow(3), x - 1.5,  x / 1.5,  x.clamp(1.0, 2.0)};
  });
  add("methods/comparison", {data({2, 3}, Draw::Grid), data({3}, Draw::Grid)}, [](In t) {
    const Tensor &x = t[0], &y = t[1];
    return Out{x == y,  x != y,  x<y, x <= y, x> y, x >= y,  x.eq(y), x.ne(y),
               x.lt(y), x.le(y), x.gt(y),           x.ge(y), 0.5 < x, 0.5 >= x};
  });
  add("methods/reductions", {in({3, 4}, Draw::Distinct)}, [](In t) {
    const Tensor& x = t[0];
    return Out{x.sum(),           x.sum({0}),        x.sum({1}, true), x.mean(),    x.mean({1}),
               x.var(),           x.var({0}, false), x.amax(),         x.amax({1}), x.amin(),
               x.amin({0}, true), x.argmax(),        x.argmax(0),      x.any(),     x.all(),
               x.norm(),          x.softmax(1),      x.log_softmax(0)};
  });
  add("methods/shape",
      {in({2, 3, 4}), in({4, 5}), index({2, 3, 1}, 4), index({2}, 3), mask({3, 1})}, [](In t) {
        const Tensor& x = t[0];
        return Out{x.matmul(t[1]),
                   x.reshape({6, 4}),
                   x.flatten(0, 1),
                   x.permute({1, 2, 0}),
                   x.transpose(1, 2),
                   x.unsqueeze(0).expand({2, 2, 3, 4}),
                   x.unsqueeze(1).squeeze(1),
                   x.narrow(1, 1, 2),
                   x.slice(2, 1, 4, 2),
                   x.select(2, -1),
                   x.index_select(1, t[3]),
                   x.gather(2, t[2]),
                   x.masked_fill(t[4], 3.0),
                   x.contiguous(),
                   x.to(DType::Float64),
                   x.cpu(),
                   t[1].t()};
      });
}

}  // namespace ingot::optest
