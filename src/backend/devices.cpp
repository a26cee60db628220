// Devices: their names, what of them this machine has, and which backend computes for them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include <ingot/core/device.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>

#include "backend/gpu/drivers/host/compiler.h"
#include "backend/gpu/drivers/host/host_device.h"
#include "backend/os_version.h"
#include "backend/registry.h"
#include "backend/twin/twin.h"

#if defined(__APPLE__)
#include <mach/mach.h>
#include <sys/sysctl.h>
#else
#include <unistd.h>
#endif

namespace ingot {

// -- Names ----------------------------------------------------------------------------------------

Device::Device(std::string_view spelling) {
  const std::string text = lower_case(spelling);
  if (text == "best") {
    *this = best_device();
    return;
  }
  const std::size_t colon = text.find(':');
  const std::string_view kind = std::string_view(text).substr(0, colon);
  const bool known =
      kind == "cpu" || kind == "cuda" || kind == "mps" || kind == "twin" || kind == "host";
  int number = 0;
  bool valid = known;
  if (known && colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, number);
    valid = error == std::errc{} && stop == end && number >= 0 && number <= INT16_MAX &&
            (kind == "cuda" || kind == "twin" || number == 0);
  }
  if (!valid) {
    // No hint for a word that is right so far, nor from gpu to cpu.
    const std::string nearest = known ? "" : nearest_name(kind, {"cpu", "cuda", "mps", "best"});
    const bool hint = !kind.empty() && !nearest.empty() && nearest.front() == kind.front();
    throw DeviceError(
        fmt::format("unknown device '{}'; devices are cpu, cuda, cuda:N, mps and best{}", spelling,
                    hint ? "; did you mean " + nearest + "?" : ""));
  }
  type = kind == "cpu"    ? DeviceType::CPU
         : kind == "cuda" ? DeviceType::CUDA
         : kind == "mps"  ? DeviceType::MPS
         : kind == "twin" ? DeviceType::Twin
                          : DeviceType::Host;
  index = static_cast<std::int16_t>(number);
}

std::string Device::str() const {
  switch (type) {
    case DeviceType::CPU:
      return "cpu";
    case DeviceType::MPS:
      return "mps";
    case DeviceType::CUDA:
      break;
    case DeviceType::Twin:
      return fmt::format("twin:{}", index);
    case DeviceType::Host:
      return fmt::format("host:{}", index);
  }
  return fmt::format("cuda:{}", index);
}

std::ostream& operator<<(std::ostream& out, const Device& device) { return out << device.str(); }

// -- What the machine has -------------------------------------------------------------------------

namespace {

#if defined(__APPLE__)

std::string macos_version() {
  char text[64] = {};
  std::size_t size = sizeof(text) - 1;
  if (sysctlbyname("kern.osproductversion", text, &size, nullptr, 0) != 0) return {};
  return text;
}

std::string cpu_name() {
  char text[256] = {};
  std::size_t size = sizeof(text) - 1;
  if (sysctlbyname("machdep.cpu.brand_string", text, &size, nullptr, 0) != 0) return "CPU";
  return text;
}

void read_memory(DeviceInfo& info) {
  std::uint64_t total = 0;
  std::size_t size = sizeof(total);
  if (sysctlbyname("hw.memsize", &total, &size, nullptr, 0) == 0) info.memory_total_nbytes = total;
  vm_statistics64_data_t figures{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&figures),
                        &count) == KERN_SUCCESS)
    info.memory_free_nbytes =
        (std::size_t{figures.free_count} + figures.inactive_count) * vm_page_size;
}

#else

// The text after "key : " in a file of such lines, or nothing.
std::string field_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    std::size_t at = line.find(':');
    if (at == std::string::npos) continue;
    at = line.find_first_not_of(" \t", at + 1);
    return at == std::string::npos ? std::string{} : line.substr(at);
  }
  return {};
}

std::string cpu_name() {
  std::string text = field_of("/proc/cpuinfo", "model name");
  if (text.empty()) text = field_of("/proc/cpuinfo", "Model");  // boards with an ARM processor
  return text.empty() ? "CPU" : text;
}

void read_memory(DeviceInfo& info) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  info.memory_total_nbytes = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * page;
  info.memory_free_nbytes = static_cast<std::size_t>(sysconf(_SC_AVPHYS_PAGES)) * page;
  // What the system would give up if asked counts as free.
  const std::string available = field_of("/proc/meminfo", "MemAvailable");
  std::size_t kib = 0;
  const auto result = std::from_chars(available.data(), available.data() + available.size(), kib);
  if (result.ec == std::errc{}) info.memory_free_nbytes = kib * 1024;
}

#endif

DeviceInfo cpu_info() {
  DeviceInfo info{.device = DeviceType::CPU, .built = true, .available = true};
  info.name = cpu_name();
  read_memory(info);
  for (int i = 0; i < kNumDTypes; ++i) info.dtypes.push_back(static_cast<DType>(i));
  return info;
}

DeviceInfo info_of(Device device) {
  if (device.type == DeviceType::CPU) return cpu_info();
  if (is_available(device)) return find_backend(device)->info();
  return {.device = device, .built = is_built(device), .why_not = why_unavailable(device)};
}

}  // namespace

std::vector<DeviceInfo> devices(bool all) {
  std::vector<DeviceInfo> list = {info_of({})};
  const int cudas = std::max(1, device_count(DeviceType::CUDA));  // the first, or why there is none
  for (int i = 0; i < cudas; ++i) list.push_back(info_of({DeviceType::CUDA, i}));
  list.push_back(info_of(DeviceType::MPS));
  if (all)
    for (int i = 0; i < kNumTwins; ++i) list.push_back(info_of({DeviceType::Twin, i}));
  if (all) list.push_back(info_of(DeviceType::Host));
  return list;
}

int device_count(DeviceType type) {
  int count = 0;
  while (is_available({type, count})) ++count;
  return count;
}

std::vector<PhysicalDevice> list_physical_devices(std::string_view type) {
  std::vector<PhysicalDevice> list;
  const auto add = [&](const char* kind, DeviceType of) {
    if (!type.empty() && type != kind) return;
    const auto same = std::count_if(list.begin(), list.end(),
                                    [&](const PhysicalDevice& d) { return d.device_type == kind; });
    for (int i = 0; i < device_count(of); ++i)
      list.push_back({fmt::format("/physical_device:{}:{}", kind, same + i), kind, {of, i}});
  };
  add("CPU", DeviceType::CPU);
  add("GPU", DeviceType::CUDA);
  add("GPU", DeviceType::MPS);
  return list;
}

namespace {

bool is_wanted(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return text && *text && std::string_view(text) != "0";
}

// Devices for tests come into being when somebody asks for them who is allowed to. Options that are
// wrong make no device: why_unavailable() says what is wrong with them.
template <class Make>
bool is_made(Make make) {
  try {
    make();
    return true;
  } catch (const ValueError&) {
    return false;
  }
}

template <class Make>
std::string why_not_made(Make make) {
  try {
    make();
    return "";
  } catch (const ValueError& e) {
    return e.what();
  }
}

// The host driver, where there is a compiler.
void make_host_driver_if_wanted(Device device) {
  if (device != Device(DeviceType::Host) || find_backend(device)) return;
  if (!is_wanted("INGOT_HOST_DRIVER") || !gpu::host_compiler().why_not.empty()) return;
  const char* text = std::getenv("INGOT_HOST_DRIVER");  // NOLINT(concurrency-mt-unsafe)
  const gpu::HostDeviceOptions options = gpu::parse_host_options(text);
  gpu::host_device().configure(options);
}

std::string why_no_host_driver(Device device) {
  if (device.index != 0) return "there is one host driver, with the number 0";
  if (!is_wanted("INGOT_HOST_DRIVER"))
    return "a device for tests; INGOT_HOST_DRIVER=1 makes host:0";
  if (!gpu::host_compiler().why_not.empty()) return gpu::host_compiler().why_not;
  return why_not_made([&] { make_host_driver_if_wanted(device); });
}

void make_twin_if_wanted(Device device) {
  if (device.type != DeviceType::Twin || find_backend(device)) return;
  if (!is_wanted("INGOT_TWIN") || device.index >= kNumTwins) return;
  const char* text = std::getenv("INGOT_TWIN");  // NOLINT(concurrency-mt-unsafe)
  const TwinOptions options = parse_twin_options(text);
  twin(device.index).configure(options);
}

}  // namespace

bool is_built(Device device) {
  return device.type == DeviceType::CPU || device.type == DeviceType::Twin ||
         device.type == DeviceType::Host;
}

bool is_available(Device device) {
  return is_made([&] {
           make_twin_if_wanted(device);
           make_host_driver_if_wanted(device);
         }) &&
         find_backend(device) != nullptr && !is_lost(device);
}

bool is_lost(Device device) { return why_lost(device) != nullptr; }

std::string why_unavailable(Device device) {
  if (const std::exception_ptr lost = why_lost(device)) {
    try {
      std::rethrow_exception(lost);
    } catch (const std::exception& e) {
      return e.what();
    }
  }
  switch (device.type) {
    case DeviceType::CPU:
      return device.index == 0 ? "" : "there is one cpu device, with the number 0";
    case DeviceType::CUDA:
      return "this build of Ingot has no CUDA backend yet";
    case DeviceType::Twin:
      if (is_available(device)) return "";
      return is_wanted("INGOT_TWIN") && device.index < kNumTwins
                 ? why_not_made([&] { make_twin_if_wanted(device); })
                 : "a device for tests; INGOT_TWIN=1 makes twin:0 and twin:1";
    case DeviceType::Host:
      return is_available(device) ? "" : why_no_host_driver(device);
    case DeviceType::MPS:
      break;
  }
#if defined(__APPLE__)
  const std::string too_old = macos_too_old(macos_version());
  return too_old.empty() ? "this build of Ingot has no Metal backend yet" : too_old;
#else
  return "this build of Ingot has no Metal backend yet; it will need macOS on Apple silicon";
#endif
}

Device best_device() {
  const char* text = std::getenv("INGOT_DEVICE");  // NOLINT(concurrency-mt-unsafe)
  const std::string wanted = lower_case(text ? text : "");
  if (!wanted.empty() && wanted != "best") {
    const Device device = [&] {
      try {
        return Device(text);
      } catch (const DeviceError& e) {
        throw DeviceError(fmt::format("INGOT_DEVICE: {}", e.what()));
      }
    }();
    if (!is_available(device))
      throw DeviceError(fmt::format("INGOT_DEVICE: {}: {}", device.str(), why_unavailable(device)));
    return device;
  }
  for (const Device device : {Device(DeviceType::CUDA), Device(DeviceType::MPS)})
    if (is_available(device)) return device;
  return {};
}

// -- Backends -------------------------------------------------------------------------------------

namespace {
Backend*& override_of_thread() {
  static thread_local Backend* backend = nullptr;
  return backend;
}
}  // namespace

Backend& backend_for(Device device) {
  if (const std::exception_ptr lost = why_lost(device)) std::rethrow_exception(lost);
  if (!is_available(device))
    throw DeviceError(fmt::format("{}: {}", device.str(), why_unavailable(device)));
  if (device.type != DeviceType::CPU) return *find_backend(device);
  Backend* replaced = override_of_thread();
  return replaced ? *replaced : cpu_backend();
}

BackendOverride::BackendOverride(Backend& backend) : previous_(override_of_thread()) {
  override_of_thread() = &backend;
}
BackendOverride::~BackendOverride() { override_of_thread() = previous_; }

}  // namespace ingot
