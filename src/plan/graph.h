// Graph: a batch as the passes see it — nodes and values by number, composite ops replaced by their
// expansion, aliases gone. Passes rewrite it in this order:
//   build (expand) · simplify (merge equal nodes, drop unused) · schedule (join elementwise nodes
//   into groups) · then lower.cpp chooses memory orders, kernels and offsets.
#pragma once

#include <cstdint>
#include <source_location>
#include <vector>

#include "backend/backend.h"
#include "core/node.h"
#include "core/op_def.h"
#include "plan/batch.h"

namespace ingot::plan {

/// A scalar of the plan: >= 0 a slot of the batch, < 0 entry ~slot of the plan's constants.
using SlotRef = std::int32_t;

struct GraphValue {
  TensorSpec spec;
  std::int32_t producer = -1;  ///< graph node, or -1
  std::int32_t leaf = -1;      ///< batch leaf, or -1
  Ref<Value> constant = {};    ///< data an expansion brought along
  bool live = false;           ///< wanted after the run
};

struct GraphNode {
  const OpDef* op = nullptr;
  Attrs attrs;
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> outputs;
  std::vector<SlotRef> slots;
  std::vector<Scalar::Kind> slot_kinds;
  std::source_location site;
  std::int32_t batch_node = 0;  ///< the recorded node it comes from
  bool dead = false;
};

struct Graph {
  std::vector<GraphValue> values;
  std::vector<GraphNode> nodes;  ///< topologically sorted
  std::vector<Scalar> constant_slots;
  /// For every output of every batch node: its value here (several may share one).
  std::vector<std::int32_t> batch_outputs;
};

/// True for what a Program can compute: elementwise primitives and `full`.
bool is_elementwise(const OpDef& op);

/// Translates the batch; expands ops that `backend` has no kernel for.
Graph build_graph(const Batch& batch, const Backend& backend);
/// Merges equal pure nodes, drops nodes whose results nobody needs.
void simplify(Graph& graph);

/// One unit of work: a single node, or elementwise nodes of one shape that become one Program.
struct Group {
  std::vector<std::int32_t> nodes;
};
std::vector<Group> schedule(const Graph& graph, bool fuse);

}  // namespace ingot::plan
