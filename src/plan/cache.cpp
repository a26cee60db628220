// The plan cache: by structure, shared by all threads, bounded in plans and in bytes.
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <ingot/core/parallel.h>

#include "core/observe.h"
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
      if (!it->second->plan->key.matches(batch, backend, threads)) continue;
      plans_.splice(plans_.begin(), plans_, it->second);
      ++figures_.hits;
      return it->second->plan;
    }
    ++figures_.misses;
    return nullptr;
  }

  void add(const std::shared_ptr<const Plan>& plan) {
    List dropped;  // destroyed when the lock is not held any more
    const std::lock_guard lock(mutex_);
    plans_.push_front({plan, plan->nbytes()});
    by_hash_.emplace(plan->key.hash, plans_.begin());
    nbytes_ += plans_.front().nbytes;
    trim(dropped);
  }

  CacheFigures figures() {
    const std::lock_guard lock(mutex_);
    CacheFigures f = figures_;
    f.plans = plans_.size();
    f.nbytes = nbytes_;
    for (const Entry& entry : plans_) f.instances_nbytes += entry.plan->instances.nbytes();
    return f;
  }

  void clear() {
    List dropped;
    const std::lock_guard lock(mutex_);
    by_hash_.clear();
    dropped.swap(plans_);
    nbytes_ = 0;
  }

  std::size_t set_limit(std::size_t nbytes) {
    List dropped;
    const std::lock_guard lock(mutex_);
    const std::size_t before = std::exchange(limit_, nbytes);
    trim(dropped);
    return before;
  }

  void drop_instances() noexcept {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : plans_) entry.plan->instances.drop();
  }

 private:
  struct Entry {
    std::shared_ptr<const Plan> plan;
    std::size_t nbytes;
  };
  using List = std::list<Entry>;
  static constexpr std::size_t kMaxPlans = 1024;

  void trim(List& dropped) {
    while (plans_.size() > 1 && (plans_.size() > kMaxPlans || nbytes_ > limit_)) {
      const auto oldest = std::prev(plans_.end());
      const auto [first, last] = by_hash_.equal_range(oldest->plan->key.hash);
      for (auto it = first; it != last; ++it)
        if (it->second == oldest) {
          by_hash_.erase(it);
          break;
        }
      nbytes_ -= oldest->nbytes;
      dropped.splice(dropped.begin(), plans_, oldest);
    }
  }

  std::mutex mutex_;
  List plans_;  // most recently used first
  std::unordered_multimap<std::uint64_t, List::iterator> by_hash_;
  std::size_t nbytes_ = 0;
  std::size_t limit_ = std::size_t{512} << 20;
  CacheFigures figures_;
};

PlanCache& cache() {
  static auto* const instance = [] {
    add_memory_reclaimer(drop_instances);
    return new PlanCache;  // outlives every thread
  }();
  return *instance;
}

}  // namespace

std::shared_ptr<const Plan> plan_for(const Batch& batch, Backend& backend) {
  ObservedSpan span(RunEvent::Kind::Plan);
  const int threads = num_threads();
  if (auto plan = cache().find(batch, backend, threads)) return plan;
  if (RunEvent* event = span.event()) event->built = true;
  return detail::own_errors("planning", Site{}, [&] {
    auto plan = build_plan(batch, backend, threads);
    cache().add(plan);
    return plan;
  });
}

CacheFigures cache_figures() { return cache().figures(); }
void clear_plan_cache() { cache().clear(); }
std::size_t set_plan_cache_limit(std::size_t nbytes) { return cache().set_limit(nbytes); }
void drop_instances() noexcept { cache().drop_instances(); }

std::size_t Plan::arena_nbytes() const {
  std::size_t total = 0;
  for (const PlanDevice& d : devices) total = plus_nbytes(total, d.arena_nbytes);
  return total;
}

namespace {
template <class T>
std::size_t size_of(const std::vector<T>& list) {
  return list.size() * sizeof(T);
}
}  // namespace

std::size_t Plan::nbytes() const {
  std::size_t total = sizeof(Plan) + size_of(key.nodes) + size_of(key.inputs) +
                      size_of(key.outputs) + size_of(key.slot_kinds) + size_of(key.live) +
                      size_of(key.leaves) + size_of(steps) + size_of(buffers) + size_of(slots) +
                      size_of(constant_slots) + size_of(results);
  for (const Step& s : steps)
    total += s.kernel->nbytes() + size_of(s.operands) + s.what.size() + size_of(s.figures.operands);
  for (const Ref<Value>& v : constants) total += v->buffer->capacity();
  // What an instance takes once it has run.
  return total + sizeof(PlanInstance) + buffers.size() * (sizeof(Bound) + sizeof(void*)) +
         slots.size() * 2 * sizeof(Scalar) + (results.size() + key.live.size()) * sizeof(void*) +
         key.leaves.size() * (sizeof(PlanInstance::LeafNode) + sizeof(std::uint32_t));
}

}  // namespace ingot::plan
