#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/optim/optimizer.h>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>

#include "backend/registry.h"
#include "core/cell.h"
#include "core/observe.h"
#include "core/record.h"
#include "ops/at.h"
#include "optim/state_reader.h"
#include "plan/in_flight.h"

namespace ingot::optim {

// -- Step -------------------------------------------------------------------------------------

namespace {

/// Puts rebound tensors back when an evaluation fails. It keeps no value alive, which would forbid
/// updating in place: the pending update node still holds what it was going to read. What a device
/// has written over before it failed is not put back: it stays with the node, which tells it.
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
    const plan::ValuesStay stay;
    for (const Entry& e : entries_) {
      const NodeRef node = e.tensor.cell()->value().node;
      if (!node || node->state() == NodeState::Done) continue;
      for (const ValueId& input : node->inputs())
        if (input.node.get() == e.node && input.output == e.output) {
          const Value* value = input.node->outputs()[input.output].value.get();
          if (!value || !value->overwritten) e.tensor.cell()->rebind(ValueId(input));
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

/// The state tensors that the step reads, where the parameter is: it may have been moved or
/// converted since the last step (`net.to(device)`), and its state follows. Those that are wanted
/// and not there yet (options such as momentum may be switched on later) are made. Nothing is
/// entered: a step that fails leaves no trace.
std::vector<Tensor> Optimizer::state_for_step(std::size_t group, const Tensor& param,
                                              const State& state, bool& fresh) const {
  std::vector<Tensor> tensors = state.tensors;
  tensors.resize(state_names().size());
  const TensorOptions like{.dtype = state_dtype(param), .device = param.device()};
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    Tensor& t = tensors[k];
    if (t.defined()) {
      if (t.dtype() != like.dtype) t = t.to(like.dtype);
      if (t.device() != like.device) t = t.to(like.device);
    } else if (wants_state(group, k)) {
      const double value = initial_state(group, k);
      t = value == 0 ? zeros(param.shape(), like) : full(param.shape(), value, like);
      fresh = true;
    }
  }
  return tensors;
}

std::vector<Optimizer::Batch> Optimizer::batches() {
  std::vector<Batch> list;
  const std::size_t num_states = state_names().size();
  std::size_t known = 0;
  ++steps_;
  for (std::size_t g = 0; g < num_groups(); ++g) {
    check_options(g);
    const std::size_t first = list.size();
    for (const Tensor& param : group_params(g)) {
      // The lists of parameters are the user's to change: what add_param_group() has checked may
      // have been replaced.
      if (!param.defined() || !param.is_floating_point() || !param.is_leaf()) check_unique();
      const Tensor grad = param.grad();
      if (!grad.defined()) continue;
      const auto [entry, added] = states_.try_emplace(param.cell());
      State& state = entry->second;
      if (added) state.owner = WeakCell(param);
      if (state.seen == steps_) check_unique();
      state.seen = steps_;
      ++known;
      bool fresh = false;
      std::vector<Tensor> tensors = state_for_step(g, param, state, fresh);
      const std::int64_t step = state.step + 1;
      const auto fits = [&](const Batch& b) {
        return b.step == step && b.fresh == fresh && b.params[0].dtype() == param.dtype() &&
               b.params[0].device() == param.device();
      };
      auto batch =
          std::find_if(list.begin() + static_cast<std::ptrdiff_t>(first), list.end(), fits);
      if (batch == list.end()) {
        list.push_back({.group = g, .step = step, .fresh = fresh, .states = {}});
        list.back().states.resize(num_states);
        batch = std::prev(list.end());
      }
      batch->params.push_back(param);
      batch->grads.push_back(grad);
      for (std::size_t k = 0; k < num_states; ++k)
        batch->states[k].push_back(std::move(tensors[k]));
    }
  }
  if (known < states_.size()) forget_dead();
  return list;
}

/// State of parameters that nobody holds any more. Those that are only taken out of their group
/// keep theirs.
void Optimizer::forget_dead() {
  std::erase_if(states_, [](const auto& entry) { return !entry.second.owner.lock().defined(); });
}

/// The updates of a step, when they are recorded and the states are still what they were.
std::vector<Optimizer::Submitted> Optimizer::what_is_submitted(
    const std::vector<Batch>& all) const {
  std::vector<Submitted> updates;
  for (const Batch& batch : all) {
    Stream* stream = backend_for(batch.params[0].device()).stream();
    if (!stream) continue;  // the cpu's steps are done when they return
    Submitted s{.node_id = batch.params[0].cell()->value().node->id(),
                .step = batch.step,
                .stream = stream,
                .seq = 0,
                .over = false,
                .params = {}};
    for (std::size_t i = 0; i < batch.params.size(); ++i) {
      const Cell* cell = batch.params[i].cell();
      const std::vector<Tensor>& before = states_.find(cell)->second.tensors;
      std::uint64_t fresh = 0;
      for (std::size_t k = 0; k < batch.states.size(); ++k)
        if (batch.states[k][i].defined() && (k >= before.size() || !before[k].defined()))
          fresh |= std::uint64_t{1} << k;
      s.params.push_back({cell, fresh});
    }
    updates.push_back(std::move(s));
  }
  return updates;
}

/// There is room for them.
void Optimizer::note_submitted(std::vector<Submitted> updates) noexcept {
  for (Submitted& s : updates) {
    s.seq = s.stream->submitted();
    submitted_.push_back(std::move(s));
  }
}

/// Updates that were taken back (plan/in_flight.h) do not count any more. Of those that wait for it
/// it is known when their parameters are evaluated.
void Optimizer::settle_submitted() const {
  note_taken_back();
  std::vector<Tensor> undecided;
  bool waits = false;
  for (const Submitted& s : submitted_) {
    if (!plan::waits_to_be_taken_back(s.node_id)) continue;
    waits = true;
    for (const Submitted::Param& p : s.params)
      if (const auto found = states_.find(p.cell); found != states_.end())
        if (const Tensor param = found->second.owner.lock(); param.defined())
          undecided.push_back(param);
  }
  if (!waits) return;
  try {
    if (!undecided.empty()) eval(undecided);
  } catch (const DeviceError&) {  // they are lost: who reads them is told
  }
  for (const Submitted& s : submitted_) plan::give_up_waiting(s.node_id);
  note_taken_back();
}

void Optimizer::note_taken_back() const {
  // First whether they have succeeded, then whether one waits, then whether one was taken back:
  // that a device has failed is forgotten after that.
  for (Submitted& s : submitted_)
    s.over = s.stream->passed(s.seq) && !s.stream->failed_by(s.seq) &&
             !plan::waits_to_be_taken_back(s.node_id);
  if (const std::uint64_t now = plan::num_taken_back(); now != taken_back_seen_) {
    taken_back_seen_ = now;
    for (auto s = submitted_.rbegin(); s != submitted_.rend(); ++s) {
      if (!plan::forget_taken_back(s->node_id)) continue;
      s->over = true;
      for (const Submitted::Param& p : s->params) {
        const auto found = states_.find(p.cell);
        if (found == states_.end() || found->second.step == 0) continue;
        State& state = found->second;
        --state.step;
        for (std::size_t k = 0; k < state.tensors.size(); ++k)
          if (state.step < s->step && (p.fresh >> k & 1) != 0) state.tensors[k] = {};
      }
    }
  }
  std::erase_if(submitted_, [](const Submitted& s) { return s.over; });
}

void Optimizer::step(Site at) {
  const ObservedSpan span(RunEvent::Kind::Range, "Optimizer::step");
  const SiteScope scope(at);
  const NoGradGuard no_grad;
  if (!submitted_.empty()) {
    if (const std::exception_ptr earlier = plan::settle_failures()) std::rethrow_exception(earlier);
    ingot::detail::own_errors("Optimizer::step", at, [&] { settle_submitted(); });
    if (const std::exception_ptr earlier = plan::take_untold_update_failure())
      std::rethrow_exception(earlier);
  }
  ingot::detail::own_errors("Optimizer::step", at, [&] {
    const std::vector<Batch> all = batches();
    UndoLog log;
    // Where the states will be kept: nothing may fail after eval().
    std::vector<std::vector<Tensor>> tensors;
    std::vector<Submitted> submitted;
    try {
      for (const Batch& batch : all) {
        const Result result = update(batch);
        for (std::size_t i = 0; i < batch.params.size(); ++i) {
          log.rebind(batch.params[i], result.params[i]);
          tensors.emplace_back(batch.states.size());
        }
        for (std::size_t k = 0; k < result.states.size(); ++k)
          for (std::size_t i = 0; i < result.states[k].size(); ++i)
            if (result.states[k][i].defined()) log.rebind(batch.states[k][i], result.states[k][i]);
      }
      submitted = what_is_submitted(all);
      submitted_.reserve(submitted_.size() + submitted.size());
      eval(log.tensors());
    } catch (...) {
      log.undo();
      throw;
    }
    note_submitted(std::move(submitted));
    std::size_t next = 0;
    for (const Batch& batch : all)
      for (std::size_t i = 0; i < batch.params.size(); ++i) {
        State& state = states_.find(batch.params[i].cell())->second;  // made by batches()
        state.step = batch.step;
        state.tensors = std::move(tensors[next++]);
        for (std::size_t k = 0; k < batch.states.size(); ++k) state.tensors[k] = batch.states[k][i];
      }
  });
}

void Optimizer::zero_grad() {
  ingot::detail::own_errors("Optimizer::zero_grad", Site{}, [&] {
    for (std::size_t g = 0; g < num_groups(); ++g)
      for (Tensor param : group_params(g)) param.set_grad({});
  });
}

// -- Groups and options -----------------------------------------------------------------------

namespace {

/// Throws ValueError for a tensor that cannot be trained; `known` are those met before.
void check_param(const Tensor& p, const std::string& place,
                 std::unordered_set<const Cell*>& known) {
  if (!p.defined()) throw ValueError(fmt::format("optimizer: {} is undefined", place));
  if (!p.is_floating_point())
    throw ValueError(fmt::format("optimizer: {} is {}, only floating-point tensors can be trained",
                                 place, name(p.dtype())));
  if (!p.is_leaf())
    throw ValueError(fmt::format(
        "optimizer: {} is computed from others; only leaf tensors can be trained", place));
  if (!known.insert(p.cell()).second)
    throw ValueError(fmt::format("optimizer: {} is in the optimizer already", place));
}

}  // namespace

void Optimizer::check_params(const std::vector<Tensor>& params) const {
  if (params.empty()) throw ValueError("optimizer: the list of parameters is empty");
  std::unordered_set<const Cell*> known;
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& p : group_params(g)) known.insert(p.cell());
  for (std::size_t i = 0; i < params.size(); ++i)
    check_param(params[i], fmt::format("parameter {}", i), known);
}

/// What check_params() has found may not be true any more: the lists are the user's to change.
void Optimizer::check_unique() const {
  std::unordered_set<const Cell*> known;
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (std::size_t i = 0; i < group_params(g).size(); ++i)
      check_param(group_params(g)[i], fmt::format("parameter {} of group {}", i, g), known);
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
  check_group(*this, group);
  std::optional<double>& initial = group_initial_lr(group);
  if (!initial) initial = lr(group);
  return *initial;
}

bool Optimizer::has_initial_lr(std::size_t group) const {
  check_group(*this, group);
  return const_cast<Optimizer*>(this)->group_initial_lr(group).has_value();
}

void Optimizer::set_initial_lr(std::size_t group, double lr) {
  check_group(*this, group);
  group_initial_lr(group) = lr;
}

void Optimizer::set_lr(double lr) {
  for (std::size_t g = 0; g < num_groups(); ++g) set_group_lr(g, lr);
}

// -- State ------------------------------------------------------------------------------------

namespace {

constexpr const char* kInitialLr = "initial_lr";

std::string group_key(std::size_t group, std::string_view name) {
  return fmt::format("groups.{}.{}", group, name);
}
std::string state_key(std::size_t index, std::string_view name) {
  return fmt::format("state.{}.{}", index, name);
}

}  // namespace

StateDict Optimizer::state_dict() const {
  check_unique();
  if (!submitted_.empty()) {
    for (const Submitted& s : submitted_) s.stream->wait(s.seq);
    if (const std::exception_ptr failure = plan::settle_failures()) std::rethrow_exception(failure);
    ingot::detail::own_errors("Optimizer::state_dict", Site{}, [&] { settle_submitted(); });
  }
  StateDict dict;
  const auto names = state_names();
  std::size_t index = 0;
  auto* self = const_cast<Optimizer*>(this);  // nothing here writes
  for (std::size_t g = 0; g < num_groups(); ++g) {
    self->visit_options(g, [&](std::string_view name, double& value) {
      dict.insert(group_key(g, name), number_tensor(value));
    });
    if (const auto initial = self->group_initial_lr(g))
      dict.insert(group_key(g, kInitialLr), number_tensor(*initial));
    dict.insert(group_key(g, "params"),
                number_tensor(static_cast<std::int64_t>(group_params(g).size())));
  }
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& param : group_params(g)) {
      const auto found = states_.find(param.cell());
      if (found != states_.end() && found->second.step > 0) {
        dict.insert(state_key(index, "step"), number_tensor(found->second.step));
        for (std::size_t k = 0; k < names.size(); ++k)
          if (const Tensor& t = found->second.tensors[k]; t.defined())
            dict.insert(state_key(index, names[k]), t);
      }
      ++index;
    }
  return dict.snapshot();
}

/// The state of parameter `index`; step 0 when the dict has none.
Optimizer::State Optimizer::read_state(detail::StateReader& reader, std::size_t index,
                                       const Tensor& param) const {
  const auto names = state_names();
  State state;
  const auto step = reader.count(state_key(index, "step"), false);
  if (!step) return state;
  state.step = *step;
  state.owner = WeakCell(param);
  state.tensors.resize(names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const std::string key = state_key(index, names[k]);
    Tensor value = reader.tensor(key, state.step > 0 && always_has_state(k));
    if (!value.defined()) continue;
    if (value.shape() != param.shape()) {
      reader.problem(fmt::format("{}: {} in the dict, the parameter is {}", key,
                                 value.shape().str(), param.shape().str()));
      continue;
    }
    value = value.detach();
    if (value.dtype() != state_dtype(param)) value = value.to(state_dtype(param));
    if (value.device() != param.device()) value = value.to(param.device());
    // A tensor of its own: updates rebind it, and the dict must stay as it is. Computed here, where
    // a failure still changes nothing.
    state.tensors[k] = Cell::create(value.eval().cell()->value());
  }
  return state;
}

void Optimizer::load_state_dict(const StateDict& dict, Site at) {
  const SiteScope scope(at);
  const NoGradGuard no_grad;
  check_unique();
  detail::StateReader reader(dict, "optimizer");
  std::vector<std::vector<double>> options(num_groups());
  std::vector<std::optional<double>> initial(num_groups());
  for (std::size_t g = 0; g < num_groups(); ++g) {
    visit_options(g, [&](std::string_view name, double&) {
      options[g].push_back(reader.number(group_key(g, name)).value_or(0));
    });
    initial[g] = reader.number(group_key(g, kInitialLr), false);
    const auto own = static_cast<std::int64_t>(group_params(g).size());
    const auto count = reader.count(group_key(g, "params"));
    if (count && *count != own)
      reader.problem(fmt::format("{}: {} in the dict, {} in this optimizer", group_key(g, "params"),
                                 *count, own));
  }
  std::unordered_map<const Cell*, State> states;
  std::size_t index = 0;
  for (std::size_t g = 0; g < num_groups(); ++g)
    for (const Tensor& param : group_params(g)) {
      State state = read_state(reader, index++, param);
      if (state.step > 0) states.emplace(param.cell(), std::move(state));
    }
  reader.finish();

  // Nothing fails from here on.
  for (std::size_t g = 0; g < num_groups(); ++g) {
    std::size_t i = 0;
    visit_options(g, [&](std::string_view, double& value) { value = options[g][i++]; });
    group_initial_lr(g) = initial[g];
  }
  states_ = std::move(states);
  submitted_.clear();  // they were of other states
}

}  // namespace ingot::optim
