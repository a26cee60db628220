#include "cli/output.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <system_error>

#include <ingot/io/atomic_file.h>
#include "cli/command.h"

namespace ingot::cli {

namespace {

std::string lost;  // the first failure; commands print from one thread

}  // namespace

void Console::line(const std::string& text) const { raw(visible(text, true) + "\n"); }

void Console::raw(const std::string& text) const {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), file_) == text.size();
  if ((std::fflush(file_) != 0 || !written) && errno != EPIPE && lost.empty())
    lost = fmt::format("{}: cannot write: {}", file_ == stdout ? "stdout" : "stderr",
                       std::generic_category().message(errno));
}

std::string lost_output() { return lost; }

bool Console::is_terminal() const { return ::isatty(::fileno(file_)) != 0; }

int Console::columns() const {
  winsize size{};
  if (::ioctl(::fileno(file_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

namespace {

namespace fs = std::filesystem;

/// A pipe, terminal or other device, such as what a shell makes of >(command): nothing there can be
/// replaced.
bool is_special(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

[[noreturn]] void fail(const std::string& path, int error) {
  throw IoError(
      fmt::format("{}: cannot write the file: {}", path, std::generic_category().message(error)));
}

}  // namespace

fs::path resolved(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) result = fs::absolute(path, error).lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

void JsonOutput::must_not_be(const fs::path& file, const std::string& what) const {
  if (!is_file()) return;
  std::error_code ignored;
  if (resolved(target_) == resolved(file) || fs::equivalent(target_, file, ignored))
    throw UsageError(fmt::format("{} {} would destroy {}", option_, target_, what));
}

bool JsonOutput::is_in(const fs::path& folder) const {
  return is_file() && resolved(target_).parent_path() == resolved(folder);
}

void JsonOutput::check_writable() const {
  if (!is_file()) return;
  if (is_special(target_)) {
    // Not opened: the reader of a pipe would take that for all there is.
    if (::access(target_.c_str(), W_OK) != 0) fail(target_, errno);
    return;
  }
  io::AtomicFile probe(target_);
}

void JsonOutput::write(const Json& json) const {
  write_text(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void JsonOutput::write_text(const std::string& text) const {
  if (target_.empty()) return;
  if (takes_stdout()) {
    errno = 0;
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (std::fflush(stdout) != 0 && errno != EPIPE) fail("stdout", errno);
    return;
  }
  if (is_special(target_)) {
    errno = 0;
    std::ofstream file(target_);
    file << text << std::flush;
    if (!file && errno != EPIPE) fail(target_, errno);
    return;
  }
  io::AtomicFile file(target_);
  file.write(text);
  file.commit();
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& entry : value) text += (text.empty() ? "" : ",") + text_of(entry);
  return text;
}

std::string visible(const std::string& text, bool keep_lines) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && !(keep_lines && c == '\n')) || byte == 0x7f)
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  return shown;
}

std::string four_digits(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.4f}", value);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return number < 0 ? "-" + digits : digits;
}

std::string duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const std::int64_t hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, rest)
                   : fmt::format("{}:{:02}", minutes, rest);
}

std::string bytes(std::size_t count) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += fmt::format("{:<{}}", row[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace ingot::cli
