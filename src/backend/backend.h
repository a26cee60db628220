// Backend: what one device can do — which ops it has kernels for, in which memory order it wants
// them, and its memory.
#pragma once

#include <limits>
#include <memory>
#include <string_view>

#include "backend/step.h"
#include "core/buffer.h"
#include "core/stream.h"

namespace ingot {

/// What a device's kernels can take. The host's have no limits.
struct Limits {
  std::size_t max_operands = std::numeric_limits<std::size_t>::max();  ///< of one kernel
  std::size_t max_parameters_nbytes = std::numeric_limits<std::size_t>::max();
  std::size_t threadgroup_nbytes = 0;  ///< memory that a group of a kernel's threads shares
  bool may_alias = true;               ///< an output may be given as one of the inputs
  bool has_float64 = true;
};

class DeviceAllocator;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// Where its tensors live.
  virtual Device device() const { return {}; }
  /// Its queue; null where a step is done when its kernel returns.
  virtual Stream* stream() { return nullptr; }
  virtual const Limits& limits() const;
  virtual Allocator& allocator() = 0;
  /// Elementwise primitives are joined into programs of several instructions.
  virtual bool fuses() const = 0;
  /// True when there is a kernel for the step itself; else a plan uses the op's `expand`.
  virtual bool supports(const StepDesc& step) const = 0;
  /// Sets the strides that lower() will want (inputs) and give (outputs). On entry inputs have
  /// their actual strides and outputs are row-major.
  virtual void choose_layouts(StepDesc& step) const = 0;
  /// Throws DTypeError naming what the device lacks.
  virtual std::unique_ptr<Kernel> lower(const StepDesc& step) const = 0;
  /// A kernel that copies `nbytes` bytes from its input to its output, of which one is in the
  /// host's memory. Only where there is a stream.
  virtual std::unique_ptr<Kernel> lower_transfer(std::size_t nbytes) const;
  /// The memory that its allocator deals out; null for the host's.
  virtual DeviceAllocator* memory() { return nullptr; }
  /// Host memory that stays where it is, so that the device copies from it by itself; null where
  /// there is none. Deals out buffers with is_pinned().
  virtual DeviceAllocator* pinned_memory() { return nullptr; }
  /// Its kernels take buffers of the host's memory, and its own are in MemorySpace::Shared: what is
  /// handed from one to the other is waited for, not copied.
  virtual bool unified() const { return false; }
  /// What `devices()` says of it.
  virtual DeviceInfo info() const;
};

/// The naive specification, one loop per primitive op; host memory.
Backend& reference_backend();
/// oneDNN, Highway and threads; host memory.
Backend& cpu_backend();
/// The backend that computes for a device; throws DeviceError with the reason if there is none,
/// DeviceLostError if it was lost.
Backend& backend_for(Device device);

/// While it lives, `cpu` tensors are computed by the given backend: tests and INGOT_VERIFY.
class BackendOverride {
 public:
  explicit BackendOverride(Backend& backend);
  ~BackendOverride();
  BackendOverride(const BackendOverride&) = delete;
  BackendOverride& operator=(const BackendOverride&) = delete;

 private:
  Backend* previous_;
};

}  // namespace ingot
