#include <ingot/core/state_dict.h>

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <ingot/core/nearest_name.h>
#include "core/cell.h"
#include "core/printable.h"

namespace ingot {

StateDict::const_iterator StateDict::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return entries_.end();
  return entries_.begin() + static_cast<std::ptrdiff_t>(found->second);
}

std::size_t StateDict::position(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  if (found != index_.end()) return found->second;
  refuse(name);
}

void StateDict::refuse(std::string_view name) const {
  const value_type* nearest = nullptr;
  std::size_t least = 0;
  for (const value_type& entry : entries_) {
    const std::size_t distance = edit_distance(name, entry.first);
    if (nearest == nullptr || distance < least) {
      nearest = &entry;
      least = distance;
    }
  }
  throw ValueError(
      fmt::format("state dict: no tensor is named '{}' among {}{}", printable(name), size(),
                  nearest ? fmt::format("; did you mean '{}'?", printable(nearest->first)) : ""));
}

StateEntry StateDict::operator[](std::string_view name) { return {*this, name}; }

StateEntry::StateEntry(StateDict& dict, std::string_view name) : dict_(&dict), name_(name) {
  Tensor& held = *this;
  if (const auto found = dict.index_.find(name_); found != dict.index_.end()) {
    held = dict.entries_[found->second].second;
    return;
  }
  // It may be about to be assigned. Only who reads it is told, with the nearest names; the dict
  // could be gone by then.
  if (!dict.life_.token) dict.life_.token = std::make_shared<int>();
  held = Cell::create_deferred([key = name_, d = &dict, alive = std::weak_ptr(dict.life_.token)] {
    if (const auto dict_lives = alive.lock()) d->refuse(key);
    throw ValueError(fmt::format("state dict: no tensor is named '{}'", printable(key)));
    return Tensor();
  });
}

void StateEntry::operator=(const Tensor& tensor) && { dict_->insert_or_assign(name_, tensor); }
void StateEntry::operator=(const StateEntry& entry) && {
  dict_->insert_or_assign(name_, Tensor(entry));
}

// An entry may hold an undefined tensor; one that is not there is an error.
bool StateEntry::defined() const {
  if (cell()) cell()->value();
  return cell() != nullptr;
}

Tensor::Tensor(const StateEntry& entry) : Tensor(static_cast<const Tensor&>(entry)) {
  if (cell()) cell()->value();
}
template <>
Tensor& Tensor::operator=(const StateEntry& entry) & {
  return *this = Tensor(entry);
}

void StateDict::insert(std::string name, Tensor tensor) {
  if (!index_.emplace(name, entries_.size()).second)
    throw ValueError(fmt::format("state dict: the name '{}' is taken", printable(name)));
  entries_.emplace_back(std::move(name), std::move(tensor));
}

void StateDict::insert_or_assign(std::string name, Tensor tensor) {
  const auto found = index_.find(name);
  if (found != index_.end())
    entries_[found->second].second = std::move(tensor);
  else
    insert(std::move(name), std::move(tensor));
}

bool StateDict::erase(std::string_view name) {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) return false;
  const std::size_t gone = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (auto& [key, position] : index_)
    if (position > gone) --position;
  return true;
}

void StateDict::clear() {
  entries_.clear();
  index_.clear();
}

std::vector<std::string> StateDict::keys() const {
  std::vector<std::string> names;
  names.reserve(size());
  for (const value_type& entry : entries_) names.push_back(entry.first);
  return names;
}

StateDict StateDict::with_prefix_removed(std::string_view prefix) const {
  StateDict part;
  for (const auto& [name, tensor] : entries_)
    if (std::string_view(name).substr(0, prefix.size()) == prefix)
      part.insert(name.substr(prefix.size()), tensor);
  return part;
}

StateDict StateDict::snapshot() const {
  StateDict copy;
  for (const auto& [name, tensor] : entries_)
    copy.insert(name, tensor.defined() ? Cell::create(tensor.cell()->value()) : Tensor());
  return copy;
}

}  // namespace ingot
