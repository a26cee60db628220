#include <gtest/gtest.h>

#include <ingot/core/device.h>
#include <ingot/core/error.h>

#include "backend/backend.h"

namespace ingot {
namespace {

TEST(Device, ParsesAndPrints) {
  EXPECT_EQ(Device("cpu"), Device(DeviceType::CPU));
  EXPECT_EQ(Device("cuda"), Device(DeviceType::CUDA, 0));
  EXPECT_EQ(Device("cuda:3"), Device(DeviceType::CUDA, 3));
  EXPECT_EQ(Device("mps"), Device(DeviceType::MPS));
  for (const char* text : {"cpu", "cuda:0", "cuda:12", "mps"}) EXPECT_EQ(Device(text).str(), text);
  EXPECT_EQ(Device("best"), best_device());
  EXPECT_EQ(Device("CPU"), Device());
}

TEST(Device, RefusesWhatIsNone) {
  for (const char* text :
       {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cpu:1", "cuda:99999", "mps:1", "cuda:1:2"}) {
    try {
      Device{text};
      FAIL() << text;
    } catch (const DeviceError& e) {
      EXPECT_EQ(std::string(e.what()), "unknown device '" + std::string(text) +
                                           "'; devices are cpu, cuda, cuda:N, mps and best");
    }
  }
}

TEST(Device, TheProcessorIsThere) {
  const std::vector<DeviceInfo> all = devices();
  ASSERT_EQ(all.size(), 3u);
  const DeviceInfo& cpu = all[0];
  EXPECT_TRUE(cpu.built && cpu.available);
  EXPECT_FALSE(cpu.name.empty());
  EXPECT_EQ(cpu.why_not, "");
  EXPECT_GT(cpu.memory_total_nbytes, std::size_t{64} << 20);
  EXPECT_GT(cpu.memory_free_nbytes, 0u);
  EXPECT_LE(cpu.memory_free_nbytes, cpu.memory_total_nbytes);
  EXPECT_EQ(cpu.dtypes.size(), static_cast<std::size_t>(kNumDTypes));
}

TEST(Device, UnavailableOnesSayWhy) {
  for (const DeviceInfo& info : devices()) {
    EXPECT_EQ(info.available, is_available(info.device));
    EXPECT_EQ(info.why_not, why_unavailable(info.device));
    EXPECT_EQ(info.available, info.why_not.empty());
    if (info.available) continue;
    try {
      backend_for(info.device);
      FAIL() << info.device.str();
    } catch (const DeviceError& e) {
      EXPECT_EQ(std::string(e.what()), info.device.str() + ": " + info.why_not);
    }
  }
}

TEST(BackendOverride, LastsForItsScope) {
  Backend& usual = backend_for(Device{});
  {
    const BackendOverride replaced(reference_backend());
    EXPECT_EQ(&backend_for(Device{}), &reference_backend());
  }
  EXPECT_EQ(&backend_for(Device{}), &usual);
}

}  // namespace
}  // namespace ingot
