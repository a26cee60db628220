// Which operations a device computes itself, per dtype: `ingot devices --ops`. Nothing of it is a
// list that somebody keeps; the device is asked, as plans ask it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>

namespace ingot {

/// What a plan does with an operation on a device.
enum class Support : std::uint8_t {
  NotTaken,  ///< the operation has no such tensors: no sum of labels, no exp of bool
  View,      ///< nothing is computed
  Kernel,    ///< the device has a kernel
  Expanded,  ///< it becomes other operations, all of which the device has
  Partly,    ///< it becomes other operations, some of which the cpu computes
  Cpu,       ///< the cpu computes it, with copies there and back
  Refused    ///< it is an error: nobody has it, or INGOT_FALLBACK=error
};
/// "kernel", "expanded", …
std::string_view name(Support support);

struct OpSupport {
  std::string op;
  std::array<Support, kNumDTypes> by_dtype{};  ///< by the number of the DType
};

/// All operations by name, for small contiguous tensors; another shape or order of memory may find
/// another kernel. The dtype is that of the first operand, or of what is made. Throws DeviceError
/// when the device is not available.
std::vector<OpSupport> op_support(Device device);

}  // namespace ingot
