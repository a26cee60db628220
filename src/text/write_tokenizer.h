// Writing tokenizers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "text/parts.h"

namespace ingot::text {

std::string write_tokenizer_json(const Tokenizer::Parts& parts);
void write_vocabulary(const Tokenizer::Parts& parts, const std::filesystem::path& folder);
/// Whole or not at all.
void write_text_file(const std::filesystem::path& path, std::string_view text);

}  // namespace ingot::text
