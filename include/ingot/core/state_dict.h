// StateDict: tensors by name, in a fixed order. What modules and optimizers give and take, and what
// files of weights hold.
//
// The entries are handles: a dict made by Module::state_dict() shares its tensors with the module,
// as in PyTorch. snapshot() gives values that later training does not change.
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
  using Entry = std::pair<std::string, Tensor>;

  StateDict() = default;
  StateDict(std::initializer_list<Entry> entries);

  /// Adds an entry at the end, or replaces the tensor of an entry with that name.
  void set(std::string name, Tensor tensor);
  /// Removes an entry; false when there is none.
  bool erase(std::string_view name);

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The entry's tensor, or nullptr.
  const Tensor* find(std::string_view name) const;
  Tensor* find(std::string_view name);
  /// Throws ValueError naming the key (and the closest ones) when there is no such entry.
  const Tensor& at(std::string_view name) const;
  Tensor& at(std::string_view name);
  Tensor& operator[](std::string_view name) { return at(name); }
  const Tensor& operator[](std::string_view name) const { return at(name); }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::vector<std::string> names() const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  /// Detached tensors with today's values. Costs no copy: values are immutable.
  StateDict snapshot() const;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace ingot
