#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/optim/optimizer.h>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>

#include "core/cell.h"
#include "core/record.h"
#include "ops/at.h"

namespace ingot::optim {

// -- Step -------------------------------------------------------------------------------------

namespace {

/// Puts rebound tensors back when an evaluation fails. It keeps no value alive, which would forbid
/// updating in place: the pending update node still holds what it was going to read.
class UndoLog {
 public:
  void rebind(const Tensor& t, const Tensor& value) {
    const ValueId& old = t.cell()->value();
    entries_.push_back({t, old.node.get(), old.output});
    ingot::rebind(t, value);
  }

  /// What was rebound: asked for by name, so that a failure that was met before is not passed over.
  std::vector<Tensor> tensors() const {
    std::vector<Tensor> list;
    for (const Entry& e : entries_) list.push_back(e.tensor);
    return list;
  }

  void undo() {
    for (const Entry& e : entries_) {
      const NodeRef node = e.tensor.cell()->value().node;
      if (!node || node->state() == NodeState::Done) continue;
      for (const ValueId& input : node->inputs())
        if (input.node.get() == e.node && input.output == e.output) {
          e.tensor.cell()->rebind(ValueId(input));
          break;
        }
    }
  }

 private:
  struct Entry {
    Tensor tensor;
    const Node* node;  ///< compared, never followed
    std::uint32_t output;
  };
  std::vector<Entry> entries_;
};

/// Averages of 16-bit gradients would lose what single steps add: they are kept in float32.
DType state_dtype(const Tensor& param) { return ops::compute_dtype(param.dtype()); }

}  // namespace

Optimizer::State& Optimizer::state_of(std::size_t group, const Tensor& param) {
  State& state = states_[param.cell()];
  state.tensors.resize(state_names().size());
  // Options such as momentum may be switched on later: state appears when it is first wanted.
  for (std::size_t k = 0; k < state.tensors.size(); ++k)
    if (!state.tensors[k].defined() && wants_state(group, k)) {
      const double value = initial_state(group, k);
      const TensorOptions like{.dtype = state_dtype(param), .device = param.device()};
      state.tensors[k] = value == 0 ? zeros(param.shape(), like) : full(param.shape(), value, like);
    }
  return state;
}

std::vector<Optimizer::Batch> Optimizer::batches() {
  std::vector<Batch> list;
  const std::size_t num_states = state_names().size();
  for (std::size_t g = 0; g < num_groups(); ++g) {
    check_options(g);
    const std::size_t first = list.size();
    for (const Tensor& param : group_params(g)) {
      const Tensor grad = param.grad();
      if (!grad.defined()) continue;
      const State& state = state_of(g, param);
      const std::int64_t step = state.step + 1;
      const auto fits = [&](const Batch& b) {
        return b.step == step && b.params[0].dtype() == param.dtype() &&
               b.params[0].device() == param.device();
      };
      auto batch =
          std::find_if(list.begin() + static_cast<std::ptrdiff_t>(first), list.end(), fits);
      if (batch == list.end()) {
        list.push_back({.group = g, .step = step, .states = {}});
        list.back().states.resize(num_states);
        batch = std::prev(list.end());
      }
      batch->params.push_back(param);
      batch->grads.push_back(grad);
      for (std::size_t k = 0; k < num_states; ++k) batch->states[k].push_back(state.tensors[k]);
    }
  }
  return list;
}

void Optimizer::step(Site at) {
  const SiteScope scope(at);
  const NoGradGuard no_grad;
  const std::vector<Batch> all = batches();
  UndoLog log;
  try {
    for (const Batch& batch : all) {
      const Result result = update(batch);
      for (std::size_t i = 0; i < batch.params.size(); ++i)
        log.rebind(batch.params[i], result.params[i]);
      for (std::size_t k = 0; k < result.states.size(); ++k)
        for (std::size_t i = 0; i < result.states[k].size(); ++i)
          if (result.states[k][i].defined()) log.rebind(batch.states[k][i], result.states[k][i]);
    }
    eval(log.tensors());
  } catch (...) {
    log.undo();
    throw;
  }
  for (const Batch& batch : all)
    for (const Tensor& param : batch.params) states_[param.cell()].step = batch.step;
}

void Optimizer::zero_grad() {
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (Tensor param : group_params(g)) param.set_grad({});
}

// -- Groups and options -----------------------------------------------------------------------

void Optimizer::check_params(const std::vector<Tensor>& params) const {
  if (params.empty()) throw ValueError("optimizer: the list of parameters is empty");
  std::unordered_set<const Cell*> known;
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& p : group_params(g)) known.insert(p.cell());
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    if (!p.defined()) throw ValueError(fmt::format("optimizer: parameter {} is undefined", i));
    if (!p.is_floating_point())
      throw ValueError(
          fmt::format("optimizer: parameter {} is {}, only floating-point tensors can "
                      "be trained",
                      i, name(p.dtype())));
    if (!p.is_leaf())
      throw ValueError(fmt::format(
          "optimizer: parameter {} is computed from others; only leaf tensors can be trained", i));
    if (!known.insert(p.cell()).second)
      throw ValueError(fmt::format("optimizer: parameter {} is in the optimizer already", i));
  }
}

namespace {
void check_group(const Optimizer& optimizer, std::size_t group) {
  if (group >= optimizer.num_groups())
    throw IndexError(fmt::format("optimizer: there is no parameter group {} among {}", group,
                                 optimizer.num_groups()));
}
}  // namespace

void Optimizer::visit_flag(std::string_view name, bool& flag, const OptionVisitor& f) {
  double value = flag ? 1 : 0;
  f(name, value);
  flag = value != 0;
}

std::optional<double> Optimizer::option(std::size_t group, std::string_view wanted) const {
  check_group(*this, group);
  std::optional<double> found;
  // The visitor does not write, so the object stays as it is.
  const_cast<Optimizer*>(this)->visit_options(group, [&](std::string_view name, double& value) {
    if (name == wanted) found = value;
  });
  return found;
}

void Optimizer::set_option(std::size_t group, std::string_view wanted, double number) {
  check_group(*this, group);
  bool found = false;
  visit_options(group, [&](std::string_view name, double& value) {
    if (name != wanted) return;
    value = number;
    found = true;
  });
  if (!found) throw ValueError(fmt::format("optimizer: there is no option '{}'", wanted));
}

double Optimizer::lr(std::size_t group) const { return option(group, "lr").value_or(0); }
void Optimizer::set_group_lr(std::size_t group, double lr) { set_option(group, "lr", lr); }

double Optimizer::initial_lr(std::size_t group) {
  return initial_lrs_.try_emplace(group, lr(group)).first->second;
}

void Optimizer::set_lr(double lr) {
  for (std::size_t g = 0; g < num_groups(); ++g) set_group_lr(g, lr);
}

// -- State ------------------------------------------------------------------------------------

namespace {

Tensor number(double value) { return from_vector<double>({value}, Shape{}); }
Tensor number(std::int64_t value) { return from_vector<std::int64_t>({value}, Shape{}); }

std::string group_key(std::size_t group, std::string_view name) {
  return fmt::format("groups.{}.{}", group, name);
}
std::string state_key(std::size_t index, std::string_view name) {
  return fmt::format("state.{}.{}", index, name);
}

}  // namespace

StateDict Optimizer::state_dict() const {
  StateDict dict;
  const auto names = state_names();
  std::size_t index = 0;
  for (std::size_t g = 0; g < num_groups(); ++g) {
    const_cast<Optimizer*>(this)->visit_options(g, [&](std::string_view name, double& value) {
      dict.insert(group_key(g, name), number(value));
    });
    dict.insert(group_key(g, "params"), number(static_cast<std::int64_t>(group_params(g).size())));
  }
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& param : group_params(g)) {
      const auto found = states_.find(param.cell());
      if (found != states_.end()) {
        dict.insert(state_key(index, "step"), number(found->second.step));
        for (std::size_t k = 0; k < names.size(); ++k)
          if (const Tensor& t = found->second.tensors[k]; t.defined())
            dict.insert(state_key(index, names[k]), t);
      }
      ++index;
    }
  return dict.snapshot();
}

void Optimizer::load_state_dict(const StateDict& dict) {
  const NoGradGuard no_grad;
  const auto names = state_names();
  std::vector<std::string> problems;
  std::unordered_set<std::string> used;
  // The scalar under `key`, if it is there.
  const auto take = [&](const std::string& key) -> std::optional<Scalar> {
    const auto found = dict.find(key);
    if (found == dict.end()) return {};
    used.insert(key);
    if (found->second.numel() == 1) return found->second.item_scalar();
    problems.push_back(
        fmt::format("{}: expected one number, got {}", key, found->second.shape().str()));
    return {};
  };

  std::vector<std::vector<double>> options(num_groups());
  for (std::size_t g = 0; g < num_groups(); ++g) {
    visit_options(g, [&](std::string_view name, double&) {
      const auto value = take(group_key(g, name));
      if (!value) problems.push_back(group_key(g, name) + ": missing");
      options[g].push_back(value ? value->to_double() : 0);
    });
    const auto count = take(group_key(g, "params"));
    const auto own = static_cast<std::int64_t>(group_params(g).size());
    if (!count || count->to_int64() != own)
      problems.push_back(fmt::format("{}: {} in the dict, {} in this optimizer",
                                     group_key(g, "params"),
                                     count ? std::to_string(count->to_int64()) : "missing", own));
  }

  std::unordered_map<const Cell*, State> states;
  std::size_t index = 0;
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& param : group_params(g)) {
      if (const auto step = take(state_key(index, "step"))) {
        State& state = states[param.cell()];
        state.step = step->to_int64();
        state.tensors.resize(names.size());
        for (std::size_t k = 0; k < names.size(); ++k) {
          const std::string key = state_key(index, names[k]);
          const auto found = dict.find(key);
          if (found == dict.end()) continue;
          used.insert(key);
          if (found->second.shape() != param.shape()) {
            problems.push_back(fmt::format("{}: {} in the dict, the parameter is {}", key,
                                           found->second.shape().str(), param.shape().str()));
            continue;
          }
          // A tensor of its own: updates rebind it, and the dict must stay as it is.
          Tensor value = found->second.detach();
          if (value.dtype() != state_dtype(param)) value = value.to(state_dtype(param));
          if (value.device() != param.device()) value = value.to(param.device());
          state.tensors[k] = Cell::create(value.cell()->value());
        }
      }
      ++index;
    }
  for (const auto& [key, tensor] : dict)
    if (!used.contains(key)) problems.push_back(key + ": unexpected");

  if (!problems.empty()) {
    std::string text = "optimizer: the state does not fit:";
    for (const std::string& problem : problems) text += "\n    " + problem;
    throw ValueError(text);
  }
  for (std::size_t g = 0; g < num_groups(); ++g) {
    std::size_t i = 0;
    visit_options(g, [&](std::string_view, double& value) { value = options[g][i++]; });
  }
  states_ = std::move(states);
}

}  // namespace ingot::optim
