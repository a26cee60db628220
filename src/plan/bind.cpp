#include "plan/bind.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "backend/device_allocator.h"
#include "backend/registry.h"
#include "plan/transfer.h"

namespace ingot::plan {
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
                        other_references(leaf) != edges(leaf.node);
      std::uint32_t& holders = holders_[leaf.alias];
      holders = held || holders == kHeld ? kHeld : holders + 1;
    }
  }

  bool is_sole_owner(std::uint32_t alias) const {
    const Value* value = batch_.leaves[alias].value;
    return value->ref_count() == holders_[alias] && value->buffer->owners() == 1 &&
           value->offset == 0;
  }

 private:
  static constexpr std::uint32_t kHeld = ~std::uint32_t{0};

  // Only the stream of the device that would write over the leaf can be reading it. In one memory
  // it may also be the host, or another device.
  bool one_stream_reads(const Leaf& leaf) {
    const Buffer& buffer = *leaf.value->buffer;
    if (buffer.space() != MemorySpace::Shared) return buffer.space() == MemorySpace::Device;
    if (num_unified_ < 0) {
      num_unified_ = 0;
      for_each_backend([&](Backend& b) { num_unified_ += b.unified(); });
    }
    return num_unified_ == 1 && buffer.device() == leaf.node->outputs()[leaf.output].spec.device;
  }

  // References to the leaf's node that are no Cell's. Those of runs in flight on the very stream
  // that would write over it do not count: they come before it.
  std::uint32_t other_references(const Leaf& leaf) {
    if (!one_stream_reads(leaf)) return leaf.node->references_but_cells();
    const std::uint64_t look = leaf.node->parked_look();
    const std::uint32_t references = leaf.node->references_but_cells();
    return leaf.node->parked_look() == look ? references - Node::parked(look) : ~std::uint32_t{0};
  }

  std::uint32_t edges(const Node* node) const {
    return std::lower_bound(
               nodes_.begin(), nodes_.end(), node,
               [](const auto& entry, const Node* n) { return std::less<>()(entry.node, n); })
        ->references;
  }

  const Batch& batch_;
  int num_unified_ = -1;  // devices that are one memory with the host; -1: not counted
  std::vector<PlanInstance::LeafNode>& nodes_;
  std::vector<std::uint32_t>& holders_;  // leaves of one Value, or kHeld: somebody else needs it
};

Backend& backend_of(const Plan& plan, std::uint8_t on, Backend& host) {
  return on == kHost ? host : *plan.devices[on].backend;
}

// The blocks of the instance's last run, where they are free; then others. In this order, since
// one output must not take what another one had.
void bind_device_outputs(const Plan& plan, PlanInstance& instance) {
  std::vector<Ref<Buffer>>& outputs = instance.binding.outputs;
  std::vector<void*>& preferred = instance.preferred;
  preferred.resize(outputs.size());
  const auto each = [&](auto f) {
    for (const PlanBuffer& b : plan.buffers)
      if (b.kind == PlanBuffer::Kind::Output && !outputs[b.index]) f(b);
  };
  each([&](const PlanBuffer& b) {
    DeviceAllocator* memory = plan.devices[b.on].backend->memory();
    if (memory && preferred[b.index])
      outputs[b.index] = memory->allocate_again(b.nbytes, preferred[b.index]);
  });
  each([&](const PlanBuffer& b) {
    outputs[b.index] = plan.devices[b.on].backend->allocator().allocate(b.nbytes);
    preferred[b.index] = outputs[b.index]->handle();
  });
}

// Outputs come first: where memory is short, the allocator may give an idle stream's arena back to
// them, and this run asks for a smaller one.
void bind_outputs(const Plan& plan, const Batch& batch, Backend& host, PlanInstance& instance,
                  Run* in_flight) {
  Binding& run = instance.binding;
  std::optional<Ownership> ownership;  // only plans that may overwrite leaves pay for it
  for (const PlanBuffer& b : plan.buffers) {
    if (b.kind != PlanBuffer::Kind::Output) continue;
    if (run.outputs.size() <= b.index) run.outputs.resize(b.index + 1);
    FaultInjection::place("memory of an output");
    if (b.donor_leaf >= 0 && !ownership) ownership.emplace(batch, instance);
    if (b.donor_leaf >= 0 && ownership->is_sole_owner(static_cast<std::uint32_t>(b.donor_leaf))) {
      Value* old = batch.leaves[static_cast<std::size_t>(b.donor_leaf)].value;
      run.outputs[b.index] = old->buffer;
      if (in_flight)
        in_flight->overwritten.push_back(
            {Ref<Value>(old), static_cast<std::int32_t>(&b - plan.buffers.data())});
    } else if (b.on == kHost) {
      run.outputs[b.index] = host.allocator().allocate(b.nbytes);
    }
  }
  if (plan.devices.size() > 1) bind_device_outputs(plan, instance);
}

void bind_arenas(const Plan& plan, Backend& host, Binding& run) {
  for (std::size_t d = 0; d < plan.devices.size(); ++d) {
    run.arenas.emplace_back();
    const std::size_t nbytes = plan.devices[d].arena_nbytes;
    if (nbytes == 0) continue;
    FaultInjection::place("the arena");
    Backend& backend = backend_of(plan, static_cast<std::uint8_t>(d), host);
    run.arenas.back() = may_share_arena(plan, d, backend)
                            ? stream_arena(backend, nbytes)
                            : backend.allocator().allocate_arena(nbytes);
  }
}

void bind_buffers(const Plan& plan, const Batch& batch, Binding& run) {
  for (const PlanBuffer& b : plan.buffers) {
    const auto offset = static_cast<std::int64_t>(b.offset);
    switch (b.kind) {
      case PlanBuffer::Kind::Arena:
        run.bounds.push_back({run.arenas[b.on].get(), offset});
        break;
      case PlanBuffer::Kind::Leaf: {
        const Leaf& leaf = batch.leaves[b.index];
        const DType dtype = leaf.node->outputs()[leaf.output].spec.dtype;
        run.bounds.push_back(leaf.value->bound(nbytes_of(dtype)));
        break;
      }
      case PlanBuffer::Kind::Constant:
        run.bounds.push_back({plan.constants[b.index]->buffer.get(), offset});
        break;
      case PlanBuffer::Kind::Output:
        run.bounds.push_back({run.outputs[b.index].get(), 0});
        break;
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
      if (result.offset == 0 && result.strides == v->strides) {
        made[r] = Ref<Value>(v);
      } else {
        made[r] = make_ref<Value>(v->buffer, v->offset + result.offset, result.strides);
        made[r]->ready = v->ready;
      }
    } else if (b.kind == PlanBuffer::Kind::Constant) {
      made[r] = plan.constants[b.index];
    } else {
      made[r] = make_ref<Value>(instance.binding.outputs[b.index], result.offset, result.strides);
    }
    instance.binding.values[result.flat_output] = made[r];
  }
}

}  // namespace

// Between two segments of one device another thread's run may come in, and in one memory others
// read what is there.
bool may_share_arena(const Plan& plan, std::size_t device, Backend& backend) {
  const auto segments = std::count_if(plan.segments.begin(), plan.segments.end(),
                                      [&](const Segment& s) { return s.on == device; });
  return backend.stream() && segments == 1 && (!backend.unified() || plan.segments.size() == 1);
}

void bind(const Plan& plan, const Batch& batch, Backend& host, PlanInstance& instance, Run* run) {
  bind_outputs(plan, batch, host, instance, run);
  bind_arenas(plan, host, instance.binding);
  bind_buffers(plan, batch, instance.binding);
  encode_slots(plan, batch, instance);
  make_values(plan, batch, instance);
}

}  // namespace ingot::plan
