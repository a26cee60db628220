// Split: what a part of the data is for.
#pragma once

#include <string>
#include <string_view>

namespace ingot::data {

/// Train: to learn from. Val: to choose by (the best epoch, the end of a run, a learning rate).
/// Test: to tell how good the result is; nothing may be chosen by it.
enum class Split { Train, Val, Test };

/// "train", "val" or "test".
std::string_view name(Split split);
/// Throws ValueError listing the names for any other text.
Split parse_split(std::string_view text);

}  // namespace ingot::data
