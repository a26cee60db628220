// The pass `layout`: where every value lives and in which memory order, as steps whose kernels are
// still to be chosen. The bytes themselves are assigned by `memory`.
#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/layouts.h"
#include "plan/passes.h"
#include "plan/strides.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

class Layout {
 public:
  explicit Layout(Draft& draft) : draft_(draft) {
    draft_.places.resize(draft_.values.size());
    draft_.steps.reserve(draft_.groups.size());
    draft_.buffers.reserve(draft_.leaves.size() + 2 * draft_.groups.size());
    draft_.lives.reserve(draft_.buffers.capacity());
  }

  void run() {
    place_given_values();
    for (const Group& g : draft_.groups) {
      const DraftNode& head = draft_.node(g.nodes[0]);
      if (view_kind(*head.op) != ViewKind::None) {
        lay_out_view(g.nodes[0]);
      } else if (g.program) {
        lay_out_program(g);
      } else if (head.op == &kTransfer) {
        lay_out_transfer(g.nodes[0]);
      } else {
        StepDesc desc{head.op, head.attrs, {}, {}, head.slot_kinds, nullptr};
        emit(std::move(desc), head.inputs, head.outputs, head.slots, g.nodes[0],
             std::string(head.op->name));
      }
    }
    keep_what_is_sent();
    place_results();
  }

 private:
  const TensorSpec& spec(std::int32_t v) const { return draft_.value(v).spec; }
  Place& place(std::int32_t v) { return draft_.places[static_cast<std::size_t>(v)]; }

  void place_given_values() {
    // Leaves that are one value (a parameter and its variable node) share a plan buffer, so that
    // nothing is donated while the other name is still read. Where a leaf starts in its buffer is
    // not structure: it is added when the plan is bound.
    std::vector<std::int32_t> buffer_of(draft_.leaves.size(), -1);
    for (std::size_t v = 0; v < draft_.values.size(); ++v) {
      const DraftValue& given = draft_.values[v];
      if (given.leaf >= 0) {
        const DraftLeaf& leaf = draft_.leaves[static_cast<std::size_t>(given.leaf)];
        std::int32_t& buffer = buffer_of[leaf.alias];
        if (buffer < 0)
          buffer = draft_.add_buffer({.kind = PlanBuffer::Kind::Leaf,
                                      .index = leaf.alias,
                                      .nbytes = given.spec.nbytes(),
                                      .on = given.on},
                                     0);
        draft_.places[v] = {buffer, 0, leaf.strides};
      } else if (given.constant) {
        draft_.constants.push_back(given.constant);
        const auto index = static_cast<std::uint32_t>(draft_.constants.size() - 1);
        const std::size_t start =
            static_cast<std::size_t>(given.constant->offset) * nbytes_of(given.spec.dtype);
        draft_.places[v] = {draft_.add_buffer({.kind = PlanBuffer::Kind::Constant,
                                               .index = index,
                                               .offset = start,
                                               .on = given.on},
                                              0),
                            0, given.constant->strides};
      }
    }
  }

  void lay_out_view(std::int32_t number) {
    const DraftNode& n = draft_.node(number);
    const std::int32_t in = n.inputs[0], out = n.outputs[0];
    Place base = place(in);
    std::optional<Dims> strides = view_strides(n, base.strides);
    if (!strides) {  // reshape of something whose order does not allow it
      base = copied(in, spec(in).shape.contiguous_strides(), number);
      strides = view_strides(n, base.strides);
    }
    place(out) = {base.buffer, base.offset, *strides};
  }

  std::optional<Dims> view_strides(const DraftNode& n, const Dims& strides) const {
    const Shape& from = spec(n.inputs[0]).shape;
    const Shape& to = spec(n.outputs[0]).shape;
    switch (view_kind(*n.op)) {
      case ViewKind::Permute: {
        Dims permuted;
        for (const std::int64_t d : n.attrs.as<PermuteAttrs>().dims)
          permuted.push_back(strides[static_cast<int>(d)]);
        return permuted;
      }
      case ViewKind::Broadcast:
        return broadcast_strides(from, strides, to);
      case ViewKind::Reshape:
        return reshape_strides(from, strides, to);
      case ViewKind::None:
        break;
    }
    throw InternalError(fmt::format("{} is no view", n.op->name));
  }

  void lay_out_program(const Group& g) {
    if (g.outputs.empty()) return;  // a number that every reader takes as a slot
    std::string what;
    for (const std::int32_t n : g.nodes) {
      const OpDef& op = *draft_.node(n).op;
      if (!is_fill(op)) what += fmt::format("{}{}", what.empty() ? "" : "+", op.name);
    }
    const DraftNode& head = draft_.node(g.nodes[0]);
    StepDesc desc{head.op, head.attrs, {}, {}, g.slot_kinds, g.program};
    emit(std::move(desc), g.inputs, g.outputs, g.slots, g.nodes[0],
         what.empty() ? std::string(head.op->name) : what);
  }

  // Bytes travel as they lie, in one block.
  void lay_out_transfer(std::int32_t number) {
    const DraftNode& n = draft_.node(number);
    const std::int32_t in = n.inputs[0], out = n.outputs[0];
    const TensorSpec& s = spec(in);
    const bool whole = TensorDesc{s.shape, s.dtype, place(in).strides}.is_dense();
    const Place from = whole ? place(in) : copied(in, s.shape.contiguous_strides(), number);
    StepDesc desc{.op = n.op};
    desc.inputs.push_back({s.shape, s.dtype, from.strides});
    desc.outputs.push_back({s.shape, s.dtype, from.strides});
    place(out) = {new_buffer(s.nbytes(), draft_.value(out).on), 0, from.strides};
    add_step({.desc = std::move(desc),
              .reads = {in},
              .writes = {out},
              .from = {from},
              .to = {place(out)},
              .node = number,
              .what = draft_.value(out).on == kHost ? "copy to cpu" : "copy from cpu",
              .on = n.on});
  }

  // Loads of a program are broadcast to the shape it runs over.
  TensorDesc input_desc(const StepDesc& desc, std::int32_t v, const Shape& over) {
    const TensorSpec& s = spec(v);
    if (!desc.program) return {s.shape, s.dtype, place(v).strides};
    return {over, s.dtype, broadcast_strides(s.shape, place(v).strides, over)};
  }

  void emit(StepDesc desc, const std::vector<std::int32_t>& inputs,
            const std::vector<std::int32_t>& outputs, const std::vector<SlotRef>& slots,
            std::int32_t node, std::string what) {
    const Shape over = spec(outputs[0]).shape;
    for (const std::int32_t v : outputs)
      desc.outputs.push_back(TensorDesc::contiguous(spec(v).shape, spec(v).dtype));
    for (const std::int32_t v : inputs) desc.inputs.push_back(input_desc(desc, v, over));
    const std::uint8_t on = draft_.node(node).on;
    on_behalf_of(draft_.batch, draft_.node(node).batch_node,
                 [&] { draft_.backend_of(on).choose_layouts(desc); });
    std::vector<Place> from, to;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::int32_t v = inputs[i];
      const bool as_it_is = same_order(desc.inputs[i], input_desc(desc, v, over).strides);
      from.push_back(as_it_is ? place(v) : copied(v, desc.inputs[i].strides, node));
    }
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      place(outputs[o]) = {new_buffer(desc.outputs[o].nbytes(), on), 0, desc.outputs[o].strides};
      to.push_back(place(outputs[o]));
    }
    add_step({.desc = std::move(desc),
              .reads = inputs,
              .writes = outputs,
              .from = std::move(from),
              .to = std::move(to),
              .slots = slots,
              .node = node,
              .what = std::move(what),
              .on = on});
  }

  void add_step(DraftStep&& step) {
    const std::size_t number = draft_.steps.size();
    for (const Place& p : step.from) draft_.use_buffer(p.buffer, number);
    for (const Place& p : step.to) draft_.use_buffer(p.buffer, number);
    draft_.steps.push_back(std::move(step));
  }

  // The value in another memory order; made once per value and order.
  Place copied(std::int32_t v, const Dims& wanted, std::int32_t reader) {
    for (const auto& [copied_value, copy] : copies_)
      if (copied_value == v && copy.strides == wanted) return copy;
    const TensorSpec& s = spec(v);
    const OpDef* op = draft_.node(reader).op;
    auto program = std::make_shared<Program>();
    program->code.push_back({.kind = Program::Kind::Load, .dtype = s.dtype});
    program->stores.push_back(0);
    StepDesc desc{.op = op, .program = std::move(program)};
    desc.inputs.push_back({s.shape, s.dtype, place(v).strides});
    desc.outputs.push_back({s.shape, s.dtype, wanted});
    const std::uint8_t on = draft_.value(v).on;
    const Place copy{new_buffer(s.nbytes(), on), 0, wanted};
    add_step({.desc = std::move(desc),
              .reads = {v},
              .writes = {v},
              .from = {place(v)},
              .to = {copy},
              .node = reader,
              .what = fmt::format("copy for {}", op->name),
              .on = on});
    copies_.emplace_back(v, copy);
    return copy;
  }

  // A buffer for what the next step writes.
  std::int32_t new_buffer(std::size_t nbytes, std::uint8_t on) {
    return draft_.add_buffer({.nbytes = nbytes, .on = on}, draft_.steps.size());
  }

  // What a device reads of another one's memory it may read as late as the run ends. (The host
  // reads at once.)
  void keep_what_is_sent() {
    if (draft_.devices.size() == 1) return;
    for (const DraftStep& step : draft_.steps)
      for (const Place& p : step.from)
        if (step.on != kHost && draft_.buffer(p.buffer).on != step.on)
          draft_.use_buffer(p.buffer, draft_.steps.size());
  }

  void place_results() {
    std::vector<Plan::Result>& results = draft_.results;
    for (std::uint32_t k = 0; k < draft_.live.size(); ++k) {
      if (!draft_.live[k]) continue;
      const Place& p = place(draft_.outputs[k]);
      std::int32_t same_as = -1;
      for (std::size_t r = 0; r < results.size() && same_as < 0; ++r) {
        const Plan::Result& other = results[r];
        if (other.buffer == p.buffer && other.offset == p.offset && other.strides == p.strides)
          same_as = static_cast<std::int32_t>(r);
      }
      results.push_back({k, p.buffer, p.offset, p.strides, same_as});
    }
    const std::vector<std::uint8_t> is_result = draft_.holds_result();
    std::uint32_t outputs = 0;
    for (std::size_t b = 0; b < draft_.buffers.size(); ++b) {
      PlanBuffer& buffer = draft_.buffers[b];
      if (buffer.kind != PlanBuffer::Kind::Arena || !is_result[b]) continue;
      buffer.kind = PlanBuffer::Kind::Output;
      buffer.index = outputs++;
    }
  }

  Draft& draft_;
  std::vector<std::pair<std::int32_t, Place>> copies_;
};

}  // namespace

void lay_out(Draft& draft) {
  Layout(draft).run();
  draft.filled = Draft::Part::Steps;
}

}  // namespace ingot::plan
