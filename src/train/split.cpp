#include <ingot/train/split.h>

#include <fmt/format.h>
#include <ingot/core/error.h>

namespace ingot::train {

std::string_view name(Split split) {
  return split == Split::kTrain ? "train" : split == Split::kVal ? "val" : "test";
}

Split parse_split(std::string_view text) {
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest})
    if (text == name(split)) return split;
  throw ValueError(fmt::format("unknown split '{}'; there are: train, val, test", text));
}

}  // namespace ingot::train
