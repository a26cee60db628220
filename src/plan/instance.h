// What a run of a plan needs beside the plan: Binding (one run's memory and numbers) and
// PlanInstance (what stays from run to run, so that a known plan runs without allocating). A plan
// keeps the instances that no run uses; several threads that run one plan at once have one each.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <ingot/core/scalar.h>

#include "core/buffer.h"
#include "core/node.h"
#include "core/observe.h"
#include "core/stream.h"

namespace ingot::plan {

/// One run: where each of the plan's buffers is, and the slots as its kernels read them.
struct Binding {
  std::vector<Bound> bounds;         ///< per plan buffer
  std::vector<Scalar> slots;         ///< the slot block
  std::vector<Ref<Buffer>> arenas;   ///< per device; null where none is needed
  std::vector<Ref<Buffer>> outputs;  ///< per output buffer of the plan
  std::vector<Ref<Value>> values;    ///< per output of the batch: what its nodes will hold
};

/// Tells whoever watches when a device ran a step.
class DeviceTimer final : public StepTimer {
 public:
  DeviceTimer(std::shared_ptr<RunObserver> observer, std::uint64_t plan, std::uint64_t run,
              std::uint32_t step)
      : observer_(std::move(observer)), plan_(plan), run_(run), step_(step) {}
  void ran(std::int64_t begin, std::int64_t end) const noexcept override;

 private:
  std::shared_ptr<RunObserver> observer_;
  std::uint64_t plan_, run_;
  std::uint32_t step_;
};

class PlanInstance {
 public:
  Binding binding;

  // Lists that one run fills and the next one reuses.
  std::vector<Ref<Value>> results;     ///< per result of the plan
  std::vector<std::byte*> addresses;   ///< per plan buffer, on the host
  std::vector<void*> operands;         ///< of one step
  std::vector<Bound> device_operands;  ///< of all steps on devices, each with its workspace behind
  std::vector<DeviceTimer> timers;     ///< of device steps that somebody watches
  std::vector<Scalar> batch_slots;
  struct LeafNode {
    const Node* node;
    std::uint32_t references;  ///< known ones: from edges of the batch and from Cells
  };
  std::vector<LeafNode> leaf_nodes;
  std::vector<std::uint32_t> leaf_holders;

  /// Per output: the block that the last run had, if it was new memory on a device with a stream.
  /// The next one takes it again if it is free (rule 16), so that what a device has captured of the
  /// plan goes on to be right. Nothing is kept for it: what is free belongs to the allocator.
  std::vector<void*> preferred;

  /// Lets go of the run's memory; the lists keep their room.
  void clear();
  /// What it keeps between runs.
  std::size_t nbytes() const;
};

/// The instances of one plan that no run uses. Thread-safe.
class InstancePool {
 public:
  std::unique_ptr<PlanInstance> take();
  void give(std::unique_ptr<PlanInstance> instance) noexcept;
  /// Frees the idle ones.
  void drop() noexcept;
  std::size_t nbytes();

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<PlanInstance>> idle_;  // with room for all there are
  std::size_t num_instances_ = 0;
};

}  // namespace ingot::plan
