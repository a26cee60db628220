// The result as text.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "profile/data.h"

namespace ingot {
namespace {

// "12.3 k", "4.56 M": three digits.
std::string scaled(double value) {
  constexpr std::array<const char*, 6> kUnits{"", " k", " M", " G", " T", " P"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", value, digits, kUnits[unit]);
}

std::string parts_of(const ProfileStep& s) {
  std::string text = fmt::format("running {:.3f}, planning {:.3f} (kernels {:.3f}), memory {:.3f}",
                                 s.running_ms, s.planning_ms, s.kernels_ms, s.memory_ms);
  if (s.submit_ms > 0)
    text += fmt::format(", submitting {:.3f}, devices running {:.3f}", s.submit_ms, s.device_ms);
  return text + fmt::format(", waiting {:.3f}, program {:.3f}", s.waiting_ms, s.program_ms);
}

std::string peak_of(const ProfileStep& s) {
  return s.peak_nbytes > 0
             ? fmt::format("; memory at most {}B", scaled(static_cast<double>(s.peak_nbytes)))
             : "";
}

// The step in the middle by time, so that its parts belong together.
const ProfileStep& median(std::vector<const ProfileStep*>& steps) {
  std::sort(steps.begin(), steps.end(),
            [](const auto* a, const auto* b) { return a->wall_ms < b->wall_ms; });
  return *steps[steps.size() / 2];
}

std::string summary(const profiling::Data& data) {
  const std::vector<ProfileStep>& steps = data.steps;
  if (steps.empty()) return "nothing was seen\n";
  if (steps.size() == 1)
    return fmt::format("{:.3f} ms: {}{}\n", steps[0].wall_ms, parts_of(steps[0]),
                       peak_of(steps[0]));
  std::string text;
  const bool apart = data.first_is_apart();
  if (apart)
    text += fmt::format("first step {:.3f} ms: {}{}\n", steps[0].wall_ms, parts_of(steps[0]),
                        peak_of(steps[0]));
  std::vector<const ProfileStep*> others;
  for (std::size_t i = apart ? 1 : 0; i < steps.size(); ++i) others.push_back(&steps[i]);
  const ProfileStep& middle = median(others);
  text += fmt::format("{} {} step{}, median {:.3f} ms ({:.3f} to {:.3f}): {}{}\n", others.size(),
                      apart ? "other" : "", others.size() == 1 ? "" : "s", middle.wall_ms,
                      others.front()->wall_ms, others.back()->wall_ms, parts_of(middle),
                      peak_of(middle));
  return text;
}

bool comes_before(const ProfileRow& a, const ProfileRow& b, ProfileSort sort) {
  switch (sort) {
    case ProfileSort::Total:
      return a.total_ms > b.total_ms;
    case ProfileSort::Mean:
      return a.mean_ms() > b.mean_ms();
    case ProfileSort::Calls:
      return a.calls > b.calls;
    case ProfileSort::Bytes:
      return a.nbytes > b.nbytes;
    case ProfileSort::Flops:
      return a.flops.value_or(-1) > b.flops.value_or(-1);
    case ProfileSort::First:
      return a.first_ms > b.first_ms;
    case ProfileSort::Op:
      return a.op < b.op;
    case ProfileSort::Source:
      return a.source < b.source;
  }
  return false;
}

std::string without_folder(const std::string& place) {
  return place.substr(place.find_last_of('/') + 1);
}

std::string shortened(const std::string& text, std::size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

struct Column {
  const char* title;
  bool left;
  bool shown;
};

class Table {
 public:
  explicit Table(const profiling::Data& data) {
    bool submits = false, sources = false;
    for (const ProfileRow& row : data.rows) {
      submits |= row.submit_ms > 0;
      sources |= !row.source.empty();
    }
    columns_ = {{"op", true, true},
                {"device", true, true},
                {"calls", false, true},
                {"total ms", false, true},
                {"share", false, true},
                {"mean us", false, true},
                {"submit us", false, submits},
                {"bytes", false, true},
                {"GB/s", false, true},
                {"FLOP", false, true},
                {"GFLOP/s", false, true},
                {"first us", false, data.first_is_apart()},
                {"source", true, sources},
                {"shapes", true, data.options.shapes}};
    cells_.emplace_back();
    for (const Column& c : columns_) cells_[0].emplace_back(c.title);
  }

  void add(const ProfileRow& row) {
    const auto per_call = [&](double sum) { return sum / static_cast<double>(row.calls); };
    const bool ran = row.calls > 0, timed = ran && row.total_ms > 0;
    const auto or_dash = [](bool known, const std::string& text) { return known ? text : "-"; };
    std::string source = without_folder(row.source);
    if (!row.within.empty()) source += fmt::format(" ({})", without_folder(row.within));
    cells_.push_back(
        {shortened(row.op, 40), row.device.str(), fmt::format("{}", row.calls),
         or_dash(timed, fmt::format("{:.3f}", row.total_ms)),
         or_dash(timed, fmt::format("{:.1f} %", 100 * row.share)),
         or_dash(timed, fmt::format("{:.1f}", 1e3 * row.mean_ms())),
         or_dash(ran, fmt::format("{:.1f}", ran ? 1e3 * per_call(row.submit_ms) : 0)),
         or_dash(ran, ran ? scaled(per_call(static_cast<double>(row.nbytes))) : ""),
         or_dash(timed, fmt::format("{:.1f}", row.gigabytes_per_second())),
         or_dash(ran && row.flops, ran && row.flops ? scaled(per_call(*row.flops)) : ""),
         or_dash(timed && row.flops, fmt::format("{:.1f}", row.gflops_per_second().value_or(0))),
         or_dash(
             row.first_calls > 0,
             row.first_calls > 0
                 ? fmt::format("{:.1f}", 1e3 * row.first_ms / static_cast<double>(row.first_calls))
                 : ""),
         source, row.shapes});
  }

  std::string str() const {
    std::string text;
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto& line : cells_)
      for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
    for (const auto& line : cells_) {
      std::string shown;
      for (std::size_t c = 0; c < line.size(); ++c) {
        if (!columns_[c].shown) continue;
        if (!shown.empty()) shown += "  ";
        shown += columns_[c].left ? fmt::format("{:<{}}", line[c], widths[c])
                                  : fmt::format("{:>{}}", line[c], widths[c]);
      }
      shown.erase(shown.find_last_not_of(' ') + 1);
      text += shown + '\n';
    }
    return text;
  }

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> cells_;
};

}  // namespace

std::string ProfileResult::table(ProfileSort sort, std::size_t max_rows) const {
  std::vector<const ProfileRow*> rows;
  for (const ProfileRow& row : data_->rows) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const auto* a, const auto* b) { return comes_before(*a, *b, sort); });
  std::string text = summary(*data_);
  if (rows.empty()) return text;
  Table table(*data_);
  const std::size_t shown = std::min(max_rows, rows.size());
  for (std::size_t i = 0; i < shown; ++i) table.add(*rows[i]);
  text += '\n' + table.str();
  double rest = 0;
  for (std::size_t i = shown; i < rows.size(); ++i) rest += rows[i]->share;
  if (shown < rows.size())
    text +=
        fmt::format("and {} more rows, {:.1f} % of the time\n", rows.size() - shown, 100 * rest);
  text +=
      "bytes and FLOP: of one call; FLOP counts additions, products, comparisons, exponentials "
      "as one each\n";
  if (data_->events_left_out > 0)
    text += fmt::format("{} events are not in the trace: it was full\n", data_->events_left_out);
  return text;
}

}  // namespace ingot
