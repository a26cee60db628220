// The pass `expand`: the batch as values and nodes; composite ops without a kernel of their own are
// replaced by what they record, aliases by what they stand for. (An alias that is a barrier stays
// until equal nodes have been merged: what is behind it must not look like what is before it.)
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include <ingot/core/error.h>

#include "core/record.h"
#include "plan/fallback.h"
#include "plan/passes.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

void no_infer(InferContext&) {
  throw InternalError("what a barrier hands through is not inferred");
}
const OpDef kHandedThrough{
    .name = "handed_through", .infer = no_infer, .traits = {.alias = true, .barrier = true}};

class Expander {
 public:
  explicit Expander(Draft& draft) : draft_(draft), batch_(*draft.batch) {}

  void run() {
    for (std::size_t i = 0; i < batch_.leaves.size(); ++i) {
      const Leaf& leaf = batch_.leaves[i];
      draft_.leaves.push_back({leaf.alias, leaf.value->strides});
      const TensorSpec& spec = leaf.node->outputs()[leaf.output].spec;
      // In one memory with the host a value may be in the block of another device.
      const Buffer& buffer = *leaf.value->buffer;
      const bool as_recorded =
          buffer.space() != MemorySpace::Device && (draft_.host_only || is_available(spec.device));
      const std::uint8_t on = draft_.device_number(as_recorded ? spec.device : buffer.device());
      draft_.add_value({.spec = spec, .leaf = static_cast<std::int32_t>(i), .on = on});
    }
    draft_.nodes.reserve(batch_.nodes.size());
    draft_.values.reserve(batch_.leaves.size() + batch_.live.size());
    draft_.sites.reserve(batch_.nodes.size());
    std::size_t next_input = 0;
    std::int32_t next_slot = 0;
    std::vector<std::vector<std::int32_t>> outputs_of(batch_.nodes.size());
    for (std::size_t i = 0; i < batch_.nodes.size(); ++i) {
      const Node& n = *batch_.nodes[i];
      draft_.sites.push_back({n.site(), n.outer_site()});
      Call call{&n.op(), n.attrs(), {}, {}, {}, {}, static_cast<std::int32_t>(i)};
      for (std::size_t k = 0; k < n.inputs().size(); ++k) {
        const InputRef& ref = batch_.inputs[next_input++];
        call.inputs.push_back(
            ref.node >= 0 ? outputs_of[static_cast<std::size_t>(ref.node)][ref.output] : ~ref.node);
      }
      for (const Scalar& s : n.slots()) {
        call.slots.push_back(next_slot++);
        call.kinds.push_back(s.kind());
      }
      for (const NodeOutput& o : n.outputs()) call.specs.push_back(o.spec);
      outputs_of[i] = on_behalf_of(&batch_, call.batch_node, [&] { return translate(call, 0); });
      for (const std::int32_t v : outputs_of[i]) draft_.outputs.push_back(v);
    }
    draft_.num_batch_slots = static_cast<std::size_t>(next_slot);
    draft_.live = batch_.live;
    for (std::size_t k = 0; k < batch_.live.size(); ++k)
      if (batch_.live[k]) draft_.value(draft_.outputs[k]).live = true;
  }

 private:
  struct Call {
    const OpDef* op;
    Attrs attrs;
    std::vector<std::int32_t> inputs;
    std::vector<SlotRef> slots;
    std::vector<Scalar::Kind> kinds;
    std::vector<TensorSpec> specs;
    std::int32_t batch_node;
  };

  const TensorSpec& spec(std::int32_t v) const { return draft_.value(v).spec; }

  std::vector<std::int32_t> translate(const Call& call, int depth) {
    if (depth > 32)
      throw InternalError(fmt::format("{}: its expansion does not end", call.op->name));
    if (call.op->traits.barrier) {
      ++region_;  // what an expansion of the barrier records is in a region of its own
      std::vector<std::int32_t> outputs = translated(call, depth);
      for (std::int32_t& v : outputs)
        if (std::find(call.inputs.begin(), call.inputs.end(), v) != call.inputs.end())
          v = behind_barrier(v, call.batch_node);
      ++region_;
      return outputs;
    }
    return translated(call, depth);
  }

  // An input that an expansion hands through.
  std::int32_t behind_barrier(std::int32_t v, std::int32_t batch_node) {
    const auto number = static_cast<std::int32_t>(draft_.nodes.size());
    const std::uint8_t on = draft_.value(v).on;
    const std::int32_t behind = draft_.add_value({.spec = spec(v), .producer = number, .on = on});
    draft_.nodes.push_back({.op = &kHandedThrough,
                            .inputs = {v},
                            .outputs = {behind},
                            .batch_node = batch_node,
                            .region = region_,
                            .on = on});
    return behind;
  }

  std::vector<std::int32_t> translated(const Call& call, int depth) {
    const bool stays = draft_.host_only && is_copy_to(*call.op);
    if (stays || (call.op->traits.alias && !call.op->traits.barrier))
      return {call.inputs.begin(),
              call.inputs.begin() + static_cast<std::ptrdiff_t>(call.specs.size())};
    const std::uint8_t on = device_of(call);
    if (call.op->expand && !supported(call, on)) return expand(call, depth);
    DraftNode node{.op = call.op,
                   .attrs = call.attrs,
                   .inputs = call.inputs,
                   .slots = call.slots,
                   .slot_kinds = call.kinds,
                   .batch_node = call.batch_node,
                   .region = region_,
                   .on = on};
    if (on != kHost && !moves_nothing(*call.op) && !supported(call, on)) {
      fall_back(call);
      node.on = kHost;
    }
    const auto number = static_cast<std::int32_t>(draft_.nodes.size());
    for (const TensorSpec& s : call.specs)
      node.outputs.push_back(draft_.add_value({.spec = s, .producer = number, .on = on}));
    draft_.nodes.push_back(std::move(node));
    return draft_.nodes.back().outputs;
  }

  std::uint8_t device_of(const Call& call) const {
    const Device device = call.specs[0].device;
    if (!draft_.host_only && !is_available(device))
      throw DeviceError(
          fmt::format("{}: {}: {}", call.op->name, device.str(), why_unavailable(device)));
    return draft_.device_number(device);
  }

  // Views and copies to another device ask nothing of a backend.
  void fall_back(const Call& call) const {
    const Device device = call.specs[0].device;
    const std::string operand = (call.inputs.empty() ? call.specs[0] : spec(call.inputs[0])).str();
    draft_.fallbacks.push_back({call.op, call.batch_node, device, operand, false});
    if (draft_.gaps) {
      const bool refused = fallback_for(device) == Fallback::Error;
      draft_.gaps->push_back({call.op, call.batch_node, device, operand, refused});
      return;
    }
    switch (fallback_for(device)) {
      case Fallback::Error:
        throw DeviceError(fmt::format(
            "{}: {} has no kernel for it on {}, and falling back to the cpu is switched off "
            "(INGOT_FALLBACK)",
            call.op->name, device.str(), operand));
      case Fallback::Warn:
        warn_of_fallback(call.op->name, device, operand);
        break;
      case Fallback::Silent:
        break;
    }
  }

  bool supported(const Call& call, std::uint8_t on) const {
    StepDesc step{call.op, call.attrs, {}, {}, call.kinds, nullptr};
    for (const std::int32_t v : call.inputs)
      step.inputs.push_back(TensorDesc::contiguous(spec(v).shape, spec(v).dtype));
    for (const TensorSpec& s : call.specs)
      step.outputs.push_back(TensorDesc::contiguous(s.shape, s.dtype));
    return draft_.backend_of(on).supports(step);
  }

  std::vector<std::int32_t> expand(const Call& call, int depth) {
    std::unordered_map<const Node*, std::vector<std::int32_t>> known;
    std::vector<Tensor> inputs, results;
    std::vector<Scalar> slots;
    CaptureScope capture;
    for (const std::int32_t v : call.inputs) {
      inputs.push_back(CaptureScope::placeholder(spec(v)));
      known[inputs.back().cell()->value().node.get()] = {v};
    }
    // An expansion may look at a scalar's kind, never at its value.
    for (std::size_t k = 0; k < call.slots.size(); ++k)
      slots.push_back(placeholder_scalar(call.kinds[k]).with_slot(encode(call.slots[k])));
    record_expansion(*call.op, inputs, call.attrs, slots, call.specs, results);
    if (results.size() != call.specs.size())
      throw InternalError(fmt::format("{}: its expansion gives {} results, not {}", call.op->name,
                                      results.size(), call.specs.size()));
    for (const NodeRef& n : capture.nodes()) {
      Call inner{&n->op(), n->attrs(), {}, {}, {}, {}, call.batch_node};
      for (const ValueId& in : n->inputs()) inner.inputs.push_back(resolve(known, in));
      for (const Scalar& s : n->slots()) {
        inner.slots.push_back(s.slot() != -1 ? decode(s.slot()) : constant_slot(s));
        inner.kinds.push_back(s.kind());
      }
      for (const NodeOutput& o : n->outputs()) inner.specs.push_back(o.spec);
      known[n.get()] = translate(inner, depth + 1);
    }
    std::vector<std::int32_t> values;
    for (std::size_t i = 0; i < results.size(); ++i) {
      values.push_back(resolve(known, results[i].cell()->value()));
      if (!(spec(values.back()) == call.specs[i]))
        throw InternalError(fmt::format("{}: its expansion gives {} for output {}, infer said {}",
                                        call.op->name, spec(values.back()).str(), i,
                                        call.specs[i].str()));
    }
    return values;
  }

  std::int32_t resolve(std::unordered_map<const Node*, std::vector<std::int32_t>>& known,
                       const ValueId& id) {
    const auto it = known.find(id.node.get());
    if (it != known.end()) return it->second[id.output];
    if (!id.node->outputs()[id.output].value)
      throw InternalError("an expansion uses a tensor from outside that has no value");
    const Ref<Value>& value = id.node->outputs()[id.output].value;
    const std::int32_t v = draft_.add_value({.spec = id.spec(),
                                             .constant = value,
                                             .on = draft_.device_number(value->buffer->device())});
    known[id.node.get()] = {v};
    return v;
  }

  // Scalar::slot uses -1 for "none", so batch slots travel shifted away from it.
  static std::int32_t encode(SlotRef s) { return s >= 0 ? s : s - 1; }
  static SlotRef decode(std::int32_t s) { return s >= 0 ? s : s + 1; }
  static Scalar placeholder_scalar(Scalar::Kind kind) {
    return kind == Scalar::Kind::Float ? Scalar(0.0)
           : kind == Scalar::Kind::Int ? Scalar(0)
                                       : Scalar(false);
  }
  SlotRef constant_slot(const Scalar& s) {
    draft_.constant_slots.push_back(s);
    return ~static_cast<SlotRef>(draft_.constant_slots.size() - 1);
  }

  Draft& draft_;
  const Batch& batch_;
  std::int32_t region_ = 0;
};

}  // namespace

void expand(Draft& draft) {
  Expander(draft).run();
  draft.filled = Draft::Part::Nodes;
}

}  // namespace ingot::plan
