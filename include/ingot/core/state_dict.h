// StateDict: tensors by name, in the order they were put in. What state_dict() returns, and what
// files of weights hold.
//
// Names are unique. Iteration gives `const std::pair<std::string, Tensor>&`; the tensors are
// handles, so a copy of one still writes through: `Tensor w = dict.at("w"); w.copy_(value);`.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

class StateDict;

/// `dict["name"]`: the tensor of that name, and the assignment that puts one there. Like a
/// TensorRef it shares the tensor's cell. Reading a name that is not there throws ValueError.
class StateEntry : public TensorRef {
 public:
  StateEntry(StateDict& dict, std::string_view name);
  StateEntry(const StateEntry&) = default;
  StateEntry(StateEntry&&) = default;
  ~StateEntry() = default;

  /// Appends to the dict, or replaces the tensor with that name where it stands.
  void operator=(const Tensor& tensor) &&;
  void operator=(const StateEntry& entry) &&;
  // Of a named entry, `auto w = dict["w"]; w = …`, only the name w gets another tensor.
  StateEntry& operator=(const StateEntry&) & = default;
  using TensorRef::operator=;

  bool defined() const;

 private:
  StateDict* dict_;
  std::string name_;
};

template <>
Tensor& Tensor::operator=(const StateEntry& entry) &;

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
  /// The same; what is assigned to a name that is not there is appended: `dict["new"] = t`.
  StateEntry operator[](std::string_view name);
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
  friend class StateEntry;
  std::size_t position(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name) const;

  /// Dies with the dict, and is not copied with it: what is read late can ask if it is still there.
  struct Life {
    std::shared_ptr<const int> token;
    Life() = default;
    Life(const Life&) {}
    Life& operator=(const Life&) { return *this; }
  };
  Life life_;
  std::vector<value_type> entries_;
  std::unordered_map<std::string, std::size_t> index_;  ///< name -> position in entries_
};

}  // namespace ingot
