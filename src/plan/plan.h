// Plan: a batch made executable — steps with kernels, where every value lives, and what may be
// overwritten. Immutable once built, so threads share it; peak memory is known before it runs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "plan/batch.h"
#include "plan/figures.h"
#include "plan/instance.h"

namespace ingot::plan {

/// What a batch is compared with on a cache hit: its whole structure, never only the hash.
struct PlanKey {
  struct NodeKey {
    const OpDef* op;
    Attrs attrs;
    std::uint32_t num_inputs, num_outputs, num_slots;
  };
  struct LeafKey {
    TensorSpec spec;
    Dims strides;
    std::uint32_t alias;
    friend bool operator==(const LeafKey&, const LeafKey&) = default;
  };
  std::uint64_t hash = 0;
  const Backend* backend = nullptr;
  int num_threads = 1;
  std::vector<NodeKey> nodes;
  std::vector<InputRef> inputs;
  std::vector<TensorSpec> outputs;
  std::vector<Scalar::Kind> slot_kinds;
  std::vector<std::uint8_t> live;
  std::vector<LeafKey> leaves;

  static PlanKey of(const Batch& batch, const Backend& backend, int num_threads);
  bool matches(const Batch& batch, const Backend& backend, int num_threads) const;
};

/// Where the bytes of a value are: one buffer may hold several values (views).
struct PlanBuffer {
  enum class Kind : std::uint8_t { Leaf, Constant, Arena, Output };
  Kind kind = Kind::Arena;
  std::uint32_t index = 0;  ///< of the leaf, constant or output
  std::size_t offset = 0;   ///< in the arena, bytes
  std::size_t nbytes = 0;
  std::uint8_t on = 0;  ///< the device in whose memory it is, in its arena for example
  /// Output buffers: the leaf whose memory may be taken over if nobody else holds it, or -1.
  std::int32_t donor_leaf = -1;
};

struct StepOperand {
  std::int32_t buffer;
  std::int64_t offset_nbytes;
};

struct Step {
  std::unique_ptr<Kernel> kernel;
  std::vector<StepOperand> operands;  ///< inputs, then outputs
  std::uint32_t num_inputs = 0;
  std::uint32_t first_slot = 0;  ///< in the plan's slot block
  std::size_t workspace_offset = 0;
  // For messages and profiles.
  const OpDef* op = nullptr;
  std::int32_t batch_node = 0;
  Site site;
  std::string what;  ///< "mul+add+relu"
  StepFigures figures;
};

/// A device of a plan, and how much memory it needs there for temporaries.
struct PlanDevice {
  Device device;
  Backend* backend = nullptr;  ///< of the cpu null: the run says which
  std::size_t arena_nbytes = 0;
};

/// A run of steps on one device.
struct Segment {
  std::uint8_t on = 0;
  std::size_t first_step = 0;
  std::size_t end_step = 0;
  /// Earlier segments, on other devices, whose work must be there before this one begins.
  std::vector<std::uint32_t> waits_for;
};

struct Plan {
  PlanKey key;
  std::uint64_t id = 0;  ///< never used again in this process
  std::vector<Step> steps;
  std::vector<PlanDevice> devices;  ///< number 0 is the cpu
  std::vector<Segment> segments;
  std::vector<PlanBuffer> buffers;
  std::vector<Ref<Value>> constants;
  /// Slot block: entry i is batch slot `slots[i]` (>= 0) or constant ~slots[i].
  std::vector<std::int32_t> slots;
  std::vector<Scalar> constant_slots;
  /// How live output k (in the order of the key's live flags) is made from a buffer.
  struct Result {
    std::uint32_t flat_output;
    std::int32_t buffer;
    std::int64_t offset;  ///< elements
    Dims strides;
    std::int32_t same_as;    ///< an earlier result that is the same value, or -1
    std::int32_t step = -1;  ///< the last that writes it, or -1: it was there
  };
  std::vector<Result> results;
  std::size_t output_nbytes = 0;
  /// First step that writes into memory of a donor leaf: nothing may fail from here on.
  std::size_t commit_step = 0;

  mutable InstancePool instances;

  std::size_t arena_nbytes() const;
  std::size_t peak_nbytes() const { return arena_nbytes() + output_nbytes; }
  /// What the plan itself takes, its instances included: keys, kernels (as they say), constants.
  std::size_t nbytes() const;
};

struct Gap;
/// Runs all passes (plan/passes.h). With `gaps`, ops that fall back are noted there, without a
/// warning or an error.
std::shared_ptr<Plan> make_plan(const Batch& batch, Backend& backend, int num_threads,
                                bool all_on_host, std::vector<Gap>* gaps = nullptr);

/// Builds the plan for a batch: all passes (plan/passes.h).
/// `all_on_host`: the backend computes what is meant for other devices as well, from leaves in the
/// host's memory.
std::shared_ptr<const Plan> build_plan(const Batch& batch, Backend& backend, int num_threads,
                                       bool all_on_host = false);

/// Finds or builds. Thread-safe.
std::shared_ptr<const Plan> plan_for(const Batch& batch, Backend& backend);

struct CacheFigures {
  std::size_t plans = 0;
  std::size_t nbytes = 0;            ///< of the plans
  std::size_t instances_nbytes = 0;  ///< of instances that no run uses
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};
CacheFigures cache_figures();
void clear_plan_cache();
/// The plans used longest ago go when all together are larger; the last one added stays. Returns
/// the limit before; the default is 512 MiB.
std::size_t set_plan_cache_limit(std::size_t nbytes);
/// Frees the instances of cached plans that no run uses.
void drop_instances() noexcept;

/// Runs the plan: gives the batch's nodes their values; of steps on a device with a stream the
/// values to come (Value::ready). `backend` computes what is on the cpu. On an exception no node
/// and no leaf has changed; `batch.failed` is then the node whose own check threw, if one did.
/// Throws RunFailedEarlier (plan/in_flight.h) when it had to wait for a device and an earlier run
/// turned out to have failed there.
/// With `wait`, what it submitted to devices has succeeded when it returns.
void execute(const std::shared_ptr<const Plan>& plan, Batch& batch, Backend& backend,
             bool wait = false);

/// Tests: makes evaluations of this thread throw at the n-th place, counted from 0, where they may
/// fail: finding or building the plan, taking memory, and before each step up to (and including)
/// the first that writes over a leaf. Later there is no such place: see plan/donate.cpp.
struct FaultInjection {
  static constexpr std::int64_t kOff = -1;
  static void fail_at(std::int64_t place);
  /// Places passed since the last fail_at().
  static std::int64_t passed();
  /// Called at every such place. Throws InternalError.
  static void place(const char* what);
};

}  // namespace ingot::plan
