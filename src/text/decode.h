// From tokens back to text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/parts.h"

namespace ingot::text {

std::string decode_tokens(const Decoder& decoder, const std::vector<std::string_view>& tokens);

}  // namespace ingot::text
