// ingot devices: what this machine can compute on.
#include <fmt/format.h>
#include <ingot/core/device.h>
#include <ingot/core/nearest_name.h>
#include <ingot/core/op_support.h>

#include <cstdlib>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

Json to_json(const DeviceInfo& info, bool best) {
  Json json;
  json["device"] = info.device.str();
  json["built"] = info.built;
  json["available"] = info.available;
  json["best"] = best;
  if (!info.available) json["why_not"] = info.why_not;
  if (info.available) {
    json["name"] = info.name;
    json["memory_total_bytes"] = info.memory_total_nbytes;
    json["memory_free_bytes"] = info.memory_free_nbytes;
    json["dtypes"] = Json::array();
    for (const DType t : info.dtypes) json["dtypes"].push_back(name(t));
  }
  return json;
}

/// "bool, uint8, …", broken into lines.
std::string dtype_list(const std::vector<DType>& dtypes) {
  std::string text;
  for (const DType t : dtypes) text += (text.empty() ? "" : " ") + std::string(name(t));
  return text;
}

struct Options {
  bool all = false;  ///< those for tests as well
  bool ops = false;
  std::string device;  ///< of ops; empty: every one that is available
  std::string json;
};

// A letter for each cell of the table.
constexpr std::string_view kLegend =
    "k: a kernel, e: made of other operations that have kernels, v: a view, nothing to compute,\n"
    "p: some of what it is made of falls back to the cpu, c: falls back to the cpu,\n"
    "x: refused, -: the operation has no such tensors\n";

std::string letter(Support support) {
  switch (support) {
    case Support::NotTaken:
      return "-";
    case Support::View:
      return "v";
    case Support::Kernel:
      return "k";
    case Support::Expanded:
      return "e";
    case Support::Partly:
      return "p";
    case Support::Cpu:
      return "c";
    case Support::Refused:
      break;
  }
  return "x";
}

/// The table of one device, and the same into `json`.
std::string ops_table(Device device, Json& json) {
  std::vector<std::vector<std::string>> rows{{device.str()}};
  for (int t = 0; t < kNumDTypes; ++t) rows[0].emplace_back(name(static_cast<DType>(t)));
  for (const OpSupport& row : op_support(device)) {
    std::vector<std::string> cells{row.op};
    for (int t = 0; t < kNumDTypes; ++t) {
      const Support support = row.by_dtype[static_cast<std::size_t>(t)];
      cells.push_back(letter(support));
      json[row.op][std::string(name(static_cast<DType>(t)))] = name(support);
    }
    rows.push_back(std::move(cells));
  }
  return table(rows);
}

int run_ops(const Options& options) {
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  std::vector<Device> list;
  if (!options.device.empty())
    list.push_back(usable_device(options.device));
  else
    for (const DeviceInfo& info : devices(options.all))
      if (info.available) list.push_back(info.device);
  Json json = Json::object();
  for (const Device device : list) {
    json[device.str()] = Json::object();
    console.raw(ops_table(device, json[device.str()]) + "\n");
  }
  console.raw(std::string(kLegend));
  json_output.write(Json{{"ops", json}});
  return kOk;
}

bool is_for_tests(Device device) {
  return device.type == DeviceType::Twin || device.type == DeviceType::Host;
}

/// Behind the best device's name: what chose it, unless it is the usual order.
std::string why_best() {
  const char* wanted = std::getenv("INGOT_DEVICE");  // NOLINT(concurrency-mt-unsafe)
  if (wanted == nullptr || *wanted == '\0' || lower_case(wanted) == "best") return "";
  return fmt::format(" (INGOT_DEVICE={})", visible(wanted));
}

int run_devices(const Options& options) {
  if (options.ops) return run_ops(options);
  if (!options.device.empty()) throw UsageError("--device is for --ops");
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const Device best = best_device();
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows{{"device", "built", "available", "name", "memory"}};
  std::string notes;
  for (const DeviceInfo& info : devices(true)) {
    // A device for tests is none to compute on, unless INGOT_DEVICE makes it the best one.
    if (!options.all && info.device != best && is_for_tests(info.device)) continue;
    json.push_back(to_json(info, info.device == best));
    const std::string memory = info.available
                                   ? fmt::format("{} free of {}", bytes(info.memory_free_nbytes),
                                                 bytes(info.memory_total_nbytes))
                                   : "";
    rows.push_back({info.device.str(), info.built ? "yes" : "no", info.available ? "yes" : "no",
                    info.available ? info.name : "-", memory.empty() ? "-" : memory});
    if (info.available)
      notes += fmt::format("{}: {}\n", info.device.str(), dtype_list(info.dtypes));
    else
      notes += fmt::format("{}: not available: {}\n", info.device.str(), info.why_not);
  }
  console.raw(table(rows) + "\n" + notes + fmt::format("best: {}{}\n", best.str(), why_best()));
  json_output.write(Json{{"devices", json}});
  return kOk;
}

}  // namespace

INGOT_EXPORT_COMMAND(devices) {
  auto options = std::make_shared<Options>();
  Command command{"devices", "List every device: available, or why not", 10};
  OptionTable& table = command.options;
  table.add("--all", options->all, "", "Also devices for tests (INGOT_TWIN, INGOT_HOST_DRIVER)");
  table.add("--ops", options->ops, "",
            "What each device computes itself: a table of operations and dtypes");
  table.add("--device", options->device, "DEVICE", "--ops: only of this one [all available]")
      .check(device_name())
      .offers({"best", "cpu", "cuda", "mps"});
  add_json(table, options->json);
  command.footer =
      "Examples:\n  ingot devices\n  ingot devices --all --json\n"
      "  ingot devices --ops --device cpu";
  command.run = [options](const OptionTable&) { return run_devices(*options); };
  return command;
}

}  // namespace ingot::cli
