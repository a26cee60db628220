// Names that came out of a file, as messages show them.
#pragma once

#include <string>
#include <string_view>

namespace ingot {

/// `text` with control characters and bytes that are no UTF-8 escaped ("\x1b"), and never a
/// screenful: names in a file must neither move a terminal's cursor nor look like other lines.
std::string printable(std::string_view text);

}  // namespace ingot
