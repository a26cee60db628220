// --config FILE: options from a file of JSON.
//
// The file holds an object of options by their names without dashes, {"epochs": 5, "lr": 0.01}; or
// such an object under "options", as `ingot train --json` writes it, of which those with their
// usual value count as not given. Each becomes an argument before those of the command line, unless
// the command line has the same option: so they are checked like any other.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace ingot::cli {

struct Arguments {
  std::vector<std::string> words;  ///< for the parser
  /// The options that came from the file, and its name.
  std::vector<std::string> from_config;
  std::string config;
};

/// `words` without the program's name. Throws UsageError naming the file when it has an option that
/// the command has not, or a value that no option can have; IoError when it cannot be read.
Arguments with_config(const std::vector<Command>& commands, std::vector<std::string> words);

}  // namespace ingot::cli
