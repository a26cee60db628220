// Backend: what one device can do — which ops it has kernels for, in which memory order it wants
// them, and its memory.
#pragma once

#include <memory>
#include <string_view>

#include "backend/step.h"
#include "core/buffer.h"

namespace ingot {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
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
};

/// The naive specification, one loop per primitive op; host memory.
Backend& reference_backend();
/// oneDNN, Highway and threads; host memory.
Backend& cpu_backend();
/// The backend that computes for a device; throws DeviceError with the reason if there is none.
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
