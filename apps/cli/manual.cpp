// ingot manual: docs/options.md, made from the commands' tables of options.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "cli/command.h"
#include "cli/output.h"

namespace ingot::cli {
namespace {

/// As the cell of a table of Markdown.
std::string cell(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*' || c == '_') safe += '\\';
    safe += c == '\n' ? ' ' : c;
  }
  return safe;
}

std::string usual_of(const OptionRow& row) {
  if (row.is_required) return "required";
  if (row.type.empty() && !row.is_positional()) return "off";
  const std::string usual = usual_text(row);
  return usual.empty() ? "" : fmt::format("`{}`", usual);
}

const char* on_resume(const OptionRow& row) {
  switch (row.on_resume) {
    case OnResume::Kept:
      return "kept";
    case OnResume::Fixed:
      return "fixed";
    case OnResume::Forgotten:
      break;
  }
  return "";
}

std::string section(const Command& command) {
  std::string text = fmt::format("\n## ingot {}\n\n{}.\n", command.path, command.help);
  if (!command.options.rows().empty()) {
    // Only what leaves a run has a column for it.
    const bool resumes = command.options.find("--resume") != nullptr;
    text += fmt::format("\n| option | what | values | usual |{}\n|---|---|---|---|{}\n",
                        resumes ? " resumed |" : "", resumes ? "---|" : "");
    for (const OptionRow& row : command.options.rows()) {
      const std::string typed = row.type.empty() ? row.flag : row.flag + " " + row.type;
      std::string others;
      for (const std::string& alias : row.aliases) others += fmt::format(" `{}`", alias);
      if (!row.opposite.empty()) others += fmt::format(" `{}`", row.opposite);
      text += fmt::format("| `{}`{} | {} | {} | {} |{}\n", typed, others, cell(row.help),
                          cell(fmt::format("{}", fmt::join(row.choices, ", "))), usual_of(row),
                          resumes ? fmt::format(" {} |", on_resume(row)) : "");
    }
  }
  if (!command.footer.empty()) text += "\n```text\n" + command.footer + "\n```\n";
  return text;
}

std::string page() {
  std::string text =
      "# Options of the command line\n\n"
      "Every command with its options. This page is generated: `ingot manual > docs/options.md`. "
      "What "
      "they are good for: [command-line.md](command-line.md).\n\n"
      "\"Resumed\" is what `--resume` makes of an option: one that is fixed cannot be changed; one "
      "that is kept holds unless\nit is given anew; the others belong to one call.\n";
  for (const Command& command : all_commands()) text += section(command);
  return text;
}

}  // namespace

INGOT_EXPORT_COMMAND(manual) {
  Command command{"manual", "Print every command with its options, as Markdown", 90};
  command.footer = "Examples:\n  ingot manual > options.md";
  command.run = [](const OptionTable&) {
    Console(false).raw(page());
    return static_cast<int>(kOk);
  };
  return command;
}

}  // namespace ingot::cli
