#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/error.h>

#include "backend/backend.h"
#include "backend/os_version.h"
#include "backend/twin/twin.h"

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

// INGOT_DEVICE while it lives.
class WantedDevice {
 public:
  explicit WantedDevice(const char* text) {
    if (const char* before = std::getenv(kName)) before_ = before;
    setenv(kName, text, 1);
  }
  ~WantedDevice() {
    if (before_)
      setenv(kName, before_->c_str(), 1);
    else
      unsetenv(kName);
  }
  WantedDevice(const WantedDevice&) = delete;
  WantedDevice& operator=(const WantedDevice&) = delete;

 private:
  static constexpr const char* kName = "INGOT_DEVICE";
  std::optional<std::string> before_;
};

std::string error_of_best() {
  try {
    return "no error, but " + best_device().str();
  } catch (const DeviceError& e) {
    return e.what();
  }
}

TEST(Device, CountsWhatCanBeUsed) {
  EXPECT_EQ(device_count(DeviceType::CPU), 1);
  twin(0);
  twin(1);
  EXPECT_EQ(device_count(DeviceType::Twin), 2);
  for (const DeviceType type : {DeviceType::CUDA, DeviceType::MPS})
    EXPECT_EQ(device_count(type) > 0, is_available(Device(type)));
}

TEST(Device, TheEnvironmentNamesTheBest) {
  twin(1);
  for (const char* text : {"cpu", "CPU"}) {
    const WantedDevice wanted(text);
    EXPECT_EQ(best_device(), Device());
    EXPECT_EQ(Device("best"), Device());
  }
  {
    const WantedDevice wanted("twin:1");
    EXPECT_EQ(best_device(), Device("twin:1"));
    EXPECT_EQ(Device("best"), Device("twin:1"));
  }
  for (const char* text : {"", "best", "Best"}) {
    const WantedDevice wanted(text);
    EXPECT_NE(best_device().type, DeviceType::Twin);
    EXPECT_TRUE(is_available(best_device()));
  }
}

TEST(Device, TheEnvironmentMayNameNoDevice) {
  {
    const WantedDevice wanted("gpu");
    EXPECT_EQ(error_of_best(),
              "INGOT_DEVICE: unknown device 'gpu'; devices are cpu, cuda, cuda:N, mps and best");
  }
  const WantedDevice wanted("cuda:15");
  EXPECT_EQ(error_of_best(), "INGOT_DEVICE: cuda:15: " + why_unavailable("cuda:15"));
}

TEST(Device, TwinsAreShownToWhoAsks) {
  twin(0);
  twin(1);
  const auto is_twin = [](const DeviceInfo& info) { return info.device.type == DeviceType::Twin; };
  const std::vector<DeviceInfo> usual = devices(), all = devices(true);
  EXPECT_EQ(std::count_if(usual.begin(), usual.end(), is_twin), 0);
  ASSERT_EQ(all.size(), usual.size() + 3);
  EXPECT_EQ(all.back().device, Device(DeviceType::Host));
  for (const DeviceInfo& info : {all[usual.size()], all[usual.size() + 1]}) {
    EXPECT_TRUE(is_twin(info) && info.built && info.available);
    EXPECT_EQ(info.why_not, "");
    EXPECT_GT(info.memory_total_nbytes, 0u);
    EXPECT_FALSE(info.name.empty());
  }
}

TEST(Device, ListsAsTensorFlowDoes) {
  twin(0);
  const std::vector<PhysicalDevice> cpus = list_physical_devices("CPU");
  ASSERT_EQ(cpus.size(), 1u);
  EXPECT_EQ(cpus[0].name, "/physical_device:CPU:0");
  EXPECT_EQ(cpus[0].device_type, "CPU");
  EXPECT_EQ(cpus[0].device, Device());
  const std::vector<PhysicalDevice> gpus = list_physical_devices("GPU");
  EXPECT_EQ(static_cast<int>(gpus.size()),
            device_count(DeviceType::CUDA) + device_count(DeviceType::MPS));
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    EXPECT_EQ(gpus[i].name, "/physical_device:GPU:" + std::to_string(i));
    EXPECT_TRUE(is_available(gpus[i].device));
  }
  EXPECT_EQ(list_physical_devices().size(), 1 + gpus.size());
  EXPECT_TRUE(list_physical_devices("TPU").empty());
}

TEST(MacosVersion, SaysWhatWasFoundAndIsNeeded) {
  for (const char* text : {"14.0", "14", "14.2.1", "15.0", "26.1"})
    EXPECT_EQ(macos_too_old(text), "") << text;
  for (const char* text : {"13.5", "13", "10.15.7", "9.14"})
    EXPECT_EQ(macos_too_old(text),
              "macOS " + std::string(text) + " found, 14.0 or later is needed; see sw_vers");
  for (const char* text : {"", "x", "14.", "14x", "14.x"})
    EXPECT_EQ(macos_too_old(text),
              "macOS of an unknown version found, 14.0 or later is needed; see sw_vers")
        << text;
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
