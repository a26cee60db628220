#include "glue/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace ingot::glue {
namespace {

/// Names of which there can only be a whole number.
bool is_count(const std::string& name) { return name.ends_with("_samples"); }

std::string formatted(const std::string& name, double value) {
  if (name.ends_with("_runtime")) {
    const auto hundredths = static_cast<std::int64_t>(std::llround(value * 100));
    return fmt::format("{}:{:02}:{:02}.{:02}", hundredths / 360'000, hundredths / 6'000 % 60,
                       hundredths / 100 % 60, hundredths % 100);
  }
  if (name == "total_flos")
    return fmt::format("{}GF", static_cast<std::int64_t>(value / (1 << 30)));
  if (is_count(name)) return fmt::format("{:.0f}", value);
  const double rounded = std::round(value * 1e4) / 1e4;
  return std::isfinite(value) && rounded == std::trunc(rounded) ? fmt::format("{:.1f}", rounded)
                                                                : fmt::format("{}", rounded);
}

}  // namespace

std::string with_commas(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

std::string short_number(double value) { return fmt::format("{:.4g}", value); }

std::string log_line(const std::map<std::string, double>& values) {
  std::vector<std::string> names;
  for (const char* name : {"loss", "eval_loss", "grad_norm", "learning_rate"})
    if (values.contains(name)) names.emplace_back(name);
  for (const auto& [name, value] : values)
    if (name != "epoch" && std::ranges::find(names, name) == names.end()) names.push_back(name);
  if (values.contains("epoch")) names.emplace_back("epoch");
  std::string text;
  for (const std::string& name : names)
    text +=
        fmt::format("{}'{}': '{}'", text.empty() ? "" : ", ", name, short_number(values.at(name)));
  return "{" + text + "}";
}

std::string metrics_block(const std::string& title, const std::map<std::string, double>& metrics) {
  std::size_t names = 0, values = 0;
  for (const auto& [name, value] : metrics) {
    names = std::max(names, name.size());
    values = std::max(values, formatted(name, value).size());
  }
  std::string text = fmt::format("***** {} metrics *****", title);
  for (const auto& [name, value] : metrics)
    text += fmt::format("\n  {:<{}} = {:>{}}", name, names, formatted(name, value), values);
  return text;
}

std::string metrics_json(const std::map<std::string, double>& metrics) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : metrics)
    json[name] =
        is_count(name) ? nlohmann::json(static_cast<std::int64_t>(value)) : nlohmann::json(value);
  return json.dump(4) + "\n";
}

}  // namespace ingot::glue
