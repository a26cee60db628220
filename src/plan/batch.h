// Batch: the nodes one evaluation computes, in recording order, described relative to each other —
// what a plan is looked up by. Collecting a batch allocates nothing once its lists have grown.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "core/node.h"
#include "core/op_def.h"

namespace ingot::plan {

/// Where a node's input comes from: output `output` of batch node `node` (>= 0), or leaf ~node.
struct InputRef {
  std::int32_t node;
  std::uint32_t output;
  friend bool operator==(const InputRef&, const InputRef&) = default;
};

/// A value that exists before the batch runs.
struct Leaf {
  Node* node;
  std::uint32_t output;
  std::uint32_t edges;          ///< from batch nodes
  std::uint32_t dropped_edges;  ///< of those, the ones that go away after the run
  std::uint32_t alias;          ///< first leaf that holds the same Value
  Value* value;
};

/// Open addressing from (node, output) to leaf number; sized for the batch at hand.
class LeafTable {
 public:
  void reset(std::size_t expected);
  std::uint32_t find_or_add(std::vector<Leaf>& leaves, Node* node, std::uint32_t output);

 private:
  std::size_t place(const Node* node, std::uint32_t output) const;
  void grow(const std::vector<Leaf>& leaves);
  std::vector<std::int32_t> slots_;
};

struct Batch {
  std::vector<Node*> nodes;
  std::vector<InputRef> inputs;    ///< of all nodes, in order
  std::vector<std::uint8_t> live;  ///< per output of all nodes: keep the value
  std::vector<Leaf> leaves;
  std::vector<std::uint32_t> first_output;  ///< per node: where its outputs begin in `live`
  std::vector<std::int32_t> roots;          ///< nodes of the outputs that were asked for
  std::size_t num_asked = 0;                ///< nodes that these need, themselves included
  std::size_t num_slots = 0;
  std::uint64_t hash = 0;
  std::uint64_t token = 0;   ///< this evaluation's mark on its nodes
  bool comes_first = false;  ///< what was asked for needs these nodes to be Done before it
  Node* failed = nullptr;    ///< after a failed run: the node whose check threw, if one did
  /// After a failed run or a plan that could not be made: the node it failed for, if that is known.
  mutable Node* culprit = nullptr;
  /// After a run that failed when it had written over a leaf: what all its nodes fail with.
  std::exception_ptr broken;

  /// Lists that collecting fills and that keep their room.
  struct Scratch {
    std::vector<Node*> stack, own;
    LeafTable leaf_numbers;
    std::vector<std::uint32_t> alias_order, known_references;
  };
  Scratch scratch;

  void clear();
};

/// A node's edges go away when it has been computed, unless a backward still needs them.
inline bool drops_inputs(const Node& n) { return !n.keeps_history() || n.released(); }

/// Claims what must run so that `roots` and every pending output held by a Cell among `pending`
/// have values; waits for nodes that other threads run. False when nothing is to do.
/// Left out is what needs a Failed node, one that was set aside (unless `roots` need it), or one
/// that this thread is computing at the moment. If one of `roots` needs a Failed node, that node's
/// error is thrown: a failure is for those who ask for its result, not for whatever else is
/// evaluated meanwhile. If one needs what this very thread is computing: InternalError.
/// On any exception nothing stays claimed.
bool collect(Batch& batch, std::span<const NodeRef> pending, std::span<const ValueId> roots);

/// Where a device is lost: nodes that need it fail for good, those of `pending` and of what `roots`
/// need. Returns the error if there were any, else null. While the thread has ValuesStay: then
/// nothing that comes later is submitted to such a device.
std::exception_ptr fail_what_is_lost(std::span<const NodeRef> pending,
                                     std::span<const ValueId> roots);

/// Gives claimed nodes back as Pending: after a failure. `batch.failed`, if any, becomes Failed for
/// the reason given; all of them do if the batch is `broken`.
void unclaim(Batch& batch, const std::exception_ptr& why = nullptr) noexcept;

/// Whether the roots of a batch need this node of it.
bool is_asked_for(const Batch& batch, const Node* node);

/// Says that this thread computes the batch with that token while the scope lives.
class RunningScope {
 public:
  explicit RunningScope(std::uint64_t token);
  ~RunningScope();
  RunningScope(const RunningScope&) = delete;
  RunningScope& operator=(const RunningScope&) = delete;
  static bool covers(std::uint64_t token);

 private:
  std::uint64_t token_;
  RunningScope* previous_;
};

/// Notes that what is thrown now was about that node of the batch, and throws it again with the
/// place that recorded the node. Memory that ran out is nobody's fault.
/// Without a batch (a draft on its own) it is thrown again as it is.
[[noreturn]] void blame(const Batch* batch, std::int32_t node);

/// Calls `f` on behalf of one node of the batch: what it throws names the node.
template <class F>
decltype(auto) on_behalf_of(const Batch* batch, std::int32_t node, F&& f) {
  try {
    return f();
  } catch (...) {
    blame(batch, node);
  }
}

}  // namespace ingot::plan
