#include <ingot/data/split.h>

#include <fmt/format.h>
#include <ingot/core/error.h>

namespace ingot::data {

std::string_view name(Split split) {
  return split == Split::Train ? "train" : split == Split::Val ? "val" : "test";
}

Split parse_split(std::string_view text) {
  for (const Split split : {Split::Train, Split::Val, Split::Test})
    if (text == name(split)) return split;
  throw ValueError(fmt::format("unknown split '{}'; there are: train, val, test", text));
}

}  // namespace ingot::data
