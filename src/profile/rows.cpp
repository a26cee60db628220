// From what was gathered per kind of step and line to the rows of the result.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>

#include "profile/data.h"

namespace ingot::profiling {
namespace {

std::string list_of(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (const TensorSpec& s : specs) text += fmt::format("{}{}", text.empty() ? "" : ", ", s.str());
  return text;
}

std::string place(const Site& site, bool with_folder) {
  if (site.line() == 0) return {};
  std::string_view file = site.file_name();
  if (!with_folder) file.remove_prefix(file.find_last_of('/') + 1);  // npos + 1 is 0
  return fmt::format("{}:{}", file, site.line());
}

double ms(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

// What all say, or nothing.
void agree(std::string& text, const std::string& other, bool is_first) {
  if (is_first)
    text = other;
  else if (text != other)
    text.clear();
}

}  // namespace

std::string shapes_of(const StepInfo& info) {
  return fmt::format("{} -> {}", list_of(info.inputs), list_of(info.outputs));
}

std::string user_line(const Line& line, bool with_folder) {
  return place(line.outer_site.line() != 0 ? line.outer_site : line.site, with_folder);
}

std::string inner_line(const Line& line, bool with_folder) {
  if (line.outer_site.line() == 0) return {};
  const std::string inner = place(line.site, with_folder);
  return inner == place(line.outer_site, with_folder) ? std::string() : inner;
}

std::vector<ProfileRow> make_rows(const Data& data) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<Key, std::size_t> numbers;
  std::vector<ProfileRow> rows;
  for (const Line& line : data.lines) {
    const StepInfo& info = data.infos[line.info];
    const std::string source = data.options.sources ? user_line(line, true) : "";
    const std::string within = data.options.sources ? inner_line(line, true) : "";
    const std::string shapes = shapes_of(info);
    const auto [found, is_new] = numbers.emplace(
        Key{info.what, info.device.str(), source, within, data.options.shapes ? shapes : ""},
        rows.size());
    if (is_new) {
      rows.push_back({.op = info.what, .source = source, .within = within, .device = info.device});
      rows.back().flops = 0;
    }
    ProfileRow& row = rows[found->second];
    agree(row.shapes, shapes, is_new);
    agree(row.kernel, info.kernel, is_new);
    Stats counted = line.later;
    if (!data.first_is_apart()) counted.add(line.first);
    row.calls += counted.calls;
    row.total_ms += ms(counted.ran);
    row.submit_ms += ms(counted.submitted);
    row.nbytes +=
        static_cast<std::uint64_t>(counted.calls) * (info.nbytes_read + info.nbytes_written);
    if (info.flops < 0)
      row.flops.reset();
    else if (row.flops)
      *row.flops += static_cast<double>(counted.calls) * info.flops;
    if (!data.first_is_apart()) continue;
    row.first_calls += line.first.calls;
    row.first_ms += ms(line.first.ran);
  }
  double total = 0;
  for (const ProfileRow& row : rows) total += row.total_ms;
  for (ProfileRow& row : rows) row.share = total > 0 ? row.total_ms / total : 0;
  std::stable_sort(rows.begin(), rows.end(), [](const ProfileRow& a, const ProfileRow& b) {
    return a.total_ms > b.total_ms;
  });
  return rows;
}

}  // namespace ingot::profiling
