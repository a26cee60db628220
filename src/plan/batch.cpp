#include "plan/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include <ingot/core/error.h>

#include "core/hash.h"

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
    if (o.cells.load(std::memory_order_relaxed) > 0) return true;
  return false;
}

struct Claimed {
  Node* busy = nullptr;     ///< somebody else is running it
  bool met_failed = false;  ///< something needs a Failed node
};

// Claims everything pending that the nodes on the stack need. When a node is met that somebody else
// is running, the caller gives everything back and waits, so no two evaluations wait in a circle.
Claimed claim_closure(std::vector<Node*>& claimed, std::vector<Node*>& stack, std::uint64_t token) {
  Claimed result;
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    const NodeState state = n->state();
    if (state == NodeState::Done || n->claimed_by() == token) continue;
    if (state == NodeState::Failed) {
      result.met_failed = true;
      continue;
    }
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

// Among claimed nodes, those that need a Failed one get position 1, the others 0.
void mark_blocked(std::vector<Node*>& claimed) {
  std::sort(claimed.begin(), claimed.end(), [](Node* a, Node* b) { return a->id() < b->id(); });
  for (Node* n : claimed) {
    n->position = 0;
    for (const ValueId& in : n->inputs())
      if (in.node->state() == NodeState::Failed ||
          (in.node->claimed_by() == n->claimed_by() && in.node->position == 1))
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

// Open addressing from (node, output) to leaf number; sized for the batch at hand.
class LeafTable {
 public:
  void reset(std::size_t expected) {
    std::size_t size = 64;
    while (size < expected * 2) size *= 2;
    slots_.assign(size, -1);
  }
  std::uint32_t find_or_add(std::vector<Leaf>& leaves, Node* node, std::uint32_t output) {
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

 private:
  std::size_t place(const Node* node, std::uint32_t output) const {
    return hash_mix(reinterpret_cast<std::uintptr_t>(node), output) & (slots_.size() - 1);
  }
  void grow(const std::vector<Leaf>& leaves) {
    slots_.assign(slots_.size() * 2, -1);
    for (std::size_t n = 0; n < leaves.size(); ++n) {
      std::size_t i = place(leaves[n].node, leaves[n].output);
      while (slots_[i] >= 0) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = static_cast<std::int32_t>(n);
    }
  }
  std::vector<std::int32_t> slots_;
};

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

void describe(Batch& b) {
  static thread_local LeafTable table;
  static thread_local std::vector<std::uint32_t> order;
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
  for (std::uint32_t i = 0; i < b.nodes.size(); ++i) {
    Node& n = *b.nodes[i];
    h = hash_mix(h, n.local_hash());
    const bool drops = drops_inputs(n);
    for (const ValueId& in : n.inputs()) {
      InputRef ref{};
      if (in.node->claimed_by() == b.token) {
        ref = {static_cast<std::int32_t>(in.node->position), in.output};
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
      if (n.outputs()[o].cells.load(std::memory_order_relaxed) > 0) b.live[first_output[i] + o] = 1;
    if (!drops) {
      const Saved saved = saved_for_backward(n);
      for (std::uint32_t o = 0; o < n.outputs().size() && o < 32; ++o)
        if (saved.outputs >> o & 1) b.live[first_output[i] + o] = 1;
      for (std::uint32_t k = 0; k < n.inputs().size() && k < 32; ++k) {
        const InputRef& ref = b.inputs[b.inputs.size() - n.inputs().size() + k];
        if ((saved.inputs >> k & 1) && ref.node >= 0)
          b.live[first_output[static_cast<std::size_t>(ref.node)] + ref.output] = 1;
      }
    }
    b.num_slots += n.slots().size();
  }
  find_aliases(b.leaves, order);
  for (const Leaf& leaf : b.leaves) {
    const TensorSpec& spec = leaf.node->outputs()[leaf.output].spec;
    h = hash_mix(h, (static_cast<std::uint64_t>(spec.dtype) << 40) ^ leaf.alias);
    for (const std::int64_t d : spec.shape) h = hash_mix(h, static_cast<std::uint64_t>(d));
    for (const std::int64_t s : leaf.value->strides) h = hash_mix(h, static_cast<std::uint64_t>(s));
  }
  b.hash = h;
}

}  // namespace

void Batch::clear() {
  nodes.clear();
  inputs.clear();
  live.clear();
  leaves.clear();
  first_output.clear();
  num_slots = 0;
  hash = 0;
  failed = nullptr;
}

void unclaim(Batch& batch, const std::exception_ptr& why) noexcept {
  for (Node* n : batch.nodes) {
    n->set_claimed_by(0);
    if (why && n == batch.failed)
      n->fail(why);
    else
      n->set_state(NodeState::Pending);
  }
}

bool collect(Batch& batch, std::span<const NodeRef> pending, std::span<const ValueId> roots) {
  static thread_local std::vector<Node*> stack;
  std::vector<const Node*> blocked;  // wanted, but they need a Failed node; sorted
  while (true) {
    batch.clear();
    batch.token = next_token();
    stack.clear();
    for (const NodeRef& n : pending)
      if (n && n->state() != NodeState::Done && n->state() != NodeState::Failed && is_wanted(*n) &&
          !std::binary_search(blocked.begin(), blocked.end(), n.get()))
        stack.push_back(n.get());
    for (const ValueId& root : roots)
      if (root.node->state() != NodeState::Done) stack.push_back(root.node.get());
    const Claimed claimed = claim_closure(batch.nodes, stack, batch.token);
    if (claimed.busy) {
      unclaim(batch);
      claimed.busy->wait_not_running();
      continue;
    }
    if (!claimed.met_failed) break;
    mark_blocked(batch.nodes);
    std::exception_ptr failure;
    for (const ValueId& root : roots)
      if (!failure) failure = failure_behind(root.node.get(), batch.token);
    blocked.clear();
    for (const NodeRef& n : pending)
      if (n && n->claimed_by() == batch.token && n->position == 1) blocked.push_back(n.get());
    std::sort(blocked.begin(), blocked.end());
    unclaim(batch);
    if (failure) std::rethrow_exception(failure);
  }
  if (batch.nodes.empty()) return false;

  // Recording order is a topological order. Usually every claimed node is this thread's own, and
  // its pending list already has that order.
  const std::size_t count = batch.nodes.size();
  static thread_local std::vector<Node*> own;
  own.clear();
  for (const NodeRef& n : pending)
    if (n && n->claimed_by() == batch.token) own.push_back(n.get());
  if (own.size() == count)
    batch.nodes.swap(own);
  else
    std::sort(batch.nodes.begin(), batch.nodes.end(),
              [](Node* a, Node* b) { return a->id() < b->id(); });

  try {
    describe(batch);
    // Asked-for outputs need no Cell of their own.
    for (const ValueId& root : roots)
      if (root.node->claimed_by() == batch.token)
        batch.live[batch.first_output[root.node->position] + root.output] = 1;
    for (const std::uint8_t live : batch.live) batch.hash = hash_mix(batch.hash, live);
  } catch (...) {
    unclaim(batch);
    throw;
  }
  return true;
}

}  // namespace ingot::plan
