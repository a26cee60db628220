#include <ingot/core/error.h>
#include <ingot/ops/update.h>
#include <ingot/optim/sgd.h>

#include <cmath>

#include "optim/checks.h"

namespace ingot::optim {

SGD::SGD(std::vector<Tensor> params, const SGDOptions& options) {
  add_param_group(std::move(params), options);
}

std::vector<std::string_view> SGD::state_names() const { return {"momentum_buffer"}; }

bool SGD::wants_state(std::size_t group, std::size_t) const {
  return groups()[group].momentum != 0;
}

SGD::Result SGD::update(const Batch& batch) {
  const SGDOptions& o = groups()[batch.group];
  SgdResult r = sgd_update(batch.params, batch.grads,
                           o.momentum != 0 ? batch.states[0] : std::vector<Tensor>(),
                           {.lr = o.lr,
                            .momentum = o.momentum,
                            .dampening = o.dampening,
                            .weight_decay = o.weight_decay,
                            .nesterov = o.nesterov,
                            .maximize = o.maximize,
                            .first = batch.fresh});
  return {std::move(r.params), {std::move(r.momentum_buffers)}};
}

void SGD::visit_options(std::size_t group, const OptionVisitor& f) {
  SGDOptions& o = groups()[group];
  f("lr", o.lr);
  f("momentum", o.momentum);
  f("dampening", o.dampening);
  f("weight_decay", o.weight_decay);
  visit_flag("nesterov", o.nesterov, f);
  visit_flag("maximize", o.maximize, f);
}

void SGD::check_options(std::size_t group) const {
  const SGDOptions& o = groups()[group];
  require_not_negative("SGD", "lr", o.lr);
  require_not_negative("SGD", "momentum", o.momentum);
  if (std::isnan(o.dampening)) throw ValueError("SGD: dampening is not a number (NaN)");
  require_not_negative("SGD", "weight_decay", o.weight_decay);
  if (o.nesterov && (o.momentum == 0 || o.dampening != 0))
    throw ValueError("SGD: nesterov needs momentum above 0 and dampening 0");
}

}  // namespace ingot::optim
