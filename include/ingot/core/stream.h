// Waiting for devices, and the time they take. A device runs what it is given later than the host
// goes on: evaluating submits, and whoever reads a value waits for it. What goes wrong on a device
// is thrown by the next wait, these here among them.
//
// On the cpu an evaluation is done when it returns: there is nothing to wait for.
#pragma once

#include <memory>

#include <ingot/core/device.h>

namespace ingot {

class Event;

/// Waits until the device has passed all that was submitted to it, as torch.cuda.synchronize().
/// What is recorded and not evaluated yet stays so. Throws DeviceError when the device is not
/// available, else the first error of a device that nobody was told of: of the type that the op
/// would have thrown on the cpu, with its name and line.
void synchronize(Device device);
/// The same for all devices.
void synchronize();

/// A device's queue, in which it runs what was submitted; in the order of submission. A small
/// value. There is one a device.
class DeviceStream {
 public:
  Device device() const { return device_; }
  /// As ingot::synchronize(device()).
  void synchronize() const;
  /// Whether all that was submitted has been passed. Throws nothing that failed there.
  bool query() const;
  /// What is submitted from now on runs after the event; the host does not wait, unless this is the
  /// cpu's stream. An event that was never recorded is nothing to wait for.
  void wait_event(const Event& event) const;
  /// A new event, recorded here.
  Event record_event() const;

 private:
  friend DeviceStream current_stream(Device device);
  explicit DeviceStream(Device device) : device_(device) {}

  Device device_;
};

/// The stream to which evaluations submit. Throws DeviceError when the device is not available.
DeviceStream current_stream(Device device);
/// That of best_device().
DeviceStream current_stream();

/// A place in a device's stream, and the time when the device came by, as torch.cuda.Event with
/// enable_timing. Copies are the same event.
class Event {
 public:
  Event() = default;

  /// Marks the place behind all that was submitted so far; what was recorded before is forgotten.
  /// Tensors that are not evaluated yet are not submitted: eval() them first.
  void record(const DeviceStream& stream);
  /// On best_device().
  void record();
  /// Whether the device has come by. True when nothing was recorded, as in PyTorch.
  bool query() const;
  /// Waits until then. Throws what synchronize(device) throws.
  void synchronize() const;
  /// Milliseconds from this event to `end`, of the same device; waits for both. Throws Error when
  /// one was not recorded, they are of two devices, or the device failed before it came by.
  double elapsed_time(const Event& end) const;

  /// What the library keeps of it.
  struct Marker;

 private:
  friend class DeviceStream;
  std::shared_ptr<Marker> marker_;
};

}  // namespace ingot
