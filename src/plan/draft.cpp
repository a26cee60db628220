// The draft as text.
#include "plan/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "backend/registry.h"
#include "core/known_ops.h"
#include "plan/transfer.h"

namespace ingot::plan {

ViewKind view_kind(const OpDef& op) {
  if (!op.traits.view) return ViewKind::None;
  return &op == &ops::kPermute       ? ViewKind::Permute
         : &op == &ops::kBroadcastTo ? ViewKind::Broadcast
                                     : ViewKind::Reshape;
}

bool is_fill(const OpDef& op) { return &op == &ops::kFull; }

std::uint8_t Draft::device_number(Device device) {
  if (host_only) return 0;
  for (std::size_t d = 0; d < devices.size(); ++d)
    if (devices[d].device == device) return static_cast<std::uint8_t>(d);
  const Backend* backend = find_backend(device);
  if (!backend) throw DeviceError(fmt::format("{}: {}", device.str(), why_unavailable(device)));
  devices.push_back({device, backend});
  return static_cast<std::uint8_t>(devices.size() - 1);
}

std::size_t Draft::arena_nbytes() const {
  std::size_t total = 0;
  for (const DraftDevice& d : devices) total = plus_nbytes(total, d.arena_nbytes);
  return total;
}

std::int32_t Draft::add_value(DraftValue v) {
  values.push_back(std::move(v));
  return static_cast<std::int32_t>(values.size() - 1);
}

std::int32_t Draft::add_buffer(const PlanBuffer& b, std::size_t step) {
  buffers.push_back(b);
  lives.push_back({step, step});
  return static_cast<std::int32_t>(buffers.size() - 1);
}

std::vector<std::uint8_t> Draft::holds_result() const {
  std::vector<std::uint8_t> holds(buffers.size(), 0);
  for (const Plan::Result& r : results) holds[static_cast<std::size_t>(r.buffer)] = 1;
  return holds;
}

namespace {

// "train.cpp:41, called from main.cpp:7"; empty for what has no place.
std::string user_line(const Draft::Sites& s) {
  if (s.site.line() == 0) return {};
  std::string text = fmt::format("{}:{}", s.site.file_name(), s.site.line());
  if (s.outer_site.line() != 0)
    text += fmt::format(", called from {}:{}", s.outer_site.file_name(), s.outer_site.line());
  return text;
}

std::string slot_list(const std::vector<SlotRef>& slots) {
  std::string text;
  for (const SlotRef s : slots)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", s >= 0 ? "s" : "c", s >= 0 ? s : ~s);
  return text;
}

class Text {
 public:
  explicit Text(const Draft& draft) : d_(draft) {}

  std::string str() {
    const auto alive =
        std::count_if(d_.nodes.begin(), d_.nodes.end(), [](const DraftNode& n) { return !n.dead; });
    text_ = fmt::format("backend {}, {} nodes", devices(), alive);
    if (d_.filled >= Draft::Part::Groups) text_ += fmt::format(", {} groups", d_.groups.size());
    if (d_.filled >= Draft::Part::Steps) text_ += fmt::format(", {} steps", d_.steps.size());
    if (d_.filled >= Draft::Part::Arena) text_ += fmt::format(", arena {} B", d_.arena_nbytes());
    text_ += '\n';
    if (d_.filled >= Draft::Part::Steps) {
      steps();
      segments();
      fallbacks();
      buffers();
      results();
    } else {
      given_values();
      if (d_.filled >= Draft::Part::Groups)
        groups();
      else
        for (std::size_t n = 0; n < d_.nodes.size(); ++n) node("  ", static_cast<std::int32_t>(n));
    }
    return std::move(text_);
  }

  std::string step(std::size_t number) const {
    const DraftStep& s = d_.steps[number];
    std::string line = fmt::format("{}: {}", number, on(s.on));
    for (std::size_t o = 0; o < s.to.size(); ++o)
      line += fmt::format("{}{}", o ? ", " : "", operand(s.writes[o], s.to[o], s.desc.outputs[o]));
    line += fmt::format(" = {}(", s.what);
    for (std::size_t i = 0; i < s.from.size(); ++i)
      line += fmt::format("{}{}", i ? ", " : "", operand(s.reads[i], s.from[i], s.desc.inputs[i]));
    line += ')';
    if (!s.desc.program && !s.desc.attrs.empty())
      line += fmt::format(" {{{}}}", s.desc.attrs.str());
    if (!s.slots.empty()) line += fmt::format(" slots {}", slot_list(s.slots));
    if (s.kernel && !s.kernel->describe().empty())
      line += fmt::format(" by {}", s.kernel->describe());
    if (s.workspace >= 0) line += fmt::format(" workspace b{}", s.workspace);
    return line + at(s.node);
  }

 private:
  // "cpu+twin"
  std::string devices() const {
    if (!several()) return std::string(d_.devices[0].backend->name());
    std::string text;
    for (const DraftDevice& d : d_.devices)
      text += fmt::format("{}{}", text.empty() ? "" : "+", d.backend->name());
    return text;
  }
  bool several() const { return d_.devices.size() > 1; }
  // "twin: " where there are several.
  std::string on(std::uint8_t number) const {
    return several() ? d_.devices[number].device.str() + ": " : std::string();
  }
  // "  # train.cpp:41"
  std::string at(std::int32_t n) const {
    const auto recorded = static_cast<std::size_t>(d_.node(n).batch_node);
    const std::string line = recorded < d_.sites.size() ? user_line(d_.sites[recorded]) : "";
    return line.empty() ? "" : "  # " + line;
  }

  void given_values() {
    for (std::size_t v = 0; v < d_.values.size(); ++v) {
      const DraftValue& given = d_.values[v];
      if (given.leaf >= 0) {
        const DraftLeaf& leaf = d_.leaves[static_cast<std::size_t>(given.leaf)];
        text_ += fmt::format("  v{} {} {} = leaf {}", v, given.spec.str(), leaf.strides.str(),
                             given.leaf);
        if (leaf.alias != static_cast<std::uint32_t>(given.leaf))
          text_ += fmt::format(", the same as leaf {}", leaf.alias);
      } else if (given.constant) {
        text_ += fmt::format("  v{} {} {} = constant", v, given.spec.str(),
                             given.constant->strides.str());
      } else {
        continue;
      }
      text_ += given.live ? " (kept)\n" : "\n";
    }
  }

  void node(std::string_view indent, std::int32_t number) {
    const DraftNode& n = d_.node(number);
    text_ += fmt::format("{}n{}: ", indent, number);
    if (n.dead) text_ += "dead ";
    for (std::size_t o = 0; o < n.outputs.size(); ++o) {
      const std::int32_t v = n.outputs[o];
      text_ += fmt::format("{}v{} {}", o ? ", " : "", v, d_.value(v).spec.str());
      if (!n.dead && d_.value(v).live)
        text_ += " (kept)";
      else if (!n.dead && static_cast<std::size_t>(v) < d_.in_memory.size() &&
               d_.in_memory[static_cast<std::size_t>(v)])
        text_ += " (stored)";
    }
    text_ += fmt::format(" = {}(", n.op->name);
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      text_ += fmt::format("{}v{}", i ? ", " : "", n.inputs[i]);
    text_ += ')';
    if (!n.attrs.empty()) text_ += fmt::format(" {{{}}}", n.attrs.str());
    if (!n.slots.empty()) text_ += fmt::format(" slots {}", slot_list(n.slots));
    text_ += at(number) + '\n';
  }

  void groups() {
    for (std::size_t g = 0; g < d_.groups.size(); ++g) {
      const Group& group = d_.groups[g];
      text_ += fmt::format("  group {}", g);
      if (group.program && group.outputs.empty()) text_ += ", no step: its readers take the number";
      text_ += '\n';
      for (const std::int32_t n : group.nodes) node("    ", n);
      if (group.program && !group.outputs.empty()) program(group);
    }
  }

  void program(const Group& group) {
    std::string list;
    for (const std::int32_t v : group.inputs) list += fmt::format(" v{}", v);
    list += " ->";
    for (const std::int32_t v : group.outputs) list += fmt::format(" v{}", v);
    text_ += fmt::format("    program{}\n", list);
    const std::string code = group.program->str();
    for (std::size_t begin = 0; begin < code.size();) {
      const std::size_t end = std::min(code.find('\n', begin), code.size());
      text_ += "      " + code.substr(begin, end - begin) + '\n';
      begin = end + 1;
    }
  }

  // "v3=b2+64 float32[2, 3] [3, 1]"
  static std::string operand(std::int32_t v, const Place& p, const TensorDesc& t) {
    std::string text = fmt::format("v{}=b{}", v, p.buffer);
    if (p.offset != 0) text += fmt::format("+{}", p.offset);
    return text + fmt::format(" {} {}", TensorSpec{t.shape, t.dtype, {}}.str(), t.strides.str());
  }

  void steps() {
    for (std::size_t s = 0; s < d_.steps.size(); ++s) text_ += "  " + step(s) + '\n';
  }

  // Rows of steps on one device.
  void segments() {
    if (!several()) return;
    for (std::size_t first = 0, number = 0; first < d_.steps.size(); ++number) {
      std::size_t end = first;
      while (end < d_.steps.size() && d_.steps[end].on == d_.steps[first].on) ++end;
      text_ += fmt::format("  segment {} on {}: steps {} to {}\n", number,
                           d_.devices[d_.steps[first].on].device.str(), first, end - 1);
      first = end;
    }
  }

  // What falling back costs. A copy to the host is made for the one that reads it there, a copy
  // from it for the one that has computed there what is copied.
  void fallbacks() {
    if (d_.fallbacks.empty()) return;
    struct Cost {
      std::size_t transfers = 0, nbytes = 0;
    };
    std::map<std::int32_t, Cost> costs;  // by recorded node
    for (const Gap& gap : d_.fallbacks) costs[gap.batch_node];
    std::vector<std::int32_t> maker(d_.buffers.size(), -1);
    for (const DraftStep& s : d_.steps) {
      const std::int32_t recorded = d_.node(s.node).batch_node;
      if (is_transfer(s)) {
        const auto from = static_cast<std::size_t>(s.from[0].buffer);
        const bool of_host = d_.buffers[from].on == kHost && maker[from] >= 0;
        const auto cost = costs.find(of_host ? maker[from] : recorded);
        if (cost == costs.end()) continue;
        ++cost->second.transfers;
        const TensorDesc& copied = s.desc.inputs[0];
        cost->second.nbytes += TensorSpec{copied.shape, copied.dtype, {}}.nbytes();
      } else if (s.on == kHost) {
        for (const Place& p : s.to) maker[static_cast<std::size_t>(p.buffer)] = recorded;
      }
    }
    for (const auto& [recorded, cost] : costs) {
      std::string ops;
      const Gap* first = nullptr;
      for (const Gap& gap : d_.fallbacks) {
        if (gap.batch_node != recorded) continue;
        if (!first) first = &gap;
        ops += fmt::format("{}{}", ops.empty() ? "" : ", ", gap.op->name);
      }
      const auto site = static_cast<std::size_t>(recorded);
      const std::string line = site < d_.sites.size() ? user_line(d_.sites[site]) : "";
      text_ += fmt::format("  falls back from {}: {} on {}, {} transfers, {} B{}\n",
                           first->device.str(), ops, first->operand, cost.transfers, cost.nbytes,
                           line.empty() ? "" : "  # " + line);
    }
  }

  void buffers() {
    const bool donors = d_.filled >= Draft::Part::Donors, arena = d_.filled >= Draft::Part::Arena;
    for (std::size_t b = 0; b < d_.buffers.size(); ++b) {
      const PlanBuffer& buffer = d_.buffers[b];
      text_ += fmt::format("  b{}: ", b);
      switch (buffer.kind) {
        case PlanBuffer::Kind::Leaf:
          text_ += fmt::format("leaf {}", buffer.index);
          break;
        case PlanBuffer::Kind::Constant:
          text_ += fmt::format("constant {} from byte {}", buffer.index, buffer.offset);
          break;
        case PlanBuffer::Kind::Output:
          text_ += fmt::format("output {}, {} B", buffer.index, buffer.nbytes);
          break;
        case PlanBuffer::Kind::Arena:
          text_ += fmt::format("arena, {} B, steps {} to {}", buffer.nbytes, d_.lives[b].first,
                               d_.lives[b].last);
          if (arena) text_ += fmt::format(", at {}", buffer.offset);
          break;
      }
      if (buffer.donor_leaf >= 0) text_ += fmt::format(", may take leaf {}", buffer.donor_leaf);
      if (donors && d_.takes_over[b] >= 0) text_ += fmt::format(", over b{}", d_.takes_over[b]);
      text_ += '\n';
    }
    if (donors && d_.commit_step < d_.steps.size())
      text_ += fmt::format("  leaves are written from step {} on\n", d_.commit_step);
  }

  void results() {
    for (const Plan::Result& r : d_.results) {
      text_ += fmt::format("  output {} of the batch = b{}", r.flat_output, r.buffer);
      if (r.offset != 0) text_ += fmt::format("+{}", r.offset);
      text_ += fmt::format(" {}\n", r.strides.str());
    }
  }

  const Draft& d_;
  std::string text_;
};

}  // namespace

std::string Draft::str() const { return Text(*this).str(); }
std::string Draft::step_str(std::size_t step) const { return Text(*this).step(step); }

std::string Draft::node_str(std::int32_t n) const {
  const auto recorded = static_cast<std::size_t>(node(n).batch_node);
  const std::string line = recorded < sites.size() ? user_line(sites[recorded]) : "";
  return fmt::format("n{} {}{}{}", n, node(n).op ? node(n).op->name : "(no op)",
                     line.empty() ? "" : ", ", line);
}

}  // namespace ingot::plan
