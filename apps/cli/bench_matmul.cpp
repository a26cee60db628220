// ingot bench matmul: square matrix products in float32.
#include <fmt/format.h>
#include <ingot/core/generator.h>
#include <ingot/core/memory.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/random.h>

#include <optional>

#include "cli/bench.h"
#include "cli/options.h"
#include "cli/stop_signal.h"

namespace ingot::cli {
namespace {

constexpr std::int64_t kMaxSize = 65536;

struct BenchMatmulOptions {
  std::vector<std::int64_t> sizes{4096};
  std::int64_t repeat = 10;
  BenchCommon common;
};

// The time of one product. Looking at an element waits for it on any device.
double product(const Tensor& a, const Tensor& b) {
  return seconds_of([&] { matmul(a, b).eval(); });
}

int run_bench_matmul(const BenchMatmulOptions& options) {
  const JsonOutput json_output(options.common.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const std::vector<Device> devices = bench_devices(options.common.devices);
  catch_stop_signals();
  Json rows = Json::array();
  std::vector<std::vector<std::string>> shown{
      {"device", "size", "GFLOP/s", "median ms", "first ms", "peak memory"}};
  const Json versions = bench_versions();
  for (const std::int64_t size : options.sizes) {
    for (const Device& device : devices) {
      manual_seed(0);
      empty_cache(device);
      reset_peak_memory_stats(device);
      const Tensor a = rand({size, size}, {.device = device}).eval();
      const Tensor b = rand({size, size}, {.device = device}).eval();
      const double first = product(a, b);
      std::vector<double> samples;
      for (std::int64_t i = 0; i < options.repeat && stop_signal() == 0; ++i)
        samples.push_back(product(a, b));
      if (samples.empty()) break;
      const auto n = static_cast<double>(size);
      const double middle = median(samples), gflops = 2 * n * n * n / middle * 1e-9;
      Json row;
      row["device"] = device.str();
      row["size"] = size;
      row["dtype"] = "float32";
      row["gflops"] = gflops;
      row["median_seconds"] = middle;
      row["first_seconds"] = first;
      row["samples"] = samples;
      row["peak_bytes"] = max_memory_allocated(device);
      row["versions"] = versions;
      rows.push_back(row);
      shown.push_back({device.str(), std::to_string(size), fmt::format("{:.1f}", gflops),
                       fmt::format("{:.2f}", middle * 1e3), fmt::format("{:.2f}", first * 1e3),
                       bytes(max_memory_allocated(device))});
    }
  }
  console.raw(table(shown));
  json_output.write(rows);
  return stop_signal() == 0 ? kOk : 128 + stop_signal();
}

}  // namespace

INGOT_EXPORT_COMMAND(bench_matmul) {
  auto options = std::make_shared<BenchMatmulOptions>();
  Command command{"bench matmul", "Time products of square float32 matrices", 52};
  OptionTable& table = command.options;
  table.add("--size", options->sizes, "N,...", "Rows and columns; several with commas")
      .check(positive(kMaxSize))
      .show_usual();
  table.add("--repeat", options->repeat, "N", "Timed products, after a first one")
      .check(positive())
      .show_usual();
  add_bench_common(table, options->common);
  command.footer =
      "GFLOP/s count 2·N³ operations in the median time.\n"
      "Examples:\n  ingot bench matmul --size 4096 --repeat 10 --devices all\n"
      "  ingot bench matmul --size 512,1024 --json";
  command.run = [options](const OptionTable&) { return run_bench_matmul(*options); };
  return command;
}

}  // namespace ingot::cli
