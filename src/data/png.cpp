// PNG through libpng. As in jpeg.cpp, errors jump, so each run of libpng calls is a function with
// nothing but references and plain numbers.
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "data/image_codecs.h"

namespace ingot::data {
namespace {

// Deflate cannot expand further than this (https://zlib.net/zlib_tech.html: 1032 to 1).
constexpr std::uint64_t kMaxExpansion = 1032;

struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::uint8_t* next = nullptr;
  std::size_t left = 0;
  std::jmp_buf jump{};
  char message[256] = {};

  // Of the header, as stored in the file.
  png_uint_32 width = 0, height = 0;
  int bit_depth = 0, color_type = 0, interlace = 0;
  std::size_t row_nbytes = 0;  // after unpacking to whole bytes
  bool cut_off = false;        // more was read than there is
  std::uint64_t rows_decoded = 0;
  std::uint8_t palette[256][3] = {};

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
  std::snprintf(decoder.message, sizeof decoder.message, "%s", message);
  std::longjmp(decoder.jump, 1);
}

void ignore(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep target, std::size_t count) {
  auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder.left) {
    decoder.cut_off = true;
    fail(png, "the file is cut off");
  }
  std::memcpy(target, decoder.next, count);
  decoder.next += count;
  decoder.left -= count;
}

bool read_header(Decoder& d) {
  if (setjmp(d.jump) != 0) return false;
  png_set_read_fn(d.png, &d, read_bytes);
  // Texts, profiles and everything else that does not change the pixels are skipped unread.
  png_set_keep_unknown_chunks(d.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_chunk_malloc_max(d.png, 8u << 20);
  png_set_user_limits(d.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(d.png, d.info);
  png_get_IHDR(d.png, d.info, &d.width, &d.height, &d.bit_depth, &d.color_type, &d.interlace,
               nullptr, nullptr);
  png_colorp colors = nullptr;
  int count = 0;
  if (png_get_PLTE(d.png, d.info, &colors, &count) != 0) {
    for (int i = 0; i < count && i < 256; ++i) {
      d.palette[i][0] = colors[i].red;
      d.palette[i][1] = colors[i].green;
      d.palette[i][2] = colors[i].blue;
    }
  }
  return true;
}

/// libpng calls it with each row that has come out of the compressed data.
void count_row(png_structp png, png_row_infop, png_bytep) {
  ++static_cast<Decoder*>(png_get_user_transform_ptr(png))->rows_decoded;
}

/// The rows that the compressed data hold: those of seven small pictures when interlaced.
std::uint64_t stored_rows(const Decoder& d) {
  if (d.interlace != PNG_INTERLACE_ADAM7) return d.height;
  std::uint64_t rows = 0;
  for (int pass = 0; pass < 7; ++pass)
    if (PNG_PASS_COLS(d.width, pass) > 0) rows += PNG_PASS_ROWS(d.height, pass);
  return rows;
}

bool prepare(Decoder& d) {
  if (setjmp(d.jump) != 0) return false;
  png_set_user_transform_info(d.png, &d, 0, 0);
  png_set_read_user_transform_fn(d.png, count_row);
  if (d.bit_depth < 8) {
    png_set_packing(d.png);  // a byte per value
    // Grey levels of 1, 2 and 4 bits are spread over 0..255; palette indices stay.
    if (d.color_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(d.png);
  }
  png_set_interlace_handling(d.png);
  png_read_update_info(d.png, d.info);
  d.row_nbytes = png_get_rowbytes(d.png, d.info);
  return true;
}

/// Rows lie one after the other in `out`. A file that ends behind the last row (its checksums and
/// the IEND chunk are missing) is read, as Pillow does.
bool read_pixels(Decoder& d, std::uint8_t* out) {
  if (setjmp(d.jump) != 0) return d.cut_off && d.rows_decoded == stored_rows(d);
  const int passes = d.interlace == PNG_INTERLACE_ADAM7 ? 7 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < d.height; ++y) {
      png_read_row(d.png, out + std::size_t{y} * d.row_nbytes, nullptr);
    }
  }
  png_read_end(d.png, nullptr);
  return true;
}

int channels_of(int color_type) {
  switch (color_type) {
    case PNG_COLOR_TYPE_RGB:
      return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return 4;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return 2;
    default:
      return 1;
  }
}

/// One pixel's bytes (values are big-endian where they have two bytes) to RGB.
void to_rgb(const Decoder& d, const std::uint8_t* in, std::uint8_t* out) {
  const std::size_t step = d.bit_depth == 16 ? 2 : 1;
  switch (d.color_type) {
    case PNG_COLOR_TYPE_PALETTE:
      std::copy_n(d.palette[in[0]], 3, out);
      break;
    case PNG_COLOR_TYPE_GRAY:
      // 16-bit grey without alpha saturates: Pillow holds it as an integer image and clips.
      out[0] = out[1] = out[2] = step == 1 ? in[0] : in[0] > 0 ? std::uint8_t{255} : in[1];
      break;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      out[0] = out[1] = out[2] = in[0];
      break;
    default:
      for (std::size_t c = 0; c < 3; ++c) out[c] = in[c * step];
  }
}

}  // namespace

bool is_png(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0;
}

namespace {

/// `careful` hands zlib a byte at a time, so that all that a cut file has is used.
Image decode(std::span<const std::uint8_t> bytes, std::string_view name,
             const DecodeOptions& options, bool careful, bool& cut_off) {
  Decoder decoder;
  const auto damaged = [&] {
    cut_off = decoder.cut_off;
    return IoError(fmt::format("{}: damaged PNG image: {}", name, decoder.message));
  };
  decoder.next = bytes.data();
  decoder.left = bytes.size();
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, fail, ignore);
  decoder.info = decoder.png != nullptr ? png_create_info_struct(decoder.png) : nullptr;
  if (decoder.info == nullptr)
    throw OutOfMemoryError(fmt::format("{}: no memory for the PNG decoder", name));
  if (careful) png_set_compression_buffer_size(decoder.png, 1);
  if (!read_header(decoder)) throw damaged();
  const auto channels = static_cast<std::uint64_t>(channels_of(decoder.color_type));
  const auto depth = static_cast<std::uint64_t>(decoder.bit_depth);
  const std::uint64_t width = decoder.width, height = decoder.height;
  check_size(width, height, name, options);
  const std::uint64_t row_nbytes = (width * channels * depth + 7) / 8;
  check_promise(width, height, row_nbytes * height / kMaxExpansion, bytes.size(), name);
  if (!prepare(decoder)) throw damaged();

  Image image{static_cast<std::int64_t>(height), static_cast<std::int64_t>(width), 3, {}};
  const std::size_t pixels = static_cast<std::size_t>(width * height);
  image.pixels.resize(pixels * 3);
  const bool rgb8 = decoder.color_type == PNG_COLOR_TYPE_RGB && decoder.bit_depth == 8;
  if (rgb8) {
    if (!read_pixels(decoder, image.pixels.data())) throw damaged();
    return image;
  }
  std::vector<std::uint8_t> raw(decoder.row_nbytes * static_cast<std::size_t>(height));
  if (!read_pixels(decoder, raw.data())) throw damaged();
  const std::size_t pixel_nbytes = decoder.row_nbytes / static_cast<std::size_t>(width);
  for (std::size_t i = 0; i < pixels; ++i)
    to_rgb(decoder, raw.data() + i * pixel_nbytes, image.pixels.data() + 3 * i);
  return image;
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes, std::string_view name,
                 const DecodeOptions& options) {
  bool cut_off = false;
  try {
    return decode(bytes, name, options, false, cut_off);
  } catch (const IoError&) {
    if (!cut_off) throw;
  }
  return decode(bytes, name, options, true, cut_off);
}

}  // namespace ingot::data
