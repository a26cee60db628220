// The plan cache: by structure, shared by all threads, bounded.
#include <list>
#include <mutex>
#include <unordered_map>

#include <ingot/core/parallel.h>

#include "plan/plan.h"

namespace ingot::plan {

PlanKey PlanKey::of(const Batch& batch, const Backend& backend, int num_threads) {
  PlanKey key;
  key.hash = batch.hash;
  key.backend = &backend;
  key.num_threads = num_threads;
  for (const Node* n : batch.nodes) {
    key.nodes.push_back({&n->op(), n->attrs(), static_cast<std::uint32_t>(n->inputs().size()),
                         static_cast<std::uint32_t>(n->outputs().size()),
                         static_cast<std::uint32_t>(n->slots().size())});
    for (const NodeOutput& o : n->outputs()) key.outputs.push_back(o.spec);
    for (const Scalar& s : n->slots()) key.slot_kinds.push_back(s.kind());
  }
  key.inputs = batch.inputs;
  key.live = batch.live;
  for (const Leaf& leaf : batch.leaves)
    key.leaves.push_back({leaf.node->outputs()[leaf.output].spec, leaf.value->strides, leaf.alias});
  return key;
}

bool PlanKey::matches(const Batch& batch, const Backend& b, int threads) const {
  if (hash != batch.hash || backend != &b || num_threads != threads ||
      nodes.size() != batch.nodes.size() || leaves.size() != batch.leaves.size() ||
      inputs != batch.inputs || live != batch.live)
    return false;
  std::size_t output = 0, slot = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& n = *batch.nodes[i];
    const NodeKey& k = nodes[i];
    if (k.op != &n.op() || k.num_inputs != n.inputs().size() ||
        k.num_outputs != n.outputs().size() || k.num_slots != n.slots().size() ||
        !(k.attrs == n.attrs()))
      return false;
    for (const NodeOutput& o : n.outputs())
      if (!(o.spec == outputs[output++])) return false;
    for (const Scalar& s : n.slots())
      if (s.kind() != slot_kinds[slot++]) return false;
  }
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Leaf& leaf = batch.leaves[i];
    if (leaves[i].alias != leaf.alias ||
        !(leaves[i].spec == leaf.node->outputs()[leaf.output].spec) ||
        !(leaves[i].strides == leaf.value->strides))
      return false;
  }
  return true;
}

namespace {

class PlanCache {
 public:
  std::shared_ptr<const Plan> find(const Batch& batch, const Backend& backend, int threads) {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = by_hash_.equal_range(batch.hash);
    for (auto it = first; it != last; ++it) {
      if (!(*it->second)->key.matches(batch, backend, threads)) continue;
      plans_.splice(plans_.begin(), plans_, it->second);
      ++figures_.hits;
      return *it->second;
    }
    ++figures_.misses;
    return nullptr;
  }

  void add(const std::shared_ptr<const Plan>& plan) {
    const std::lock_guard lock(mutex_);
    plans_.push_front(plan);
    by_hash_.emplace(plan->key.hash, plans_.begin());
    if (plans_.size() <= kMaxPlans) return;
    const auto oldest = std::prev(plans_.end());
    const auto [first, last] = by_hash_.equal_range((*oldest)->key.hash);
    for (auto it = first; it != last; ++it)
      if (it->second == oldest) {
        by_hash_.erase(it);
        break;
      }
    plans_.erase(oldest);
  }

  CacheFigures figures() {
    const std::lock_guard lock(mutex_);
    CacheFigures f = figures_;
    f.plans = plans_.size();
    return f;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    by_hash_.clear();
    plans_.clear();
  }

 private:
  static constexpr std::size_t kMaxPlans = 1024;
  using List = std::list<std::shared_ptr<const Plan>>;
  std::mutex mutex_;
  List plans_;  // most recently used first
  std::unordered_multimap<std::uint64_t, List::iterator> by_hash_;
  CacheFigures figures_;
};

PlanCache& cache() {
  static auto* instance = new PlanCache;  // outlives every thread
  return *instance;
}

}  // namespace

std::shared_ptr<const Plan> plan_for(const Batch& batch, Backend& backend) {
  const int threads = num_threads();
  if (auto plan = cache().find(batch, backend, threads)) return plan;
  auto plan = build_plan(batch, backend, threads);
  cache().add(plan);
  return plan;
}

CacheFigures cache_figures() { return cache().figures(); }
void clear_plan_cache() { cache().clear(); }

}  // namespace ingot::plan
