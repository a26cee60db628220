#include "cli/option_table.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/options.h"

namespace ingot::cli {
namespace {

std::string shown(const Json& json) {
  if (json.is_null()) return "the default";
  if (!json.is_string()) return json.dump();
  return json.get<std::string>().empty() ? "none" : json.get<std::string>();
}

}  // namespace

OptionRow& OptionRow::one_of(const char* what, std::vector<std::string> words) {
  choices = words;
  return check(cli::one_of(what, std::move(words)));
}

const OptionRow* OptionTable::find(std::string_view flag) const {
  const auto found =
      std::find_if(rows_.begin(), rows_.end(), [&](const OptionRow& r) { return r.flag == flag; });
  return found == rows_.end() ? nullptr : &*found;
}

void OptionTable::bind(CLI::App& command) {
  for (OptionRow& row : rows_) {
    row.option = row.bind(command, row);
    if (!row.type.empty()) row.option->type_name(row.type);
    if (row.is_required) row.option->required();
    if (row.is_list && !row.is_positional())
      row.option->delimiter(',')->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (row.is_list && row.is_positional())
      row.option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (row.value_may_lack) row.option->expected(0, 1)->default_str("-");
    if (row.shows_usual) row.option->default_str(usual_text(row));
    for (const CLI::Validator& rule : row.rules) row.option->transform(rule);
  }
}

bool OptionTable::given(std::string_view flag) const {
  const OptionRow* row = find(flag);
  return row != nullptr && row->option != nullptr && row->option->count() > 0;
}

Json OptionTable::saved() const {
  Json json = Json::object();
  for (const OptionRow& row : rows_)
    if (row.on_resume != OnResume::Forgotten) json[row.flag.substr(2)] = row.value();
  return json;
}

std::vector<std::string> OptionTable::take_over(
    const Json& run, const std::string& file, const std::vector<std::string_view>& needed,
    const std::function<bool(const std::string&, const Json&, const Json&)>& same) const {
  for (const OptionRow& row : rows_) {
    if (row.on_resume == OnResume::Forgotten) continue;
    const auto found = run.find(row.flag.substr(2));
    if (found == run.end() && std::find(needed.begin(), needed.end(), row.flag) != needed.end())
      throw IoError(
          fmt::format("{}: the run's options are damaged: {} is missing", file, row.flag));
    const Json& saved = found == run.end() ? row.usual : *found;
    if (given(row.flag)) {
      const Json now = row.value();
      if (row.on_resume == OnResume::Fixed && now != saved && !same(row.flag, now, saved))
        throw UsageError(fmt::format("{} {} cannot be changed by --resume: the run has {}",
                                     row.flag, shown(now), shown(saved)));
      continue;
    }
    try {
      row.assign(saved);
    } catch (const Json::exception&) {
      throw IoError(
          fmt::format("{}: the run's options are damaged: {} is {}", file, row.flag, saved.dump()));
    }
  }
  std::vector<std::string> unknown;
  for (const auto& [name, value] : run.items()) {
    const OptionRow* row = find("--" + name);
    if (row == nullptr || row->on_resume == OnResume::Forgotten) unknown.push_back("--" + name);
  }
  return unknown;
}

std::string usual_text(const OptionRow& row) {
  return row.usual.is_null() ? "" : text_of(row.usual);
}

}  // namespace ingot::cli
