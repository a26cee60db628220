// The decoders behind decode_image(), one per format.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <ingot/data/image_file.h>

namespace ingot::data {

bool is_jpeg(std::span<const std::uint8_t> bytes);
bool is_png(std::span<const std::uint8_t> bytes);

/// RGB pixels; throw IoError as decode_image says. `bytes` begin with the format's signature.
Image decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name,
                  const DecodeOptions& options);
Image decode_png(std::span<const std::uint8_t> bytes, std::string_view name,
                 const DecodeOptions& options);

/// Throws IoError when the image has no pixels, or more than the options allow.
void check_size(std::uint64_t width, std::uint64_t height, std::string_view name,
                const DecodeOptions& options);
/// Throws IoError when `nbytes` of file cannot hold the `least_nbytes` that an image of that size
/// takes in its most compact form.
void check_promise(std::uint64_t width, std::uint64_t height, std::uint64_t least_nbytes,
                   std::uint64_t nbytes, std::string_view name);

}  // namespace ingot::data
