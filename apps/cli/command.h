// The commands of the program. Each function adds a subcommand with its options; when the user
// asked for it, its body is put into `run` and main calls it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <stdexcept>
#include <string>

namespace ingot::cli {

/// Exit codes, for scripts. After a signal it is 128 + its number: 130 for Ctrl-C.
enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2 };

/// The command line asks for something that cannot be; ends the program with kUsage.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Run = std::function<int()>;

void add_devices_command(CLI::App& app, Run& run);
void add_train_command(CLI::App& app, Run& run);
void add_eval_command(CLI::App& app, Run& run);
void add_summary_command(CLI::App& app, Run& run);
void add_check_command(CLI::App& app, Run& run);
void add_bench_command(CLI::App& app, Run& run);
void add_selftest_command(CLI::App& app, Run& run);
void add_convert_command(CLI::App& app, Run& run);
void add_completion_command(CLI::App& app, Run& run);

}  // namespace ingot::cli
