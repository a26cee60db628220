// Node: one recorded operation. Structure (op, attributes, inputs, output specs, slots) never
// changes after recording; what evaluation adds (values) and what autograd takes away (the edges of
// evaluated or released nodes) follows docs/architecture.md, "Evaluation".
//
// A node, its inputs, outputs and slots live in one pooled block. Destruction is iterative: a chain
// of a million nodes does not use the stack.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <ingot/core/scalar.h>
#include <ingot/core/tensor.h>

#include "core/attrs.h"
#include "core/buffer.h"
#include "core/ref_counted.h"

namespace ingot {

struct OpDef;
class Node;
class Cell;
using NodeRef = Ref<Node>;

/// Shape, dtype and device of one output: everything that is known before evaluation.
struct TensorSpec {
  Shape shape;
  DType dtype = DType::Float32;
  Device device;

  std::size_t nbytes() const { return static_cast<std::size_t>(shape.numel()) * nbytes_of(dtype); }
  /// "float32[2, 3]"
  std::string str() const;
  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

/// One output of one node.
struct ValueId {
  NodeRef node;
  std::uint32_t output = 0;

  const TensorSpec& spec() const;
  bool requires_grad() const;
  explicit operator bool() const { return static_cast<bool>(node); }
  friend bool operator==(const ValueId& a, const ValueId& b) {
    return a.node == b.node && a.output == b.output;
  }
};

struct NodeOutput {
  TensorSpec spec;
  Ref<Value> value;                     ///< set once, when the node becomes Done (if kept)
  std::atomic<std::uint32_t> cells{0};  ///< live Cells that hold this output
};

enum class NodeState : std::uint8_t {
  Pending,  ///< recorded, no values
  Running,  ///< claimed by an evaluation
  Done,     ///< values present where kept
  Failed    ///< a check of its own threw (a label out of range): it would throw again
};

/// Gradient hooks and retain_grad requests of one node's outputs.
struct NodeHooks {
  struct Entry {
    std::uint32_t output;
    std::int64_t id;
    std::function<Tensor(const Tensor&)> hook;
  };
  std::vector<Entry> hooks;
  struct Retain {
    std::uint32_t output;
    WeakCell cell;
  };
  std::vector<Retain> retains;
};

class Node : public RefCounted<Node> {
 public:
  struct Init {
    const OpDef* op;
    std::span<ValueId> inputs;  ///< moved from
    Attrs attrs;
    std::span<const Scalar> slots;
    std::span<const TensorSpec> outputs;
    bool requires_grad;
    Site site;
    Site outer_site;
  };
  static NodeRef create(Init&& init);
  static void destroy(Node* node) noexcept;

  const OpDef& op() const { return *op_; }
  const Attrs& attrs() const { return attrs_; }
  std::uint64_t id() const { return id_; }
  /// Of op, attributes, slot kinds and output specs; inputs are mixed in when a plan is looked up.
  std::uint64_t local_hash() const { return hash_; }
  bool requires_grad() const { return requires_grad_; }
  const Site& site() const { return site_; }
  const Site& outer_site() const { return outer_site_; }

  /// Empty once the edges have been dropped.
  std::span<const ValueId> inputs() const { return {inputs_, num_inputs_}; }
  std::span<NodeOutput> outputs() { return {outputs_, num_outputs_}; }
  std::span<const NodeOutput> outputs() const { return {outputs_, num_outputs_}; }
  std::span<const Scalar> slots() const { return {slots_, num_slots_}; }

  NodeState state() const { return state_.load(std::memory_order_acquire); }
  /// Pending -> Running for the caller alone; false when somebody else has it or it is done.
  bool claim() {
    auto expected = NodeState::Pending;
    return state_.compare_exchange_strong(expected, NodeState::Running, std::memory_order_acq_rel);
  }
  void set_state(NodeState s);
  /// Which evaluation claimed it; 0 for none.
  std::uint64_t claimed_by() const { return claimed_by_.load(std::memory_order_relaxed); }
  void set_claimed_by(std::uint64_t token) { claimed_by_.store(token, std::memory_order_relaxed); }
  /// Waits until a node that somebody else runs is Pending, Done or Failed.
  void wait_not_running() const;

  /// Running -> Failed, for good; whoever asks for its values gets `why`.
  void fail(std::exception_ptr why) {
    failure_ = std::move(why);
    set_state(NodeState::Failed);
  }
  /// Of a Failed node.
  const std::exception_ptr& failure() const { return failure_; }

  /// Drops the edges to the inputs: after evaluation, unless a backward still needs them.
  void drop_inputs() noexcept;

  bool released() const { return released_; }
  /// backward() went through it without retain_graph.
  void set_released() { released_ = true; }

  NodeHooks& hooks() {
    if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
    return *hooks_;
  }
  NodeHooks* hooks_or_null() const { return hooks_.get(); }

  /// The Cell that a `variable` node stands for, if it still lives.
  WeakCell variable_of;

  /// Scratch of the evaluation that claimed this node.
  std::uint32_t position = 0;

 private:
  Node() = default;
  ~Node() = default;
  void destruct() noexcept;
  friend struct NodeReaper;

  const OpDef* op_ = nullptr;
  Attrs attrs_;
  std::uint64_t id_ = 0;
  std::uint64_t hash_ = 0;
  ValueId* inputs_ = nullptr;
  NodeOutput* outputs_ = nullptr;
  Scalar* slots_ = nullptr;
  std::uint32_t num_inputs_ = 0;
  std::uint32_t allocated_inputs_ = 0;
  std::uint32_t num_outputs_ = 0;
  std::uint32_t num_slots_ = 0;
  std::uint32_t block_nbytes_ = 0;
  std::atomic<std::uint64_t> claimed_by_{0};
  std::atomic<NodeState> state_{NodeState::Pending};
  bool requires_grad_ = false;
  bool released_ = false;
  Site site_;
  Site outer_site_;
  std::unique_ptr<NodeHooks> hooks_;
  std::exception_ptr failure_;
};

inline const TensorSpec& ValueId::spec() const { return node->outputs()[output].spec; }
inline bool ValueId::requires_grad() const { return node->requires_grad(); }

/// A Done node that holds `value`: a constant, an upload, an optimizer state from a file.
NodeRef make_constant(const TensorSpec& spec, Ref<Value> value);

}  // namespace ingot
