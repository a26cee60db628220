// Image files: JPEG and PNG as 8-bit RGB, the pixels that Pillow's open().convert("RGB") gives.
//
// Invariants: a file is recognised by its content, never by its name; every kind of damage raises
// IoError naming the file and the cause; a small hostile file cannot ask for much memory, because
// what its header promises is compared with what its bytes can hold before anything is allocated.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include <ingot/data/image.h>

namespace ingot::data {

struct DecodeOptions {
  /// Images with more pixels are refused (a "decompression bomb"). The default is where Pillow
  /// refuses: twice its MAX_IMAGE_PIXELS, about 512 MiB of RGB.
  std::int64_t max_pixels = 178'956'970;
};

/// Decodes the bytes of a JPEG or PNG file into RGB. `name` is what error messages call it.
///
/// JPEG: baseline, progressive and arithmetic-coded; grey, YCbCr, RGB, CMYK and YCCK (the last two
/// stored inverted, as Adobe and Pillow have it). An EXIF orientation is not applied, as in
/// torchvision. PNG: every depth and colour type; alpha is dropped, not blended; 16-bit colour
/// keeps its high byte; 16-bit grey is clipped at 255 as Pillow's convert does, not scaled;
/// palette indices without an entry are black.
///
/// Throws IoError: neither JPEG nor PNG, damaged, cut off, too many pixels (see DecodeOptions).
/// Unlike Pillow, JPEG data with impossible codes is refused and not shown as it comes out.
/// Throws ValueError when max_pixels < 1.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   const DecodeOptions& options = {});

/// Reads and decodes the file at `path`. Throws IoError as decode_image does, and when the file
/// cannot be read.
Image read_image(const std::filesystem::path& path, const DecodeOptions& options = {});

}  // namespace ingot::data
