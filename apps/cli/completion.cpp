// ingot completion: scripts for bash, zsh and fish, made from the commands' own options.
#include <fmt/format.h>
#include <ingot/models/registry.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/command.h"

namespace ingot::cli {
namespace {

struct OptionInfo {
  std::string name;  ///< "--batch-size"
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  ///< what may follow, where it is a short list
};

struct CommandInfo {
  std::string name, help;
  std::vector<OptionInfo> options;
};

/// Values by the type's name, which the commands share.
std::vector<std::string> values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name(), name = option.get_name(false, true);
  if (type == "MODEL") return models::names();
  if (type == "DEVICE") return {"best", "cpu", "cuda", "mps"};
  if (type == "DATA") return {"mnist"};
  if (type == "DTYPE") return {"float16", "bfloat16", "float32", "float64"};
  if (name.find("--optimizer") != std::string::npos)
    return {"sgd", "adam", "adamw", "rmsprop", "adagrad"};
  if (type == "SCHEDULE")
    return {"step", "multistep", "exponential", "cosine", "linear", "onecycle", "plateau"};
  if (type == "METRIC") return {"test_accuracy", "test_loss", "train_accuracy", "train_loss"};
  if (type == "SHELL") return {"bash", "zsh", "fish"};
  return {};
}

/// The first sentence, short enough for a menu.
std::string brief(std::string text) {
  text = text.substr(0, text.find_first_of(";\n"));
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return c == '\'' || c == '"' || c == '[' || c == ']' || c == ':' || c == '\\'; },
      ' ');
  return text.substr(0, 70);
}

std::vector<CommandInfo> commands_of(const CLI::App& app) {
  std::vector<CommandInfo> commands;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    CommandInfo command{sub->get_name(), brief(sub->get_description()), {}};
    for (const CLI::Option* option : sub->get_options()) {
      if (option->get_lnames().empty()) continue;
      command.options.push_back({"--" + option->get_lnames().front(),
                                 brief(option->get_description()),
                                 option->get_items_expected_max() > 0, values_of(*option)});
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

std::string bash_script(const std::vector<CommandInfo>& commands) {
  std::string names, cases, values;
  for (const CommandInfo& c : commands) {
    names += (names.empty() ? "" : " ") + c.name;
    std::string options;
    for (const OptionInfo& o : c.options) options += (options.empty() ? "" : " ") + o.name;
    cases += fmt::format("    {}) words=\"{}\" ;;\n", c.name, options);
    for (const OptionInfo& o : c.options)
      if (!o.values.empty())
        values += fmt::format("    \"{} {}\") words=\"{}\" ;;\n", c.name, o.name,
                              fmt::join(o.values, " "));
  }
  return fmt::format(R"(# bash completion for ingot; load it with: source <(ingot completion bash)
_ingot() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}} $previous" in
{}    "completion completion") words="bash zsh fish" ;;
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  if [ "${{word:0:1}}" != - ]; then
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o filenames -F _ingot ingot
)",
                     names, values, cases);
}

std::string zsh_script(const std::vector<CommandInfo>& commands) {
  std::string names, cases;
  for (const CommandInfo& c : commands) {
    names += fmt::format("    '{}:{}'\n", c.name, c.help);
    std::string options;
    for (const OptionInfo& o : c.options) {
      const std::string action =
          o.values.empty() ? "_files" : fmt::format("({})", fmt::join(o.values, " "));
      options += fmt::format(" \\\n        '{}[{}]{}'", o.name, o.help,
                             o.takes_value ? fmt::format(":value:{}", action) : "");
    }
    if (c.name == "completion") options += " \\\n        ':shell:(bash zsh fish)'";
    cases += fmt::format("    {})\n      _arguments{} \\\n        '*:file:_files'\n      ;;\n",
                         c.name, options);
  }
  return fmt::format(R"(#compdef ingot
# zsh completion for ingot; load it with: source <(ingot completion zsh)
_ingot() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=${{words[2]}}
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
compdef _ingot ingot
)",
                     names, cases);
}

std::string fish_script(const std::vector<CommandInfo>& commands) {
  std::string text =
      "# fish completion for ingot; load it with: ingot completion fish | source\n"
      "complete -c ingot -n __fish_use_subcommand -f\n";
  for (const CommandInfo& c : commands) {
    text +=
        fmt::format("complete -c ingot -n __fish_use_subcommand -a {} -d '{}'\n", c.name, c.help);
    const std::string when = fmt::format("'__fish_seen_subcommand_from {}'", c.name);
    for (const OptionInfo& o : c.options)
      text += fmt::format(
          "complete -c ingot -n {} -l {}{}{} -d '{}'\n", when, o.name.substr(2),
          o.takes_value ? " -r" : "",
          o.values.empty() ? "" : fmt::format(" -f -a '{}'", fmt::join(o.values, " ")), o.help);
    if (c.name == "completion")
      text += fmt::format("complete -c ingot -n {} -f -a 'bash zsh fish'\n", when);
  }
  return text;
}

}  // namespace

void add_completion_command(CLI::App& app, Run& run) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the completions for a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::Validator(
          [](std::string& text) {
            if (text == "bash" || text == "zsh" || text == "fish") return std::string();
            return fmt::format("unknown shell '{}'; there are: bash, zsh, fish", text);
          },
          ""));
  command->footer(
      "Examples:\n"
      "  source <(ingot completion bash)\n"
      "  ingot completion fish | source");
  command->callback([shell, &app, &run] {
    run = [shell, &app] {
      const auto commands = commands_of(app);
      const std::string script = *shell == "bash"  ? bash_script(commands)
                                 : *shell == "zsh" ? zsh_script(commands)
                                                   : fish_script(commands);
      std::fputs(script.c_str(), stdout);
      return static_cast<int>(kOk);
    };
  });
}

}  // namespace ingot::cli
