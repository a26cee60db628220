// The backward pass: visits recorded nodes from the newest to the oldest (recording order is a
// topological order) and records each one's gradient rule.
#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include <ingot/autograd/autograd.h>
#include <ingot/ops/creation.h>

#include "core/cell.h"
#include "core/observe.h"
#include "core/op_def.h"
#include "core/record.h"
#include "core/spec_error.h"

namespace ingot {
namespace {

struct ByAge {
  bool operator()(const NodeRef& a, const NodeRef& b) const { return a->id() < b->id(); }
};

// The sum of the gradients that the uses of one output give. One chain over thousands of uses would
// lose digits: it is broken off now and then. 16 bits are summed in float32 and rounded once.
class GradientSum {
 public:
  void add(const Tensor& g) {
    if (count_ == kChain) {
      chains_ = chains_.defined() ? chains_ + chain_ : chain_;
      count_ = 0;
    }
    if (count_ == 0)
      chain_ = g;
    else if (count_ == 1 && is_reduced_float(chain_.dtype()))
      chain_ = chain_.to(DType::Float32) + g;
    else
      chain_ = chain_ + g;
    ++count_;
  }
  Tensor sum(DType dtype) && {
    if (chains_.defined()) chain_ = chains_ + chain_;
    return chain_.defined() && chain_.dtype() != dtype ? chain_.to(dtype) : std::move(chain_);
  }

 private:
  static constexpr int kChain = 64;
  Tensor chains_, chain_;
  int count_ = 0;  ///< in the chain
};

struct Pass {
  std::unordered_map<const Node*, std::vector<GradientSum>> grads;  // per output
  // Nodes that have a gradient and wait for their turn. A node leaves when it is done with: a pass
  // that held on to it would keep its value in an evaluation that a hook asks for.
  std::priority_queue<NodeRef, std::vector<NodeRef>, ByAge> queue;
  bool retain_graph = false;
  // grad(): only these outputs are wanted, leaves are not touched.
  const std::vector<ValueId>* wanted = nullptr;
  std::vector<Tensor> found;
  std::unordered_set<const Node*> useful;  // nodes on a way to something wanted

  void add(const ValueId& target, const Tensor& g) {
    Node* n = target.node.get();
    if (wanted && !useful.contains(n)) return;
    const auto [entry, fresh] = grads.try_emplace(n);
    auto& slots = entry->second;
    if (fresh) {
      slots.resize(n->outputs().size());
      queue.push(target.node);
    }
    slots[target.output].add(g);
  }

  // What a node's outputs got, which nothing more is added to.
  std::vector<Tensor> take(const Node& n) {
    const auto entry = grads.find(&n);
    std::vector<Tensor> sums;
    for (std::size_t i = 0; i < entry->second.size(); ++i)
      sums.push_back(std::move(entry->second[i]).sum(n.outputs()[i].spec.dtype));
    grads.erase(entry);
    return sums;
  }
};

void refuse_released(const Node& n, Site at) {
  throw AutogradError(
      fmt::format("{}: trying to backward through the graph a second time: the first backward "
                  "released it; pass "
                  "retain_graph = true to the first one{}",
                  n.op().name, recorded_at(at, {})));
}

// What the hooks make of a gradient, in the order in which they were registered.
void run_hooks(const GradHooks::Running& hooks, Tensor& g) {
  for (const auto& hook : hooks) {
    Tensor replaced = (*hook)(g);
    if (!replaced.defined()) continue;
    if (!(replaced.shape() == g.shape()) || replaced.dtype() != g.dtype())
      throw AutogradError(fmt::format("a gradient hook returned {} in place of {}",
                                      replaced.cell()->spec().str(), g.cell()->spec().str()));
    g = std::move(replaced);
  }
}

// Sums what several uses and several backward passes give, of other threads as well.
void add_to_grad(Cell& cell, const Tensor& g) {
  Tensor before;
  do {
    before = cell.grad();
  } while (!cell.replace_grad(before, before.defined() ? before + g : g));
}

void accumulate(const Tensor& leaf, Tensor g) {
  run_hooks(leaf.cell()->running_hooks(), g);
  // requires_grad may have been switched off since the forward pass, or by a hook just now.
  if (leaf.cell()->wants_grad()) add_to_grad(*leaf.cell(), g);
}

void run_hooks(const Node& n, std::vector<Tensor>& grads) {
  NodeHooks* hooks = n.hooks_or_null();
  if (!hooks) return;
  // By position: a hook may register others, which moves the list.
  for (std::size_t i = 0; i < hooks->hooks.size(); ++i) {
    const NodeHooks::Entry entry = hooks->hooks[i];
    if (Tensor& g = grads[entry.output]; g.defined()) run_hooks(entry.hooks->running(), g);
  }
  for (std::size_t i = 0; i < hooks->retains.size(); ++i) {
    const Tensor& g = grads[hooks->retains[i].output];
    const Tensor t = hooks->retains[i].cell.lock();
    if (t.defined() && g.defined()) add_to_grad(*t.cell(), g);
  }
}

// Gradient::Expand: records the expansion on stand-ins, differentiates it from the outputs'
// gradients to the inputs. The stand-ins are fresh leaves of the recorded inputs, so the rule
// itself is recorded like any other.
void differentiate_expansion(const Node& n, const std::vector<Tensor>& grads,
                             std::vector<Tensor>& results) {
  std::vector<Tensor> inputs, outputs;
  for (const ValueId& in : n.inputs()) inputs.push_back(Cell::create(in));
  std::vector<TensorSpec> specs;
  for (const NodeOutput& o : n.outputs()) specs.push_back(o.spec);
  std::vector<Tensor> from, weights, to;
  std::vector<std::size_t> which;
  {
    const EnableGradGuard on;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (n.inputs()[i].requires_grad()) {
        inputs[i] = inputs[i].clone(n.site());  // an alias that the inner pass can be asked about
        to.push_back(inputs[i]);
        which.push_back(i);
      }
    record_expansion(n.op(), inputs, n.attrs(), n.slots(), specs, outputs);
  }
  for (std::size_t o = 0; o < outputs.size(); ++o)
    if (grads[o].defined() && outputs[o].requires_grad()) {
      from.push_back(outputs[o]);
      weights.push_back(grads[o]);
    }
  if (from.empty()) return;
  const std::vector<Tensor> inner =
      grad(from, to, weights,
           {.retain_graph = is_grad_enabled(), .create_graph = is_grad_enabled()}, true, n.site());
  for (std::size_t k = 0; k < which.size(); ++k) results[which[k]] = inner[k];
}

// What a gradient rule records was called from where the user called what it differentiates.
class CalledFrom {
 public:
  explicit CalledFrom(const Node& n)
      : had_(record_state().has_outer_site), outer_(record_state().outer_site) {
    const Site& of_user = users_site(n);
    if (of_user.line() == 0) return;
    record_state().has_outer_site = true;
    record_state().outer_site = of_user;
  }
  ~CalledFrom() {
    record_state().has_outer_site = had_;
    record_state().outer_site = outer_;
  }
  CalledFrom(const CalledFrom&) = delete;
  CalledFrom& operator=(const CalledFrom&) = delete;

 private:
  bool had_;
  Site outer_;
};

void apply_rule(const Node& n, const std::vector<Tensor>& grads, std::vector<Tensor>& results) {
  const OpDef& op = n.op();
  const CalledFrom scope(n);
  results.assign(n.inputs().size(), Tensor());
  if (op.gradient == Gradient::Expand) {
    differentiate_expansion(n, grads, results);
    return;
  }
  if (!op.vjp)
    throw InternalError(fmt::format("{}: the op names a gradient rule but has none", op.name));
  VjpContext context(n, grads, results, saved_for_backward(n));
  op.vjp(context);
}

void run(Pass& pass, Site at) {
  const ObservedSpan span(RunEvent::Kind::Range, "backward");
  std::vector<Tensor> results;
  while (!pass.queue.empty()) {
    const NodeRef node = pass.queue.top();
    Node* n = node.get();
    pass.queue.pop();
    std::vector<Tensor> grads = pass.take(*n);
    if (&n->op() == &kVariable) {
      const Tensor leaf = n->variable_of.lock();
      if (pass.wanted) {
        // Hooks see every gradient that is computed; only adding it up belongs to backward().
        if (leaf.defined()) run_hooks(leaf.cell()->running_hooks(), grads[0]);
        for (std::size_t w = 0; w < pass.wanted->size(); ++w)
          if ((*pass.wanted)[w].node.get() == n) pass.found[w] = grads[0];
      } else if (leaf.defined()) {
        accumulate(leaf, std::move(grads[0]));
      }
      continue;
    }
    run_hooks(*n, grads);
    if (pass.wanted)
      for (std::size_t w = 0; w < pass.wanted->size(); ++w)
        if ((*pass.wanted)[w].node.get() == n) pass.found[w] = grads[(*pass.wanted)[w].output];
    if (n->released()) refuse_released(*n, at);
    apply_rule(*n, grads, results);
    for (std::size_t i = 0; i < results.size(); ++i)
      if (results[i].defined() && n->inputs()[i].requires_grad())
        pass.add(n->inputs()[i], results[i]);
    if (!pass.retain_graph) {
      n->set_released();
    }
  }
}

// Nodes on a way from the outputs to something wanted: gradients that no one needs are not
// recorded.
void mark_useful(Pass& pass, const std::vector<Tensor>& outputs) {
  std::vector<Node*> order, stack;
  std::unordered_set<Node*> seen;
  // Inputs are older than what is made from them, so nothing older than every wanted node matters.
  std::uint64_t oldest = ~std::uint64_t{0};
  for (const ValueId& w : *pass.wanted) oldest = std::min(oldest, w.node->id());
  for (const Tensor& t : outputs) stack.push_back(t.cell()->read().node.get());
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    if (!n->requires_grad() || n->id() < oldest || !seen.insert(n).second) continue;
    order.push_back(n);
    if (&n->op() == &kVariable) continue;  // differentiation ends at leaves
    for (const ValueId& in : n->inputs()) stack.push_back(in.node.get());
  }
  std::sort(order.begin(), order.end(),
            [](const Node* a, const Node* b) { return a->id() < b->id(); });
  for (const ValueId& w : *pass.wanted) pass.useful.insert(w.node.get());
  for (const Node* n : order) {
    if (&n->op() == &kVariable) continue;
    for (const ValueId& in : n->inputs())
      if (pass.useful.contains(in.node.get())) {
        pass.useful.insert(n);
        break;
      }
  }
}

void seed(Pass& pass, const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
          Site at) {
  if (!gradients.empty() && gradients.size() != outputs.size())
    throw AutogradError(fmt::format("backward: {} outputs but {} gradients{}", outputs.size(),
                                    gradients.size(), recorded_at(at, {})));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& out = outputs[i];
    if (!out.defined())
      throw AutogradError("backward: output " + std::to_string(i) + " is undefined");
    if (!out.requires_grad())
      throw AutogradError(
          fmt::format("backward: tensor {} does not require grad: nothing it was computed from "
                      "does, or it was recorded under "
                      "NoGradGuard{}",
                      out.cell()->spec().str(), recorded_at(at, {})));
    Tensor g = i < gradients.size() ? gradients[i] : Tensor();
    if (!g.defined()) {
      if (out.numel() != 1)
        throw AutogradError(
            fmt::format("backward: a gradient can be left out only for a single-element output, "
                        "got {}; reduce it (sum, mean) or "
                        "pass a gradient{}",
                        out.cell()->spec().str(), recorded_at(at, {})));
      g = ones_like(out, at);
    } else if (!(g.cell()->spec() == out.cell()->spec())) {
      throw_unlike(g.cell()->spec(), out.cell()->spec(),
                   fmt::format("backward: gradient {} on {} for output {} on {}{}",
                               g.cell()->spec().str(), g.device().str(), out.cell()->spec().str(),
                               out.device().str(), recorded_at(at, {})));
    }
    const EnableGradGuard on;  // the variable node of a leaf output
    pass.add(out.cell()->read(), g);
  }
}

struct GradModeScope {
  explicit GradModeScope(bool on) : previous(std::exchange(record_state().grad_enabled, on)) {}
  ~GradModeScope() { record_state().grad_enabled = previous; }
  bool previous;
};

}  // namespace

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
              BackwardOptions options, Site at) {
  detail::own_errors("backward", at, [&] {
    const GradModeScope mode(options.create_graph);
    Pass pass;
    pass.retain_graph = options.retain_graph || options.create_graph;
    seed(pass, outputs, gradients, at);
    run(pass, at);
    flush_at_boundary();
  });
}

namespace {
std::vector<Tensor> gradients_of(const std::vector<Tensor>& outputs,
                                 const std::vector<Tensor>& inputs,
                                 const std::vector<Tensor>& gradients, BackwardOptions options,
                                 bool allow_unused, Site at) {
  std::vector<ValueId> wanted;
  {
    const EnableGradGuard on;
    for (const Tensor& in : inputs) {
      if (!in.defined() || !in.requires_grad())
        throw AutogradError("grad: every input must require grad" + recorded_at(at, {}));
      wanted.push_back(in.cell()->read());
    }
  }
  const GradModeScope mode(options.create_graph);
  Pass pass;
  pass.retain_graph = options.retain_graph || options.create_graph;
  pass.wanted = &wanted;
  pass.found.resize(inputs.size());
  {
    const EnableGradGuard on;
    mark_useful(pass, outputs);
  }
  seed(pass, outputs, gradients, at);
  run(pass, at);
  if (!allow_unused)
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!pass.found[i].defined())
        throw AutogradError(
            fmt::format("grad: input {} ({}) was not used to compute the outputs; pass "
                        "allow_unused = true if that is meant{}",
                        i, inputs[i].cell()->spec().str(), recorded_at(at, {})));
  return std::move(pass.found);
}
}  // namespace

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& gradients, BackwardOptions options,
                         bool allow_unused, Site at) {
  return detail::own_errors("grad", at, [&] {
    return gradients_of(outputs, inputs, gradients, options, allow_unused, at);
  });
}

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph, Site at) const {
  detail::own_errors("backward", at, [&] {
    ingot::backward({*this},
                    gradient.defined() ? std::vector<Tensor>{gradient} : std::vector<Tensor>{},
                    {.retain_graph = retain_graph, .create_graph = create_graph}, at);
  });
}

}  // namespace ingot
