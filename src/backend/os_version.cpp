#include "backend/os_version.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace ingot {
namespace {

constexpr std::pair<int, int> kNeeded{14, 0};

// The first two numbers of "14.2.1"; a second one that is missing is 0. False for other text.
bool read_version(std::string_view text, std::pair<int, int>& version) {
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.first);
  if (major.ec != std::errc{}) return false;
  version.second = 0;
  if (major.ptr == end) return true;
  if (*major.ptr != '.') return false;
  const auto minor = std::from_chars(major.ptr + 1, end, version.second);
  return minor.ec == std::errc{} && (minor.ptr == end || *minor.ptr == '.');
}

}  // namespace

std::string macos_too_old(std::string_view version) {
  std::pair<int, int> found;
  const bool known = read_version(version, found);
  if (known && found >= kNeeded) return {};
  return fmt::format("macOS {} found, {}.{} or later is needed; see sw_vers",
                     known ? version : "of an unknown version", kNeeded.first, kNeeded.second);
}

}  // namespace ingot
