#include "plan/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <ingot/core/error.h>

#include "backend/registry.h"
#include "core/hash.h"
#include "core/observe.h"
#include "core/record.h"
#include "plan/in_flight.h"
#include "plan/plan.h"

namespace ingot::plan {
namespace {

std::uint64_t next_token() {
  static std::atomic<std::uint64_t> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

// A Cell holds it, or it does something beyond its value and so is never dropped.
bool is_wanted(const Node& n) {
  if (n.op().traits.effect) return true;
  for (const NodeOutput& o : n.outputs())
    if (o.cells.load() > 0) return true;
  return false;
}

// What this thread is computing: of the thread by its nature, as the stack is.
thread_local RunningScope* innermost = nullptr;

// It cannot be computed now, and whoever needs it has to go without.
bool is_barred(const Node& n, std::uint64_t token) {
  switch (n.state()) {
    case NodeState::Done:
      return false;
    case NodeState::Failed:
      return true;
    case NodeState::Pending:
      return n.set_aside();
    case NodeState::Running:
      return n.claimed_by() != token && (n.set_aside() || RunningScope::covers(n.claimed_by()));
  }
  return false;
}

struct Claimed {
  Node* busy = nullptr;  ///< somebody else is running it
  bool barred = false;   ///< something needs a node that is barred
};

// Claims everything pending that the nodes on the stack need. When a node is met that somebody else
// is running, the caller gives everything back and waits, so no two evaluations wait in a circle.
// `asked`: it was asked for, so that what was set aside is tried as well.
Claimed claim_closure(std::vector<Node*>& claimed, std::vector<Node*>& stack, std::uint64_t token,
                      bool asked) {
  Claimed result;
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    const NodeState state = n->state();
    if (state == NodeState::Done || n->claimed_by() == token) continue;
    if (state == NodeState::Failed || (!asked && is_barred(*n, token))) {
      result.barred = true;
      continue;
    }
    // Room before the claim: a claimed node must be in the list that gives it back.
    if (claimed.size() == claimed.capacity())
      claimed.reserve(std::max<std::size_t>(64, 2 * claimed.size()));
    if (state == NodeState::Running || !n->claim()) {
      if (const NodeState now = n->state();
          now != NodeState::Running && now != NodeState::Pending) {
        stack.push_back(n);  // done or failed in the meantime
        continue;
      }
      result.busy = n;
      return result;
    }
    n->set_claimed_by(token);
    claimed.push_back(n);
    for (const ValueId& in : n->inputs())
      if (in.node->state() != NodeState::Done) stack.push_back(in.node.get());
  }
  return result;
}

// Among claimed nodes, those that need a barred one get position 1, the others 0.
void mark_blocked(std::vector<Node*>& claimed, std::uint64_t token) {
  std::sort(claimed.begin(), claimed.end(), [](Node* a, Node* b) { return a->id() < b->id(); });
  for (Node* n : claimed) {
    n->position = 0;
    for (const ValueId& in : n->inputs())
      if (in.node->claimed_by() == token ? in.node->position == 1 : is_barred(*in.node, token))
        n->position = 1;
  }
}

// The error of the Failed node that a blocked node needs, or null when it needs none.
std::exception_ptr failure_behind(const Node* n, std::uint64_t token) {
  while (n && n->state() != NodeState::Failed) {
    if (n->claimed_by() != token || n->position != 1) return nullptr;
    const Node* next = nullptr;
    for (const ValueId& in : n->inputs())
      if (in.node->state() == NodeState::Failed ||
          (in.node->claimed_by() == token && in.node->position == 1))
        next = in.node.get();
    n = next;
  }
  return n ? n->failure() : nullptr;
}

// Updates that were submitted to a device, given back, and are blocked: they are taken back
// (plan/in_flight.h). Returns whether there were any. What they were to update may have to be
// computed anew before: then that is in `first`.
bool take_back_updates(std::vector<Node*>& claimed, std::uint64_t token,
                       std::vector<ValueId>& first) {
  bool any = false;
  // Also where taking back one of them throws.
  struct WithoutDone {
    std::vector<Node*>& nodes;
    ~WithoutDone() { std::erase(nodes, nullptr); }
  };
  const WithoutDone without_done{claimed};
  for (Node*& n : claimed) {
    if (n->position != 1 || !n->op().traits.updates || !waits_to_be_taken_back(*n)) continue;
    const std::size_t before = first.size();
    for (std::size_t o = 0; o < n->outputs().size(); ++o) {
      const ValueId& old = n->inputs()[updated_input(*n, o)];
      if (old.node->state() == NodeState::Failed ||
          (old.node->claimed_by() == token && old.node->position == 1)) {
        first.resize(before);
        break;
      }
      if (old.node->state() != NodeState::Done) first.push_back(old);
    }
    if (first.size() > before) continue;
    const NodeRef keep(n);
    n->set_claimed_by(0);
    if (take_back_late(*n)) {
      n = nullptr;  // it is Done
      any = true;
    } else {
      n->set_claimed_by(token);
    }
  }
  return any || !first.empty();
}

// Alias pattern: leaves with one Value share a number. Sorting keeps this near linear.
void find_aliases(std::vector<Leaf>& leaves, std::vector<std::uint32_t>& order) {
  order.resize(leaves.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Value *x = leaves[a].value, *y = leaves[b].value;
    return x != y ? x < y : a < b;
  });
  for (std::size_t k = 0; k < order.size(); ++k) {
    const bool same = k > 0 && leaves[order[k]].value == leaves[order[k - 1]].value;
    leaves[order[k]].alias = same ? leaves[order[k - 1]].alias : order[k];
  }
}

// Values that nodes outside the batch still need: those of nodes to which there are more references
// than the batch, the Cells and a pending list have. Who else has one may be on another thread, a
// recorded gradient for example. A reference to a node is one to each of its outputs.
//
// Called after `released` of all nodes has been read: a backward on another thread records what
// reads a saved value before it says that the value is saved no more.
void keep_for_others(Batch& b, const std::vector<std::uint32_t>& known_references) {
  for (std::size_t i = 0; i < b.nodes.size(); ++i) {
    const Node& n = *b.nodes[i];
    const std::uint32_t references = n.references_but_cells();
    if (references <= known_references[i] + (n.listed() ? 1 : 0)) continue;
    for (std::size_t o = 0; o < n.outputs().size(); ++o) b.live[b.first_output[i] + o] = 1;
  }
}

void describe(Batch& b, std::span<const ValueId> roots) {
  LeafTable& table = b.scratch.leaf_numbers;
  std::vector<std::uint32_t>& known_references = b.scratch.known_references;
  std::vector<std::uint32_t>& first_output = b.first_output;
  table.reset(b.nodes.size());
  std::uint64_t h = b.nodes.size();
  std::uint32_t outputs = 0;
  for (std::uint32_t i = 0; i < b.nodes.size(); ++i) {
    Node& n = *b.nodes[i];
    n.position = i;
    first_output.push_back(outputs);
    outputs += static_cast<std::uint32_t>(n.outputs().size());
  }
  b.live.assign(outputs, 0);
  known_references.assign(b.nodes.size(), 0);
  for (std::uint32_t i = 0; i < b.nodes.size(); ++i) {
    Node& n = *b.nodes[i];
    h = hash_mix(h, n.local_hash());
    const bool drops = drops_inputs(n);
    for (const ValueId& in : n.inputs()) {
      InputRef ref{};
      if (in.node->claimed_by() == b.token) {
        ref = {static_cast<std::int32_t>(in.node->position), in.output};
        ++known_references[in.node->position];
      } else {
        const std::uint32_t leaf = table.find_or_add(b.leaves, in.node.get(), in.output);
        if (!b.leaves[leaf].value)
          throw InternalError(fmt::format("{}: the value of its input from '{}' was not kept",
                                          n.op().name, in.node->op().name));
        ++b.leaves[leaf].edges;
        if (drops) ++b.leaves[leaf].dropped_edges;
        ref = {~static_cast<std::int32_t>(leaf), 0};
      }
      h = hash_mix(
          h, (static_cast<std::uint64_t>(static_cast<std::uint32_t>(ref.node)) << 8) ^ ref.output);
      b.inputs.push_back(ref);
    }
    for (std::uint32_t o = 0; o < n.outputs().size(); ++o)
      if (n.outputs()[o].cells.load() > 0) b.live[first_output[i] + o] = 1;
    if (!drops) {
      const Saved saved = saved_for_backward(n);
      for (std::uint32_t o = 0; o < n.outputs().size(); ++o)
        if (saved.output(o)) b.live[first_output[i] + o] = 1;
      for (std::uint32_t k = 0; k < n.inputs().size(); ++k) {
        const InputRef& ref = b.inputs[b.inputs.size() - n.inputs().size() + k];
        if (saved.input(k) && ref.node >= 0)
          b.live[first_output[static_cast<std::size_t>(ref.node)] + ref.output] = 1;
      }
    }
    b.num_slots += n.slots().size();
  }
  // Asked-for outputs need no Cell of their own.
  for (const ValueId& root : roots)
    if (root.node->claimed_by() == b.token) {
      b.roots.push_back(static_cast<std::int32_t>(root.node->position));
      b.live[first_output[root.node->position] + root.output] = 1;
      ++known_references[root.node->position];
    }
  keep_for_others(b, known_references);
  find_aliases(b.leaves, b.scratch.alias_order);
  for (const Leaf& leaf : b.leaves) {
    const TensorSpec& spec = leaf.node->outputs()[leaf.output].spec;
    h = hash_mix(h, (static_cast<std::uint64_t>(spec.dtype) << 40) ^ leaf.alias);
    for (const std::int64_t d : spec.shape) h = hash_mix(h, static_cast<std::uint64_t>(d));
    for (const std::int64_t s : leaf.value->strides) h = hash_mix(h, static_cast<std::uint64_t>(s));
  }
  for (const std::uint8_t live : b.live) h = hash_mix(h, live);
  b.hash = h;
}

// Gives a batch's nodes back unless it was told that they are going to run.
class ClaimGuard {
 public:
  explicit ClaimGuard(Batch& batch) : batch_(batch) {}
  ~ClaimGuard() {
    if (armed_) unclaim(batch_);
  }
  ClaimGuard(const ClaimGuard&) = delete;
  ClaimGuard& operator=(const ClaimGuard&) = delete;
  void give_back() {
    armed_ = false;
    unclaim(batch_);
  }
  void keep() { armed_ = false; }

 private:
  Batch& batch_;
  bool armed_ = true;
};

// The error of the lost device that the node needs, or null.
std::exception_ptr lost_device_of(const Node& n) {
  for (const NodeOutput& o : n.outputs())
    if (std::exception_ptr why = why_lost(o.spec.device)) return why;
  for (const ValueId& in : n.inputs())
    if (std::exception_ptr why = why_lost(in.spec().device)) return why;
  return nullptr;
}

}  // namespace

void LeafTable::reset(std::size_t expected) {
  std::size_t size = 64;
  while (size < expected * 2) size *= 2;
  slots_.assign(size, -1);
}

std::uint32_t LeafTable::find_or_add(std::vector<Leaf>& leaves, Node* node, std::uint32_t output) {
  if (leaves.size() * 2 >= slots_.size()) grow(leaves);
  std::size_t i = place(node, output);
  while (slots_[i] >= 0) {
    const Leaf& leaf = leaves[static_cast<std::size_t>(slots_[i])];
    if (leaf.node == node && leaf.output == output) return static_cast<std::uint32_t>(slots_[i]);
    i = (i + 1) & (slots_.size() - 1);
  }
  slots_[i] = static_cast<std::int32_t>(leaves.size());
  leaves.push_back({node, output, 0, 0, 0, node->outputs()[output].value.get()});
  return static_cast<std::uint32_t>(leaves.size() - 1);
}

std::size_t LeafTable::place(const Node* node, std::uint32_t output) const {
  return hash_mix(reinterpret_cast<std::uintptr_t>(node), output) & (slots_.size() - 1);
}

void LeafTable::grow(const std::vector<Leaf>& leaves) {
  slots_.assign(slots_.size() * 2, -1);
  for (std::size_t n = 0; n < leaves.size(); ++n) {
    std::size_t i = place(leaves[n].node, leaves[n].output);
    while (slots_[i] >= 0) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = static_cast<std::int32_t>(n);
  }
}

std::exception_ptr fail_what_is_lost(std::span<const NodeRef> pending,
                                     std::span<const ValueId> roots) {
  if (!Stream::any_lost()) return nullptr;
  std::exception_ptr first;
  std::vector<Node*> stack;
  std::unordered_set<const Node*> seen;
  for (const NodeRef& n : pending)
    if (n) stack.push_back(n.get());
  for (const ValueId& root : roots) stack.push_back(root.node.get());
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    if (n->state() != NodeState::Pending || !seen.insert(n).second) continue;
    if (const std::exception_ptr why = lost_device_of(*n)) {
      // Nobody computes it: who came before the loss has finished, who came later fails it, too.
      if (n->claim()) n->fail(why);
      if (!first) first = why;
      continue;
    }
    for (const ValueId& in : n->inputs()) stack.push_back(in.node.get());
  }
  return first;
}

void Batch::clear() {
  nodes.clear();
  inputs.clear();
  live.clear();
  leaves.clear();
  first_output.clear();
  roots.clear();
  num_asked = 0;
  comes_first = false;
  num_slots = 0;
  hash = 0;
  failed = nullptr;
  culprit = nullptr;
}

void unclaim(Batch& batch, const std::exception_ptr& why) noexcept {
  for (Node* n : batch.nodes) {
    const NodeRef keep(n);  // once it is Pending, another thread may compute it and let it go
    n->set_claimed_by(0);
    if (why && n == batch.failed)
      n->fail(why);
    else
      n->set_state(NodeState::Pending);
  }
}

bool collect(Batch& batch, std::span<const NodeRef> pending, std::span<const ValueId> roots) {
  std::vector<Node*>&stack = batch.scratch.stack, &own = batch.scratch.own;
  std::vector<const Node*> left_out;  // wanted, but they need a barred node; sorted
  const auto is_left_out = [&](const Node* n) {
    return std::binary_search(left_out.begin(), left_out.end(), n);
  };
  while (true) {
    batch.clear();
    batch.token = next_token();
    ClaimGuard guard(batch);
    stack.clear();
    for (const ValueId& root : roots)
      if (root.node->state() != NodeState::Done) stack.push_back(root.node.get());
    Claimed claimed = claim_closure(batch.nodes, stack, batch.token, true);
    batch.num_asked = batch.nodes.size();
    if (!claimed.busy && !claimed.barred) {
      for (const NodeRef& n : pending)
        if (n && n->state() != NodeState::Done && is_wanted(*n) && !is_barred(*n, batch.token) &&
            !is_left_out(n.get()))
          stack.push_back(n.get());
      claimed = claim_closure(batch.nodes, stack, batch.token, false);
    }
    if (claimed.busy) {
      const NodeRef busy(claimed.busy);  // alive as long as its readers are claimed here
      if (RunningScope::covers(busy->claimed_by()))
        throw InternalError(
            fmt::format("{}: its value is asked for while this thread is computing it{}",
                        busy->op().name, recorded_at(busy->site(), busy->outer_site())));
      guard.give_back();
      const ObservedSpan wait(RunEvent::Kind::Wait, "an evaluation on another thread");
      busy->wait_not_running();
      continue;
    }
    if (!claimed.barred) {
      if (batch.nodes.empty()) {
        guard.keep();
        return false;
      }
      FaultInjection::place("the nodes of the batch");
      // Recording order is a topological order. Usually every claimed node is this thread's own,
      // and its pending list already has that order.
      own.clear();
      for (const NodeRef& n : pending)
        if (n && n->claimed_by() == batch.token) own.push_back(n.get());
      if (own.size() == batch.nodes.size())
        batch.nodes.swap(own);
      else
        std::sort(batch.nodes.begin(), batch.nodes.end(),
                  [](Node* a, Node* b) { return a->id() < b->id(); });
      describe(batch, roots);
      FaultInjection::place("the description of the batch");
      guard.keep();
      return true;
    }
    mark_blocked(batch.nodes, batch.token);
    if (std::vector<ValueId> first; take_back_updates(batch.nodes, batch.token, first)) {
      guard.give_back();
      if (first.empty()) continue;
      const bool there = collect(batch, {}, first);
      batch.comes_first = there;
      if (there) return true;
      continue;
    }
    std::exception_ptr failure;
    for (const ValueId& root : roots)
      if (!failure) failure = failure_behind(root.node.get(), batch.token);
    if (failure) std::rethrow_exception(failure);
    for (const NodeRef& n : pending)
      if (n && n->claimed_by() == batch.token && n->position == 1) left_out.push_back(n.get());
    std::sort(left_out.begin(), left_out.end());
  }
}

bool is_asked_for(const Batch& batch, const Node* node) {
  std::vector<std::size_t> first_input;
  std::size_t inputs = 0;
  for (const Node* n : batch.nodes) {
    first_input.push_back(inputs);
    inputs += n->inputs().size();
  }
  std::vector<std::uint8_t> seen(batch.nodes.size(), 0);
  std::vector<std::int32_t> stack = batch.roots;
  while (!stack.empty()) {
    const auto i = static_cast<std::size_t>(stack.back());
    stack.pop_back();
    if (std::exchange(seen[i], std::uint8_t{1})) continue;
    if (batch.nodes[i] == node) return true;
    for (std::size_t k = 0; k < batch.nodes[i]->inputs().size(); ++k)
      if (const std::int32_t from = batch.inputs[first_input[i] + k].node; from >= 0)
        stack.push_back(from);
  }
  return false;
}

RunningScope::RunningScope(std::uint64_t token) : token_(token), previous_(innermost) {
  innermost = this;
}
RunningScope::~RunningScope() { innermost = previous_; }

bool RunningScope::covers(std::uint64_t token) {
  for (const RunningScope* s = innermost; s; s = s->previous_)
    if (s->token_ == token) return true;
  return false;
}

void blame(const Batch* batch, std::int32_t node) {
  if (batch == nullptr) throw;
  Node& n = *batch->nodes[static_cast<std::size_t>(node)];
  try {
    throw;
  } catch (const OutOfMemoryError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    batch->culprit = &n;
    const std::string place = recorded_at(n.site(), n.outer_site());
    if (std::string_view(e.what()).find(place) != std::string_view::npos) throw;
    rethrow_with(place);
  }
}

}  // namespace ingot::plan
