#include <ingot/data/fields.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ingot/data/batch.h>

#include "core/printable.h"

namespace ingot::data {

namespace detail {

void fail_no_field(std::string_view name, const std::vector<std::string>& names) {
  throw ValueError(fmt::format("there is no field '{}'; there are: {}", printable(name),
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

void fail_not_two(const std::vector<std::string>& names) {
  throw ValueError(fmt::format(
      "inputs and targets are the two fields of a pair, but there are {}: {}; take them by name",
      names.size(), fmt::join(names, ", ")));
}

void fail_twice(std::string_view name) {
  throw ValueError(fmt::format("the field '{}' is given twice", printable(name)));
}

}  // namespace detail

std::int64_t Batch::samples() const {
  for (const Entry& e : *this)
    if (e.value.defined() && e.value.dim() > 0) return e.value.size(0);
  return 0;
}

Batch Batch::to(Device device, bool non_blocking) const {
  Batch there = *this;
  for (Entry& e : there)
    if (e.value.defined() && e.value.device() != device) e.value = e.value.to(device, non_blocking);
  return there;
}

}  // namespace ingot::data
