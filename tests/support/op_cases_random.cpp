// Cases of include/ingot/ops/{random,dropout}.h. The fixtures compute the same numbers by the
// definition of the generator, the normal ones by the exact quantile.
#include <ingot/ops/dropout.h>
#include <ingot/ops/random.h>

#include "support/op_cases.h"

namespace ingot::optest {

void add_random_cases(std::vector<OpCase>& cases) {
  using In = std::span<const Tensor>;
  const auto add = [&](const char* name, InputSpec input, DTypes dtypes, Tolerance tolerance,
                       std::uint64_t seed, auto f) {
    cases.push_back({name,
                     {input},
                     one([f, seed](In x) {
                       Generator generator(seed);
                       return f(x[0], &generator);
                     }),
                     dtypes,
                     tolerance,
                     false,
                     false});
  };
  using T = const Tensor&;
  using G = Generator*;
  const auto like = [](T x) { return TensorOptions{x.dtype()}; };
  const auto exact = Tolerance::Exact;
  const InputSpec nothing = data({0}), some = data({2, 3});
  add("rand", nothing, kFloats, exact, 42, [=](T x, G g) { return rand({3, 7}, like(x), g); });
  add("rand/second", nothing, kFloats, exact, 42, [=](T x, G g) {
    rand({5}, like(x), g);  // takes two blocks of four words
    return rand({5}, like(x), g);
  });
  add("randn", nothing, kFloats, Tolerance::Rounded, 42, [=](T x, G g) {
    return randn({3, 7}, like(x), g);
  });
  add("randn/large", nothing, kFloats, Tolerance::Rounded, (std::uint64_t{1} << 40) + 17,
      [=](T x, G g) {
        return randn({40, 50}, like(x), g);
      });
  add("bernoulli", nothing, kAll, exact, 42, [=](T x, G g) {
    return bernoulli({3, 7}, 0.3, like(x), g);
  });
  add("randint", nothing, kNumbers, exact, 42, [=](T x, G g) {
    return randint(x.dtype() == uint8 ? 0 : -2, 9, {3, 7}, like(x), g);
  });
  add("randperm", nothing, bit(DType::Int64), exact, 42, [](T, G g) { return randperm(11, g); });
  add("rand_like", some, kFloats, exact, 42, [](T x, G g) { return rand_like(x, g); });
  add("randint_like", some, kNumbers, exact, 42, [](T x, G g) { return randint_like(x, 0, 5, g); });
  add("bernoulli/probabilities", data({5, 7}, Draw::Unit), kFloats, exact, 42,
      [](T x, G g) { return bernoulli(x, g); });
  add("randn_like", some, kFloats, Tolerance::Rounded, 42,
      [](T x, G g) { return randn_like(x, g); });

  // The generator starts anew with every call, so a difference quotient sees one mask.
  const auto drop = [&](const char* name, const Shape& shape, auto f) {
    cases.push_back({name,
                     {in(shape)},
                     one([f](In x) {
                       Generator generator(7);
                       return f(x[0], &generator);
                     }),
                     kFloats});
  };
  drop("dropout", {3, 7}, [](T x, G g) { return dropout(x, 0.25, true, g); });
  drop("dropout/all", {2, 3}, [](T x, G g) { return dropout(x, 1.0, true, g); });
  drop("dropout/evaluation", {2, 3}, [](T x, G g) { return dropout(x * 2, 0.5, false, g); });
  drop("stochastic_depth", {5, 2, 3}, [](T x, G g) { return stochastic_depth(x, 0.5, true, g); });
  drop("feature_dropout", {3, 4, 2, 1}, [](T x, G g) { return feature_dropout(x, 0.5, true, g); });
}

}  // namespace ingot::optest
