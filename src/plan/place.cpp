// The pass `place`: which device runs what is known (DraftNode::on: the device a node was recorded
// for, or the cpu where that one has no kernel). Here the devices meet: a copy to another device
// becomes transfers, and so does whatever a node reads that is in another memory. Where the memory
// is one, nothing is copied: the copy is the value itself. A plan of one device passes through
// unchanged.
//
// A check of what comes from the host (labels of a loader) is made on the host, before it is
// copied: so it fails like any check on the cpu, and nothing has been submitted behind it.
//
// With several devices the nodes are put into an order of few changes of device. What may end up
// as writing over a leaf — an optimizer's update — comes last, after everything that can fail.
#include <algorithm>
#include <set>
#include <utility>

#include "core/op_attrs.h"
#include "plan/passes.h"
#include "plan/transfer.h"

namespace ingot::plan {
namespace {

// Writes the nodes anew, transfers between them.
class Transfers {
 public:
  explicit Transfers(Draft& draft)
      : draft_(draft),
        old_(std::move(draft.nodes)),
        copies_(draft.values.size()),
        origins_(draft.values.size(), -1) {
    draft_.nodes.clear();
    for (std::size_t v = 0; v < draft.values.size(); ++v)
      stands_for_.push_back(static_cast<std::int32_t>(v));
  }

  void run() {
    for (DraftNode& n : old_) {
      if (n.dead) {
        for (const std::int32_t v : n.outputs) {
          value(v).producer = -1;
          value(v).live = false;  // what stands for it is
        }
        continue;
      }
      for (std::int32_t& v : n.inputs) v = stands_for_[static_cast<std::size_t>(v)];
      if (is_copy_to(*n.op))
        copy_to(n);
      else
        take(std::move(n));
    }
    for (std::int32_t& v : draft_.outputs) v = stands_for_[static_cast<std::size_t>(v)];
    drop_unread_copies();
  }

 private:
  DraftValue& value(std::int32_t v) { return draft_.value(v); }

  void take(DraftNode&& n) {
    if (view_kind(*n.op) != ViewKind::None) n.on = where_view_is_cheapest(n);
    if (const std::int32_t leaf = checked_host_leaf(n); leaf >= 0) {
      n.on = kHost;
      n.inputs = {leaf};
    }
    for (std::int32_t& v : n.inputs) v = readable(v, n);
    const auto number = static_cast<std::int32_t>(draft_.nodes.size());
    std::vector<std::int32_t> wanted_back;
    for (std::int32_t& v : n.outputs) {
      if (draft_.same_memory(value(v).on, n.on)) {
        value(v).on = n.on;
        value(v).producer = number;
        continue;
      }
      // A fallback's result: here under a number of its own, and under v where it belongs.
      const std::int32_t here = add_copy(v, n.on);
      value(here).producer = number;
      value(v).producer = -1;
      if (value(v).live) wanted_back.push_back(v);
      v = here;
    }
    const std::int32_t recorded = n.batch_node, region = n.region;
    draft_.nodes.push_back(std::move(n));
    for (const std::int32_t v : wanted_back) in_memory_of(value(v).on, v, recorded, region);
  }

  // The host's leaf of which node n checks a copy, or -1.
  std::int32_t checked_host_leaf(const DraftNode& n) {
    if (!n.op->traits.checks || n.on == kHost || n.inputs.size() != 1 || n.outputs.size() != 1)
      return -1;
    std::int32_t v = n.inputs[0];
    while (origin_of(v) >= 0) v = origin_of(v);
    const DraftValue& given = value(v);
    const TensorSpec &in = given.spec, &out = value(n.outputs[0]).spec;
    const bool from_host = given.leaf >= 0 && given.on == kHost;
    return from_host && in.shape == out.shape && in.dtype == out.dtype ? v : -1;
  }

  // Copies that turned out to be for nobody: what was to be read was read where it came from.
  void drop_unread_copies() {
    std::vector<std::uint8_t> read(draft_.values.size(), 0);
    for (std::size_t v = 0; v < draft_.values.size(); ++v) read[v] = draft_.values[v].live;
    for (const DraftNode& n : draft_.nodes)
      for (const std::int32_t v : n.inputs) read[static_cast<std::size_t>(v)] = 1;
    std::vector<DraftNode> kept;
    for (DraftNode& n : draft_.nodes) {
      const std::int32_t to = n.outputs[0];
      const bool unread = n.op == &kTransfer && !read[static_cast<std::size_t>(to)];
      for (const std::int32_t v : n.outputs)
        value(v).producer = unread ? -1 : static_cast<std::int32_t>(kept.size());
      if (!unread) kept.push_back(std::move(n));
    }
    draft_.nodes = std::move(kept);
  }

  // `to(device)`: readers take the copy that is there.
  void copy_to(const DraftNode& n) {
    const std::int32_t to = n.outputs[0];
    const std::int32_t copy = in_memory_of(value(to).on, n.inputs[0], n.batch_node, n.region);
    stands_for_[static_cast<std::size_t>(to)] = copy;
    value(to).producer = -1;
    if (std::exchange(value(to).live, false)) value(copy).live = true;
  }

  // A view moves nothing: it is best where what it looks at is.
  std::uint8_t where_view_is_cheapest(const DraftNode& n) {
    const std::int32_t in = n.inputs[0];
    if (known(in, n.on) >= 0 || copies_of(in).empty()) return n.on;
    return copies_of(in).front().on;
  }

  // The input as node n can read it.
  std::int32_t readable(std::int32_t v, const DraftNode& n) {
    const std::int32_t producer = value(v).producer;
    if (producer >= 0 && !draft_.same_memory(value(v).on, n.on) &&
        is_fill(*draft_.nodes[static_cast<std::size_t>(producer)].op))
      return filled(v, n.on);
    return in_memory_of(n.on, v, n.batch_node, n.region);
  }

  // A number is made where it is read.
  std::int32_t filled(std::int32_t v, std::uint8_t on) {
    if (const std::int32_t copy = known(v, on); copy >= 0) return copy;
    DraftNode fill = draft_.nodes[static_cast<std::size_t>(value(v).producer)];
    const std::int32_t here = add_copy(v, on);
    fill.on = on;
    fill.outputs = {here};
    value(here).producer = static_cast<std::int32_t>(draft_.nodes.size());
    draft_.nodes.push_back(std::move(fill));
    return here;
  }

  // The number under which the value is in the memory of `on`, or -1.
  std::int32_t known(std::int32_t v, std::uint8_t on) {
    const DraftValue& given = value(v);
    if (draft_.same_memory(given.on, on) &&
        (given.producer >= 0 || given.leaf >= 0 || given.constant))
      return v;
    for (const Copy& c : copies_of(v))
      if (draft_.same_memory(c.on, on)) return c.value;
    return -1;
  }

  // The same, copied if it has to be; from one device to another by way of the host.
  std::int32_t in_memory_of(std::uint8_t on, std::int32_t v, std::int32_t batch_node,
                            std::int32_t region) {
    if (const std::int32_t here = known(v, on); here >= 0) return here;
    std::int32_t from = known(v, kHost);
    if (from < 0) from = known(v, value(v).on);
    if (from < 0) from = copies_of(v).front().value;
    if (value(from).on != kHost && on != kHost) from = in_memory_of(kHost, v, batch_node, region);
    const std::int32_t to = value(v).on == on ? v : add_copy(v, on);
    DraftNode n;
    n.op = &kTransfer;
    n.inputs = {from};
    n.outputs = {to};
    n.batch_node = batch_node;
    n.region = region;
    n.on = on == kHost ? value(from).on : on;
    value(to).producer = static_cast<std::int32_t>(draft_.nodes.size());
    draft_.nodes.push_back(std::move(n));
    return to;
  }

  std::int32_t add_copy(std::int32_t v, std::uint8_t on) {
    const std::int32_t copy = draft_.add_value({.spec = value(v).spec, .on = on});
    copies_.resize(draft_.values.size());
    origins_.resize(draft_.values.size(), -1);
    origins_.back() = v;
    stands_for_.push_back(copy);
    copies_of(v).push_back({on, copy});
    copies_of(copy) = {};
    return copy;
  }

  struct Copy {
    std::uint8_t on;
    std::int32_t value;
  };
  std::vector<Copy>& copies_of(std::int32_t v) { return copies_[static_cast<std::size_t>(v)]; }
  std::int32_t origin_of(std::int32_t copy) const {
    return origins_[static_cast<std::size_t>(copy)];
  }

  Draft& draft_;
  std::vector<DraftNode> old_;
  std::vector<std::vector<Copy>> copies_;  // per value: where else it is
  std::vector<std::int32_t> origins_;      // per value: of what it is a copy, or -1
  std::vector<std::int32_t> stands_for_;   // per value: what readers take for it
};

// A topological order that stays on one device while something is left to do there.
class Order {
 public:
  explicit Order(Draft& draft) : draft_(draft), readers_(draft.nodes.size()) {}

  void run() {
    const std::size_t count = draft_.nodes.size();
    std::vector<std::size_t> missing(count, 0);
    for (std::size_t i = 0; i < count; ++i)
      for (const std::int32_t v : draft_.nodes[i].inputs)
        if (const std::int32_t producer = draft_.value(v).producer; producer >= 0) {
          readers_[static_cast<std::size_t>(producer)].push_back(i);
          ++missing[i];
        }
    find_last_ones();
    ready_.resize(2 * draft_.devices.size());
    for (std::size_t i = 0; i < count; ++i)
      if (missing[i] == 0) queue_of(i).insert(i);
    std::vector<std::size_t> order;
    order.reserve(count);
    std::uint8_t on = kHost;
    while (order.size() < count) {
      const std::size_t next = choose(on);
      on = draft_.nodes[next].on;
      queue_of(next).erase(next);
      order.push_back(next);
      for (const std::size_t reader : readers_[next])
        if (--missing[reader] == 0) queue_of(reader).insert(reader);
    }
    apply(order);
  }

 private:
  // Nodes behind which there is only elementwise work of one device: they can wait for the rest.
  void find_last_ones() {
    comes_last_.assign(draft_.nodes.size(), 0);
    for (std::size_t i = draft_.nodes.size(); i-- > 0;) {
      const DraftNode& n = draft_.nodes[i];
      bool last = is_elementwise(*n.op) && !n.op->traits.checks;
      for (const std::size_t r : readers_[i]) last &= comes_last_[r] && draft_.nodes[r].on == n.on;
      comes_last_[i] = last;
    }
  }

  std::set<std::size_t>& queue_of(std::size_t i) {
    return ready_[draft_.nodes[i].on * std::size_t{2} + comes_last_[i]];
  }

  std::size_t choose(std::uint8_t on) {
    for (const std::size_t last : {0, 1}) {
      if (const auto& own = ready_[on * std::size_t{2} + last]; !own.empty()) return *own.begin();
      std::size_t best = draft_.nodes.size();
      for (std::size_t d = 0; d < draft_.devices.size(); ++d)
        if (const auto& queue = ready_[2 * d + last]; !queue.empty())
          best = std::min(best, *queue.begin());
      if (best < draft_.nodes.size()) return best;
    }
    return draft_.nodes.size();
  }

  void apply(const std::vector<std::size_t>& order) {
    std::vector<DraftNode> nodes;
    nodes.reserve(order.size());
    for (const std::size_t i : order) {
      for (const std::int32_t v : draft_.nodes[i].outputs)
        draft_.value(v).producer = static_cast<std::int32_t>(nodes.size());
      nodes.push_back(std::move(draft_.nodes[i]));
    }
    draft_.nodes = std::move(nodes);
  }

  Draft& draft_;
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<std::uint8_t> comes_last_;
  std::vector<std::set<std::size_t>> ready_;  // per device: what cannot wait, what can
};

}  // namespace

void place(Draft& draft) {
  if (draft.devices.size() == 1) return;
  Transfers(draft).run();
  Order(draft).run();
}

}  // namespace ingot::plan
