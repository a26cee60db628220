// StateDict: tensors by name, in the order they were put in. What state_dict() returns, and what
// files of weights hold.
//
// Names are unique. Iteration gives `const std::pair<std::string, Tensor>&`; the tensors are
// handles, so a copy of one still writes through: `Tensor w = dict.at("w"); w.copy_(value);`.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

class StateDict {
 public:
  using value_type = std::pair<std::string, Tensor>;
  using const_iterator = std::vector<value_type>::const_iterator;
  using iterator = const_iterator;

  StateDict() = default;
  /// `{{"weight", w}, {"bias", b}}`; throws ValueError when a name occurs twice.
  StateDict(std::initializer_list<value_type> entries) {
    for (const auto& [name, tensor] : entries) insert(name, tensor);
  }

  const_iterator begin() const { return entries_.begin(); }
  const_iterator end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  bool contains(std::string_view name) const { return index_.count(std::string(name)) != 0; }
  const_iterator find(std::string_view name) const;

  /// The tensor with that name; throws ValueError naming it, and the nearest names there are.
  Tensor& at(std::string_view name) { return entries_[position(name)].second; }
  const Tensor& at(std::string_view name) const { return entries_[position(name)].second; }
  Tensor& operator[](std::string_view name) { return at(name); }
  const Tensor& operator[](std::string_view name) const { return at(name); }

  /// Appends; throws ValueError when the name is taken.
  void insert(std::string name, Tensor tensor);
  /// Appends, or replaces the tensor with that name where it stands.
  void insert_or_assign(std::string name, Tensor tensor);
  /// Removes; the others keep their order. True when there was one.
  bool erase(std::string_view name);
  void clear();

  std::vector<std::string> keys() const;
  /// Those whose name starts with `prefix`, with the prefix taken off.
  StateDict with_prefix_removed(std::string_view prefix) const;
  /// Detached tensors with today's values, which later training does not change. Copies nothing:
  /// values are immutable.
  StateDict snapshot() const;

 private:
  std::size_t position(std::string_view name) const;

  std::vector<value_type> entries_;
  std::unordered_map<std::string, std::size_t> index_;  ///< name -> position in entries_
};

}  // namespace ingot
