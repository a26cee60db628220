// The program `ingot`: parses the command line, runs the command, and turns every failure into one
// line on stderr and an exit code.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/version.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <sstream>
#include <string_view>
#include <utility>

#include <ingot/core/nearest_name.h>
#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

/// The first line names the cause; a list of keys may follow.
void print_error(const std::string& message) {
  std::string text = visible(message, true);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::fflush(stdout);
  // Not fmt::print, which throws when nobody can read the message: the exit code tells it still.
  std::fputs(("ingot: error: " + text + "\n").c_str(), stderr);
}

/// The names of what a program in C++ could set become those of the options.
std::string with_options(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"LoadOptions::skip_objects", "--skip-objects"}};
  for (const auto& [name, option] : kNames)
    if (const auto at = text.find(name); at != std::string::npos)
      text.replace(at, name.size(), option);
  return text;
}

/// Without the places in Ingot's sources, which help nobody who has no program of his own.
std::string without_places(std::string text) {
  for (const char* begin : {"\n  recorded at ", "\n  called from "})
    if (const auto at = text.find(begin); at != std::string::npos)
      text.erase(at, text.find('\n', at + 1) - at);
  return text;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// The innermost subcommand that was called; the program itself when there is none.
const CLI::App& called(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

/// "bench train"; empty for the program itself.
std::string path_of(const CLI::App& command) {
  if (!command.get_parent()) return "";
  const std::string outer = path_of(*command.get_parent());
  return outer.empty() ? command.get_name() : outer + " " + command.get_name();
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = called(app);
  const std::string path = path_of(command);
  const std::string prefix = path.empty() ? "" : path + ": ";
  const std::string help = path.empty() ? "ingot --help" : fmt::format("ingot {} --help", path);
  const auto words = command.remaining();
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands(nullptr)) names.push_back(sub->get_name());
  if (!names.empty())
    return fmt::format("{}{}; there are: {}{} (see {})", prefix,
                       words.empty() ? std::string("a command is needed")
                                     : fmt::format("unknown command '{}'", words.front()),
                       join(names), words.empty() ? "" : suggestion(words.front(), names), help);
  // An option that is missing may have been mistyped: that is told then.
  const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
                       !words.empty() && words.front().starts_with("--");
  if (missing || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const CLI::Option* option : command.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    const std::string word = words.empty() ? std::string(error.what()) : words.front();
    return fmt::format("{}unknown argument '{}'{} (see {})", prefix, word,
                       suggestion(word.substr(0, word.find('=')), names), help);
  }
  return fmt::format("{}{} (see {})", prefix, error.what(), help);
}

int print_help(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  app.exit(error, text, text);
  Console(false).raw(text.str());
  if (lost_output().empty()) return kOk;
  print_error(lost_output());
  return kFailed;
}

int run_program(int argc, char** argv) {
  // A limit on file sizes shall be an error of the write, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  // A reader of the output that goes away (| head) shall not end a training.
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{"Ingot trains neural networks on the best device of this machine.", "ingot"};
  app.set_version_flag("--version", fmt::format("ingot {}", version()));
  app.require_subcommand(1);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.get_formatter()->column_width(28);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C (after saving).\n"
      "Examples:\n"
      "  ingot devices\n"
      "  ingot train --model lenet5 --data mnist\n"
      "  ingot train --help");
  Run run;
  add_devices_command(app, run);
  add_train_command(app, run);
  add_eval_command(app, run);
  add_summary_command(app, run);
  add_bench_command(app, run);
  add_check_command(app, run);
  add_selftest_command(app, run);
  add_convert_command(app, run);
  add_completion_command(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version count as errors with code 0 there.
    if (error.get_exit_code() == 0) return print_help(app, error);
    print_error(usage_message(app, error));
    return kUsage;
  }
  try {
    const int code = run();
    if (code != kOk || lost_output().empty()) return code;
    print_error(lost_output());
  } catch (const UsageError& error) {
    const std::string command = path_of(called(app));
    print_error(fmt::format("{}: {} (see ingot {} --help)", command, error.what(), command));
    return kUsage;
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const InternalError& error) {
    print_error(error.what());
  } catch (const std::exception& error) {
    print_error(with_options(without_places(error.what())));
  }
  return kFailed;
}

}  // namespace
}  // namespace ingot::cli

int main(int argc, char** argv) {
  try {
    return ingot::cli::run_program(argc, argv);
  } catch (const std::exception& error) {
    ingot::cli::print_error(error.what());
  } catch (...) {
    ingot::cli::print_error("unknown failure");
  }
  return ingot::cli::kFailed;
}
