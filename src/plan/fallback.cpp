#include "plan/fallback.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <ingot/core/error.h>

namespace ingot::plan {
namespace {

std::string variable(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text ? text : "";
}

struct State {
  std::mutex mutex;
  std::string word = variable("INGOT_FALLBACK");
  std::set<std::pair<std::string, std::string>> warned;  // op, device
};
State& state() {
  static auto* const instance = new State;  // outlives every thread
  return *instance;
}

}  // namespace

Fallback fallback_for(Device device) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.word == "warn") return Fallback::Warn;
  if (s.word == "silent") return Fallback::Silent;
  if (s.word == "error") return Fallback::Error;
  if (!s.word.empty())
    throw ValueError(
        fmt::format("INGOT_FALLBACK is '{}'; it may be warn, silent or error", s.word));
  if (device.type == DeviceType::MPS && variable("PYTORCH_ENABLE_MPS_FALLBACK") == "0")
    return Fallback::Error;
  return Fallback::Warn;
}

void warn_of_fallback(std::string_view op, Device device, std::string_view operand) {
  State& s = state();
  {
    const std::lock_guard lock(s.mutex);
    if (!s.warned.emplace(op, device.str()).second) return;
  }
  const std::string text = fmt::format(
      "warning: {} has no kernel for {} on {}; the cpu computes it, with copies there and back "
      "(INGOT_FALLBACK=silent|error)\n",
      device.str(), op, operand);
  std::fwrite(text.data(), 1, text.size(), stderr);  // at once: threads may warn side by side
}

std::string fallback_word() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.word;
}

void set_fallback(std::string_view word) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.word = word;
  s.warned.clear();
}

}  // namespace ingot::plan
