// A device's kernels against the reference: what `ingot selftest` runs, for devices that no machine
// of this project has.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>
#include <ingot/core/tensor.h>

namespace ingot {

struct SelfTestResult {
  std::string what;  ///< "softmax", "sum of long rows"
  DType dtype = DType::Float32;
  bool agrees = false;
  /// The largest difference of an element, relative to the largest element of that result.
  double difference = 0;
  std::string error;  ///< what was thrown, if anything
};

/// Sees each result as it comes.
using SelfTestProgress = std::function<void(const SelfTestResult&)>;

/// Every operation that the device computes itself (op_support), in every dtype that it takes, on
/// small tensors. Falling back to the cpu is an error meanwhile. Throws DeviceError when the device
/// is not available.
std::vector<SelfTestResult> self_test(Device device, const SelfTestProgress& progress = {});

/// One more: what `make` makes on the device and on the cpu (by the reference), compared likewise.
SelfTestResult self_test_of(const std::string& what, Device device,
                            const std::function<std::vector<Tensor>(Device)>& make);

}  // namespace ingot
