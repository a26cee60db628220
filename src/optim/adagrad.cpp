#include <ingot/ops/update.h>
#include <ingot/optim/adagrad.h>

#include "optim/checks.h"

namespace ingot::optim {

Adagrad::Adagrad(std::vector<Tensor> params, const AdagradOptions& options) {
  add_param_group(std::move(params), options);
}

std::vector<std::string_view> Adagrad::state_names() const { return {"sum"}; }

bool Adagrad::wants_state(std::size_t, std::size_t) const { return true; }

double Adagrad::initial_state(std::size_t group, std::size_t) const {
  return groups()[group].initial_accumulator_value;
}

Adagrad::Result Adagrad::update(const Batch& batch) {
  const AdagradOptions& o = groups()[batch.group];
  AdagradResult r = adagrad_update(batch.params, batch.grads, batch.states[0],
                                   {.step = batch.step,
                                    .lr = o.lr,
                                    .lr_decay = o.lr_decay,
                                    .eps = o.eps,
                                    .weight_decay = o.weight_decay,
                                    .maximize = o.maximize});
  return {std::move(r.params), {std::move(r.sum)}};
}

void Adagrad::visit_options(std::size_t group, const OptionVisitor& f) {
  AdagradOptions& o = groups()[group];
  f("lr", o.lr);
  f("lr_decay", o.lr_decay);
  f("weight_decay", o.weight_decay);
  f("initial_accumulator_value", o.initial_accumulator_value);
  f("eps", o.eps);
  visit_flag("maximize", o.maximize, f);
}

void Adagrad::check_options(std::size_t group) const {
  const AdagradOptions& o = groups()[group];
  require_not_negative("Adagrad", "lr", o.lr);
  require_not_negative("Adagrad", "lr_decay", o.lr_decay);
  require_not_negative("Adagrad", "weight_decay", o.weight_decay);
  require_not_negative("Adagrad", "initial_accumulator_value", o.initial_accumulator_value);
  require_not_negative("Adagrad", "eps", o.eps);
}

}  // namespace ingot::optim
