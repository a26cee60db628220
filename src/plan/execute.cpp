// Running a plan: everything that can fail (memory, checks) happens before the first write into
// memory that outlives the run.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>

#include <ingot/core/error.h>

#include "core/record.h"
#include "plan/plan.h"
#include "plan/watch.h"

namespace ingot::plan {

namespace {
thread_local std::int64_t fault_at = FaultInjection::kOff;
thread_local std::int64_t places_passed = 0;
}  // namespace

void FaultInjection::fail_at(std::int64_t place) {
  fault_at = place;
  places_passed = 0;
}

std::int64_t FaultInjection::passed() { return places_passed; }

void FaultInjection::place(const char* what) {
  if (fault_at == kOff) return;
  if (places_passed++ == fault_at)
    throw InternalError(fmt::format("injected failure at place {}: {}", fault_at, what));
}

namespace {

// Decides, from the actual reference counts, which leaves' memory may be overwritten: those of
// which every reference comes from nodes that forget it when this batch is done.
class Ownership {
 public:
  Ownership(const Batch& batch, PlanInstance& instance)
      : batch_(batch), nodes_(instance.leaf_nodes), holders_(instance.leaf_holders) {
    nodes_.clear();
    for (const Leaf& leaf : batch.leaves) nodes_.push_back({leaf.node, leaf.edges});
    std::sort(nodes_.begin(), nodes_.end(),
              [](const auto& a, const auto& b) { return std::less<>()(a.node, b.node); });
    std::size_t count = 0;  // of different nodes
    for (const auto& entry : nodes_) {
      if (count > 0 && nodes_[count - 1].node == entry.node)
        nodes_[count - 1].references += entry.references;
      else
        nodes_[count++] = entry;
    }
    nodes_.resize(count);

    holders_.assign(batch.leaves.size(), 0);
    for (const Leaf& leaf : batch.leaves) {
      const bool held = leaf.edges != leaf.dropped_edges ||
                        leaf.node->outputs()[leaf.output].cells.load() != 0 ||
                        leaf.node->references_but_cells() != edges(leaf.node);
      std::uint32_t& holders = holders_[leaf.alias];
      holders = held || holders == kHeld ? kHeld : holders + 1;
    }
  }

  bool is_sole_owner(std::uint32_t alias) const {
    const Value* value = batch_.leaves[alias].value;
    return value->ref_count() == holders_[alias] && value->buffer->ref_count() == 1 &&
           value->offset == 0;
  }

 private:
  static constexpr std::uint32_t kHeld = ~std::uint32_t{0};

  std::uint32_t edges(const Node* node) const {
    return std::lower_bound(
               nodes_.begin(), nodes_.end(), node,
               [](const auto& entry, const Node* n) { return std::less<>()(entry.node, n); })
        ->references;
  }

  const Batch& batch_;
  std::vector<PlanInstance::LeafNode>& nodes_;
  std::vector<std::uint32_t>& holders_;  // leaves of one Value, or kHeld: somebody else needs it
};

[[noreturn]] void fail_for_memory(const Step& step, const Node& node) {
  throw OutOfMemoryError(fmt::format("{}: no memory for the kernel's workspace{}", step.what,
                                     recorded_at(node.site(), node.outer_site())));
}

// Appends where the failing step was recorded, keeping the exception's type; what a library threw
// becomes an error of ours. A check that failed is remembered: it would fail again.
[[noreturn]] void rethrow_at(const Step& step, Batch& batch) {
  Node& node = *batch.nodes[static_cast<std::size_t>(step.batch_node)];
  try {
    throw;
  } catch (const IndexError& e) {
    batch.failed = &node;
    throw IndexError(e.what() + recorded_at(node.site(), node.outer_site()));
  } catch (const ValueError& e) {
    batch.failed = &node;
    throw ValueError(e.what() + recorded_at(node.site(), node.outer_site()));
  } catch (const Error&) {
    blame(&batch, step.batch_node);
  } catch (const std::bad_alloc&) {
    fail_for_memory(step, node);
  } catch (const std::length_error&) {  // a list of the kernel's that could not be so long
    fail_for_memory(step, node);
  } catch (const std::exception& e) {
    batch.culprit = &node;
    throw InternalError(
        fmt::format("{}: {}{}", step.what, e.what(), recorded_at(node.site(), node.outer_site())));
  }
}

// An instance of the plan for one run, given back when the run ends, however it does.
class Lease {
 public:
  explicit Lease(const Plan& plan) : pool_(plan.instances), instance_(pool_.take()) {}
  ~Lease() {
    instance_->clear();
    pool_.give(std::move(instance_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  PlanInstance& operator*() const { return *instance_; }

 private:
  InstancePool& pool_;
  std::unique_ptr<PlanInstance> instance_;
};

void bind_buffers(const Plan& plan, const Batch& batch, Allocator& allocator,
                  PlanInstance& instance) {
  Binding& run = instance.binding;
  std::optional<Ownership> ownership;  // only plans that may overwrite leaves pay for it
  for (const Segment& segment : plan.segments) {
    run.arenas.emplace_back();
    if (segment.arena_nbytes == 0) continue;
    FaultInjection::place("the arena");
    run.arenas.back() = allocator.allocate_arena(segment.arena_nbytes);
  }
  for (const PlanBuffer& b : plan.buffers) {
    switch (b.kind) {
      case PlanBuffer::Kind::Arena:
        run.bounds.push_back({run.arenas[b.index].get(), static_cast<std::int64_t>(b.offset)});
        break;
      case PlanBuffer::Kind::Leaf: {
        const Leaf& leaf = batch.leaves[b.index];
        const DType dtype = leaf.node->outputs()[leaf.output].spec.dtype;
        run.bounds.push_back(leaf.value->bound(nbytes_of(dtype)));
        break;
      }
      case PlanBuffer::Kind::Constant:
        run.bounds.push_back(
            {plan.constants[b.index]->buffer.get(), static_cast<std::int64_t>(b.offset)});
        break;
      case PlanBuffer::Kind::Output: {
        if (run.outputs.size() <= b.index) run.outputs.resize(b.index + 1);
        FaultInjection::place("memory of an output");
        if (b.donor_leaf >= 0 && !ownership) ownership.emplace(batch, instance);
        if (b.donor_leaf >= 0 && ownership->is_sole_owner(static_cast<std::uint32_t>(b.donor_leaf)))
          run.outputs[b.index] = batch.leaves[static_cast<std::size_t>(b.donor_leaf)].value->buffer;
        else
          run.outputs[b.index] = allocator.allocate(b.nbytes);
        run.bounds.push_back({run.outputs[b.index].get(), 0});
        break;
      }
    }
  }
}

void encode_slots(const Plan& plan, const Batch& batch, PlanInstance& instance) {
  std::vector<Scalar>& recorded = instance.batch_slots;
  recorded.clear();
  for (const Node* n : batch.nodes)
    recorded.insert(recorded.end(), n->slots().begin(), n->slots().end());
  std::vector<Scalar>& slots = instance.binding.slots;
  slots.clear();
  for (const std::int32_t s : plan.slots)
    slots.push_back(s >= 0 ? recorded[static_cast<std::size_t>(s)]
                           : plan.constant_slots[static_cast<std::size_t>(~s)]);
}

// What the nodes will hold, made before the first step runs: nothing may fail after the last one.
void make_values(const Plan& plan, const Batch& batch, PlanInstance& instance) {
  std::vector<Ref<Value>>& made = instance.results;
  made.resize(plan.results.size());
  instance.binding.values.resize(plan.key.live.size());
  for (std::size_t r = 0; r < plan.results.size(); ++r) {
    const Plan::Result& result = plan.results[r];
    const PlanBuffer& b = plan.buffers[static_cast<std::size_t>(result.buffer)];
    if (result.same_as >= 0) {
      made[r] = made[static_cast<std::size_t>(result.same_as)];
    } else if (b.kind == PlanBuffer::Kind::Leaf) {
      Value* v = batch.leaves[b.index].value;
      made[r] = result.offset == 0 && result.strides == v->strides
                    ? Ref<Value>(v)
                    : make_ref<Value>(v->buffer, v->offset + result.offset, result.strides);
    } else if (b.kind == PlanBuffer::Kind::Constant) {
      made[r] = plan.constants[b.index];
    } else {
      made[r] = make_ref<Value>(instance.binding.outputs[b.index], result.offset, result.strides);
    }
    instance.binding.values[result.flat_output] = made[r];
  }
}

// The host's way to run a segment: a Bound is an address, and a step is done when its kernel
// returns.
template <class Watch>
void run_segment(const Plan& plan, const Segment& segment, std::size_t number, Batch& batch,
                 PlanInstance& instance, Watch& watch) {
  const Binding& run = instance.binding;
  std::vector<std::byte*>& addresses = instance.addresses;
  std::vector<void*>& operands = instance.operands;
  addresses.clear();
  for (const Bound& b : run.bounds) addresses.push_back(b.host());
  const Bound arena{run.arenas[number].get(), 0};
  for (std::size_t i = segment.first_step; i < segment.end_step; ++i) {
    const Step& step = plan.steps[i];
    if (i <= plan.commit_step) FaultInjection::place(step.what.c_str());
    operands.clear();
    for (const StepOperand& o : step.operands)
      operands.push_back(addresses[static_cast<std::size_t>(o.buffer)] + o.offset_nbytes);
    const KernelArgs args{operands.data(), operands.data() + step.num_inputs,
                          run.slots.data() + step.first_slot,
                          arena.at(static_cast<std::int64_t>(step.workspace_offset)).host()};
    try {
      watch.begin();
      step.kernel->run(args);
      watch.end(RunEvent::Kind::Step, i);
    } catch (const std::exception&) {
      rethrow_at(step, batch);
    }
  }
}

template <class Watch>
void run_segments(const Plan& plan, Batch& batch, PlanInstance& instance, Watch watch) {
  for (std::size_t s = 0; s < plan.segments.size(); ++s)
    run_segment(plan, plan.segments[s], s, batch, instance, watch);
}

}  // namespace

void execute(const Plan& plan, Batch& batch, Backend& backend) {
  const std::shared_ptr<RunObserver> observer = current_observer();
  const Lease lease(plan);
  PlanInstance& instance = *lease;
  {
    const ObservedSpan span(observer, RunEvent::Kind::Bind);
    bind_buffers(plan, batch, backend.allocator(), instance);
    encode_slots(plan, batch, instance);
    make_values(plan, batch, instance);
  }
  if (observer)
    run_segments(plan, batch, instance, Watched(observer, plan, batch));
  else
    run_segments(plan, batch, instance, Unwatched());
  if (plan.commit_step == plan.steps.size()) FaultInjection::place("the end");
  std::size_t flat = 0;
  for (Node* n : batch.nodes)
    for (NodeOutput& o : n->outputs()) o.value = std::move(instance.binding.values[flat++]);
}

}  // namespace ingot::plan
