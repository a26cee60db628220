// The commands of the program. Each is a file of its own that exports it,
//
//   INGOT_EXPORT_COMMAND(summary) {        // the stem of the file
//     auto o = std::make_shared<…>();      // the variables of its options
//     Command command{"summary", "Show …"};
//     …
//     return command;
//   }
//
// and cmake makes the list of them that all_commands() returns.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/option_table.h"

namespace ingot::cli {

/// Exit codes, for scripts. After a signal it is 128 + its number: 130 for Ctrl-C.
enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2 };

/// The command line asks for something that cannot be; ends the program with kUsage.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Command {
  std::string path;  ///< "summary"; "bench train" is a command of "bench"
  std::string help;  ///< a line
  int rank = 50;     ///< where it stands among the others
  OptionTable options = {};
  std::string footer = {};  ///< below the options: rules and examples
  /// Gets the table as it was bound to the command line. Returns the exit code. Empty: a command
  /// that only holds others.
  std::function<int(const OptionTable& given)> run = nullptr;
};

#define INGOT_EXPORT_COMMAND(stem)        \
  ::ingot::cli::Command stem##_command(); \
  ::ingot::cli::Command stem##_command()

/// Each time anew, sorted by rank; commands that hold others stand before these.
std::vector<Command> all_commands();

}  // namespace ingot::cli
