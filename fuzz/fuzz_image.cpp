// Feeds arbitrary bytes to the image decoders: any input is an image that agrees with itself, or
// IoError.
#include <ingot/core/error.h>
#include <ingot/data/image_file.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto image = ingot::data::decode_image({data, size}, "f", {.max_pixels = 1 << 18});
    if (image.channels != 3 || image.width * image.height > 1 << 18) std::abort();
    if (image.pixels.size() != static_cast<std::size_t>(image.width * image.height * 3))
      std::abort();
  } catch (const ingot::IoError&) {
  }
  return 0;
}
