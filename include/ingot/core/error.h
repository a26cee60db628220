// Typed exceptions. Every failure a user can cause throws one of these; the text names the
// operands, the cause and, where there is one, the fix.
#pragma once

#include <stdexcept>
#include <string>

namespace ingot {

/// Base of all exceptions thrown by Ingot.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

/// Shapes that do not fit an operation.
struct ShapeError : Error {
  using Error::Error;
};
/// An element type that an operation or a device does not take.
struct DTypeError : Error {
  using Error::Error;
};
/// Operands on different devices, or a device that is unknown or unavailable.
struct DeviceError : Error {
  using Error::Error;
};
/// A device that is gone for good: its tensors are lost, all other devices and the cpu go on.
struct DeviceLostError : DeviceError {
  using DeviceError::DeviceError;
};
/// A device (or the host) has not enough memory.
struct OutOfMemoryError : Error {
  using Error::Error;
};
/// A file or stream that cannot be read or written, or whose content is damaged.
struct IoError : Error {
  using Error::Error;
};
/// An argument outside its allowed range.
struct ValueError : Error {
  using Error::Error;
};
/// An index or label outside a tensor's bounds.
struct IndexError : Error {
  using Error::Error;
};
/// An in-place operation on a view: views never alias in Ingot.
struct ViewError : Error {
  using Error::Error;
};
/// Misuse of automatic differentiation (second backward, in-place on a leaf, …).
struct AutogradError : Error {
  using Error::Error;
};
/// A defect of Ingot itself; please report it.
struct InternalError : Error {
  using Error::Error;
};

}  // namespace ingot
