// Tensor's methods and operators, which forward to the functions: that each reaches the right one.
#include <ingot/core/tensor.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

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
  add("methods/more_unary", {in({2, 3}, Draw::Unit)}, [](In t) {
    const Tensor& x = t[0];
    return Out{x.sign(),  x.floor(),    x.ceil(),       x.round(), x.trunc(), x.reciprocal(),
               x.expm1(), x.log1p(),    x.log2(),       x.log10(), x.tan(),   x.asin(),
               x.acos(),  x.atan(),     x.sinh(),       x.cosh(),  x.erf(),   x.isnan(),
               x.isinf(), x.isfinite(), x.logical_not()};
  });
  add("methods/more_binary", {data({2, 3}, Draw::Positive), data({3}, Draw::Positive)}, [](In t) {
    const Tensor &x = t[0], &y = t[1];
    return Out{x.remainder(y),   x.fmod(y),       x.maximum(y),     x.minimum(y), x.atan2(y),
               x.logical_and(y), x.logical_or(y), x.logical_xor(y), x % y,        7.5 % x,
               x % 0.75,         max(x, y),       ingot::min(x, y), x.max(),      x.min()};
  });
  cases.push_back({"operators/bits",
                   {data({2, 3}), data({3})},
                   [](In t) {
                     const Tensor &x = t[0], &y = t[1];
                     return Out{x & y,
                                x | y,
                                x ^ y,
                                ~x,
                                x & 3,
                                1 | x,
                                x.bitwise_and(y),
                                x.bitwise_or(y),
                                x.bitwise_xor(y),
                                x.bitwise_not()};
                   },
                   kInts | kBool,
                   Tolerance::Exact,
                   false,
                   false});
  cases.push_back({"operators/integers",
                   {data({2, 3}, Draw::Positive), data({3}, Draw::Positive)},
                   [](In t) {
                     const Tensor &x = t[0], &y = t[1];
                     return Out{x % y,  x % 3,  7 % x,  x << y,
                                x >> 1, 1 << y, -x % 3, x.floor_divide(y)};
                   },
                   kSignedInts,
                   Tolerance::Exact,
                   false,
                   false});
  cases.push_back({"operators/promotion",
                   {data({2, 3}, Draw::Positive)},
                   [](In t) {
                     const Tensor &x = t[0], positive = x > 1;
                     const Tensor number = tensor(2, DType::Int32);  // 0-dim: does not promote
                     return Out{x % 2.5, x & positive, positive | x, number << x, x % number};
                   },
                   kInts,
                   Tolerance::Exact,
                   false,
                   false});
  cases.push_back({"operators/in_place",
                   {data({2, 3}, Draw::Positive), data({3}, Draw::Positive)},
                   [](In t) {
                     Out r(6);
                     for (Tensor& x : r) x = t[0].clone();
                     r[0] %= t[1];
                     r[1] &= t[1];
                     r[2] |= 1;
                     r[3] ^= t[1];
                     r[4] <<= 2;
                     r[5] >>= t[1];
                     return r;
                   },
                   kSignedInts,
                   Tolerance::Exact,
                   false,
                   false});
  add("methods/in_place",
      {in({2, 3}, Draw::Positive), mask({2, 3}), index({2, 3}, 3), index({4}, 2)}, [](In t) {
        Out r(13);
        for (Tensor& x : r) x = t[0].clone();
        r[0].pow_(2.5);
        r[1].abs_();
        r[2].neg_();
        r[3].exp_();
        r[4].log_();
        r[5].sqrt_();
        r[6].relu_();
        r[7].sigmoid_();
        r[8].tanh_();
        r[9].masked_fill_(t[1], 0.5);
        r[10].scatter_(1, t[2], 1.5);
        r[11].scatter_add_(1, t[2], t[0]);
        r[12].index_add_(0, t[3], cat({t[0], t[0]}), 2);
        return r;
      });
  add("methods/parts", {in({2, 3}), index({2}, 3), in({2, 2})}, [](In t) {
    Out r = t[0].unbind(1);
    r.push_back(t[0].index_add(1, t[1], t[2], 3));
    return r;
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
