#include "backend/backend.h"

#include <fmt/format.h>

#include <ingot/core/error.h>

namespace ingot {

const Limits& Backend::limits() const {
  static const Limits none;
  return none;
}

std::unique_ptr<Kernel> Backend::lower_transfer(std::size_t /*nbytes*/) const {
  throw InternalError(fmt::format("{} has no memory of its own to copy to", name()));
}

DeviceInfo Backend::info() const {
  DeviceInfo info;
  info.device = device();
  info.built = info.available = true;
  info.name = std::string(name());
  for (int i = 0; i < kNumDTypes; ++i) info.dtypes.push_back(static_cast<DType>(i));
  return info;
}

}  // namespace ingot
