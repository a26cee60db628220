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

struct Batch {
  std::vector<Node*> nodes;
  std::vector<InputRef> inputs;    ///< of all nodes, in order
  std::vector<std::uint8_t> live;  ///< per output of all nodes: keep the value
  std::vector<Leaf> leaves;
  std::vector<std::uint32_t> first_output;  ///< per node: where its outputs begin in `live`
  std::size_t num_slots = 0;
  std::uint64_t hash = 0;
  std::uint64_t token = 0;  ///< this evaluation's mark on its nodes
  Node* failed = nullptr;   ///< after a failed run: the node whose check threw, if one did

  void clear();
};

/// A node's edges go away when it has been computed, unless a backward still needs them.
inline bool drops_inputs(const Node& n) {
  return !n.requires_grad() || n.released() || &n.op() == &kVariable;
}

/// Claims what must run so that `roots` and every pending output held by a Cell among `pending`
/// have values; waits for nodes that other threads run. False when nothing is to do.
/// What needs a Failed node is left out, or, if one of `roots` does, that node's error is thrown:
/// a failure is for those who ask for its result, not for whatever else is evaluated meanwhile.
bool collect(Batch& batch, std::span<const NodeRef> pending, std::span<const ValueId> roots);

/// Gives claimed nodes back as Pending: after a failure. `batch.failed`, if any, becomes Failed for
/// the reason given.
void unclaim(Batch& batch, const std::exception_ptr& why = nullptr) noexcept;

}  // namespace ingot::plan
