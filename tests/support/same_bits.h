// Where arithmetic is exact, IEEE's or none, the host driver gives the cpu's bits.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

#include <ingot/core/generator.h>
#include <ingot/core/tensor.h>

#include "support/host_scope.h"

namespace ingot::test {

using Make = std::function<Tensor(Device)>;

/// What `make` makes on the cpu and on the host driver, from the same seed and without falling
/// back: the kernels are the GPU's.
inline void expect_same_bits(const Make& make, const std::string& what,
                             const gpu::HostDeviceOptions& options = {}) {
  const HostScope host(options);
  plan::set_fallback("error");
  manual_seed(7);
  const Tensor here = make(Device{});
  const HostArray expected = here.to_host();
  manual_seed(7);
  const Tensor there = make(kHostDriver);
  EXPECT_EQ(there.device(), kHostDriver) << what;
  const HostArray got = there.to_host();
  ASSERT_EQ(got.dtype(), expected.dtype()) << what;
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), expected.nbytes()), 0) << what;
}

}  // namespace ingot::test
