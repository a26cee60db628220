#include <ingot/ops/update.h>
#include <ingot/optim/adam.h>

#include <concepts>

#include "optim/checks.h"

namespace ingot::optim::detail {

template <class Options>
std::vector<std::string_view> AdamFamily<Options>::state_names() const {
  return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
}

template <class Options>
bool AdamFamily<Options>::wants_state(std::size_t group, std::size_t k) const {
  return k < 2 || this->groups()[group].amsgrad;
}

template <class Options>
typename AdamFamily<Options>::Result AdamFamily<Options>::update(const Batch& batch) {
  const Options& o = this->groups()[batch.group];
  AdamResult r = adam_update(batch.params, batch.grads, batch.states[0], batch.states[1],
                             o.amsgrad ? batch.states[2] : std::vector<Tensor>(),
                             {.step = batch.step,
                              .lr = o.lr,
                              .beta1 = o.betas.first,
                              .beta2 = o.betas.second,
                              .eps = o.eps,
                              .weight_decay = o.weight_decay,
                              .decoupled_decay = std::same_as<Options, AdamWOptions>,
                              .amsgrad = o.amsgrad,
                              .maximize = o.maximize});
  return {std::move(r.params),
          {std::move(r.exp_avg), std::move(r.exp_avg_sq), std::move(r.max_exp_avg_sq)}};
}

template <class Options>
void AdamFamily<Options>::visit_options(std::size_t group, const OptionVisitor& f) {
  Options& o = this->groups()[group];
  f("lr", o.lr);
  f("beta1", o.betas.first);
  f("beta2", o.betas.second);
  f("eps", o.eps);
  f("weight_decay", o.weight_decay);
  this->visit_flag("amsgrad", o.amsgrad, f);
  this->visit_flag("maximize", o.maximize, f);
}

template <class Options>
void AdamFamily<Options>::check_options(std::size_t group) const {
  constexpr std::string_view name = std::same_as<Options, AdamWOptions> ? "AdamW" : "Adam";
  const Options& o = this->groups()[group];
  require_not_negative(name, "lr", o.lr);
  require_fraction(name, "beta1", o.betas.first);
  require_fraction(name, "beta2", o.betas.second);
  require_not_negative(name, "eps", o.eps);
  require_not_negative(name, "weight_decay", o.weight_decay);
}

template class AdamFamily<AdamOptions>;
template class AdamFamily<AdamWOptions>;

}  // namespace ingot::optim::detail
