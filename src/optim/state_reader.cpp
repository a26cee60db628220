#include "optim/state_reader.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include <algorithm>
#include <cmath>

namespace ingot::optim {

Tensor number_tensor(double value) { return from_vector<double>({value}, Shape{}); }
Tensor number_tensor(std::int64_t value) { return from_vector<std::int64_t>({value}, Shape{}); }

namespace detail {

Tensor StateReader::tensor(const std::string& key, bool required) {
  const auto found = dict_.find(key);
  if (found == dict_.end()) {
    if (required) problem(key + ": missing");
    return {};
  }
  used_.insert(key);
  if (!found->second.defined()) problem(key + ": the tensor is undefined");
  return found->second;
}

std::optional<double> StateReader::number(const std::string& key, bool required) {
  const Tensor t = tensor(key, required);
  if (!t.defined()) return {};
  if (t.numel() != 1) {
    problem(fmt::format("{}: expected one number, got {}", key, t.shape().str()));
    return {};
  }
  const double value = t.item<double>();
  if (!std::isnan(value)) return value;
  problem(key + ": not a number (NaN)");
  return {};
}

std::optional<std::int64_t> StateReader::count(const std::string& key, bool required) {
  const auto value = number(key, required);
  if (!value) return {};
  constexpr double kMost = 9007199254740992;  // 2^53: all below are whole numbers of a double
  if (*value >= 0 && *value < kMost && *value == std::floor(*value))
    return static_cast<std::int64_t>(*value);
  problem(fmt::format("{}: expected a whole number from 0, got {}", key, *value));
  return {};
}

std::optional<std::vector<double>> StateReader::numbers(const std::string& key, bool required) {
  const Tensor t = tensor(key, required);
  if (!t.defined()) return {};
  if (t.dim() > 1 || !t.is_floating_point()) {
    problem(fmt::format("{}: expected a list of floating-point numbers, got {} {}", key,
                        name(t.dtype()), t.shape().str()));
    return {};
  }
  std::vector<double> values = t.to(float64).to_vector<double>();
  if (std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); }))
    return values;
  problem(key + ": not a number (NaN)");
  return {};
}

void StateReader::finish() {
  for (const auto& [key, tensor] : dict_)
    if (!used_.contains(key)) problem(key + ": unexpected");
  if (problems_.empty()) return;
  std::string text = owner_ + ": the state does not fit:";
  for (const std::string& problem : problems_) text += "\n    " + problem;
  throw ValueError(text);
}

}  // namespace detail
}  // namespace ingot::optim
