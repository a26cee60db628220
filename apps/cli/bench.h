// What the benchmarks of `ingot bench` share: devices, samples and how rows are shown.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <ingot/core/device.h>

#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {

struct BenchCommon {
  std::vector<std::string> devices{"all"};
  std::string json;
};

/// --devices, --config and --json.
void add_bench_common(OptionTable& table, BenchCommon& common);

/// The devices by name, each once; "all" are those that can be used. Throws DeviceError with the
/// reason for one that cannot.
std::vector<Device> bench_devices(const std::vector<std::string>& names);

/// Seconds that `f` takes.
double seconds_of(const std::function<void()>& f);
/// The middle sample, or the mean of the two in the middle. `samples` is not empty.
double median(std::vector<double> samples);
/// The versions of ingot and its libraries, and the number of threads.
Json bench_versions();

}  // namespace ingot::cli
