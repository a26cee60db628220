// Feeds arbitrary bytes to the checkpoint reader, and arbitrary text to its description: any input
// is a checkpoint that can be written again, or IoError.
#include <ingot/core/error.h>
#include <ingot/train/checkpoint.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

void parse(const void* data, std::size_t size) {
  try {
    ingot::train::Checkpoint::parse({static_cast<const std::byte*>(data), size}, "f");
  } catch (const ingot::IoError&) {
  }
}

/// `text` as a JSON string.
std::string escaped(const std::uint8_t* text, std::size_t size) {
  std::string out = "\"";
  for (std::size_t i = 0; i < size; ++i) {
    const auto c = static_cast<char>(text[i] & 0x7f);
    if (c == '"' || c == '\\') out += '\\';
    out += c < ' ' ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse(data, size);
  const std::string header = R"({"__metadata__":{"ingot.checkpoint":)" + escaped(data, size) + "}}";
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, sizeof length);
  file += header;
  parse(file.data(), file.size());
  return 0;
}
