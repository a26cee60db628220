#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace ingot::cli {
namespace {

constexpr double kSecondsBetweenBars = 0.1;
constexpr double kSecondsBetweenLines = 10;

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string text = value;
    return text.find("UTF-8") != std::string::npos || text.find("utf8") != std::string::npos;
  }
  return false;
}

std::string bar(double share, int width) {
  const int filled = std::clamp(static_cast<int>(share * width), 0, width);
  static const bool utf8 = speaks_utf8();
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? (utf8 ? "━" : "=") : (utf8 ? "─" : "-");
  return text;
}

std::string figures(const train::Progress& p) {
  return fmt::format("loss {}  accuracy {:.2f} %  {} images/s  {} left",
                     four_digits(p.averages.loss()), 100 * p.averages.accuracy(),
                     grouped(static_cast<std::int64_t>(p.images_per_second)),
                     duration(p.seconds_left));
}

std::string heading(const train::Progress& p) {
  if (p.epochs <= 1 && !p.training) return "test";
  return fmt::format("epoch {}/{}{}", p.epoch, p.epochs, p.training ? "" : " test");
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Console& console)
    : console_(console), terminal_(console.is_terminal()), last_(Clock::now()) {}

void ProgressDisplay::show(const train::Progress& p) {
  const double waited = std::chrono::duration<double>(Clock::now() - last_).count();
  if (waited < (terminal_ ? kSecondsBetweenBars : kSecondsBetweenLines)) return;
  last_ = Clock::now();
  const double share = static_cast<double>(p.batch) / static_cast<double>(p.batches);
  if (!terminal_) {
    console_.line(fmt::format("{}  {:3.0f} %  {}", heading(p), 100 * share, figures(p)));
    return;
  }
  const std::string head = heading(p), tail = figures(p);
  const int room = console_.columns() - static_cast<int>(head.size() + tail.size()) - 12;
  std::string text = head + "  ";
  if (room >= 5) text += bar(share, std::min(room, 40)) + "  ";
  text += fmt::format("{:3.0f} %  ", 100 * share) + tail;
  // A line that wraps could not be erased. Without a bar all of it is ASCII.
  if (room < 5)
    text.resize(std::min(text.size(), static_cast<std::size_t>(console_.columns() - 1)));
  console_.raw("\r\x1b[K" + text);
  bar_shown_ = true;
}

void ProgressDisplay::clear() {
  if (bar_shown_) console_.raw("\r\x1b[K");
  bar_shown_ = false;
}

void ProgressDisplay::line(const std::string& text) {
  clear();
  console_.line(text);
  last_ = Clock::now();
}

std::string epoch_line(const train::MetricsRow& row, std::int64_t epochs) {
  const char* data = row.val_loss ? "val" : "test";
  return fmt::format(
      "epoch {}/{}  loss {}  accuracy {:.2f} %  {} loss {}  {} accuracy {:.2f} %  {} "
      "images/s  {}",
      static_cast<std::int64_t>(row.epoch), epochs, four_digits(row.train_loss),
      100 * row.train_accuracy.value_or(0), data, four_digits(row.measured_loss()), data,
      100 * row.measured_accuracy(), grouped(static_cast<std::int64_t>(row.images_per_second)),
      duration(row.seconds));
}

}  // namespace ingot::cli
