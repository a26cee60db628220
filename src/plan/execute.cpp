// Running a plan: everything that can fail (memory, checks) happens before the first write into
// memory that outlives the run.
#include <fmt/format.h>

#include <new>
#include <optional>
#include <unordered_map>

#include <ingot/core/error.h>

#include "core/record.h"
#include "plan/plan.h"

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
  explicit Ownership(const Batch& batch) : batch_(batch), holders_(batch.leaves.size(), 0) {
    std::unordered_map<const Node*, std::uint32_t> known;  // references from edges and Cells
    for (const Leaf& leaf : batch.leaves) known[leaf.node] += leaf.edges;
    for (auto& [node, references] : known)
      for (const NodeOutput& o : node->outputs())
        references += o.cells.load(std::memory_order_acquire);
    for (const Leaf& leaf : batch.leaves) {
      const bool held = leaf.edges != leaf.dropped_edges ||
                        leaf.node->outputs()[leaf.output].cells.load() != 0 ||
                        leaf.node->ref_count() != known[leaf.node];
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
  const Batch& batch_;
  std::vector<std::uint32_t> holders_;  // leaves of one Value, or kHeld: somebody else needs it
};

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
    throw;
  } catch (const std::bad_alloc&) {
    throw OutOfMemoryError(fmt::format("{}: no memory for the kernel's workspace{}", step.what,
                                       recorded_at(node.site(), node.outer_site())));
  } catch (const std::exception& e) {
    throw InternalError(
        fmt::format("{}: {}{}", step.what, e.what(), recorded_at(node.site(), node.outer_site())));
  }
}

// What the nodes will hold, made before the first step runs: nothing may fail after the last one.
std::vector<Ref<Value>> make_values(const Plan& plan, const Batch& batch,
                                    const std::vector<Ref<Buffer>>& outputs) {
  std::vector<Ref<Value>> made(plan.results.size());
  std::vector<Ref<Value>> by_output(plan.key.live.size());
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
      made[r] = make_ref<Value>(outputs[b.index], result.offset, result.strides);
    }
    by_output[result.flat_output] = made[r];
  }
  return by_output;
}

// This thread's arena: kept from run to run, since fresh pages cost more than the work on them.
Ref<Buffer>& arena() {
  static thread_local Ref<Buffer> buffer;
  return buffer;
}

}  // namespace

void release_arena() { arena() = nullptr; }

void execute(const Plan& plan, Batch& batch, Backend& backend) {
  static thread_local std::vector<std::byte*> bases;
  static thread_local std::vector<void*> pointers;
  static thread_local std::vector<Scalar> batch_slots, slots;
  std::vector<Ref<Buffer>> outputs;
  std::optional<Ownership> ownership;  // only plans that may overwrite leaves pay for it

  Ref<Buffer> scratch = std::move(arena());  // taken out: a nested run gets its own
  if (!scratch || scratch->capacity() < plan.arena_nbytes) {
    scratch = nullptr;
    FaultInjection::place("the arena");
    if (plan.arena_nbytes > 0) scratch = backend.allocator().allocate(plan.arena_nbytes);
  }

  // Bind buffers.
  bases.clear();
  for (const PlanBuffer& b : plan.buffers) {
    switch (b.kind) {
      case PlanBuffer::Kind::Arena:
        bases.push_back(scratch ? scratch->data() + b.offset : nullptr);
        break;
      case PlanBuffer::Kind::Leaf: {
        const Leaf& leaf = batch.leaves[b.index];
        const DType dtype = leaf.node->outputs()[leaf.output].spec.dtype;
        bases.push_back(leaf.value->buffer->data() +
                        leaf.value->offset * static_cast<std::int64_t>(nbytes_of(dtype)));
        break;
      }
      case PlanBuffer::Kind::Constant: {
        const Value& v = *plan.constants[b.index];
        bases.push_back(v.buffer->data() + b.offset);
        break;
      }
      case PlanBuffer::Kind::Output: {
        if (outputs.size() <= b.index) outputs.resize(b.index + 1);
        FaultInjection::place("memory of an output");
        if (b.donor_leaf >= 0 && !ownership) ownership.emplace(batch);
        if (b.donor_leaf >= 0 && ownership->is_sole_owner(static_cast<std::uint32_t>(b.donor_leaf)))
          outputs[b.index] = batch.leaves[static_cast<std::size_t>(b.donor_leaf)].value->buffer;
        else
          outputs[b.index] = backend.allocator().allocate(b.nbytes);
        bases.push_back(outputs[b.index]->data());
        break;
      }
    }
  }
  // Bind slots.
  batch_slots.clear();
  for (const Node* n : batch.nodes)
    batch_slots.insert(batch_slots.end(), n->slots().begin(), n->slots().end());
  slots.clear();
  for (const std::int32_t s : plan.slots)
    slots.push_back(s >= 0 ? batch_slots[static_cast<std::size_t>(s)]
                           : plan.constant_slots[static_cast<std::size_t>(~s)]);

  std::vector<Ref<Value>> by_output = make_values(plan, batch, outputs);

  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (i <= plan.commit_step) FaultInjection::place(step.what.c_str());
    pointers.clear();
    for (const StepOperand& o : step.operands)
      pointers.push_back(bases[static_cast<std::size_t>(o.buffer)] + o.offset_nbytes);
    const KernelArgs args{pointers.data(), pointers.data() + step.num_inputs,
                          slots.data() + step.first_slot,
                          scratch ? scratch->data() + step.workspace_offset : nullptr};
    try {
      step.kernel->run(args);
    } catch (const std::exception&) {
      arena() = std::move(scratch);
      rethrow_at(step, batch);
      throw;
    }
  }
  if (plan.commit_step == plan.steps.size()) FaultInjection::place("the end");
  arena() = std::move(scratch);

  std::size_t flat = 0;
  for (Node* n : batch.nodes)
    for (NodeOutput& o : n->outputs()) o.value = std::move(by_output[flat++]);
}

}  // namespace ingot::plan
