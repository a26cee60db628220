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
#include "core/hook_list.h"
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

/// How many Cells hold an output. Every change also counts up a second number, so that two equal
/// looks prove that nothing changed in between.
class CellCount {
 public:
  void add() { bits_.fetch_add(kChange + 1, std::memory_order_release); }
  void remove() { bits_.fetch_add(kChange - 1, std::memory_order_release); }
  std::uint32_t load(std::memory_order order = std::memory_order_acquire) const {
    return static_cast<std::uint32_t>(bits_.load(order));
  }
  std::uint64_t look() const { return bits_.load(std::memory_order_acquire); }

 private:
  static constexpr std::uint64_t kChange = std::uint64_t{1} << 32;
  std::atomic<std::uint64_t> bits_{0};
};

struct NodeOutput {
  TensorSpec spec;
  Ref<Value> value;  ///< set once, when the node becomes Done (if kept)
  CellCount cells;   ///< live Cells that hold this output
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
    std::shared_ptr<GradHooks> hooks;
  };
  std::vector<Entry> hooks;  ///< one entry an output that has any
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

  // Edges to the inputs are dropped once, by whoever comes second: the evaluation that computed the
  // node, or the backward that released it. The two may be on different threads.

  /// Whether a backward may still come by.
  bool keeps_history() const;
  bool released() const { return (history_.load(std::memory_order_acquire) & kReleased) != 0; }
  /// backward() went through it without retain_graph.
  void set_released() noexcept;
  /// The evaluation that made it Done needs its inputs no more.
  void set_computed() noexcept;
  /// Drops the edges of a node that nobody else knows yet.
  void drop_inputs() noexcept;

  /// References that are not those of Cells. When Cells came or went during the count: more than
  /// there can be.
  std::uint32_t references_but_cells() const;
  /// Whether one of these is that of a thread's pending list.
  bool listed() const { return listed_.load(std::memory_order_acquire); }
  void set_listed(bool on) { listed_.store(on, std::memory_order_release); }

  // A node whose value was submitted to a device is Done, and yet may be given back as Pending: the
  // step may fail later. Until that is known it keeps its edges (plan/in_flight.h).

  enum class Flight : std::uint8_t {
    Never,     ///< was never submitted
    Going,     ///< is Done, but may be given back
    Arrived,   ///< its run has succeeded
    GivenBack  ///< its run has failed: pending, or computed anew in another way
  };
  bool in_flight() const { return flight_.load(std::memory_order_acquire) == Flight::Going; }
  void set_flight(Flight f) { flight_.store(f, std::memory_order_release); }
  /// It is Done, and nobody will give it back. May be asked by any thread at any time; when in
  /// doubt, false. (Going comes before Done and GivenBack after Pending. So who sees first Done and
  /// then Never or Arrived has seen a Done that stays.)
  bool is_settled() const {
    if (state() != NodeState::Done) return false;
    const Flight f = flight_.load(std::memory_order_acquire);
    return f == Flight::Never || f == Flight::Arrived;
  }
  /// References that go away by themselves when the runs in flight have succeeded: those of their
  /// lists, and the edges that their nodes will drop.
  /// Every change also counts up the upper half, so that two equal looks prove that nothing changed
  /// in between.
  std::uint64_t parked_look() const { return parked_.load(std::memory_order_acquire); }
  static std::uint32_t parked(std::uint64_t look) { return static_cast<std::uint32_t>(look); }
  void park() { parked_.fetch_add(kParkedChange + 1, std::memory_order_acq_rel); }
  void unpark() { parked_.fetch_add(kParkedChange - 1, std::memory_order_acq_rel); }

  /// Set when it could not be computed though nobody had asked for it: from then on only those who
  /// ask for it, or for what needs it, try.
  bool set_aside() const { return set_aside_.load(std::memory_order_relaxed); }
  void set_aside(bool on) { set_aside_.store(on, std::memory_order_relaxed); }

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
  static constexpr std::uint8_t kReleased = 1, kComputed = 2;
  std::atomic<std::uint8_t> history_{0};
  std::atomic<bool> listed_{false};
  std::atomic<bool> set_aside_{false};
  std::atomic<Flight> flight_{Flight::Never};
  static constexpr std::uint64_t kParkedChange = std::uint64_t{1} << 32;
  std::atomic<std::uint64_t> parked_{0};
  bool requires_grad_ = false;
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
