// Feeds arbitrary bytes to the safetensors reader: any input gives tensors that fill the file as
// their header says, or IoError.
#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file =
        ingot::parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "f");
    std::size_t nbytes = 8;
    for (const auto& [name, tensor] : file.tensors) nbytes += tensor.nbytes();
    if (nbytes > size) std::abort();
  } catch (const ingot::IoError&) {
  }
  return 0;
}
