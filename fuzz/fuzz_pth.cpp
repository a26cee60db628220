// Feeds arbitrary bytes to the reader of PyTorch's files, and as a pickle into the stream format:
// any input gives a tree of values, whose tensors can be looked for, or IoError.
#include <ingot/core/error.h>
#include <ingot/io/pth.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

void parse(const void* data, std::size_t size) {
  try {
    const ingot::PthValue value =
        ingot::parse_pth({static_cast<const std::byte*>(data), size}, "f");
    try {
      ingot::find_state_dict(value);
    } catch (const ingot::ValueError&) {
    }
  } catch (const ingot::IoError&) {
  } catch (const ingot::OutOfMemoryError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse(data, size);
  // Magic number, version, machine; then the input as the value, and no storages.
  std::string file("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.M\xe9\x03.}.", 22);
  file.append(reinterpret_cast<const char*>(data), size);
  file += "].";
  parse(file.data(), file.size());
  return 0;
}
