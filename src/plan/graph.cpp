#include "plan/graph.h"

#include <fmt/format.h>

#include <unordered_map>

#include <ingot/core/error.h>

#include "core/record.h"

namespace ingot::plan {

bool is_elementwise(const OpDef& op) {
  return op.traits.scalar != ScalarOp::None || op.name == "full";
}

namespace {

class Builder {
 public:
  Builder(const Batch& batch, const Backend& backend) : batch_(batch), backend_(backend) {}

  Graph run() {
    for (std::size_t i = 0; i < batch_.leaves.size(); ++i) {
      const Leaf& leaf = batch_.leaves[i];
      add_value(
          {.spec = leaf.node->outputs()[leaf.output].spec, .leaf = static_cast<std::int32_t>(i)});
    }
    std::size_t next_input = 0;
    std::int32_t next_slot = 0;
    std::vector<std::vector<std::int32_t>> outputs_of(batch_.nodes.size());
    for (std::size_t i = 0; i < batch_.nodes.size(); ++i) {
      const Node& n = *batch_.nodes[i];
      Call call{&n.op(), n.attrs(), {}, {}, {}, {}, n.site(), static_cast<std::int32_t>(i)};
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
      outputs_of[i] = translate(call, 0);
      for (const std::int32_t v : outputs_of[i]) graph_.batch_outputs.push_back(v);
    }
    for (std::size_t k = 0; k < batch_.live.size(); ++k)
      if (batch_.live[k])
        graph_.values[static_cast<std::size_t>(graph_.batch_outputs[k])].live = true;
    return std::move(graph_);
  }

 private:
  struct Call {
    const OpDef* op;
    Attrs attrs;
    std::vector<std::int32_t> inputs;
    std::vector<SlotRef> slots;
    std::vector<Scalar::Kind> kinds;
    std::vector<TensorSpec> specs;
    std::source_location site;
    std::int32_t batch_node;
  };

  std::int32_t add_value(GraphValue v) {
    graph_.values.push_back(std::move(v));
    return static_cast<std::int32_t>(graph_.values.size() - 1);
  }
  const TensorSpec& spec(std::int32_t v) const {
    return graph_.values[static_cast<std::size_t>(v)].spec;
  }

  std::vector<std::int32_t> translate(const Call& call, int depth) {
    if (depth > 32)
      throw InternalError(fmt::format("{}: its expansion does not end", call.op->name));
    if (call.op->traits.alias)
      return {call.inputs.begin(),
              call.inputs.begin() + static_cast<std::ptrdiff_t>(call.specs.size())};
    if (call.op->expand && !supported(call)) return expand(call, depth);
    GraphNode node{call.op,    call.attrs, call.inputs, {},
                   call.slots, call.kinds, call.site,   call.batch_node};
    const auto number = static_cast<std::int32_t>(graph_.nodes.size());
    for (const TensorSpec& s : call.specs)
      node.outputs.push_back(add_value({.spec = s, .producer = number}));
    graph_.nodes.push_back(node);
    return node.outputs;
  }

  bool supported(const Call& call) const {
    StepDesc step{call.op, call.attrs, {}, {}, call.kinds, nullptr};
    for (const std::int32_t v : call.inputs)
      step.inputs.push_back(TensorDesc::contiguous(spec(v).shape, spec(v).dtype));
    for (const TensorSpec& s : call.specs)
      step.outputs.push_back(TensorDesc::contiguous(s.shape, s.dtype));
    return backend_.supports(step);
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
    ExpandContext context(inputs, call.attrs, slots, call.specs, results);
    call.op->expand(context);
    if (results.size() != call.specs.size())
      throw InternalError(fmt::format("{}: its expansion gives {} results, not {}", call.op->name,
                                      results.size(), call.specs.size()));
    for (const NodeRef& n : capture.nodes()) {
      Call inner{&n->op(), n->attrs(), {}, {}, {}, {}, call.site, call.batch_node};
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
    const std::int32_t v =
        add_value({.spec = id.spec(), .constant = id.node->outputs()[id.output].value});
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
    graph_.constant_slots.push_back(s);
    return ~static_cast<SlotRef>(graph_.constant_slots.size() - 1);
  }

  const Batch& batch_;
  const Backend& backend_;
  Graph graph_;
};

struct NodeKeyHash {
  std::size_t operator()(const GraphNode* n) const {
    std::uint64_t h = hash_mix(n->op->name_hash, n->attrs.hash());
    for (const std::int32_t v : n->inputs) h = hash_mix(h, static_cast<std::uint64_t>(v));
    for (const SlotRef s : n->slots) h = hash_mix(h, static_cast<std::uint64_t>(s));
    return h;
  }
};
struct NodeKeyEqual {
  bool operator()(const GraphNode* a, const GraphNode* b) const {
    return a->op == b->op && a->inputs == b->inputs && a->slots == b->slots && a->attrs == b->attrs;
  }
};

bool is_pure(const GraphNode& n) {
  return !n.op->traits.random && !n.op->traits.effect && !n.op->traits.barrier;
}

}  // namespace

Graph build_graph(const Batch& batch, const Backend& backend) {
  return Builder(batch, backend).run();
}

void simplify(Graph& graph) {
  // Merging: two pure nodes with the same op, attributes, inputs and slots give the same bits.
  std::vector<std::int32_t> replaced(graph.values.size());
  for (std::size_t i = 0; i < replaced.size(); ++i) replaced[i] = static_cast<std::int32_t>(i);
  std::unordered_map<const GraphNode*, const GraphNode*, NodeKeyHash, NodeKeyEqual> seen;
  for (GraphNode& n : graph.nodes) {
    for (std::int32_t& v : n.inputs) v = replaced[static_cast<std::size_t>(v)];
    if (!is_pure(n)) continue;
    const auto [it, fresh] = seen.emplace(&n, &n);
    if (fresh) continue;
    for (std::size_t o = 0; o < n.outputs.size(); ++o) {
      const std::int32_t kept = it->second->outputs[o];
      replaced[static_cast<std::size_t>(n.outputs[o])] = kept;
      if (graph.values[static_cast<std::size_t>(n.outputs[o])].live)
        graph.values[static_cast<std::size_t>(kept)].live = true;
    }
    n.dead = true;
  }
  for (std::int32_t& v : graph.batch_outputs) v = replaced[static_cast<std::size_t>(v)];

  std::vector<std::uint8_t> needed(graph.values.size(), 0);
  for (std::size_t v = 0; v < graph.values.size(); ++v) needed[v] = graph.values[v].live;
  for (auto n = graph.nodes.rbegin(); n != graph.nodes.rend(); ++n) {
    if (n->dead) continue;
    bool wanted = n->op->traits.effect || n->op->traits.checks;
    for (const std::int32_t v : n->outputs) wanted |= needed[static_cast<std::size_t>(v)] != 0;
    if (!wanted) {
      n->dead = true;
      continue;
    }
    for (const std::int32_t v : n->inputs) needed[static_cast<std::size_t>(v)] = 1;
  }
}

namespace {

constexpr std::size_t kMaxGroupNodes = 32;
constexpr std::size_t kMaxGroupLoads = 24;
constexpr std::size_t kLookAhead = 96;
// Up to here a step costs more than its elements do, so that unrelated nodes share one.
constexpr std::int64_t kSmallNumel = 4096;

// Joins elementwise nodes of one shape into groups: starting from the first node that has not been
// placed, later nodes join when everything they read is already computed or computed in the group.
// Large groups are then cut down to what their first node is connected with: a group that ends in
// the middle of unrelated work would only send its intermediate results through memory.
class Scheduler {
 public:
  Scheduler(const Graph& graph, bool fuse)
      : graph_(graph), fuse_(fuse), placed_(graph.nodes.size(), 0) {}

  std::vector<Group> run() {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].dead || placed_[i]) continue;
      Group group;
      group.nodes.push_back(static_cast<std::int32_t>(i));
      placed_[i] = 1;
      if (fuse_ && is_elementwise(*graph_.nodes[i].op)) {
        grow(group, i);
        if (shape(graph_.nodes[i]).numel() > kSmallNumel) keep_connected(group);
      }
      groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  const GraphNode& node(std::int32_t n) const { return graph_.nodes[static_cast<std::size_t>(n)]; }
  const GraphValue& value(std::int32_t v) const {
    return graph_.values[static_cast<std::size_t>(v)];
  }
  const Shape& shape(const GraphNode& n) const { return value(n.outputs[0]).spec.shape; }

  // A `full` costs no memory: it becomes a slot of the program.
  bool is_slot(std::int32_t v) const {
    return value(v).producer >= 0 && node(value(v).producer).op->name == "full";
  }

  void grow(Group& group, std::size_t first) {
    const GraphNode& head = graph_.nodes[first];
    const Shape& wanted = shape(head);
    std::vector<std::int32_t> loads, made;  // values read from memory, values of the group
    const auto new_loads = [&](const GraphNode& n) {
      std::size_t count = 0;
      for (const std::int32_t v : n.inputs) count += !is_slot(v) && !has(made, v) && !has(loads, v);
      return count;
    };
    const auto take = [&](const GraphNode& n) {
      for (const std::int32_t v : n.inputs)
        if (!is_slot(v) && !has(made, v) && !has(loads, v)) loads.push_back(v);
      made.push_back(n.outputs[0]);
    };
    take(head);
    const std::size_t last = std::min(graph_.nodes.size(), first + kLookAhead);
    for (std::size_t j = first + 1; j < last && group.nodes.size() < kMaxGroupNodes; ++j) {
      const GraphNode& n = graph_.nodes[j];
      if (n.dead || placed_[j] || !is_elementwise(*n.op) || !(shape(n) == wanted)) continue;
      if (value(n.outputs[0]).spec.device != value(head.outputs[0]).spec.device) continue;
      if (loads.size() + new_loads(n) > kMaxGroupLoads || !ready(n)) continue;
      take(n);
      group.nodes.push_back(static_cast<std::int32_t>(j));
      placed_[j] = 1;
    }
  }

  // Nodes are connected when they read the same memory or one reads what the other makes.
  void keep_connected(Group& group) {
    std::vector<std::int32_t> seen;  // values that connected nodes read or make
    std::vector<std::uint8_t> connected(group.nodes.size(), 0);
    const auto connect = [&](std::size_t i) {
      const GraphNode& n = node(group.nodes[i]);
      connected[i] = 1;
      seen.push_back(n.outputs[0]);
      for (const std::int32_t v : n.inputs)
        if (!is_slot(v)) seen.push_back(v);
    };
    const auto touches = [&](const GraphNode& n) {
      return has(seen, n.outputs[0]) ||
             std::any_of(n.inputs.begin(), n.inputs.end(),
                         [&](std::int32_t v) { return !is_slot(v) && has(seen, v); });
    };
    connect(0);
    for (bool more = true; more;) {
      more = false;
      for (std::size_t i = 1; i < group.nodes.size(); ++i)
        if (!connected[i] && touches(node(group.nodes[i]))) {
          connect(i);
          more = true;
        }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < group.nodes.size(); ++i) {
      if (connected[i])
        group.nodes[kept++] = group.nodes[i];
      else
        placed_[static_cast<std::size_t>(group.nodes[i])] = 0;
    }
    group.nodes.resize(kept);
  }

  static bool has(const std::vector<std::int32_t>& values, std::int32_t v) {
    return std::find(values.begin(), values.end(), v) != values.end();
  }

  bool ready(const GraphNode& n) const {
    for (const std::int32_t v : n.inputs) {
      const std::int32_t producer = value(v).producer;
      if (producer >= 0 && !placed_[static_cast<std::size_t>(producer)] && !is_slot(v))
        return false;
    }
    return true;
  }

  const Graph& graph_;
  bool fuse_;
  std::vector<std::uint8_t> placed_;
};

}  // namespace

std::vector<Group> schedule(const Graph& graph, bool fuse) { return Scheduler(graph, fuse).run(); }

}  // namespace ingot::plan
