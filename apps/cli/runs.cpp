// ingot runs: the run folders below a folder, side by side.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/train/run_folder.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include <sys/stat.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/saved_run.h"
#include "cli/train_options.h"
#include "cli/weights.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;

struct RunsOptions {
  std::string folder = "runs";
  std::string sort = "date";
  std::string json;
};

struct RunInfo {
  std::string path;
  Json options = Json::object();  ///< every option, those that the run does not have as usual
  std::string device;             ///< on which it was trained last
  double epochs_done = 0;
  std::string metric;  ///< what `best` is of; empty: nothing was measured
  double best = 0, best_epoch = 0;
  std::time_t date = 0;  ///< of the latest save
  std::string error;     ///< why it cannot be read
};

bool more_is_better(const std::string& metric) {
  for (const char* word : {"loss", "error", "perplexity"})
    if (metric.find(word) != std::string::npos) return false;
  return true;
}

/// The options of older runs, and of newer ones, are not those of this Ingot.
Json with_usual(const Json& saved) {
  TrainOptions usual;
  Json options = train_table(usual).saved();
  for (const auto& [name, value] : saved.items()) options[name] = value;
  return options;
}

/// What a run is judged by: what it kept its best weights by, or else what it measured.
std::string metric_of(const Json& options, const Json& row) {
  const Json& keep = options.at("keep-best");
  if (keep.is_string() && row.contains(keep.get<std::string>())) return keep.get<std::string>();
  for (const char* name : {"val_accuracy", "test_accuracy"})
    if (row.contains(name)) return name;
  for (const auto& [name, value] : row.items())
    if ((name.starts_with("val_") || name.starts_with("test_")) && value.is_number()) return name;
  return "";
}

/// Lines that are cut off, as that of a process that was killed, are passed over.
void read_metrics(const fs::path& file, RunInfo& run) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("epoch") || !row["epoch"].is_number()) continue;
    run.epochs_done = std::max(run.epochs_done, row["epoch"].get<double>());
    if (run.metric.empty()) run.metric = metric_of(run.options, row);
    const auto found = run.metric.empty() ? row.end() : row.find(run.metric);
    if (found == row.end() || !found->is_number()) continue;
    const double value = found->get<double>();
    const bool better = more_is_better(run.metric) ? value > run.best : value < run.best;
    if (run.best_epoch != 0 && !better) continue;
    run.best = value;
    run.best_epoch = row["epoch"].get<double>();
  }
}

RunInfo read_run(const fs::path& folder) {
  RunInfo run;
  run.path = folder.string();
  const fs::path checkpoint = folder / "checkpoint.safetensors";
  struct stat status {};
  for (const fs::path& file : {checkpoint, folder / "metrics.jsonl"})
    if (run.date == 0 && ::stat(file.c_str(), &status) == 0) run.date = status.st_mtime;
  try {
    std::error_code ignored;
    if (!fs::exists(checkpoint, ignored))
      throw IoError(
          fmt::format("{}: checkpoint.safetensors is missing: the run ended before it "
                      "saved one, or is in its first epoch",
                      run.path));
    run.options = with_usual(run_options(checkpoint));
    run.device = run_extra(checkpoint, kDeviceKey);
    if (run.device.empty()) run.device = text_of(run.options.at("device"));
    read_metrics(folder / "metrics.jsonl", run);
  } catch (const IoError& e) {
    run.error = e.what();
  }
  return run;
}

/// The folder itself where it is a run, and the runs below it, but not below runs.
void find_runs(const fs::path& folder, int depth, std::vector<RunInfo>& runs) {
  constexpr int kMostDepth = 4;
  std::error_code ignored;
  // A model in Hugging Face's form, as ingot glue leaves it, is no run of ingot train.
  if (fs::exists(folder / "config.json", ignored) &&
      !fs::exists(folder / "checkpoint.safetensors", ignored))
    return;
  if (train::holds_a_run(folder)) {
    runs.push_back(read_run(folder));
    return;
  }
  if (depth == kMostDepth) return;
  std::error_code error;
  std::vector<fs::path> inside;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (it->is_directory(gone) && !it->is_symlink(gone)) inside.push_back(it->path());
  }
  if (error)
    throw IoError(fmt::format("{}: cannot read the folder: {}", folder.string(), error.message()));
  std::sort(inside.begin(), inside.end());
  for (const fs::path& each : inside) find_runs(each, depth + 1, runs);
}

/// The options by which the runs differ, but for those that have columns of their own.
std::vector<std::string> differing(const std::vector<RunInfo>& runs) {
  static const std::set<std::string> kShown{"model", "data", "device", "epochs"};
  std::vector<std::string> names;
  const RunInfo* first = nullptr;
  for (const RunInfo& run : runs) {
    if (!run.error.empty()) continue;
    if (first == nullptr) first = &run;
    for (const auto& [name, value] : run.options.items()) {
      if (kShown.count(name) != 0 || std::find(names.begin(), names.end(), name) != names.end())
        continue;
      const auto other = first->options.find(name);
      if (other == first->options.end() || *other != value) names.push_back(name);
    }
  }
  return names;
}

std::string date_of(std::time_t time) {
  if (time == 0) return "-";
  std::tm local{};
  ::localtime_r(&time, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  return text;
}

std::string best_of(const RunInfo& run) {
  if (run.best_epoch == 0) return "-";
  const bool share = run.metric.find("accuracy") != std::string::npos;
  return fmt::format("{} {} (epoch {:g})", run.metric,
                     share ? fmt::format("{:.2f} %", 100 * run.best) : four_digits(run.best),
                     run.best_epoch);
}

void sort_runs(std::vector<RunInfo>& runs, const std::string& by) {
  std::stable_sort(runs.begin(), runs.end(), [&](const RunInfo& a, const RunInfo& b) {
    if (by == "date") return a.date < b.date;
    if (by == "name") return a.path < b.path;
    // Those with nothing measured come last, then those with other metrics stand apart.
    const bool none_a = a.best_epoch == 0, none_b = b.best_epoch == 0;
    if (none_a != none_b) return none_b;
    if (a.metric != b.metric) return a.metric < b.metric;
    return more_is_better(a.metric) ? a.best > b.best : a.best < b.best;
  });
}

Json to_json(const RunInfo& run) {
  Json json;
  json["run"] = run.path;
  json["date"] = run.date;
  if (!run.error.empty()) {
    json["error"] = run.error;
    return json;
  }
  json["device"] = run.device;
  json["epochs_done"] = run.epochs_done;
  json["metric"] = run.best_epoch == 0 ? Json() : Json(run.metric);
  json["best"] = run.best_epoch == 0 ? Json() : Json(run.best);
  json["best_epoch"] = run.best_epoch == 0 ? Json() : Json(run.best_epoch);
  json["options"] = run.options;
  return json;
}

int run_runs(const RunsOptions& options) {
  const JsonOutput json_output(options.json);
  json_output.check_writable();
  const Console console(json_output.takes_stdout());
  std::error_code ignored;
  if (!fs::is_directory(options.folder, ignored))
    throw IoError(fmt::format("{}: no such folder", options.folder));
  std::vector<RunInfo> runs;
  find_runs(options.folder, 0, runs);
  sort_runs(runs, options.sort);
  const std::vector<std::string> names = differing(runs);
  std::vector<std::vector<std::string>> rows{
      {"run", "model", "data", "device", "epochs", "best", "date", "differs by"}};
  Json json;
  json["differing"] = names;
  json["runs"] = Json::array();
  std::vector<std::string> errors;
  for (const RunInfo& run : runs) {
    json["runs"].push_back(to_json(run));
    if (!run.error.empty()) {
      errors.push_back(run.error);
      continue;
    }
    std::string differs;
    for (const std::string& name : names) {
      const auto value = run.options.find(name);
      if (value == run.options.end() || value->is_null() || *value == Json("")) continue;
      differs += (differs.empty() ? "" : " ") + fmt::format("{}={}", name, text_of(*value));
    }
    rows.push_back({visible(run.path), visible(text_of(run.options.at("model"))),
                    visible(text_of(run.options.at("data"))), visible(run.device),
                    fmt::format("{:.3g} of {}", run.epochs_done, text_of(run.options.at("epochs"))),
                    best_of(run), date_of(run.date), differs.empty() ? "-" : visible(differs)});
  }
  if (rows.size() > 1) console.raw(table(rows));
  if (runs.empty()) console.line(fmt::format("{}: no runs", options.folder));
  for (const std::string& error : errors) console.line("unread     " + error);
  json_output.write(json);
  return kOk;
}

}  // namespace

INGOT_EXPORT_COMMAND(runs) {
  auto options = std::make_shared<RunsOptions>();
  Command command{"runs", "List the runs in a folder and compare them", 34};
  command.options.add("FOLDER", options->folder, "", "Where the runs are")
      .check(not_empty())
      .show_usual();
  command.options.add("--sort", options->sort, "ORDER", "By date, name, or best: the best first")
      .one_of("order", {"best", "date", "name"})
      .show_usual();
  add_json(command.options, options->json);
  command.footer =
      "Shows model, data, device, epochs, the best of what was measured (by --keep-best, else the\n"
      "accuracy), when it was saved last, and the options by which the runs differ. What an older\n"
      "run does not know has its usual value.\n"
      "Examples:\n"
      "  ingot runs\n"
      "  ingot runs runs --sort best --json";
  command.run = [options](const OptionTable&) { return run_runs(*options); };
  return command;
}

}  // namespace ingot::cli
