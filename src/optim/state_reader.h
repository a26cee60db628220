// StateReader: takes a state dict apart without changing anything, so that what loads it can be all
// or nothing: first read everything, then finish(), then change what cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <ingot/core/state_dict.h>

namespace ingot::optim {

class Optimizer;

/// One number as a tensor of a state dict.
Tensor number_tensor(double value);
Tensor number_tensor(std::int64_t value);

namespace detail {

class StateReader {
 public:
  /// `owner` begins the message of finish().
  StateReader(const StateDict& dict, std::string_view owner) : dict_(dict), owner_(owner) {}

  /// The number under `key`; NaN is none. Nothing, and a problem, when it is not there (unless it
  /// is not `required`) or something else.
  std::optional<double> number(const std::string& key, bool required = true);
  /// A whole number from 0.
  std::optional<std::int64_t> count(const std::string& key, bool required = true);
  /// Floating-point numbers, of which none is NaN.
  std::optional<std::vector<double>> numbers(const std::string& key, bool required = true);
  /// Undefined when it is not there.
  Tensor tensor(const std::string& key, bool required = true);

  void problem(std::string text) { problems_.push_back(std::move(text)); }
  /// Throws ValueError that lists all problems, and every key that nobody has asked for.
  void finish();

 private:
  const StateDict& dict_;
  std::string owner_;
  std::vector<std::string> problems_;
  std::unordered_set<std::string> used_;
};

}  // namespace detail

/// The learning rates of all groups, and under `key` those of a state.
std::vector<double> lrs_of(const Optimizer& optimizer);
std::optional<std::vector<double>> read_rates(detail::StateReader& reader, const std::string& key,
                                              const Optimizer& optimizer, bool required);

}  // namespace ingot::optim
