#include <ingot/ops/update.h>
#include <ingot/optim/rmsprop.h>

#include "optim/checks.h"

namespace ingot::optim {

RMSprop::RMSprop(std::vector<Tensor> params, const RMSpropOptions& options) {
  add_param_group(std::move(params), options);
}

std::vector<std::string_view> RMSprop::state_names() const {
  return {"square_avg", "momentum_buffer", "grad_avg"};
}

bool RMSprop::wants_state(std::size_t group, std::size_t k) const {
  const RMSpropOptions& o = groups()[group];
  return k == 0 || (k == 1 ? o.momentum != 0 : o.centered);
}

RMSprop::Result RMSprop::update(const Batch& batch) {
  const RMSpropOptions& o = groups()[batch.group];
  const std::vector<Tensor> none;
  RmspropResult r =
      rmsprop_update(batch.params, batch.grads, batch.states[0],
                     o.momentum != 0 ? batch.states[1] : none, o.centered ? batch.states[2] : none,
                     {.lr = o.lr,
                      .alpha = o.alpha,
                      .eps = o.eps,
                      .weight_decay = o.weight_decay,
                      .momentum = o.momentum,
                      .centered = o.centered,
                      .maximize = o.maximize});
  return {std::move(r.params),
          {std::move(r.square_avg), std::move(r.momentum_buffers), std::move(r.grad_avg)}};
}

void RMSprop::visit_options(std::size_t group, const OptionVisitor& f) {
  RMSpropOptions& o = groups()[group];
  f("lr", o.lr);
  f("alpha", o.alpha);
  f("eps", o.eps);
  f("weight_decay", o.weight_decay);
  f("momentum", o.momentum);
  visit_flag("centered", o.centered, f);
  visit_flag("maximize", o.maximize, f);
}

void RMSprop::check_options(std::size_t group) const {
  const RMSpropOptions& o = groups()[group];
  require_not_negative("RMSprop", "lr", o.lr);
  require_not_negative("RMSprop", "alpha", o.alpha);
  require_not_negative("RMSprop", "eps", o.eps);
  require_not_negative("RMSprop", "weight_decay", o.weight_decay);
  require_not_negative("RMSprop", "momentum", o.momentum);
}

}  // namespace ingot::optim
