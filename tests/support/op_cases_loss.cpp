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
  cross("cross_entropy/probabilities_none", {in({4, 3}), in({4, 3}, Draw::Unit)},
        {.reduction = Reduction::None, .label_smoothing = 0.25});
  cross("cross_entropy/probabilities_spatial", {in({2, 3, 4}), data({2, 3, 4}, Draw::Unit)}, {});
  cross("cross_entropy/probabilities_unbatched", {in({5}), data({5}, Draw::Unit)}, {});
  cross("cross_entropy/all_ignored_sum", {in({3, 4}), index({3}, 1)},
        {.reduction = Reduction::Sum, .ignore_index = 0});
  cross("cross_entropy/all_ignored_weight", {in({3, 4}), index({3}, 1), weight(4)},
        {.ignore_index = 0, .label_smoothing = 0.1}, false);
  cross("cross_entropy/spatial_everything", {in({2, 3, 4}), index({2, 4}, 3), weight(3)},
        {.ignore_index = 1, .label_smoothing = 0.1});
  cross("cross_entropy/smoothing_none", {in({4, 5}), index({4}, 5)},
        {.reduction = Reduction::None, .ignore_index = 3, .label_smoothing = 0.1});
  cross("cross_entropy/empty", {in({0, 5}), index({0}, 5)}, {}, false);
  cross("cross_entropy/empty_none", {in({0, 5}), index({0}, 5)}, {.reduction = Reduction::None});
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
  nll("nll_loss/unbatched", {in({5}), index({}, 5)}, {});
  nll("nll_loss/spatial_weight", {in({2, 3, 2, 2}), index({2, 2, 2}, 3), weight(3)},
      {.ignore_index = 1});
  nll("nll_loss/everything_none", {in({6, 3}), index({6}, 3), weight(3)},
      {.reduction = Reduction::None, .ignore_index = 2});
  nll("nll_loss/all_ignored_sum", {in({3, 4}), index({3}, 1)},
      {.reduction = Reduction::Sum, .ignore_index = 0});
  cases.push_back({"nll_loss/all_ignored",
                   {in({3, 4}), index({3}, 1)},
                   one([](In x) { return nll_loss(x[0], x[1], {.ignore_index = 0}); }),
                   kFloats,
                   Tolerance::Reduction,
                   false,
                   false});
  nll("nll_loss/empty_sum", {in({0, 4}), index({0}, 4)}, {.reduction = Reduction::Sum});
}

void add_distances(std::vector<OpCase>& cases) {
  using C = const Tensor&;
  using Loss = Tensor (*)(C, C, Reduction, Site);
  const auto add = [&](const std::string& name, Loss f, InputSpec a, InputSpec b) {
    for (const auto& [variant, reduction] :
         {std::pair{"", Reduction::Mean}, std::pair{"sum", Reduction::Sum},
          std::pair{"none", Reduction::None}})
      cases.push_back({!*variant                             ? name
                       : name.find('/') == std::string::npos ? name + "/" + variant
                                                             : name + "_" + variant,
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
  add(
      "smooth_l1_loss", [](C a, C b, Reduction r, Site) { return smooth_l1_loss(a, b, r); },
      in({2, 3, 4}), in({2, 3, 4}, Draw::Grid));
  add(
      "smooth_l1_loss/beta",
      [](C a, C b, Reduction r, Site) { return smooth_l1_loss(a, b, r, 0.3); }, in({2, 3, 4}),
      in({4}));
  add(
      "smooth_l1_loss/beta_zero",
      [](C a, C b, Reduction r, Site) { return smooth_l1_loss(a, b, r, 0); }, in({2, 3}),
      in({2, 3}, Draw::Wide));
  add(
      "huber_loss", [](C a, C b, Reduction r, Site) { return huber_loss(a, b, r); }, in({2, 3, 4}),
      in({2, 3, 4}, Draw::Grid));
  add(
      "huber_loss/delta", [](C a, C b, Reduction r, Site) { return huber_loss(a, b, r, 2.25); },
      in({2, 3, 4}), in({2, 3, 4}, Draw::Wide));
  add(
      "binary_cross_entropy",
      [](C a, C b, Reduction r, Site) { return binary_cross_entropy(a, b, r); },
      in({2, 3, 4}, Draw::Unit), in({2, 3, 4}, Draw::Unit));
  add(
      "kl_div", [](C a, C b, Reduction r, Site) { return kl_div(a, b, r); }, in({2, 3, 4}),
      in({2, 3, 4}, Draw::Unit));
  add(
      "kl_div/log_target", [](C a, C b, Reduction r, Site) { return kl_div(a, b, r, true); },
      in({2, 3, 4}), in({3, 4}));
  const auto add_one = [&](const char* name, std::vector<InputSpec> inputs, OpCase::Call call,
                           bool numeric = true) {
    cases.push_back({name, std::move(inputs), std::move(call), kFloats, Tolerance::Reduction,
                     numeric, numeric});
  };
  add_one("kl_div/batchmean", {in({2, 3, 4}), data({2, 3, 4}, Draw::Unit)},
          one([](In x) { return kl_div(x[0], x[1], Reduction::BatchMean); }));
  add_one("kl_div/zeros", {in({3, 4}), mask({3, 4})},
          one([](In x) { return kl_div(x[0], x[1].to(x[0].dtype()), Reduction::None); }));
  add_one("binary_cross_entropy/weight",
          {in({2, 3}, Draw::Unit), data({2, 3}, Draw::Unit), data({3}, Draw::Positive)},
          one([](In x) { return binary_cross_entropy(x[0], x[1], Reduction::Mean, x[2]); }));
  // PyTorch limits the logarithms here, but not those in the gradient of the target.
  add_one("binary_cross_entropy/certain", {mask({3, 4}), data({3, 4}, Draw::Unit)}, one([](In x) {
            return binary_cross_entropy(x[0].to(x[1].dtype()), x[1], Reduction::None);
          }),
          false);
  add_one("binary_cross_entropy_with_logits/pos_weight",
          {in({2, 3}, Draw::Wide), data({2, 3}, Draw::Unit), data({3}, Draw::Positive)},
          one([](In x) {
            return binary_cross_entropy_with_logits(x[0], x[1],
                                                    BceWithLogitsOptions{.pos_weight = x[2]});
          }));
  add_one(
      "binary_cross_entropy_with_logits/everything",
      {in({2, 3}, Draw::Wide), in({2, 3}, Draw::Unit), data({3}, Draw::Positive),
       data({2, 1}, Draw::Positive)},
      one([](In x) {
        return binary_cross_entropy_with_logits(
            x[0], x[1],
            BceWithLogitsOptions{.weight = x[3], .pos_weight = x[2], .reduction = Reduction::None});
      }));
  add_one("mse_loss/broadcast", {in({2, 3}), in({3})},
          one([](In x) { return mse_loss(x[0], x[1]); }));
  add_one("l1_loss/empty", {in({0, 3}), in({0, 3})}, one([](In x) { return l1_loss(x[0], x[1]); }),
          false);
  add_one("mse_loss/zero_dim", {in({}), in({})}, one([](In x) { return mse_loss(x[0], x[1]); }));
  add_one("huber_loss/kinks", {in({24}, Draw::Grid), data({24}, Draw::Grid)},
          one([](In x) { return huber_loss(x[0], x[1], Reduction::Sum); }), false);
  add_one("smooth_l1_loss/kinks", {in({24}, Draw::Grid), data({24}, Draw::Grid)},
          one([](In x) { return smooth_l1_loss(x[0], x[1], Reduction::Sum, 0.5); }), false);
}

}  // namespace

void add_loss_cases(std::vector<OpCase>& cases) {
  add_softmax(cases);
  add_classes(cases);
  add_distances(cases);
}

}  // namespace ingot::optest
