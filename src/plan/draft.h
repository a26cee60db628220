// Draft: a batch on its way to a plan. The passes (plan/passes.h) are functions on it. Each adds a
// part, or rewrites one that is there:
//
//   expand    outputs, leaves, values, nodes   the batch, composite ops replaced by what they mean
//   simplify  (nodes)                          equal nodes merged, nodes that nobody needs dead
//   place     (nodes, values)                  devices meet: transfers, order, whom `on` names
//   group     groups, in_memory                which elementwise nodes become one step
//   program   (groups)                         what each such step computes per element
//   layout    buffers, places, steps, results  memory orders, views as strides, copies
//   lower     (steps)                          kernels and their workspaces
//   donate    takes_over, commit_step          what is written over what
//   memory    (buffers)                        offsets in one arena
//
// Everything refers to everything else by number. Only `expand` reads the batch, and no pass keeps
// state of its own: a draft can be printed (str) and checked (plan/check.h) after each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "core/node.h"
#include "core/op_def.h"
#include "plan/batch.h"
#include "plan/plan.h"

namespace ingot::plan {

/// A scalar of the plan: >= 0 a slot of the batch, < 0 entry ~slot of the plan's constants.
using SlotRef = std::int32_t;

/// How a view arranges its input's elements.
enum class ViewKind : std::uint8_t { None, Reshape, Permute, Broadcast };
ViewKind view_kind(const OpDef& op);
/// Every element is the number in slot 0.
bool is_fill(const OpDef& op);

struct DraftLeaf {
  std::uint32_t alias;  ///< first leaf that is the same value
  Dims strides;
};

struct DraftValue {
  TensorSpec spec;
  std::int32_t producer = -1;  ///< node, or -1
  std::int32_t leaf = -1;      ///< leaf, or -1
  Ref<Value> constant = {};    ///< data an expansion brought along
  bool live = false;           ///< wanted after the run
  std::uint8_t on = 0;         ///< the device in whose memory it is
};

struct DraftNode {
  const OpDef* op = nullptr;
  Attrs attrs;
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> outputs;
  std::vector<SlotRef> slots;
  std::vector<Scalar::Kind> slot_kinds;
  std::int32_t batch_node = 0;  ///< the recorded node it comes from
  std::int32_t region = 0;      ///< nodes of two regions have a barrier between them
  bool dead = false;
  std::uint8_t on = 0;  ///< the device that runs it; of a transfer the one that is not the host
};

/// A device that a plan uses.
struct DraftDevice {
  Device device;
  const Backend* backend;
  std::size_t arena_nbytes = 0;  ///< the pass `memory`
};

/// One unit of work: a single node, or elementwise nodes of one shape that become one Program.
struct Group {
  std::vector<std::int32_t> nodes;
  /// Of elementwise groups, by the pass `program`. A group without outputs (a number that every
  /// reader takes as a slot) becomes no step.
  std::shared_ptr<const Program> program = {};
  std::vector<std::int32_t> inputs = {}, outputs = {};  ///< values it loads and stores
  std::vector<SlotRef> slots = {};
  std::vector<Scalar::Kind> slot_kinds = {};
};

/// Where a value's elements are.
struct Place {
  std::int32_t buffer = -1;
  std::int64_t offset = 0;  ///< elements
  Dims strides;
};

/// The steps between which a buffer holds something that is still read.
struct Life {
  std::size_t first, last;
};

struct DraftStep {
  StepDesc desc;
  std::vector<std::int32_t> reads, writes;  ///< values
  std::vector<Place> from, to;              ///< where they are; a read may be of a copy
  std::vector<SlotRef> slots;
  std::int32_t node = 0;  ///< the first it computes, or the one a copy is made for
  std::string what;       ///< "mul+add+relu"
  std::unique_ptr<Kernel> kernel = {};
  std::int32_t workspace = -1;  ///< buffer, or -1
  std::uint8_t on = 0;          ///< the device that runs it
};

/// An op that its device has no kernel for.
struct Gap {
  const OpDef* op;
  std::int32_t batch_node;
  Device device;
  std::string operand;  ///< the first one: "float32[2, 3]"
  bool refused;         ///< falling back is switched off
};

struct Draft {
  /// The last part that is filled in.
  enum class Part : std::uint8_t {
    Nothing,
    Nodes,
    Groups,
    Programs,
    Steps,
    Kernels,
    Donors,
    Arena
  };
  struct Sites {
    Site site, outer_site;
  };

  /// `host_backend` computes what is on the cpu; the others are looked up as devices are met.
  /// `all_on_host`: it computes everything, and all leaves are in the host's memory.
  Draft(const Batch& the_batch, const Backend& host_backend, bool all_on_host = false)
      : batch(&the_batch), devices{{Device{}, &host_backend}}, host_only(all_on_host) {}

  const Batch* batch;
  /// Number 0 is the cpu.
  std::vector<DraftDevice> devices;
  bool host_only = false;
  /// Where such ops are noted, instead of being warned of or refused; null in real runs.
  std::vector<Gap>* gaps = nullptr;
  Part filled = Part::Nothing;

  // expand
  std::vector<DraftLeaf> leaves;
  std::vector<DraftValue> values;
  std::vector<DraftNode> nodes;  ///< topologically sorted
  std::vector<Scalar> constant_slots;
  std::size_t num_batch_slots = 0;
  /// For every output of every batch node: its value here (several may share one) ...
  std::vector<std::int32_t> outputs;
  std::vector<std::uint8_t> live;  ///< ... and whether it is kept.
  std::vector<Sites> sites;        ///< per batch node: where it was recorded
  std::vector<Gap> fallbacks;      ///< ops that the cpu computes for another device

  // group
  std::vector<Group> groups;
  std::vector<std::uint8_t> in_memory;  ///< per value: some step must store it

  // layout
  std::vector<PlanBuffer> buffers;
  std::vector<Life> lives;  ///< per buffer; a taken over one lives as long as what is written there
  std::vector<Ref<Value>> constants;
  std::vector<Place> places;  ///< per value
  std::vector<DraftStep> steps;
  std::vector<Plan::Result> results;

  // donate
  std::vector<std::int32_t>
      takes_over;  ///< per buffer: the arena buffer whose memory it gets, or -1
  std::size_t commit_step = 0;

  DraftValue& value(std::int32_t v) { return values[static_cast<std::size_t>(v)]; }
  const DraftValue& value(std::int32_t v) const { return values[static_cast<std::size_t>(v)]; }
  DraftNode& node(std::int32_t n) { return nodes[static_cast<std::size_t>(n)]; }
  const DraftNode& node(std::int32_t n) const { return nodes[static_cast<std::size_t>(n)]; }
  PlanBuffer& buffer(std::int32_t b) { return buffers[static_cast<std::size_t>(b)]; }
  const PlanBuffer& buffer(std::int32_t b) const { return buffers[static_cast<std::size_t>(b)]; }

  /// The number of a device of the plan. Throws DeviceError when it is not available.
  std::uint8_t device_number(Device device);
  const Backend& backend_of(std::uint8_t on) const { return *devices[on].backend; }
  bool unified(std::uint8_t on) const { return on != 0 && devices[on].backend->unified(); }
  /// Whether one reads what the other made as it is: one device, or one memory.
  bool same_memory(std::uint8_t a, std::uint8_t b) const {
    return a == b || ((a == 0 || unified(a)) && (b == 0 || unified(b)));
  }
  /// Whether steps of that device are joined into programs.
  bool fuses(std::uint8_t on) const { return devices[on].backend->fuses(); }

  /// A number that a program which reads it on device `on` takes as a slot: it needs no memory
  /// there.
  bool is_slot(std::int32_t v, std::uint8_t on) const {
    const std::int32_t producer = value(v).producer;
    return producer >= 0 && is_fill(*node(producer).op) && fuses(on);
  }
  std::int32_t add_value(DraftValue v);
  /// A buffer that step `step` is the first to use.
  std::int32_t add_buffer(const PlanBuffer& b, std::size_t step);
  std::size_t arena_nbytes() const;
  /// A step still reads or writes the buffer.
  void use_buffer(std::int32_t b, std::size_t step) {
    lives[static_cast<std::size_t>(b)].last = step;
  }
  /// Per buffer: a result is in it.
  std::vector<std::uint8_t> holds_result() const;

  /// All that the last pass left, a line each, with shapes, dtypes, strides and the user's lines:
  /// nodes until there are steps, then steps, buffers and results.
  std::string str() const;
  /// One step, as str() prints it.
  std::string step_str(std::size_t step) const;
  /// "n3 mul, train.cpp:41"
  std::string node_str(std::int32_t n) const;
};

/// True for what a Program can compute: elementwise primitives and numbers.
inline bool is_elementwise(const OpDef& op) {
  return op.traits.scalar != ScalarOp::None || is_fill(op);
}

}  // namespace ingot::plan
