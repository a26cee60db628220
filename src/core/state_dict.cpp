#include <ingot/core/state_dict.h>

#include <fmt/format.h>

#include "core/cell.h"

namespace ingot {

StateDict::StateDict(std::initializer_list<Entry> entries) {
  for (const Entry& e : entries) set(e.first, e.second);
}

void StateDict::set(std::string name, Tensor tensor) {
  const auto [position, is_new] = index_.try_emplace(name, entries_.size());
  if (is_new)
    entries_.emplace_back(std::move(name), std::move(tensor));
  else
    entries_[position->second].second = std::move(tensor);
}

bool StateDict::erase(std::string_view name) {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return false;
  const std::size_t position = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
  for (auto& [key, i] : index_)
    if (i > position) --i;
  return true;
}

const Tensor* StateDict::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

Tensor* StateDict::find(std::string_view name) {
  return const_cast<Tensor*>(std::as_const(*this).find(name));
}

const Tensor& StateDict::at(std::string_view name) const {
  if (const Tensor* t = find(name)) return *t;
  // What a user most often gets wrong is the prefix: show the keys that end alike.
  std::string alike;
  const std::string_view leaf = name.substr(name.rfind('.') + 1);
  int shown = 0;
  for (const auto& [key, tensor] : entries_)
    if (shown < 5 && key.ends_with(leaf)) {
      alike += (shown == 0 ? "; there is " : ", ") + key;
      ++shown;
    }
  throw ValueError(
      fmt::format("there is no entry '{}' among the {} of the dict{}", name, size(), alike));
}

Tensor& StateDict::at(std::string_view name) {
  return const_cast<Tensor&>(std::as_const(*this).at(name));
}

std::vector<std::string> StateDict::names() const {
  std::vector<std::string> all;
  all.reserve(entries_.size());
  for (const Entry& e : entries_) all.push_back(e.first);
  return all;
}

StateDict StateDict::snapshot() const {
  StateDict copy;
  for (const auto& [name, tensor] : entries_)
    copy.set(name, tensor.defined() ? Cell::create(tensor.cell()->value()) : Tensor());
  return copy;
}

}  // namespace ingot
