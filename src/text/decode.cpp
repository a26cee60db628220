#include "text/decode.h"

#include <array>
#include <utility>

#include "text/byte_level.h"
#include "text/utf8.h"

namespace ingot::text {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// What WordPiece's spaces leave behind in English, as Hugging Face's decoder mends it.
void clean_up(std::string& text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kChanges{
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" do not", " don't"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [from, to] : kChanges) replace_all(text, from, to);
}

}  // namespace

std::string decode_tokens(const Decoder& decoder, const std::vector<std::string_view>& tokens) {
  std::string out;
  switch (decoder.kind) {
    case DecoderKind::Join:
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        if (i > 0) out += ' ';
        out += tokens[i];
      }
      return out;
    case DecoderKind::WordPiece:
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::string token;
        if (i > 0 && tokens[i].starts_with(decoder.prefix)) {
          token = tokens[i].substr(decoder.prefix.size());
        } else {
          token = i > 0 ? " " : "";
          token += tokens[i];
        }
        if (decoder.cleanup) clean_up(token);
        out += token;
      }
      return out;
    case DecoderKind::ByteLevel:
      for (const std::string_view token : tokens) out += bytes_of_token(token);
      return with_replacements(out);
  }
  return out;
}

}  // namespace ingot::text
