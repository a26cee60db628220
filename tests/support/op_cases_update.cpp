// Cases of include/ingot/ops/update.h: two parameters per group.
#include <ingot/ops/update.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

void append(std::vector<Tensor>& to, const std::vector<Tensor>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// One input list after the other, each with a [2, 3] and a [40] tensor.
std::vector<InputSpec> lists(std::initializer_list<Draw> draws) {
  std::vector<InputSpec> inputs;
  for (const Draw d : draws) {
    inputs.push_back(data({2, 3}, d));
    inputs.push_back(data({40}, d));
  }
  return inputs;
}

}  // namespace

void add_update_cases(std::vector<OpCase>& cases) {
  const auto sgd = [&](const char* name, const SgdStep& step) {
    const bool momentum = step.momentum != 0;
    cases.push_back({name,
                     momentum ? lists({Draw::Signed, Draw::Signed, Draw::Signed})
                              : lists({Draw::Signed, Draw::Signed}),
                     [=](In x) {
                       const SgdResult r =
                           sgd_update(x.subspan(0, 2), x.subspan(2, 2), x.subspan(4), step);
                       std::vector<Tensor> all = r.params;
                       append(all, r.momentum_buffers);
                       return all;
                     },
                     kFull, Tolerance::Composite, false, false});
  };
  sgd("sgd_update", {.lr = 0.1});
  sgd("sgd_update/decay", {.lr = 0.1, .weight_decay = 0.02});
  sgd("sgd_update/momentum", {.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.02});
  sgd("sgd_update/nesterov", {.lr = 0.1, .momentum = 0.9, .nesterov = true});
  sgd("sgd_update/maximize", {.lr = 0.1, .momentum = 0.5, .maximize = true});

  const auto adam = [&](const char* name, const AdamStep& step) {
    cases.push_back(
        {name,
         step.amsgrad
             ? lists({Draw::Signed, Draw::Signed, Draw::Signed, Draw::Positive, Draw::Positive})
             : lists({Draw::Signed, Draw::Signed, Draw::Signed, Draw::Positive}),
         [=](In x) {
           const AdamResult r = adam_update(x.subspan(0, 2), x.subspan(2, 2), x.subspan(4, 2),
                                            x.subspan(6, 2), x.subspan(8), step);
           std::vector<Tensor> all = r.params;
           append(all, r.exp_avg);
           append(all, r.exp_avg_sq);
           append(all, r.max_exp_avg_sq);
           return all;
         },
         kFull, Tolerance::Composite, false, false});
  };
  adam("adam_update", {.step = 3, .lr = 0.01});
  adam("adam_update/first", {.step = 1, .lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3});
  adam("adam_update/decay", {.step = 3, .lr = 0.01, .weight_decay = 0.1});
  adam("adam_update/decoupled",
       {.step = 3, .lr = 0.01, .weight_decay = 0.1, .decoupled_decay = true});
  adam("adam_update/amsgrad", {.step = 3, .lr = 0.01, .amsgrad = true});
  adam("adam_update/maximize", {.step = 3, .lr = 0.01, .maximize = true});
}

}  // namespace ingot::optest
