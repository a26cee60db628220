// The pass `group`: which elementwise nodes become one step, and which values must then be stored.
#include <algorithm>

#include "plan/passes.h"

namespace ingot::plan {
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
  explicit Scheduler(const Draft& draft) : draft_(draft), placed_(draft.nodes.size(), 0) {}

  std::vector<Group> run() {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < draft_.nodes.size(); ++i) {
      if (draft_.nodes[i].dead || placed_[i]) continue;
      Group group;
      group.nodes.push_back(static_cast<std::int32_t>(i));
      placed_[i] = 1;
      on_ = draft_.nodes[i].on;
      if (draft_.fuses(on_) && is_elementwise(*draft_.nodes[i].op)) {
        grow(group, i);
        if (shape(draft_.nodes[i]).numel() > kSmallNumel) keep_connected(group);
      }
      groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  const DraftNode& node(std::int32_t n) const { return draft_.node(n); }
  const DraftValue& value(std::int32_t v) const { return draft_.value(v); }
  const Shape& shape(const DraftNode& n) const { return value(n.outputs[0]).spec.shape; }
  bool is_slot(std::int32_t v) const { return draft_.is_slot(v, on_); }

  void grow(Group& group, std::size_t first) {
    const DraftNode& head = draft_.nodes[first];
    const Shape& wanted = shape(head);
    std::vector<std::int32_t> loads, made;  // values read from memory, values of the group
    const auto new_loads = [&](const DraftNode& n) {
      std::size_t count = 0;
      for (const std::int32_t v : n.inputs) count += !is_slot(v) && !has(made, v) && !has(loads, v);
      return count;
    };
    const auto take = [&](const DraftNode& n) {
      for (const std::int32_t v : n.inputs)
        if (!is_slot(v) && !has(made, v) && !has(loads, v)) loads.push_back(v);
      made.push_back(n.outputs[0]);
    };
    take(head);
    // Each node may store, so a device with few operands per kernel gets smaller groups.
    const std::size_t most = draft_.backend_of(on_).limits().max_operands;
    const std::size_t last = std::min(draft_.nodes.size(), first + kLookAhead);
    for (std::size_t j = first + 1; j < last && group.nodes.size() < kMaxGroupNodes; ++j) {
      const DraftNode& n = draft_.nodes[j];
      if (n.dead || placed_[j] || !is_elementwise(*n.op) || !(shape(n) == wanted)) continue;
      if (n.on != on_) continue;
      const std::size_t more = loads.size() + new_loads(n);
      if (more > kMaxGroupLoads || more + made.size() + 1 > most || !ready(n)) continue;
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
      const DraftNode& n = node(group.nodes[i]);
      connected[i] = 1;
      seen.push_back(n.outputs[0]);
      for (const std::int32_t v : n.inputs)
        if (!is_slot(v)) seen.push_back(v);
    };
    const auto touches = [&](const DraftNode& n) {
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

  bool ready(const DraftNode& n) const {
    for (const std::int32_t v : n.inputs) {
      const std::int32_t producer = value(v).producer;
      if (producer >= 0 && !placed_[static_cast<std::size_t>(producer)] && !is_slot(v))
        return false;
    }
    return true;
  }

  const Draft& draft_;
  std::uint8_t on_ = 0;  // the device of the group at hand
  std::vector<std::uint8_t> placed_;
};

// What a step must store: results, and what another step reads.
std::vector<std::uint8_t> stored_values(const Draft& draft) {
  std::vector<std::int32_t> group_of(draft.nodes.size(), -1);
  for (std::size_t g = 0; g < draft.groups.size(); ++g)
    for (const std::int32_t n : draft.groups[g].nodes)
      group_of[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(g);
  std::vector<std::uint8_t> stored(draft.values.size(), 0);
  for (std::size_t v = 0; v < draft.values.size(); ++v) stored[v] = draft.values[v].live;
  for (std::size_t i = 0; i < draft.nodes.size(); ++i) {
    const DraftNode& n = draft.nodes[i];
    if (n.dead) continue;
    for (const std::int32_t v : n.inputs) {
      const std::int32_t producer = draft.value(v).producer;
      if (producer < 0) continue;
      const bool in_register =
          is_elementwise(*n.op) &&
          (group_of[static_cast<std::size_t>(producer)] == group_of[i] || draft.is_slot(v, n.on));
      if (!in_register) stored[static_cast<std::size_t>(v)] = 1;
    }
  }
  return stored;
}

}  // namespace

void group(Draft& draft) {
  draft.groups = Scheduler(draft).run();
  draft.in_memory = stored_values(draft);
  draft.filled = Draft::Part::Groups;
}

}  // namespace ingot::plan
