#include "core/node.h"

#include <fmt/format.h>

#include <new>

#include "core/block_pool.h"
#include "core/op_def.h"

namespace ingot {
namespace {

std::uint64_t next_id() {
  // Relaxed is enough: a node's inputs were recorded before it, and their ids were read through
  // whatever made them visible to this thread.
  static std::atomic<std::uint64_t> counter{1};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t hash_spec(std::uint64_t h, const TensorSpec& spec) {
  h = hash_mix(
      h, (static_cast<std::uint64_t>(spec.dtype) << 32) ^
             (static_cast<std::uint64_t>(spec.device.type) << 24) ^
             (static_cast<std::uint64_t>(static_cast<std::uint16_t>(spec.device.index)) << 8) ^
             static_cast<std::uint64_t>(spec.shape.rank()));
  for (const std::int64_t d : spec.shape) h = hash_mix(h, static_cast<std::uint64_t>(d));
  return h;
}

}  // namespace

std::string TensorSpec::str() const { return fmt::format("{}{}", name(dtype), shape.str()); }

// Nodes whose last reference went away, waiting to be taken apart; the outermost destroy() on this
// thread empties the list, so the depth of a graph never becomes depth of the stack.
struct NodeReaper {
  static void reap(Node* node) noexcept;
};

void NodeReaper::reap(Node* node) noexcept {
  struct Waiting {
    Node* head;
    bool busy;
  };
  static thread_local Waiting waiting{nullptr, false};
  // A dead node no longer needs its op: the field links the list.
  node->op_ = reinterpret_cast<const OpDef*>(waiting.head);
  waiting.head = node;
  if (waiting.busy) return;
  waiting.busy = true;
  while (Node* next = waiting.head) {
    waiting.head = reinterpret_cast<Node*>(const_cast<OpDef*>(next->op_));
    next->destruct();
  }
  waiting.busy = false;
}

void Node::destroy(Node* node) noexcept { NodeReaper::reap(node); }

NodeRef Node::create(Init&& init) {
  const std::size_t n_in = init.inputs.size(), n_out = init.outputs.size(),
                    n_slot = init.slots.size();
  const std::size_t nbytes =
      sizeof(Node) + n_out * sizeof(NodeOutput) + n_in * sizeof(ValueId) + n_slot * sizeof(Scalar);
  auto* block = static_cast<std::byte*>(pool_take(nbytes));
  auto* node = new (block) Node();
  NodeRef ref(node);
  node->block_nbytes_ = static_cast<std::uint32_t>(nbytes);
  node->op_ = init.op;
  node->attrs_ = std::move(init.attrs);
  node->id_ = next_id();
  node->requires_grad_ = init.requires_grad;
  node->site_ = init.site;
  node->outer_site_ = init.outer_site;

  std::uint64_t h = hash_mix(init.op->name_hash, node->attrs_.hash());
  std::byte* at = block + sizeof(Node);
  node->outputs_ = reinterpret_cast<NodeOutput*>(at);
  for (std::size_t i = 0; i < n_out; ++i) {
    auto* output = new (at) NodeOutput();
    output->spec = init.outputs[i];
    h = hash_spec(h, output->spec);
    at += sizeof(NodeOutput);
  }
  node->num_outputs_ = static_cast<std::uint32_t>(n_out);
  node->inputs_ = reinterpret_cast<ValueId*>(at);
  for (std::size_t i = 0; i < n_in; ++i) {
    new (at) ValueId(std::move(init.inputs[i]));
    at += sizeof(ValueId);
  }
  node->num_inputs_ = node->allocated_inputs_ = static_cast<std::uint32_t>(n_in);
  node->slots_ = reinterpret_cast<Scalar*>(at);
  for (std::size_t i = 0; i < n_slot; ++i) {
    new (at) Scalar(init.slots[i]);
    h = hash_mix(h, static_cast<std::uint64_t>(init.slots[i].kind()) + 17);
    at += sizeof(Scalar);
  }
  node->num_slots_ = static_cast<std::uint32_t>(n_slot);
  node->hash_ = h;
  return ref;
}

void Node::destruct() noexcept {
  drop_inputs();
  for (NodeOutput& o : outputs()) o.~NodeOutput();
  const std::size_t nbytes = block_nbytes_;
  this->~Node();
  pool_give(this, nbytes);
}

void Node::drop_inputs() noexcept {
  for (std::uint32_t i = 0; i < num_inputs_; ++i) inputs_[i].~ValueId();
  num_inputs_ = 0;
}

bool Node::keeps_history() const { return requires_grad_ && op_ != &kVariable; }

void Node::set_released() noexcept {
  const std::uint8_t before = history_.fetch_or(kReleased, std::memory_order_acq_rel);
  if (before == kComputed) drop_inputs();
}

void Node::set_computed() noexcept {
  if (!keeps_history() || history_.fetch_or(kComputed, std::memory_order_acq_rel) == kReleased)
    drop_inputs();
}

std::uint32_t Node::references_but_cells() const {
  // A Cell holds one reference, and counts itself while it has it. Looking before and after shows
  // whether the references were counted in between two of these changes.
  std::uint64_t before = 0, after = 0;
  for (const NodeOutput& o : outputs()) before += o.cells.look();
  const std::uint32_t references = ref_count();
  for (const NodeOutput& o : outputs()) after += o.cells.look();
  if (before != after) return ~std::uint32_t{0};
  return references - static_cast<std::uint32_t>(before);
}

void Node::set_state(NodeState s) {
  state_.store(s, std::memory_order_release);
  state_.notify_all();
}

void Node::wait_not_running() const { state_.wait(NodeState::Running, std::memory_order_acquire); }

namespace {
void no_infer(InferContext&) { throw InternalError("a constant is not inferred"); }
}  // namespace

const OpDef kConstant{.name = "constant", .infer = no_infer};

NodeRef make_constant(const TensorSpec& spec, Ref<Value> value) {
  NodeRef node = Node::create({.op = &kConstant,
                               .inputs = {},
                               .attrs = {},
                               .slots = {},
                               .outputs = {&spec, 1},
                               .requires_grad = false,
                               .site = {},
                               .outer_site = {}});
  node->outputs()[0].value = std::move(value);
  node->set_state(NodeState::Done);
  return node;
}

}  // namespace ingot
