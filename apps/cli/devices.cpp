// ingot devices: what this machine can compute on.
#include <fmt/format.h>
#include <ingot/core/device.h>

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
  std::string json;
};

int run_devices(const Options& options) {
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  const Device best = best_device();
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows{{"device", "built", "available", "name", "memory"}};
  std::string notes;
  for (const DeviceInfo& info : devices(options.all)) {
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
  console.raw(table(rows) + "\n" + notes + fmt::format("best: {}\n", best.str()));
  json_output.write(Json{{"devices", json}});
  return kOk;
}

}  // namespace

void add_devices_command(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("devices", "List every device: available, or why not");
  command->add_flag("--all", options->all,
                    "Also devices for tests (INGOT_TWIN, INGOT_HOST_DRIVER)");
  add_json(*command, options->json);
  command->footer("Examples:\n  ingot devices\n  ingot devices --all --json");
  command->callback([options, &run] { run = [options] { return run_devices(*options); }; });
}

}  // namespace ingot::cli
