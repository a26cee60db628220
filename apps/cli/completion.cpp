// ingot completion: scripts for bash, zsh and fish, made from the commands' tables of options.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

struct OptionInfo {
  std::string name;  ///< "--batch-size"
  std::string help;
  bool takes_value = false;
  bool takes_list = false;          ///< several values with commas between them
  std::vector<std::string> values;  ///< what may follow, where it is a short list
};

struct CommandInfo {
  std::string name, help;
  std::vector<OptionInfo> options;
  std::vector<OptionInfo> words;      ///< that stand without a flag, out of a short list
  std::vector<CommandInfo> commands;  ///< of "bench": one more word comes before the options
};

/// The first sentence, short enough for a menu.
std::string brief(std::string text) {
  text = text.substr(0, text.find_first_of(";\n"));
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return c == '\'' || c == '"' || c == '[' || c == ']' || c == ':' || c == '\\'; },
      ' ');
  return text.substr(0, 70);
}

OptionInfo info_of(const OptionRow& row) {
  return {row.flag, brief(row.help), !row.type.empty(), row.is_list, row.choices};
}

CommandInfo info_of(const Command& command) {
  CommandInfo info{
      command.path.substr(command.path.rfind(' ') + 1), brief(command.help), {}, {}, {}};
  info.options.push_back({"--help", "Print this help message and exit", false, false, {}});
  for (const OptionRow& row : command.options.rows())
    if (!row.is_positional()) {
      info.options.push_back(info_of(row));
      for (const std::string& alias : row.aliases) {
        info.options.push_back(info_of(row));
        info.options.back().name = alias;
      }
      if (!row.opposite.empty())
        info.options.push_back({row.opposite, brief("Not " + row.flag), false, false, {}});
    } else if (!row.choices.empty()) {
      info.words.push_back(info_of(row));
    }
  return info;
}

std::vector<CommandInfo> commands_of(const std::vector<Command>& all) {
  std::vector<CommandInfo> commands;
  for (const Command& command : all) {
    const auto outer = command.path.substr(0, command.path.find(' '));
    if (outer == command.path)
      commands.push_back(info_of(command));
    else
      for (CommandInfo& info : commands)
        if (info.name == outer) info.commands.push_back(info_of(command));
  }
  return commands;
}

std::string names_of(const std::vector<CommandInfo>& commands) {
  std::string names;
  for (const CommandInfo& c : commands) names += (names.empty() ? "" : " ") + c.name;
  return names;
}

/// The branches of bash's two cases, by command and option and by command.
void add_bash_cases(const std::vector<CommandInfo>& commands, const std::string& outer,
                    std::string& values, std::string& options) {
  for (const CommandInfo& c : commands) {
    const std::string path = outer + c.name;
    if (!c.commands.empty()) {
      values +=
          fmt::format("    \"{0} {0}\") words=\"{1} --help\" ;;\n", path, names_of(c.commands));
      add_bash_cases(c.commands, path + " ", values, options);
    }
    std::string names;
    for (const OptionInfo& o : c.options) names += (names.empty() ? "" : " ") + o.name;
    options += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, names);
    for (const OptionInfo& o : c.options)
      if (!o.values.empty())
        values += fmt::format("    \"{} {}\") words=\"{}\"{} ;;\n", path, o.name,
                              fmt::join(o.values, " "), o.takes_list ? "; list=yes" : "");
    for (const OptionInfo& word : c.words)
      values += fmt::format("    \"{0} {1}\") words=\"{2}\" ;;\n", path, c.name,
                            fmt::join(word.values, " "));
  }
}

std::string bash_script(const std::vector<CommandInfo>& commands) {
  std::string nested, values, options;
  for (const CommandInfo& c : commands)
    if (!c.commands.empty()) nested += (nested.empty() ? "" : "|") + c.name;
  add_bash_cases(commands, "", values, options);
  return fmt::format(R"(# bash completion for ingot; load it with: source <(ingot completion bash)
_ingot() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words="" list=no
  local command=${{COMP_WORDS[1]}} before=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W "{0} --help --version" -- "$word"))
    return
  fi
  case "$command" in
    {1}) if [ "$COMP_CWORD" -gt 2 ]; then command="$command ${{COMP_WORDS[2]}}"; fi ;;
  esac
  case "$command $previous" in
{2}  esac
  if [ -n "$words" ]; then
    if [ "$list" = yes ]; then before=${{word%"${{word##*,}}"}}; fi
    COMPREPLY=($(compgen -P "$before" -W "$words" -- "${{word#"$before"}}"))
    case "${{COMPREPLY[*]}}" in
      *: | *:\ *) compopt -o nospace 2>/dev/null ;;  # a folder is to follow
    esac
    return
  fi
  if [ "${{word:0:1}}" != - ]; then
    if [ "$word" = : ]; then word=""; fi  # bash divides "folder:DIR" into three words
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "$command" in
{3}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o filenames -F _ingot ingot
)",
                     names_of(commands), nested, values, options);
}

/// A zsh function that completes one of the commands, and functions for the commands inside them.
std::string zsh_function(const std::string& function, const std::vector<CommandInfo>& commands) {
  std::string names, cases, inner;
  for (const CommandInfo& c : commands) {
    names += fmt::format("    '{}:{}'\n", c.name, c.help);
    if (!c.commands.empty()) {
      const std::string nested = function + "_" + c.name;
      inner += zsh_function(nested, c.commands);
      cases += fmt::format("    {}) {} ;;\n", c.name, nested);
      continue;
    }
    std::string options;
    for (const OptionInfo& o : c.options) {
      std::string values;  // in _arguments a colon separates
      for (const std::string& value : o.values) {
        values += values.empty() ? "" : " ";
        for (const char letter : value) values += letter == ':' ? "\\:" : std::string(1, letter);
      }
      const std::string action = values.empty() ? "_files"
                                 : o.takes_list ? fmt::format("_values -s , value {}", values)
                                                : fmt::format("({})", values);
      options += fmt::format(" \\\n        '{}[{}]{}'", o.name, o.help,
                             o.takes_value ? fmt::format(":value:{}", action) : "");
    }
    for (const OptionInfo& word : c.words)
      options += fmt::format(" \\\n        ':{}:({})'", word.name, fmt::join(word.values, " "));
    cases += fmt::format("    {})\n      _arguments{} \\\n        '*:file:_files'\n      ;;\n",
                         c.name, options);
  }
  return inner + fmt::format(R"({0}() {{
  local -a commands
  commands=(
{1}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=${{words[2]}}
  shift words
  (( CURRENT-- ))
  case $command in
{2}  esac
}}
)",
                             function, names, cases);
}

std::string zsh_script(const std::vector<CommandInfo>& commands) {
  return "#compdef ingot\n"
         "# zsh completion for ingot; load it with: source <(ingot completion zsh)\n" +
         zsh_function("_ingot", commands) + "compdef _ingot ingot\n";
}

/// Lines for the commands inside of `outer`, which are shown where `here` holds.
void add_fish_lines(const std::vector<CommandInfo>& commands, const std::string& outer,
                    const std::string& here, std::string& text) {
  std::string nested;
  for (const CommandInfo& c : commands)
    if (!c.commands.empty()) nested += (nested.empty() ? "" : " ") + c.name;
  for (const CommandInfo& c : commands) {
    text += fmt::format("complete -c ingot -n '{}' -f -a {} -d '{}'\n", here, c.name, c.help);
    std::string when = fmt::format("__fish_seen_subcommand_from {}", c.name);
    if (!outer.empty())
      when = fmt::format("__fish_seen_subcommand_from {}; and {}", outer, when);
    else if (!nested.empty() && c.commands.empty())  // "train" is a command of "bench" as well
      when += "; and not __fish_seen_subcommand_from " + nested;
    if (!c.commands.empty())
      add_fish_lines(c.commands, c.name,
                     when + "; and not __fish_seen_subcommand_from " + names_of(c.commands), text);
    for (const OptionInfo& o : c.options)
      text += fmt::format(
          "complete -c ingot -n '{}' -l {}{}{} -d '{}'\n", when, o.name.substr(2),
          o.takes_value ? " -r" : "",
          o.values.empty() ? "" : fmt::format(" -f -a '{}'", fmt::join(o.values, " ")), o.help);
    for (const OptionInfo& word : c.words)
      text +=
          fmt::format("complete -c ingot -n '{}' -f -a '{}'\n", when, fmt::join(word.values, " "));
  }
}

std::string fish_script(const std::vector<CommandInfo>& commands) {
  std::string text =
      "# fish completion for ingot; load it with: ingot completion fish | source\n"
      "complete -c ingot -n __fish_use_subcommand -f\n";
  add_fish_lines(commands, "", "__fish_use_subcommand", text);
  return text;
}

}  // namespace

INGOT_EXPORT_COMMAND(completion) {
  auto shell = std::make_shared<std::string>();
  Command command{"completion", "Print the completions for a shell", 80};
  command.options.add("SHELL", *shell, "", "bash, zsh or fish")
      .required()
      .one_of("shell", {"bash", "zsh", "fish"});
  command.footer =
      "Examples:\n"
      "  source <(ingot completion bash)\n"
      "  ingot completion fish | source";
  command.run = [shell](const OptionTable&) {
    const auto commands = commands_of(all_commands());
    const std::string script = *shell == "bash"  ? bash_script(commands)
                               : *shell == "zsh" ? zsh_script(commands)
                                                 : fish_script(commands);
    Console(false).raw(script);
    return static_cast<int>(kOk);
  };
  return command;
}

}  // namespace ingot::cli
