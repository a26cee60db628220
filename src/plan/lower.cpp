// From groups to a plan: memory orders, kernels, lifetimes and offsets.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include <ingot/core/error.h>

#include "plan/graph.h"
#include "plan/memory.h"
#include "plan/plan.h"
#include "plan/strides.h"

namespace ingot::plan {
namespace {

// Where a value's elements are.
struct Place {
  std::int32_t buffer = -1;
  std::int64_t offset = 0;  // elements
  Dims strides;
};

class Lowering {
 public:
  Lowering(const Batch& batch, Backend& backend, Graph graph)
      : batch_(batch),
        backend_(backend),
        graph_(std::move(graph)),
        plan_(std::make_shared<Plan>()) {}

  std::shared_ptr<Plan> run() {
    plan_->constant_slots = graph_.constant_slots;
    places_.resize(graph_.values.size());
    place_given_values();
    groups_ = schedule(graph_, backend_.fuses());
    find_uses();
    for (std::size_t g = 0; g < groups_.size(); ++g) lower_group(g);
    finish();
    return plan_;
  }

 private:
  GraphValue& value(std::int32_t v) { return graph_.values[static_cast<std::size_t>(v)]; }
  GraphNode& node(std::int32_t n) { return graph_.nodes[static_cast<std::size_t>(n)]; }
  Place& place(std::int32_t v) { return places_[static_cast<std::size_t>(v)]; }

  std::int32_t add_buffer(PlanBuffer b) {
    plan_->buffers.push_back(b);
    first_step_.push_back(plan_->steps.size());
    last_step_.push_back(plan_->steps.size());
    return static_cast<std::int32_t>(plan_->buffers.size() - 1);
  }

  void place_given_values() {
    // Leaves that are one value (a parameter and its variable node) share a plan buffer, so that
    // nothing is donated while the other name is still read. Where a leaf starts in its buffer is
    // not structure: it is added when the plan is bound.
    std::vector<std::int32_t> buffer_of(batch_.leaves.size(), -1);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const GraphValue& gv = graph_.values[v];
      if (gv.leaf >= 0) {
        const Leaf& leaf = batch_.leaves[static_cast<std::size_t>(gv.leaf)];
        std::int32_t& buffer = buffer_of[leaf.alias];
        if (buffer < 0)
          buffer = add_buffer(
              {.kind = PlanBuffer::Kind::Leaf, .index = leaf.alias, .nbytes = gv.spec.nbytes()});
        places_[v] = {buffer, 0, leaf.value->strides};
      } else if (gv.constant) {
        plan_->constants.push_back(gv.constant);
        const auto index = static_cast<std::uint32_t>(plan_->constants.size() - 1);
        const std::size_t start =
            static_cast<std::size_t>(gv.constant->offset) * nbytes_of(gv.spec.dtype);
        places_[v] = {
            add_buffer({.kind = PlanBuffer::Kind::Constant, .index = index, .offset = start}), 0,
            gv.constant->strides};
      }
    }
  }

  // Which values must exist in memory, and which group reads them last.
  void find_uses() {
    group_of_.assign(graph_.nodes.size(), -1);
    for (std::size_t g = 0; g < groups_.size(); ++g)
      for (const std::int32_t n : groups_[g].nodes)
        group_of_[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(g);
    in_memory_.assign(graph_.values.size(), 0);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) in_memory_[v] = graph_.values[v].live;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const GraphNode& n = graph_.nodes[i];
      if (n.dead) continue;
      for (const std::int32_t v : n.inputs) {
        const std::int32_t producer = value(v).producer;
        if (producer < 0) continue;
        const bool same_group =
            is_elementwise(*n.op) && group_of_[static_cast<std::size_t>(producer)] == group_of_[i];
        const bool folded = is_elementwise(*n.op) && folds(producer);
        if (!same_group && !folded) in_memory_[static_cast<std::size_t>(v)] = 1;
      }
    }
  }

  // A `full` becomes a slot of every program that reads it.
  bool folds(std::int32_t producer) {
    return backend_.fuses() && node(producer).op->name == "full";
  }

  void lower_group(std::size_t g) {
    const Group& group = groups_[g];
    GraphNode& head = node(group.nodes[0]);
    if (head.op->traits.view) {
      lower_view(head);
    } else if (is_elementwise(*head.op)) {
      lower_program(group);
    } else {
      StepDesc step{head.op, head.attrs, {}, {}, head.slot_kinds, nullptr};
      emit(step, head.inputs, head.outputs, head.slots, head, std::string(head.op->name));
    }
  }

  // -- Views ------------------------------------------------------------------------------------

  void lower_view(const GraphNode& n) {
    const std::int32_t in = n.inputs[0], out = n.outputs[0];
    const Shape& from = value(in).spec.shape;
    const Shape& to = value(out).spec.shape;
    std::optional<Dims> strides;
    if (n.op->name == "permute") {
      const Dims& order = n.attrs.as<PermuteAttrs>().dims;
      strides = Dims();
      for (const std::int64_t d : order) strides->push_back(place(in).strides[static_cast<int>(d)]);
    } else if (n.op->name == "broadcast_to") {
      strides = broadcast_strides(from, place(in).strides, to);
    } else {
      strides = reshape_strides(from, place(in).strides, to);
    }
    Place base = place(in);
    if (!strides) {  // reshape of something whose order does not allow it
      base = copied(in, from.contiguous_strides(), n);
      strides = reshape_strides(from, base.strides, to);
    }
    place(out) = {base.buffer, base.offset, *strides};
  }

  // -- Elementwise programs -----------------------------------------------------------------------

  void lower_program(const Group& group) {
    auto program = std::make_shared<Program>();
    std::vector<std::int32_t> inputs, outputs;
    std::vector<SlotRef> slots;
    StepDesc step;
    std::map<std::int32_t, std::uint16_t> registers;
    std::string what;
    const auto push = [&](Program::Instruction i) {
      program->code.push_back(i);
      return static_cast<std::uint16_t>(program->code.size() - 1);
    };
    const auto slot = [&](const GraphNode& n) {
      Program::Instruction i{.kind = Program::Kind::Slot, .dtype = value(n.outputs[0]).spec.dtype};
      i.index = static_cast<std::uint16_t>(slots.size());
      slots.push_back(n.slots[0]);
      step.slots.push_back(n.slot_kinds[0]);
      return push(i);
    };
    const auto operand = [&](std::int32_t v) {
      if (const auto it = registers.find(v); it != registers.end()) return it->second;
      const GraphValue& gv = value(v);
      std::uint16_t r = 0;
      if (gv.producer >= 0 && folds(gv.producer)) {
        r = slot(node(gv.producer));
      } else {
        r = push({.kind = Program::Kind::Load,
                  .dtype = gv.spec.dtype,
                  .index = static_cast<std::uint16_t>(inputs.size())});
        inputs.push_back(v);
      }
      registers[v] = r;
      return r;
    };
    for (const std::int32_t number : group.nodes) {
      const GraphNode& n = node(number);
      const std::int32_t out = n.outputs[0];
      if (n.op->name == "full") {
        if (!in_memory_[static_cast<std::size_t>(out)]) continue;
        registers[out] = slot(n);
      } else {
        Program::Instruction i{.kind = Program::Kind::Compute,
                               .op = n.op->traits.scalar,
                               .dtype = value(out).spec.dtype};
        std::uint16_t* const operands[3] = {&i.a, &i.b, &i.c};
        for (std::size_t k = 0; k < n.inputs.size(); ++k) *operands[k] = operand(n.inputs[k]);
        registers[out] = push(i);
        what += fmt::format("{}{}", what.empty() ? "" : "+", n.op->name);
      }
      if (in_memory_[static_cast<std::size_t>(out)]) {
        program->stores.push_back(registers[out]);
        outputs.push_back(out);
      }
    }
    if (outputs.empty()) return;  // a scalar that every reader folded in
    const GraphNode& head = node(group.nodes[0]);
    step.op = head.op;
    step.attrs = head.attrs;
    step.program = std::move(program);
    emit(step, inputs, outputs, slots, head, what.empty() ? "full" : what);
  }

  // -- Steps --------------------------------------------------------------------------------------

  // Loads of a program are broadcast to the shape it runs over.
  TensorDesc input_desc(const StepDesc& step, std::int32_t v, const Shape& over) {
    const TensorSpec& s = value(v).spec;
    if (!step.program) return {s.shape, s.dtype, place(v).strides};
    return {over, s.dtype, broadcast_strides(s.shape, place(v).strides, over)};
  }

  void emit(StepDesc& step, const std::vector<std::int32_t>& inputs,
            const std::vector<std::int32_t>& outputs, const std::vector<SlotRef>& slots,
            const GraphNode& n, std::string what) {
    const Shape over = value(outputs[0]).spec.shape;
    for (const std::int32_t v : outputs)
      step.outputs.push_back(TensorDesc::contiguous(value(v).spec.shape, value(v).spec.dtype));
    for (const std::int32_t v : inputs) step.inputs.push_back(input_desc(step, v, over));
    backend_.choose_layouts(step);
    std::vector<Place> from;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::int32_t v = inputs[i];
      const bool as_it_is = same_order(step.inputs[i], input_desc(step, v, over).strides);
      from.push_back(as_it_is ? place(v) : copied(v, step.inputs[i].strides, n));
    }
    for (std::size_t o = 0; o < outputs.size(); ++o)
      place(outputs[o]) = {add_buffer({.nbytes = step.outputs[o].nbytes()}), 0,
                           step.outputs[o].strides};
    std::vector<Place> to;
    for (const std::int32_t v : outputs) to.push_back(place(v));
    add_step(step, from, to, slots, n, std::move(what));
  }

  void add_step(const StepDesc& step, const std::vector<Place>& from, const std::vector<Place>& to,
                const std::vector<SlotRef>& slots, const GraphNode& n, std::string what) {
    Step s;
    s.kernel = backend_.lower(step);
    s.op = step.op;
    s.batch_node = n.batch_node;
    s.site = n.site;
    s.what = std::move(what);
    s.num_inputs = static_cast<std::uint32_t>(from.size());
    s.first_slot = static_cast<std::uint32_t>(plan_->slots.size());
    plan_->slots.insert(plan_->slots.end(), slots.begin(), slots.end());
    const std::size_t number = plan_->steps.size();
    for (std::size_t i = 0; i < from.size(); ++i)
      add_operand(s, from[i], step.inputs[i].dtype, number);
    for (std::size_t o = 0; o < to.size(); ++o)
      add_operand(s, to[o], step.outputs[o].dtype, number);
    if (const std::size_t w = s.kernel->workspace_nbytes()) {
      const std::int32_t b = add_buffer({.nbytes = w});
      workspaces_.emplace_back(number, b);
      last_step_[static_cast<std::size_t>(b)] = number;
    }
    for (const bool first_choice : {true, false})
      for (std::size_t i = 0; i < from.size(); ++i) {
        const std::size_t successor = successor_of(step, i);
        for (std::size_t o = 0; o < to.size(); ++o)
          if ((o == successor) == first_choice &&
              s.kernel->can_overwrite(static_cast<int>(i), static_cast<int>(o)) &&
              !read_otherwise(from, i))
            overwrites_.push_back(
                {number, from[i].buffer, to[o].buffer, from[i].offset, step.outputs[o].nbytes()});
      }
    plan_->steps.push_back(std::move(s));
  }

  // The output that should rather have input i's memory than another one: the first to be ready
  // when i has been read for the last time. So an optimizer's parameters and states stay where
  // they are.
  static std::size_t successor_of(const StepDesc& step, std::size_t i) {
    if (!step.program) return 0;
    const auto& code = step.program->code;
    const auto& stores = step.program->stores;
    std::size_t last_read = 0;
    for (std::size_t k = 0; k < code.size(); ++k) {
      if (code[k].kind != Program::Kind::Compute) continue;
      const std::uint16_t operands[3] = {code[k].a, code[k].b, code[k].c};
      for (int n = 0; n < arity(code[k].op); ++n) {
        const Program::Instruction& read = code[operands[n]];
        if (read.kind == Program::Kind::Load && read.index == i) last_read = k;
      }
    }
    std::size_t best = stores.size();
    for (std::size_t o = 0; o < stores.size(); ++o)
      if (stores[o] >= last_read && (best == stores.size() || stores[o] < stores[best])) best = o;
    return best;
  }

  // The step reads the same memory a second time in another order, so writing over it is not safe.
  static bool read_otherwise(const std::vector<Place>& from, std::size_t i) {
    for (std::size_t k = 0; k < from.size(); ++k)
      if (k != i && from[k].buffer == from[i].buffer &&
          (from[k].offset != from[i].offset || !(from[k].strides == from[i].strides)))
        return true;
    return false;
  }

  void add_operand(Step& s, const Place& p, DType dtype, std::size_t number) {
    s.operands.push_back({p.buffer, p.offset * static_cast<std::int64_t>(nbytes_of(dtype))});
    last_step_[static_cast<std::size_t>(p.buffer)] = number;
  }

  // The value in another memory order; made once per value and order.
  Place copied(std::int32_t v, const Dims& wanted, const GraphNode& reader) {
    for (const auto& [copied_value, copy] : copies_)
      if (copied_value == v && copy.strides == wanted) return copy;
    const TensorSpec& spec = value(v).spec;
    auto program = std::make_shared<Program>();
    program->code.push_back({.kind = Program::Kind::Load, .dtype = spec.dtype});
    program->stores.push_back(0);
    StepDesc step;
    step.op = reader.op;
    step.program = std::move(program);
    step.inputs.push_back({spec.shape, spec.dtype, place(v).strides});
    step.outputs.push_back({spec.shape, spec.dtype, wanted});
    const Place copy{add_buffer({.nbytes = spec.nbytes()}), 0, wanted};
    add_step(step, {place(v)}, {copy}, {}, reader, fmt::format("copy for {}", reader.op->name));
    copies_.emplace_back(v, copy);
    return copy;
  }

  // -- Memory -------------------------------------------------------------------------------------

  void finish() {
    std::vector<std::uint8_t> is_output(plan_->buffers.size(), 0);
    for (std::uint32_t k = 0; k < batch_.live.size(); ++k) {
      if (!batch_.live[k]) continue;
      const Place& p = place(graph_.batch_outputs[k]);
      std::int32_t same_as = -1;
      for (std::size_t r = 0; r < plan_->results.size() && same_as < 0; ++r) {
        const Plan::Result& other = plan_->results[r];
        if (other.buffer == p.buffer && other.offset == p.offset && other.strides == p.strides)
          same_as = static_cast<std::int32_t>(r);
      }
      plan_->results.push_back({k, p.buffer, p.offset, p.strides, same_as});
      is_output[static_cast<std::size_t>(p.buffer)] = 1;
    }
    std::uint32_t outputs = 0;
    for (std::size_t b = 0; b < plan_->buffers.size(); ++b) {
      PlanBuffer& buffer = plan_->buffers[b];
      if (buffer.kind != PlanBuffer::Kind::Arena || !is_output[b]) continue;
      buffer.kind = PlanBuffer::Kind::Output;
      buffer.index = outputs++;
      plan_->output_nbytes += buffer.nbytes;
    }
    plan_->commit_step = plan_->steps.size();
    donate(is_output);
    MemoryPlanner planner;
    std::vector<std::int32_t> merged(plan_->buffers.size(), -1);
    for (const auto& [temp, into] : reuse_) merged[static_cast<std::size_t>(temp)] = into;
    for (std::size_t b = 0; b < plan_->buffers.size(); ++b)
      if (plan_->buffers[b].kind == PlanBuffer::Kind::Arena && merged[b] < 0)
        planner.add(b, plan_->buffers[b].nbytes, first_step_[b], last_step_[b]);
    plan_->arena_nbytes = planner.assign(plan_->buffers);
    for (std::size_t b = 0; b < plan_->buffers.size(); ++b) {
      std::int32_t root = merged[b];
      while (root >= 0 && merged[static_cast<std::size_t>(root)] >= 0)
        root = merged[static_cast<std::size_t>(root)];
      if (root >= 0)
        plan_->buffers[b].offset = plan_->buffers[static_cast<std::size_t>(root)].offset;
    }
    for (const auto& [step, buffer] : workspaces_)
      plan_->steps[step].workspace_offset = plan_->buffers[static_cast<std::size_t>(buffer)].offset;
  }

  // An output may be written over an input that nobody reads later: a temporary of this plan, or,
  // if it turns out to have no other owner when bound, a leaf. A leaf that is a result itself (an
  // op whose expansion hands an input through) is kept: its owner comes to be only when the plan
  // ends.
  void donate(const std::vector<std::uint8_t>& is_output) {
    std::vector<std::uint8_t> taken(plan_->buffers.size(), 0);
    std::vector<std::uint8_t> given(plan_->buffers.size(), 0);
    // Leaves are written over only where nothing that follows can fail (rule 8).
    std::size_t safe_from = plan_->steps.size();
    while (safe_from > 0 && plan_->steps[safe_from - 1].kernel->cannot_fail() &&
           !plan_->steps[safe_from - 1].op->traits.checks)
      --safe_from;
    for (const Overwrite& o : overwrites_) {
      PlanBuffer& from = plan_->buffers[static_cast<std::size_t>(o.from)];
      PlanBuffer& to = plan_->buffers[static_cast<std::size_t>(o.to)];
      if (taken[static_cast<std::size_t>(o.from)] || given[static_cast<std::size_t>(o.to)] ||
          is_output[static_cast<std::size_t>(o.from)])
        continue;
      if (last_step_[static_cast<std::size_t>(o.from)] != o.step || o.from_offset != 0) continue;
      if (first_step_[static_cast<std::size_t>(o.to)] != o.step) continue;
      if (from.nbytes != to.nbytes) continue;
      if (from.kind == PlanBuffer::Kind::Arena && to.kind == PlanBuffer::Kind::Arena) {
        // The temporary's memory lives on as the output's.
        const std::size_t root = find_root(o.from);
        reuse_.emplace_back(o.to, static_cast<std::int32_t>(root));
        last_step_[root] = std::max(last_step_[root], last_step_[static_cast<std::size_t>(o.to)]);
        pending_root_[o.to] = static_cast<std::int32_t>(root);
      } else if (from.kind == PlanBuffer::Kind::Leaf && to.kind == PlanBuffer::Kind::Output &&
                 o.step >= safe_from) {
        to.donor_leaf = static_cast<std::int32_t>(from.index);
        plan_->commit_step = std::min(plan_->commit_step, o.step);
      } else {
        continue;
      }
      taken[static_cast<std::size_t>(o.from)] = 1;
      given[static_cast<std::size_t>(o.to)] = 1;
    }
  }

  std::size_t find_root(std::int32_t b) {
    const auto it = pending_root_.find(b);
    return static_cast<std::size_t>(it == pending_root_.end() ? b : it->second);
  }

  struct Overwrite {
    std::size_t step;
    std::int32_t from, to;
    std::int64_t from_offset;
    std::size_t nbytes;
  };

  const Batch& batch_;
  Backend& backend_;
  Graph graph_;
  std::shared_ptr<Plan> plan_;
  std::vector<Group> groups_;
  std::vector<std::int32_t> group_of_;
  std::vector<std::uint8_t> in_memory_;
  std::vector<Place> places_;
  std::vector<std::size_t> first_step_, last_step_;  // per plan buffer
  std::vector<std::pair<std::int32_t, Place>> copies_;
  std::vector<std::pair<std::size_t, std::int32_t>> workspaces_;
  std::vector<Overwrite> overwrites_;
  std::vector<std::pair<std::int32_t, std::int32_t>> reuse_;
  std::map<std::int32_t, std::int32_t> pending_root_;
};

}  // namespace

std::shared_ptr<const Plan> build_plan(const Batch& batch, Backend& backend, int num_threads) {
  Graph graph = build_graph(batch, backend);
  simplify(graph);
  std::shared_ptr<Plan> plan = Lowering(batch, backend, std::move(graph)).run();
  plan->key = PlanKey::of(batch, backend, num_threads);
  return plan;
}

}  // namespace ingot::plan
