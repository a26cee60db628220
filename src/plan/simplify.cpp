// The pass `simplify`: pure nodes that compute the same become one, nodes nobody needs are dead.
#include <unordered_map>

#include "plan/passes.h"

namespace ingot::plan {
namespace {

struct NodeKeyHash {
  std::size_t operator()(const DraftNode* n) const {
    std::uint64_t h = hash_mix(n->op->name_hash, n->attrs.hash());
    for (const std::int32_t v : n->inputs) h = hash_mix(h, static_cast<std::uint64_t>(v));
    for (const SlotRef s : n->slots) h = hash_mix(h, static_cast<std::uint64_t>(s));
    return hash_mix(h, static_cast<std::uint64_t>(n->region));
  }
};
struct NodeKeyEqual {
  bool operator()(const DraftNode* a, const DraftNode* b) const {
    return a->op == b->op && a->region == b->region && a->inputs == b->inputs &&
           a->slots == b->slots && a->attrs == b->attrs;
  }
};

bool is_pure(const DraftNode& n) {
  return !n.op->traits.random && !n.op->traits.effect && !n.op->traits.barrier;
}

// Which value stands for which; at first each for itself.
class Replacements {
 public:
  explicit Replacements(Draft& draft) : draft_(draft), by_(draft.values.size()) {
    for (std::size_t i = 0; i < by_.size(); ++i) by_[i] = static_cast<std::int32_t>(i);
  }
  void replace(std::int32_t value, std::int32_t by) {
    by_[static_cast<std::size_t>(value)] = by;
    if (draft_.value(value).live) draft_.value(by).live = true;
  }
  void apply(std::vector<std::int32_t>& values) const {
    for (std::int32_t& v : values) v = by_[static_cast<std::size_t>(v)];
  }

 private:
  Draft& draft_;
  std::vector<std::int32_t> by_;
};

// Two pure nodes of one region with the same op, attributes, inputs and slots give the same bits.
void merge_equal(Draft& draft) {
  Replacements replaced(draft);
  std::unordered_map<const DraftNode*, const DraftNode*, NodeKeyHash, NodeKeyEqual> seen;
  for (DraftNode& n : draft.nodes) {
    replaced.apply(n.inputs);
    if (!is_pure(n)) continue;
    const auto [it, fresh] = seen.emplace(&n, &n);
    if (fresh) continue;
    for (std::size_t o = 0; o < n.outputs.size(); ++o)
      replaced.replace(n.outputs[o], it->second->outputs[o]);
    n.dead = true;
  }
  replaced.apply(draft.outputs);
}

// Aliases that were barriers have done their work: readers take what they stand for.
void drop_aliases(Draft& draft) {
  Replacements replaced(draft);
  for (DraftNode& n : draft.nodes) {
    replaced.apply(n.inputs);
    if (!n.op->traits.alias) continue;
    for (std::size_t o = 0; o < n.outputs.size(); ++o) replaced.replace(n.outputs[o], n.inputs[o]);
    n.dead = true;
  }
  replaced.apply(draft.outputs);
}

void drop_unneeded(Draft& draft) {
  std::vector<std::uint8_t> needed(draft.values.size(), 0);
  for (std::size_t v = 0; v < draft.values.size(); ++v) needed[v] = draft.values[v].live;
  for (auto n = draft.nodes.rbegin(); n != draft.nodes.rend(); ++n) {
    if (n->dead) continue;
    bool wanted = n->op->traits.effect || n->op->traits.checks;
    for (const std::int32_t v : n->outputs) wanted |= needed[static_cast<std::size_t>(v)] != 0;
    if (!wanted) {
      n->dead = true;
      continue;
    }
    for (const std::int32_t v : n->inputs) needed[static_cast<std::size_t>(v)] = 1;
  }
}

}  // namespace

void simplify(Draft& draft) {
  merge_equal(draft);
  drop_aliases(draft);
  drop_unneeded(draft);
}

}  // namespace ingot::plan
