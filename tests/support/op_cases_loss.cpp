// Cases of include/ingot/ops/{softmax,loss}.h.
#include <ingot/ops/loss.h>
#include <ingot/ops/softmax.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

void add_softmax(std::vector<OpCase>& cases) {
  using Softmax = Tensor (*)(const Tensor&, std::int64_t, Site);
  for (const auto& [name, f] :
       {std::pair{"softmax", Softmax(softmax)}, std::pair{"log_softmax", Softmax(log_softmax)}}) {
    const auto add = [&, f = f](const char* variant, InputSpec x, std::int64_t dim, bool numeric) {
      cases.push_back({std::string(name) + variant,
                       {x},
                       one([f, dim](In t) { return f(t[0], dim, Site::current()); }),
                       kFloats,
                       Tolerance::Reduction,
                       numeric,
                       numeric});
    };
    add("", in({3, 5}), 1, true);
    add("/first", in({4, 3}), 0, true);
    add("/middle", in({2, 3, 4}, Draw::Wide), -2, true);
    add("/zero_dim", in({}), 0, true);
    add("/empty", in({0, 3}), 1, false);
    add("/one_class", in({3, 1}), 1, true);
    add("/large", in({37, 131}, Draw::Wide), 1, false);
    cases.push_back({std::string(name) + "/far",
                     {in({2, 4}, Draw::Wide)},
                     one([f = f](In t) { return f(t[0] * 100.0, 1, Site::current()); }),
                     kFloats,
                     Tolerance::Reduction,
                     false,
                     false});
  }
}

void add_classes(std::vector<OpCase>& cases) {
  const auto cross = [&](const char* name, std::vector<InputSpec> inputs,
                         const CrossEntropyOptions& options, bool numeric = true) {
    cases.push_back({name, std::move(inputs), one([options](In x) {
                       CrossEntropyOptions o = options;
                       if (x.size() > 2) o.weight = x[2];
                       return cross_entropy(x[0], x[1], o);
                     }),
                     kFloats, Tolerance::Reduction, numeric, numeric});
  };
  const auto weight = [](std::int64_t n) { return data({n}, Draw::Positive); };
  cross("cross_entropy", {in({4, 5}), index({4}, 5)}, {});
  cross("cross_entropy/sum", {in({4, 5}), index({4}, 5)}, {.reduction = Reduction::Sum});
  cross("cross_entropy/none", {in({4, 5}), index({4}, 5)}, {.reduction = Reduction::None});
  cross("cross_entropy/weight", {in({4, 5}), index({4}, 5), weight(5)}, {});
  cross("cross_entropy/ignore", {in({6, 3}), index({6}, 3)}, {.ignore_index = 1});
  cross("cross_entropy/smoothing", {in({4, 5}), index({4}, 5)}, {.label_smoothing = 0.1});
  cross("cross_entropy/everything", {in({6, 3}), index({6}, 3), weight(3)},
        {.ignore_index = 2, .label_smoothing = 0.2});
  cross("cross_entropy/everything_none", {in({6, 3}), index({6}, 3), weight(3)},
        {.reduction = Reduction::None, .ignore_index = 2, .label_smoothing = 0.2});
  cross("cross_entropy/spatial", {in({2, 3, 2, 2}), index({2, 2, 2}, 3)}, {});
  cross("cross_entropy/unbatched", {in({5}), index({}, 5)}, {});
  cross("cross_entropy/all_ignored", {in({3, 4}), index({3}, 1)}, {.ignore_index = 0}, false);
  cross("cross_entropy/probabilities", {in({4, 3}), data({4, 3}, Draw::Unit)}, {});
  cross("cross_entropy/probabilities_weight", {in({4, 3}), data({4, 3}, Draw::Unit), weight(3)},
        {.reduction = Reduction::Sum, .label_smoothing = 0.1});
  cross("cross_entropy/large", {in({64, 101}, Draw::Wide), index({64}, 101)}, {}, false);

  const auto nll = [&](const char* name, std::vector<InputSpec> inputs,
                       const NllLossOptions& options) {
    cases.push_back({name, std::move(inputs), one([options](In x) {
                       NllLossOptions o = options;
                       if (x.size() > 2) o.weight = x[2];
                       return nll_loss(x[0], x[1], o);
                     }),
                     kFloats, Tolerance::Reduction});
  };
  nll("nll_loss", {in({4, 5}), index({4}, 5)}, {});
  nll("nll_loss/sum_weight", {in({4, 5}), index({4}, 5), weight(5)}, {.reduction = Reduction::Sum});
  nll("nll_loss/ignore", {in({6, 3}), index({6}, 3), weight(3)}, {.ignore_index = 1});
  nll("nll_loss/none", {in({2, 3, 4}), index({2, 4}, 3)}, {.reduction = Reduction::None});
}

void add_distances(std::vector<OpCase>& cases) {
  using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction, Site);
  const auto add = [&](const std::string& name, Loss f, InputSpec a, InputSpec b) {
    for (const auto& [variant, reduction] :
         {std::pair{"", Reduction::Mean}, std::pair{"/sum", Reduction::Sum},
          std::pair{"/none", Reduction::None}})
      cases.push_back({name + variant,
                       {a, b},
                       one([f, reduction = reduction](In x) {
                         return f(x[0], x[1], reduction, Site::current());
                       }),
                       kFloats,
                       Tolerance::Reduction});
  };
  add("mse_loss", mse_loss, in({2, 3, 4}), in({2, 3, 4}));
  add("l1_loss", l1_loss, in({2, 3, 4}), in({2, 3, 4}, Draw::Wide));
  add("binary_cross_entropy_with_logits", binary_cross_entropy_with_logits,
      in({2, 3, 4}, Draw::Wide), data({2, 3, 4}, Draw::Unit));
}

}  // namespace

void add_loss_cases(std::vector<OpCase>& cases) {
  add_softmax(cases);
  add_classes(cases);
  add_distances(cases);
}

}  // namespace ingot::optest
