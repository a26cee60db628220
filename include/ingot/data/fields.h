// Fields: values by name, a few of them, in the order in which they were added. What samples and
// batches are.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ingot/core/error.h>

namespace ingot::data {

namespace detail {
/// Throws ValueError that lists the names there are.
[[noreturn]] void fail_no_field(std::string_view name, const std::vector<std::string>& names);
[[noreturn]] void fail_not_two(const std::vector<std::string>& names);
[[noreturn]] void fail_twice(std::string_view name);
}  // namespace detail

template <class T>
class Fields {
 public:
  struct Entry {
    std::string name;
    T value;
  };

  Fields() = default;
  /// `{{"input_ids", ids}, {"labels", label}}`. Throws ValueError when a name occurs twice.
  Fields(std::initializer_list<Entry> entries) {
    entries_.reserve(entries.size());
    for (const Entry& e : entries) {
      if (contains(e.name)) detail::fail_twice(e.name);
      entries_.push_back(e);
    }
  }
  /// Two fields, "inputs" and "targets".
  Fields(T inputs, T targets) {
    entries_.reserve(2);
    entries_.push_back({"inputs", std::move(inputs)});
    entries_.push_back({"targets", std::move(targets)});
  }

  /// Throws ValueError listing the names there are when there is no such field.
  T& operator[](std::string_view name) { return const_cast<T&>(std::as_const(*this)[name]); }
  const T& operator[](std::string_view name) const {
    if (const T* found = find(name)) return *found;
    detail::fail_no_field(name, names());
  }
  /// Null when there is no such field.
  const T* find(std::string_view name) const {
    for (const Entry& e : entries_)
      if (e.name == name) return &e.value;
    return nullptr;
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Appends a field, or replaces the value of the one that there is.
  void set(std::string_view name, T value) {
    for (Entry& e : entries_)
      if (e.name == name) {
        e.value = std::move(value);
        return;
      }
    entries_.push_back({std::string(name), std::move(value)});
  }

  /// The first and the second of exactly two fields, whatever their names. Throws ValueError
  /// listing the names when there are more or fewer: then they are to be taken by name.
  T& inputs() { return of_two(0); }
  const T& inputs() const { return const_cast<Fields*>(this)->of_two(0); }
  T& targets() { return of_two(1); }
  const T& targets() const { return const_cast<Fields*>(this)->of_two(1); }

  std::size_t num_fields() const { return entries_.size(); }
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const Entry& e : entries_) list.push_back(e.name);
    return list;
  }
  /// Over the entries: `for (const auto& [name, value] : batch)`.
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  T& of_two(std::size_t i) {
    if (entries_.size() != 2) detail::fail_not_two(names());
    return entries_[i].value;
  }

  std::vector<Entry> entries_;
};

}  // namespace ingot::data
