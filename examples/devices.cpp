// The devices of this machine: which there are, why the others cannot be used, what each computes
// with, and how tensors and modules get there.
#include <cstddef>
#include <cstdio>
#include <string>

#include <ingot/ingot.h>

namespace nn = ingot::nn;

namespace {

double mebibytes(std::size_t nbytes) { return static_cast<double>(nbytes) / (1024.0 * 1024.0); }

void print_devices() {
  for (const ingot::DeviceInfo& info : ingot::devices()) {
    std::printf("%-7s ", info.device.str().c_str());
    if (!info.available) {
      std::printf("not available: %s\n", info.why_not.c_str());
      continue;
    }
    std::printf("%s, %.0f of %.0f MiB free\n", info.name.c_str(),
                mebibytes(info.memory_free_nbytes), mebibytes(info.memory_total_nbytes));
  }
}

/// One row per dtype: bytes per element, and a mark per device that computes with it.
void print_dtypes() {
  const auto devices = ingot::devices();
  std::printf("%-9s bytes", "dtype");
  for (const auto& info : devices)
    if (info.available) std::printf("  %s", info.device.str().c_str());
  std::printf("\n");
  for (const ingot::DType dtype : devices.front().dtypes) {  // the cpu, which has them all
    std::printf("%-9s %5zu", std::string(ingot::name(dtype)).c_str(), ingot::nbytes_of(dtype));
    for (const auto& info : devices) {
      if (!info.available) continue;
      bool has = false;
      for (const ingot::DType d : info.dtypes) has |= d == dtype;
      std::printf("  %*s", static_cast<int>(info.device.str().size()), has ? "yes" : "no");
    }
    std::printf("\n");
  }
}

void print_memory(const char* when, ingot::Device device) {
  std::printf("%-28s %7.2f MiB in use, %7.2f MiB at most, %7.2f MiB kept for reuse\n", when,
              mebibytes(ingot::memory_allocated(device)),
              mebibytes(ingot::max_memory_allocated(device)),
              mebibytes(ingot::memory_cached(device)));
}

}  // namespace

int main() try {
  print_devices();
  const ingot::Device device = ingot::best_device();  // cuda, else mps, else cpu
  std::printf("best    %s\n\n", device.str().c_str());
  print_dtypes();

  // A device is asked for by name. Asking for one that is not there throws and says why.
  std::printf("\n");
  for (const char* name : {"cuda:0", "mps"}) {
    if (ingot::is_available(name)) continue;
    try {
      ingot::ones({2, 2}).to(name);
    } catch (const ingot::DeviceError& e) {
      std::printf("%s\n", e.what());
    }
  }

  // to() gives a tensor on the device (the same one, if it is there already); a module moves as a
  // whole, and optimizers that hold its parameters see that.
  std::printf("\n");
  print_memory("at the start", device);
  const auto x = ingot::randn({256, 1024}).to(device);
  nn::Linear layer{1024, 1024};
  layer.to(device);
  const auto y = layer(x);
  std::printf("x on %s, weight on %s, y on %s (%s)\n", x.device().str().c_str(),
              layer.weight.device().str().c_str(), y.device().str().c_str(),
              y.is_evaluated() ? "computed" : "not computed yet");
  y.eval();
  print_memory("after layer(x)", device);
  const double mean = y.mean().item();  // a number comes to the host
  const auto host = y.cpu();            // and so does a tensor
  std::printf("mean of y %.4f; its copy is on %s\n", mean, host.device().str().c_str());
  ingot::empty_cache(device);
  print_memory("after empty_cache()", device);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "devices: %s\n", e.what());
  return 1;
}
