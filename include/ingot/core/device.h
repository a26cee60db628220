// Devices by name: `cpu`, `cuda:N`, `mps`. A Device is a small value; what the machine really has
// is asked with is_available() and why_unavailable().
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/dtype.h>

namespace ingot {

/// Two are no hardware. Twin is a second memory and a queue on the CPU, on which Ingot tests what
/// it does with devices. Host runs the GPU's kernels on the CPU, to test the kernels.
enum class DeviceType : std::uint8_t { CPU, CUDA, MPS, Twin, Host };

struct Device {
  DeviceType type = DeviceType::CPU;
  std::int16_t index = 0;

  constexpr Device() = default;
  constexpr Device(DeviceType t, int i = 0) : type(t), index(static_cast<std::int16_t>(i)) {}
  /// Parses "cpu", "cuda", "cuda:1", "mps" or "best"; throws DeviceError naming the spellings.
  Device(std::string_view text);
  Device(const char* text) : Device(std::string_view(text)) {}
  Device(const std::string& text) : Device(std::string_view(text)) {}

  friend constexpr bool operator==(const Device&, const Device&) = default;

  /// "cpu", "cuda:0", "mps".
  std::string str() const;
  /// Writes str().
  friend std::ostream& operator<<(std::ostream& out, const Device& device);
};

/// What is known of one device; figures are 0 where the device is not available.
struct DeviceInfo {
  Device device;
  bool built = false;      ///< this build of Ingot has the backend
  bool available = false;  ///< built, and the machine has the device
  std::string why_not;     ///< the reason when not available
  std::string name;        ///< the maker's name of the device
  std::size_t memory_total_nbytes = 0;
  std::size_t memory_free_nbytes = 0;
  std::vector<DType> dtypes;  ///< element types it computes with
};

/// Every kind of device that Ingot knows, available or not; `cpu` first. The twins and the host
/// driver, which are no hardware, only with `all`.
std::vector<DeviceInfo> devices(bool all = false);
/// How many devices of that kind can be used now, as torch.cuda.device_count().
int device_count(DeviceType type);

/// True when this build contains the backend of `device`.
bool is_built(Device device);
/// True when tensors can live and compute there now; not on a device that was lost.
bool is_available(Device device);
/// It was there, and is gone until the program ends: whatever needs it throws DeviceLostError.
bool is_lost(Device device);
/// Empty when available, else the reason in one sentence.
std::string why_unavailable(Device device);
/// cuda, else mps, else cpu: the first that is available. The environment variable INGOT_DEVICE, in
/// a spelling that Device takes, goes before; "best" and "" count as not set. Throws DeviceError,
/// which names the variable, when it is no device or one that is not available.
Device best_device();

/// A device as TensorFlow lists it.
struct PhysicalDevice {
  std::string name;         ///< "/physical_device:GPU:0"
  std::string device_type;  ///< "CPU" or "GPU"
  Device device;            ///< how Ingot calls it
};
/// The devices of this machine that can be used, the cpu first, as
/// tf.config.list_physical_devices(): all, or those of the type "CPU" or "GPU" (cuda and mps); none
/// of another type. Twins and the host driver are
/// not among them.
std::vector<PhysicalDevice> list_physical_devices(std::string_view type = {});

}  // namespace ingot
