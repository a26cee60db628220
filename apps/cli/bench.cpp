// ingot bench: timings of this machine's devices.
#include "cli/bench.h"

#include <ingot/core/parallel.h>
#include <ingot/core/version.h>

#include <algorithm>

#include "cli/options.h"

namespace ingot::cli {

void add_bench_common(OptionTable& table, BenchCommon& common) {
  table
      .add("--devices", common.devices, "DEVICE,...",
           "Devices, with commas: all (that can be used), best, cpu, cuda, cuda:N, mps")
      .check(CLI::Validator(
          [](std::string& text) { return text == "all" ? std::string() : device_name()(text); },
          ""))
      .offers({"all", "best", "cpu", "cuda", "mps"})
      .show_usual();
  add_config(table);
  add_json(table, common.json);
}

std::vector<Device> bench_devices(const std::vector<std::string>& names) {
  std::vector<Device> list;
  const auto add = [&](Device device) {
    if (std::find(list.begin(), list.end(), device) == list.end()) list.push_back(device);
  };
  for (const std::string& name : names) {
    if (name != "all") {
      add(usable_device(name));
      continue;
    }
    for (const DeviceInfo& info : devices())
      if (info.available) add(info.device);
  }
  return list;
}

double seconds_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const std::size_t middle = samples.size() / 2;
  return samples.size() % 2 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

Json bench_versions() {
  Json json;
  for (const auto& [name, version] : versions()) json[name] = version;
  json["threads"] = num_threads();
  return json;
}

INGOT_EXPORT_COMMAND(bench) {
  Command command{"bench", "Time training steps or matrix products", 50};
  command.footer =
      "Examples:\n"
      "  ingot bench train --models resnet18,mobilenet_v2 --batch-size 4,64\n"
      "  ingot bench matmul --size 4096";
  return command;
}

}  // namespace ingot::cli
