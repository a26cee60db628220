#include "plan/check.h"

#include <fmt/format.h>

#include <algorithm>

#include <ingot/core/error.h>

#include "backend/layouts.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

using Part = Draft::Part;

bool within(std::int32_t i, std::size_t size) {
  return i >= 0 && static_cast<std::size_t>(i) < size;
}

bool broadcasts(const Shape& from, const Shape& to) {
  const int added = to.rank() - from.rank();
  if (added < 0) return false;
  for (int d = 0; d < from.rank(); ++d)
    if (from[d] != 1 && from[d] != to[d + added]) return false;
  return true;
}

// What a message shows and nobody else needs: made into text only when something is wrong.
struct NodeText {
  const Draft& draft;
  std::int32_t number;
};
struct StepText {
  const Draft& draft;
  std::size_t number;
};
struct GroupText {
  std::size_t number;
};
std::string shown(const NodeText& n) { return n.draft.node_str(n.number); }
std::string shown(const StepText& s) { return "step " + s.draft.step_str(s.number); }
std::string shown(const GroupText& g) { return fmt::format("group {}", g.number); }
template <class T>
const T& shown(const T& value) {
  return value;
}
template <class T>
using Shown = decltype(shown(std::declval<const T&>()));

class Checker {
 public:
  Checker(const Draft& draft, std::string_view after) : d_(draft), after_(after) {}

  void run() {
    if (d_.filled >= Part::Nodes) check_nodes();
    if (d_.filled >= Part::Groups) check_groups();
    if (d_.filled >= Part::Programs) check_programs();
    if (d_.filled >= Part::Steps) {
      check_steps();
      check_results();
    }
    if (d_.filled >= Part::Kernels) check_kernels();
    if (d_.filled >= Part::Donors) check_donors();
    if (d_.filled >= Part::Arena) check_arena();
  }

 private:
  template <class... Args>
  void require(bool fine, fmt::format_string<Shown<Args>...> text, const Args&... args) const {
    if (fine) return;
    throw InternalError(
        fmt::format("draft after {}: {}", after_, fmt::format(text, shown(args)...)));
  }
  NodeText str(std::int32_t n) const { return {d_, n}; }
  static bool given(const DraftValue& v) { return v.leaf >= 0 || v.constant; }

  // -- Nodes --------------------------------------------------------------------------------------

  void check_nodes() const {
    const std::vector<std::uint8_t> read = values_read();
    for (std::size_t v = 0; v < d_.values.size(); ++v) {
      const DraftValue& value = d_.values[v];
      const int origins = (value.leaf >= 0) + bool(value.constant) + (value.producer >= 0);
      // Of a fallback's result only the copy on the cpu may be there.
      if (origins == 0 && !value.live && !read[v]) continue;
      require(origins == 1, "v{} must be a leaf, a constant or made by a node", v);
      if (value.leaf >= 0)
        require(within(value.leaf, d_.leaves.size()), "v{} is leaf {}, which there is not", v,
                value.leaf);
      if (value.producer >= 0)
        require(within(value.producer, d_.nodes.size()), "v{} is made by n{}, which there is not",
                v, value.producer);
    }
    std::vector<std::int32_t> maker(d_.values.size(), -1);
    for (std::size_t i = 0; i < d_.nodes.size(); ++i)
      check_node(static_cast<std::int32_t>(i), maker);
    for (std::size_t v = 0; v < d_.values.size(); ++v)
      require(d_.values[v].producer == maker[v], "v{} says that n{} makes it, which does not", v,
              d_.values[v].producer);
    require(d_.outputs.size() == d_.live.size(), "{} outputs, {} flags", d_.outputs.size(),
            d_.live.size());
    for (std::size_t k = 0; k < d_.outputs.size(); ++k) {
      const std::int32_t v = d_.outputs[k];
      require(within(v, d_.values.size()), "output {} is v{}, which there is not", k, v);
      if (!d_.live[k]) continue;
      const DraftValue& value = d_.value(v);
      require(value.live, "output {} is kept, its value v{} is not", k, v);
      if (value.producer >= 0)
        require(!d_.node(value.producer).dead, "output {} is kept; {} that makes it is dead", k,
                str(value.producer));
    }
  }

  std::vector<std::uint8_t> values_read() const {
    std::vector<std::uint8_t> read(d_.values.size(), 0);
    for (const DraftNode& n : d_.nodes)
      if (!n.dead)
        for (const std::int32_t v : n.inputs)
          if (within(v, read.size())) read[static_cast<std::size_t>(v)] = 1;
    return read;
  }

  void check_node(std::int32_t number, std::vector<std::int32_t>& maker) const {
    const DraftNode& n = d_.node(number);
    require(n.op != nullptr, "n{} has no op", number);
    require(n.dead || !n.op->traits.alias || n.op->traits.barrier, "{} is an alias", str(number));
    for (const std::int32_t v : n.outputs) {
      require(within(v, d_.values.size()), "{} makes v{}, which there is not", str(number), v);
      std::int32_t& by = maker[static_cast<std::size_t>(v)];
      require(by < 0, "{} makes v{}, which n{} makes", str(number), v, by);
      by = number;
    }
    require(n.slots.size() == n.slot_kinds.size(), "{} has {} slots of {} kinds", str(number),
            n.slots.size(), n.slot_kinds.size());
    for (const SlotRef s : n.slots)
      require(within(s >= 0 ? s : ~s, s >= 0 ? d_.num_batch_slots : d_.constant_slots.size()),
              "{} reads slot {}, which there is not", str(number), s);
    if (n.dead) return;
    for (const std::int32_t v : n.inputs) {
      require(within(v, d_.values.size()), "{} reads v{}, which there is not", str(number), v);
      const std::int32_t producer = d_.value(v).producer;
      if (producer < 0) continue;
      require(producer < number, "{} reads v{}, which {} makes only later", str(number), v,
              str(producer));
      require(!d_.node(producer).dead, "{} reads v{} of {}, which is dead", str(number), v,
              str(producer));
    }
    if (is_elementwise(*n.op)) check_elementwise(number);
    if (view_kind(*n.op) != ViewKind::None) check_view(number);
  }

  void check_elementwise(std::int32_t number) const {
    const DraftNode& n = d_.node(number);
    const auto operands = static_cast<std::size_t>(arity(n.op->traits.scalar));
    require(n.outputs.size() == 1 && n.inputs.size() == operands, "{} has {} inputs and {} outputs",
            str(number), n.inputs.size(), n.outputs.size());
    require(!is_fill(*n.op) || n.slots.size() == 1, "{} has {} slots", str(number), n.slots.size());
    const Shape& to = d_.value(n.outputs[0]).spec.shape;
    for (const std::int32_t v : n.inputs)
      require(broadcasts(d_.value(v).spec.shape, to), "{}: v{} {} does not broadcast to {}",
              str(number), v, d_.value(v).spec.str(), to.str());
  }

  void check_view(std::int32_t number) const {
    const DraftNode& n = d_.node(number);
    require(n.inputs.size() == 1 && n.outputs.size() == 1,
            "{}: a view has one input and one output", str(number));
    const TensorSpec &from = d_.value(n.inputs[0]).spec, &to = d_.value(n.outputs[0]).spec;
    bool fits = from.dtype == to.dtype;
    if (view_kind(*n.op) == ViewKind::Broadcast)
      fits &= broadcasts(from.shape, to.shape);
    else
      fits &= from.shape.numel() == to.shape.numel();
    if (view_kind(*n.op) == ViewKind::Permute) fits &= from.shape.rank() == to.shape.rank();
    require(fits, "{}: {} is no view of {}", str(number), to.str(), from.str());
  }

  // -- Groups -------------------------------------------------------------------------------------

  void check_groups() const {
    std::vector<std::int32_t> group_of(d_.nodes.size(), -1);
    std::int32_t last_effect = -1;
    require(d_.in_memory.size() == d_.values.size(), "{} values, {} flags", d_.values.size(),
            d_.in_memory.size());
    for (std::size_t g = 0; g < d_.groups.size(); ++g) {
      require(!d_.groups[g].nodes.empty(), "group {} is empty", g);
      for (const std::int32_t n : d_.groups[g].nodes) {
        require(within(n, d_.nodes.size()), "group {} holds n{}, which there is not", g, n);
        require(!d_.node(n).dead, "group {} holds {}, which is dead", g, str(n));
        std::int32_t& of = group_of[static_cast<std::size_t>(n)];
        require(of < 0, "{} is in the groups {} and {}", str(n), of, g);
        check_joined(g, n);
        for (const std::int32_t v : d_.node(n).inputs)
          check_read_in_group(static_cast<std::int32_t>(g), n, v, group_of);
        of = static_cast<std::int32_t>(g);
        if (!d_.node(n).op->traits.effect) continue;
        require(n > last_effect, "{} has an effect and comes after n{}", str(n), last_effect);
        last_effect = n;
      }
    }
    for (std::size_t n = 0; n < d_.nodes.size(); ++n) {
      if (d_.nodes[n].dead) continue;
      require(group_of[n] >= 0, "{} is in no group", str(static_cast<std::int32_t>(n)));
      for (const std::int32_t v : d_.nodes[n].outputs)
        require(!d_.value(v).live || d_.in_memory[static_cast<std::size_t>(v)],
                "v{} is kept and not stored", v);
    }
  }

  void check_joined(std::size_t g, std::int32_t n) const {
    const std::int32_t first = d_.groups[g].nodes[0];
    if (n == first) return;
    const OpDef &a = *d_.node(first).op, &b = *d_.node(n).op;
    require(d_.fuses(d_.node(n).on) && is_elementwise(a) && is_elementwise(b),
            "group {} joins {} and {}", g, str(first), str(n));
    const TensorSpec &x = d_.value(d_.node(first).outputs[0]).spec,
                     &y = d_.value(d_.node(n).outputs[0]).spec;
    require(x.shape == y.shape && d_.node(n).on == d_.node(first).on,
            "group {} joins {} {} and {} {}", g, str(first), x.str(), str(n), y.str());
  }

  void check_read_in_group(std::int32_t g, std::int32_t n, std::int32_t v,
                           const std::vector<std::int32_t>& group_of) const {
    const std::int32_t producer = d_.value(v).producer;
    const bool elementwise = is_elementwise(*d_.node(n).op);
    if (producer < 0 || (elementwise && d_.is_slot(v, d_.node(n).on))) return;
    const std::int32_t from = group_of[static_cast<std::size_t>(producer)];
    require(from >= 0, "{} in group {} reads v{}, which {} makes only later", str(n), g, v,
            str(producer));
    if (from != g || !elementwise)
      require(d_.in_memory[static_cast<std::size_t>(v)] != 0,
              "{} in group {} reads v{}, which group {} does not store", str(n), g, v, from);
  }

  // -- Programs -----------------------------------------------------------------------------------

  void check_programs() const {
    for (std::size_t g = 0; g < d_.groups.size(); ++g) {
      const Group& group = d_.groups[g];
      const bool wanted = is_elementwise(*d_.node(group.nodes[0]).op);
      require(wanted == bool(group.program), "group {} has {}program", g, wanted ? "no " : "a ");
      if (!wanted) continue;
      const auto dtypes = [&](const std::vector<std::int32_t>& values) {
        std::vector<DType> of;
        for (const std::int32_t v : values) {
          require(within(v, d_.values.size()), "group {} uses v{}, which there is not", g, v);
          of.push_back(d_.value(v).spec.dtype);
        }
        return of;
      };
      check_program(GroupText{g}, *group.program, dtypes(group.inputs), dtypes(group.outputs),
                    group.slots.size());
      require(group.slots.size() == group.slot_kinds.size(), "group {} has {} slots of {} kinds", g,
              group.slots.size(), group.slot_kinds.size());
      std::vector<std::int32_t> stored;
      for (const std::int32_t n : group.nodes)
        if (d_.in_memory[static_cast<std::size_t>(d_.node(n).outputs[0])])
          stored.push_back(d_.node(n).outputs[0]);
      require(stored == group.outputs, "group {} must store {} values and stores {}", g,
              stored.size(), group.outputs.size());
    }
  }

  template <class Where>
  void check_program(const Where& where, const Program& p, const std::vector<DType>& inputs,
                     const std::vector<DType>& outputs, std::size_t slots) const {
    for (std::size_t i = 0; i < p.code.size(); ++i) {
      const Program::Instruction& in = p.code[i];
      switch (in.kind) {
        case Program::Kind::Load:
          require(in.index < inputs.size(), "{}: r{} loads input {} of {}", where, i, in.index,
                  inputs.size());
          require(in.dtype == inputs[in.index], "{}: r{} loads input {} as {}", where, i, in.index,
                  name(in.dtype));
          break;
        case Program::Kind::Slot:
          require(in.index < slots, "{}: r{} takes slot {} of {}", where, i, in.index, slots);
          break;
        case Program::Kind::Compute: {
          const std::uint16_t operands[3] = {in.a, in.b, in.c};
          for (int k = 0; k < arity(in.op); ++k)
            require(operands[k] < i, "{}: r{} reads r{}, which is made only later", where, i,
                    operands[k]);
          break;
        }
      }
    }
    require(p.stores.size() == outputs.size(), "{} stores {} registers to {} outputs", where,
            p.stores.size(), outputs.size());
    for (std::size_t o = 0; o < outputs.size(); ++o)
      require(p.stores[o] < p.code.size() && p.code[p.stores[o]].dtype == outputs[o],
              "{}: r{} cannot be stored as output {}, {}", where, p.stores[o], o, name(outputs[o]));
  }

  // -- Steps --------------------------------------------------------------------------------------

  StepText step(std::size_t s) const { return {d_, s}; }

  // Sets written_ and last_use_, what the steps themselves say; later checks go by these.
  void check_steps() {
    require(d_.lives.size() == d_.buffers.size() && d_.places.size() == d_.values.size(),
            "{} buffers, {} lives, {} values, {} places", d_.buffers.size(), d_.lives.size(),
            d_.values.size(), d_.places.size());
    written_.assign(d_.buffers.size(), kNever);
    last_use_.assign(d_.buffers.size(), 0);
    leaf_buffer_.assign(d_.leaves.size(), -1);
    for (std::size_t b = 0; b < d_.buffers.size(); ++b) {
      if (d_.buffers[b].kind != PlanBuffer::Kind::Leaf) continue;
      require(d_.buffers[b].index < d_.leaves.size(), "b{} is leaf {}, which there is not", b,
              d_.buffers[b].index);
      leaf_buffer_[d_.buffers[b].index] = static_cast<std::int32_t>(b);
    }
    for (std::size_t s = 0; s < d_.steps.size(); ++s) check_step(s);
    for (std::size_t b = 0; b < d_.buffers.size(); ++b)
      if (written_[b] != kNever)
        require(d_.lives[b].first == written_[b] && d_.lives[b].last >= last_use_[b],
                "b{} is used in the steps {} to {}, not {} to {}", b, written_[b], last_use_[b],
                d_.lives[b].first, d_.lives[b].last);
  }

  void check_step(std::size_t number) {
    const DraftStep& s = d_.steps[number];
    require(within(s.node, d_.nodes.size()), "step {} is for n{}, which there is not", number,
            s.node);
    require(s.desc.op && s.desc.inputs.size() == s.from.size() && s.reads.size() == s.from.size() &&
                s.desc.outputs.size() == s.to.size() && s.writes.size() == s.to.size(),
            "step {} ({}): operands and their descriptions differ in number", number, s.what);
    require(s.desc.slots.size() == s.slots.size(), "step {} ({}) has {} slots of {} kinds", number,
            s.what, s.slots.size(), s.desc.slots.size());
    check_devices(number);
    for (std::size_t i = 0; i < s.from.size(); ++i) {
      check_operand(number, s.reads[i], s.from[i], s.desc.inputs[i]);
      const auto b = static_cast<std::size_t>(s.from[i].buffer);
      require(is_given(d_.buffers[b]) || written_[b] != kNever,
              "{}: reads b{} before anything is written there", step(number), b);
      last_use_[b] = number;
    }
    for (std::size_t o = 0; o < s.to.size(); ++o) {
      check_operand(number, s.writes[o], s.to[o], s.desc.outputs[o]);
      const auto b = static_cast<std::size_t>(s.to[o].buffer);
      require(!is_given(d_.buffers[b]), "{}: writes b{}, which was given", step(number), b);
      require(written_[b] == kNever, "{}: writes b{}, which step {} wrote", step(number), b,
              written_[b]);
      written_[b] = last_use_[b] = number;
    }
    if (s.desc.program) {
      std::vector<DType> inputs, outputs;
      for (const TensorDesc& t : s.desc.inputs) inputs.push_back(t.dtype);
      for (const TensorDesc& t : s.desc.outputs) outputs.push_back(t.dtype);
      check_program(step(number), *s.desc.program, inputs, outputs, s.slots.size());
    }
  }

  // A step writes to its own device's memory and reads what is one memory with it; a transfer also
  // sees the host's, on one side.
  void check_devices(std::size_t number) const {
    const DraftStep& s = d_.steps[number];
    require(s.on < d_.devices.size(), "step {}: device {}, which there is not", number, s.on);
    int at_host = 0;
    const auto see = [&](const Place& p, bool reads) {
      if (!within(p.buffer, d_.buffers.size())) return;
      const std::uint8_t on = d_.buffer(p.buffer).on;
      if (is_transfer(s) && on == kHost)
        ++at_host;
      else
        require(on == s.on || (reads && d_.same_memory(on, s.on)),
                "{}: b{} is in the memory of another device, {}", step(number), p.buffer,
                on < d_.devices.size() ? d_.devices[on].device.str() : "none");
    };
    for (const Place& p : s.from) see(p, true);
    for (const Place& p : s.to) see(p, false);
    if (is_transfer(s))
      require(s.on != kHost && at_host == 1,
              "{}: a transfer between the host and a device has {} "
              "operands on the host",
              step(number), at_host);
  }

  static bool is_given(const PlanBuffer& b) {
    return b.kind == PlanBuffer::Kind::Leaf || b.kind == PlanBuffer::Kind::Constant;
  }

  void check_operand(std::size_t number, std::int32_t v, const Place& p,
                     const TensorDesc& t) const {
    require(within(v, d_.values.size()) && within(p.buffer, d_.buffers.size()),
            "step {}: v{} in b{}, which there is not", number, v, p.buffer);
    const TensorSpec& spec = d_.value(v).spec;
    require(p.strides.rank() == spec.shape.rank() && t.dtype == spec.dtype &&
                broadcasts(spec.shape, t.shape),
            "{}: v{} is {} with strides {}", step(number), v, spec.str(), p.strides.str());
    require(same_order(t, broadcast_strides(spec.shape, p.strides, t.shape)),
            "{}: v{} is in memory with strides {}", step(number), v, p.strides.str());
    const PlanBuffer& b = d_.buffer(p.buffer);
    if (is_given(b) || spec.shape.numel() == 0) return;
    std::int64_t last = p.offset;
    for (int d = 0; d < spec.shape.rank(); ++d) last += (spec.shape[d] - 1) * p.strides[d];
    require(
        p.offset >= 0 && (static_cast<std::size_t>(last) + 1) * nbytes_of(spec.dtype) <= b.nbytes,
        "{}: v{} ends beyond b{}, which has {} B", step(number), v, p.buffer, b.nbytes);
  }

  void check_results() const {
    std::size_t next = 0;
    for (std::size_t k = 0; k < d_.live.size(); ++k) {
      if (!d_.live[k]) continue;
      require(next < d_.results.size() && d_.results[next].flat_output == k,
              "output {} of the batch is kept and is no result", k);
      const Plan::Result& r = d_.results[next];
      require(within(r.buffer, d_.buffers.size()), "output {} is in b{}, which there is not", k,
              r.buffer);
      require(r.same_as < static_cast<std::int32_t>(next), "output {} is the same as a later one",
              k);
      require(d_.buffer(r.buffer).kind != PlanBuffer::Kind::Arena,
              "output {} is in b{}, which is gone after the run", k, r.buffer);
      require(
          is_given(d_.buffer(r.buffer)) || written_[static_cast<std::size_t>(r.buffer)] != kNever,
          "output {} is in b{}, which no step writes", k, r.buffer);
      ++next;
    }
    require(next == d_.results.size(), "{} results for {} outputs that are kept", d_.results.size(),
            next);
  }

  // -- Kernels, donors, arena ---------------------------------------------------------------------

  void check_kernels() {
    for (std::size_t s = 0; s < d_.steps.size(); ++s) {
      const DraftStep& at = d_.steps[s];
      require(at.kernel != nullptr, "{}: no kernel", step(s));
      const std::size_t nbytes = at.kernel->workspace_nbytes();
      require((nbytes > 0) == (at.workspace >= 0), "{}: wants a workspace of {} B", step(s),
              nbytes);
      if (at.workspace < 0) continue;
      require(within(at.workspace, d_.buffers.size()), "step {}: workspace b{}, which there is not",
              s, at.workspace);
      const auto b = static_cast<std::size_t>(at.workspace);
      require(d_.buffers[b].kind == PlanBuffer::Kind::Arena && d_.buffers[b].nbytes >= nbytes &&
                  written_[b] == kNever && d_.lives[b].first == s && d_.lives[b].last >= s,
              "{}: b{} cannot be its workspace of {} B", step(s), b, nbytes);
      require(d_.buffers[b].on == at.on, "{}: its workspace b{} is on another device", step(s), b);
      written_[b] = last_use_[b] = s;
    }
  }

  void check_donors() const {
    require(d_.takes_over.size() == d_.buffers.size(), "{} buffers, {} donors", d_.buffers.size(),
            d_.takes_over.size());
    require(d_.commit_step <= d_.steps.size(), "commit step {} of {}", d_.commit_step,
            d_.steps.size());
    for (std::size_t s = d_.commit_step; s < d_.steps.size(); ++s)
      require(d_.steps[s].kernel->cannot_fail() && !d_.steps[s].desc.op->traits.checks,
              "{}: may fail after step {} wrote over a leaf", step(s), d_.commit_step);
    const std::vector<std::uint8_t> is_result = d_.holds_result();
    std::vector<std::int32_t> tenant(d_.buffers.size(), -1);  // of a root: who holds it now
    std::vector<std::int32_t> written_over(d_.leaves.size(), -1);
    for (std::size_t b = 0; b < d_.buffers.size(); ++b) {
      if (d_.buffers[b].donor_leaf >= 0) check_donor_leaf(b, is_result, written_over);
      if (d_.takes_over[b] < 0) continue;
      require(within(d_.takes_over[b], d_.buffers.size()) &&
                  d_.takes_over[static_cast<std::size_t>(d_.takes_over[b])] < 0,
              "b{} takes over b{}, which is no buffer of its own", b, d_.takes_over[b]);
      const auto root = static_cast<std::size_t>(d_.takes_over[b]);
      require(d_.buffers[b].kind == PlanBuffer::Kind::Arena &&
                  d_.buffers[root].kind == PlanBuffer::Kind::Arena &&
                  d_.buffers[b].nbytes == d_.buffers[root].nbytes,
              "b{} of {} B takes over b{} of {} B", b, d_.buffers[b].nbytes, root,
              d_.buffers[root].nbytes);
      require(d_.buffers[b].on == d_.buffers[root].on, "b{} takes over b{} of another device", b,
              root);
      require(d_.lives[root].last >= last_use_[b], "b{} is used after b{}, which it takes over", b,
              root);
      // Buffers are numbered in the order in which they are written.
      const auto before = tenant[root] < 0 ? root : static_cast<std::size_t>(tenant[root]);
      check_overwritten(before, b);
      tenant[root] = static_cast<std::int32_t>(b);
    }
  }

  // `over` is written into the memory of `old`: by a step that may do that, after all others that
  // read it.
  void check_overwritten(std::size_t old, std::size_t over) const {
    const std::size_t at = written_[over];
    require(at != kNever, "no step writes b{}, which takes over b{}", over, old);
    require(last_use_[old] <= at, "step {} reads b{} after step {} wrote b{} over it",
            last_use_[old], old, at, over);
    const DraftStep& s = d_.steps[at];
    bool allowed = false;
    for (std::size_t i = 0; i < s.from.size(); ++i)
      for (std::size_t o = 0; o < s.to.size(); ++o)
        allowed |= static_cast<std::size_t>(s.from[i].buffer) == old &&
                   static_cast<std::size_t>(s.to[o].buffer) == over &&
                   s.kernel->can_overwrite(static_cast<int>(i), static_cast<int>(o));
    require(allowed, "{}: cannot write b{} over b{}", step(at), over, old);
  }

  void check_donor_leaf(std::size_t b, const std::vector<std::uint8_t>& is_result,
                        std::vector<std::int32_t>& written_over) const {
    const PlanBuffer& output = d_.buffers[b];
    require(within(output.donor_leaf, leaf_buffer_.size()), "b{} is written over leaf {}", b,
            output.donor_leaf);
    const auto leaf = static_cast<std::size_t>(output.donor_leaf);
    require(leaf_buffer_[leaf] >= 0, "b{} is written over leaf {}, which has no buffer", b, leaf);
    require(written_over[leaf] < 0, "b{} and b{} are both written over leaf {}", written_over[leaf],
            b, leaf);
    written_over[leaf] = static_cast<std::int32_t>(b);
    const auto from = static_cast<std::size_t>(leaf_buffer_[leaf]);
    require(output.kind == PlanBuffer::Kind::Output && output.nbytes == d_.buffers[from].nbytes,
            "b{} of {} B cannot be written over leaf {} of {} B", b, output.nbytes, leaf,
            d_.buffers[from].nbytes);
    require(output.on == d_.buffers[from].on, "b{} is written over leaf {} of another device", b,
            leaf);
    require(!is_result[from], "b{} is written over leaf {}, which is a result itself", b, leaf);
    check_overwritten(from, b);
    require(written_[b] >= d_.commit_step, "{}: writes over leaf {} before step {}",
            step(written_[b]), leaf, d_.commit_step);
  }

  void check_arena() const {
    struct Held {
      std::size_t buffer, first, last;
    };
    std::vector<Held> held;  // buffers of their own, with what took them over
    for (std::size_t b = 0; b < d_.buffers.size(); ++b) {
      const PlanBuffer& buffer = d_.buffers[b];
      if (buffer.kind != PlanBuffer::Kind::Arena) continue;
      const std::size_t arena = d_.devices[buffer.on].arena_nbytes;
      require(buffer.offset % 64 == 0 && buffer.offset + buffer.nbytes <= arena,
              "b{} is {} B at {} of {}", b, buffer.nbytes, buffer.offset, arena);
      if (d_.takes_over[b] >= 0) {
        require(buffer.offset == d_.buffer(d_.takes_over[b]).offset, "b{} is not where b{} is", b,
                d_.takes_over[b]);
      } else if (buffer.nbytes > 0 && written_[b] != kNever) {
        held.push_back({b, written_[b], d_.lives[b].last});
      }
    }
    std::sort(held.begin(), held.end(),
              [](const Held& a, const Held& b) { return a.first < b.first; });
    std::vector<Held> now;
    for (const Held& h : held) {
      std::erase_if(now, [&](const Held& old) { return old.last < h.first; });
      const PlanBuffer& a = d_.buffers[h.buffer];
      for (const Held& old : now) {
        const PlanBuffer& b = d_.buffers[old.buffer];
        require(a.on != b.on || a.offset + a.nbytes <= b.offset || b.offset + b.nbytes <= a.offset,
                "b{} and b{} are in the same bytes, both in step {}", old.buffer, h.buffer,
                h.first);
      }
      now.push_back(h);
    }
  }

  static constexpr std::size_t kNever = ~std::size_t{0};
  const Draft& d_;
  std::string_view after_;
  std::vector<std::size_t> written_, last_use_;  // per buffer: steps
  std::vector<std::int32_t> leaf_buffer_;        // per leaf
};

}  // namespace

void check(const Draft& draft, std::string_view after) { Checker(draft, after).run(); }

}  // namespace ingot::plan
