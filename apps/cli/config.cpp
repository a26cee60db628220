#include "cli/config.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/core/nearest_name.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace ingot::cli {
namespace {

constexpr std::string_view kFlag = "--config";
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 20;

Json read(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw IoError(fmt::format("{}: cannot read the options: {}", path, error.message()));
  if (size > kMostBytes)
    throw IoError(fmt::format("{}: {} bytes are too many for a file of options", path, size));
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().size() != size)
    throw IoError(fmt::format("{}: cannot read the options: {}", path,
                              std::generic_category().message(errno != 0 ? errno : EIO)));
  try {
    return Json::parse(text.str());
  } catch (const Json::exception& e) {
    throw UsageError(fmt::format("--config {}: the file is no JSON: {}", path, e.what()));
  }
}

bool fits(const OptionRow& row, const Json& value) {
  if (row.type.empty()) return value.is_boolean();
  if (value.is_array())
    return row.is_list && std::all_of(value.begin(), value.end(), [](const Json& entry) {
             return entry.is_number() || entry.is_string();
           });
  return value.is_number() || value.is_string();
}

/// Whether the arguments have that option, which stands alone or before '='.
bool has(const std::vector<std::string>& words, const std::string& flag) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return word == flag || word.starts_with(flag + "=");
  });
}

/// The last --config of the arguments; empty when there is none.
std::string config_of(const std::vector<std::string>& words) {
  std::string path;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].starts_with(std::string(kFlag) + "=")) path = words[i].substr(kFlag.size() + 1);
    if (words[i] == kFlag && i + 1 < words.size()) path = words[i + 1];
  }
  return path;
}

/// The command that the first words name, and how many they are.
std::pair<const Command*, std::size_t> command_of(const std::vector<Command>& commands,
                                                  const std::vector<std::string>& words) {
  std::pair<const Command*, std::size_t> found{nullptr, 0};
  std::string path;
  for (std::size_t i = 0; i < words.size() && i < 2; ++i) {
    path += (i == 0 ? "" : " ") + words[i];
    for (const Command& command : commands)
      if (command.path == path) found = {&command, i + 1};
  }
  return found;
}

}  // namespace

Arguments with_config(const std::vector<Command>& commands, std::vector<std::string> words) {
  Arguments result{words, {}, config_of(words)};
  const auto [command, count] = command_of(commands, words);
  if (result.config.empty() || command == nullptr || command->options.find(kFlag) == nullptr)
    return result;
  const std::string& path = result.config;
  Json json = read(path);
  const bool is_report =
      json.is_object() && json.contains("options") && json["options"].is_object();
  if (is_report) json = Json(json["options"]);
  if (!json.is_object())
    throw UsageError(fmt::format("--config {}: not a JSON object of options", path));
  std::vector<std::string> names;
  for (const OptionRow& row : command->options.rows())
    if (!row.is_positional() && row.flag != kFlag) names.push_back(row.flag.substr(2));
  std::vector<std::string> added;
  for (const auto& [name, value] : json.items()) {
    const OptionRow* row = command->options.find("--" + name);
    if (row == nullptr || row->flag == kFlag)
      throw UsageError(fmt::format("--config {}: {} has no option '{}'{}", path, command->path,
                                   name, suggestion(name, names)));
    if (has(words, row->flag) || value.is_null() || (is_report && value == row->usual)) continue;
    if (!fits(*row, value))
      throw UsageError(fmt::format("--config {}: {} cannot be {}", path, name, value.dump()));
    const bool is_switch = row->type.empty();
    if (is_switch && !value.get<bool>()) continue;
    added.push_back(is_switch ? row->flag : row->flag + "=" + text_of(value));
    result.from_config.push_back(row->flag);
  }
  result.words.insert(result.words.begin() + static_cast<std::ptrdiff_t>(count), added.begin(),
                      added.end());
  return result;
}

}  // namespace ingot::cli
