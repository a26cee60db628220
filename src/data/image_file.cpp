#include <ingot/data/image_file.h>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "data/image_codecs.h"
#include "io/input_file.h"

namespace ingot::data {
namespace {

constexpr std::uint64_t kSignatureNbytes = 16, kFreeNbytes = std::uint64_t{64} << 20;

/// What else the bytes may be, to say more than "unknown": formats that image folders hold too.
const char* other_format(std::span<const std::uint8_t> bytes) {
  const auto begins = [&](std::string_view with, std::size_t at = 0) {
    return bytes.size() >= at + with.size() &&
           std::equal(with.begin(), with.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
  };
  if (begins("GIF8")) return "a GIF";
  if (begins("BM")) return "a BMP";
  if (begins("RIFF") && begins("WEBP", 8)) return "a WebP";
  if (begins(std::string_view("II*\0", 4)) || begins(std::string_view("MM\0*", 4))) return "a TIFF";
  if (bytes.size() > 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6')
    return "a PNM (PGM, PPM)";
  if (begins("ftyp", 4)) return "an AVIF or HEIF";
  return nullptr;
}

}  // namespace

void check_size(std::uint64_t width, std::uint64_t height, std::string_view name,
                const DecodeOptions& options) {
  if (width == 0 || height == 0)
    throw IoError(fmt::format("{}: the image is empty: {} x {} pixels", name, width, height));
  const auto limit = static_cast<std::uint64_t>(options.max_pixels);
  if (width > limit / height)
    throw IoError(fmt::format(
        "{}: the image is too large: {} x {} pixels, the limit is {} (DecodeOptions::max_pixels)",
        name, width, height, limit));
}

void check_promise(std::uint64_t width, std::uint64_t height, std::uint64_t least_nbytes,
                   std::uint64_t nbytes, std::string_view name) {
  if (least_nbytes > nbytes)
    throw IoError(
        fmt::format("{}: the header promises {} x {} pixels, which the file's {} bytes "
                    "cannot hold",
                    name, width, height, nbytes));
}

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   const DecodeOptions& options) {
  if (options.max_pixels < 1)
    throw ValueError(
        fmt::format("decode_image: max_pixels must be at least 1, got {}", options.max_pixels));
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name, options);
  if (is_png(bytes)) return decode_png(bytes, name, options);
  if (bytes.empty()) throw IoError(fmt::format("{}: the file is empty", name));
  if (const char* format = other_format(bytes))
    throw IoError(
        fmt::format("{}: {} image; only JPEG and PNG can be read, convert it", name, format));
  throw IoError(fmt::format("{}: neither a JPEG nor a PNG image", name));
}

Image read_image(const std::filesystem::path& path, const DecodeOptions& options) {
  const io::InputFile file(path);
  // Looks at the beginning first: a file may be all holes, and is often something else.
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(std::min<std::uint64_t>(file.nbytes(), kSignatureNbytes)));
  file.read(0, bytes.data(), bytes.size());
  if (!is_jpeg(bytes) && !is_png(bytes)) return decode_image(bytes, file.name(), options);
  // 16 bits of four colours each, stored, and room for profiles and texts.
  const std::uint64_t most = kFreeNbytes + 8 * static_cast<std::uint64_t>(std::clamp<std::int64_t>(
                                                   options.max_pixels, 1, std::int64_t{1} << 40));
  if (file.nbytes() > most)
    throw IoError(
        fmt::format("{}: {} bytes are too many for an image of at most {} pixels "
                    "(DecodeOptions::max_pixels)",
                    file.name(), file.nbytes(), options.max_pixels));
  const std::size_t begun = bytes.size();
  bytes.resize(static_cast<std::size_t>(file.nbytes()));
  file.read(begun, bytes.data() + begun, bytes.size() - begun);
  return decode_image(bytes, file.name(), options);
}

}  // namespace ingot::data
