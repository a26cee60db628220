// JPEG through libjpeg-turbo.
//
// libjpeg reports errors by a function that must not return. It jumps (setjmp, longjmp), and a jump
// over C++ objects with destructors would be undefined. So each run of libjpeg calls is a function
// that has nothing but a reference and plain numbers, and everything that lives longer is in a
// Decoder that its caller owns.
#include <fmt/format.h>

#include <csetjmp>
#include <cstdio>
#include <limits>
#include <string>

#include <jpeglib.h>
// After jpeglib.h, which needs <cstdio>; names the message codes.
#include <jerror.h>

#include <ingot/core/error.h>

#include "data/image_codecs.h"

namespace ingot::data {
namespace {

constexpr int kMaxScans = 500;  // real progressive files have about ten; each costs a pass

struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info); }  // nothing, when it was never created
};

Decoder& decoder_of(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

[[noreturn]] void fail(j_common_ptr info) {
  Decoder& decoder = decoder_of(info);
  info->err->format_message(info, decoder.message);
  std::longjmp(decoder.jump, 1);
}

[[noreturn]] void fail_with(j_common_ptr info, const char* message) {
  Decoder& decoder = decoder_of(info);
  std::snprintf(decoder.message, sizeof decoder.message, "%s", message);
  std::longjmp(decoder.jump, 1);
}

/// Called for warnings (level -1) and traces. Most warnings are harmless oddities; these are not:
/// the pixels would be made up.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
      fail(info);
    default:
      break;
  }
}

void ignore(j_common_ptr) {}
void ignore_source(j_decompress_ptr) {}

/// The file is in memory as a whole, so whoever asks for more stands at its end.
boolean at_end(j_decompress_ptr info) {
  fail_with(reinterpret_cast<j_common_ptr>(info), "the file is cut off");
}

void skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if (static_cast<unsigned long>(count) > info->src->bytes_in_buffer) at_end(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<std::size_t>(count);
}

void on_progress(j_common_ptr info) {
  if (info->is_decompressor == FALSE) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans)
    fail_with(info, "more scans than any picture needs");
}

/// Up to the header's end. False, with a message, when that fails.
bool read_header(Decoder& d, const std::uint8_t* bytes, std::size_t nbytes) {
  d.info.err = jpeg_std_error(&d.errors);
  d.errors.error_exit = fail;
  d.errors.emit_message = on_message;
  d.errors.output_message = ignore;
  d.info.client_data = &d;
  if (setjmp(d.jump) != 0) return false;
  jpeg_create_decompress(&d.info);  // keeps err and client_data
  d.source.next_input_byte = bytes;
  d.source.bytes_in_buffer = nbytes;
  d.source.init_source = ignore_source;
  d.source.fill_input_buffer = at_end;
  d.source.skip_input_data = skip;
  d.source.resync_to_restart = jpeg_resync_to_restart;
  d.source.term_source = ignore_source;
  d.info.src = &d.source;
  d.progress.progress_monitor = on_progress;
  d.info.progress = &d.progress;
  return jpeg_read_header(&d.info, TRUE) == JPEG_HEADER_OK;
}

/// All pixels, in the colour space set in d.info, to `out` (rows of `row` bytes).
bool read_pixels(Decoder& d, std::uint8_t* out, std::size_t row) {
  if (setjmp(d.jump) != 0) return false;
  jpeg_start_decompress(&d.info);
  while (d.info.output_scanline < d.info.output_height) {
    JSAMPROW target = out + d.info.output_scanline * row;
    jpeg_read_scanlines(&d.info, &target, 1);
  }
  jpeg_finish_decompress(&d.info);
  return true;
}

/// a * b / 255, rounded, in the integer form that Pillow uses.
std::uint8_t times_255th(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return static_cast<std::uint8_t>(((product >> 8) + product) >> 8);
}

/// Inverted CMYK, 4 bytes a pixel, to RGB, in Pillow's arithmetic: R = (255 - K) - C (255 - K).
void cmyk_to_rgb(const std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out) {
  for (std::size_t i = 0, o = 0; i + 3 < in.size(); i += 4, o += 3) {
    const unsigned light = in[i + 3];  // 255 - K
    for (std::size_t c = 0; c < 3; ++c)
      out[o + c] = static_cast<std::uint8_t>(light - times_255th(255u - in[i + c], light));
  }
}

void grey_to_rgb(const std::vector<std::uint8_t>& in, std::vector<std::uint8_t>& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = in[i];
  }
}

}  // namespace

bool is_jpeg(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

Image decode_jpeg(std::span<const std::uint8_t> bytes, std::string_view name,
                  const DecodeOptions& options) {
  Decoder decoder;
  const auto damaged = [&] {
    return IoError(fmt::format("{}: damaged JPEG image: {}", name, decoder.message));
  };
  if (!read_header(decoder, bytes.data(), bytes.size())) throw damaged();
  jpeg_decompress_struct& info = decoder.info;
  // A Huffman code has at least one bit, and each block of 8 x 8 at least one code. Arithmetic
  // coding knows no such bound.
  const std::uint64_t blocks =
      ((std::uint64_t{info.image_width} + 7) / 8) * ((std::uint64_t{info.image_height} + 7) / 8);
  check_size(info.image_width, info.image_height, name, options);
  if (info.arith_code == FALSE)
    check_promise(info.image_width, info.image_height, blocks / 8, bytes.size(), name);
  switch (info.num_components) {
    case 1:
      info.out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      info.out_color_space = JCS_RGB;
      break;
    case 4:
      info.out_color_space = JCS_CMYK;
      break;
    default:
      throw IoError(fmt::format("{}: a JPEG image of {} colour components; 1, 3 and 4 are known",
                                name, info.num_components));
  }
  // What Pillow has, too: the accurate DCT and smooth chroma.
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;

  Image image{static_cast<std::int64_t>(info.image_height),
              static_cast<std::int64_t>(info.image_width),
              3,
              {}};
  const std::size_t pixels =
      std::size_t{info.image_width} * static_cast<std::size_t>(info.image_height);
  const auto components = static_cast<std::size_t>(info.num_components);
  image.pixels.resize(pixels * 3);
  std::vector<std::uint8_t> raw;
  if (components != 3) raw.resize(pixels * components);
  std::uint8_t* const target = components == 3 ? image.pixels.data() : raw.data();
  if (!read_pixels(decoder, target, info.image_width * components)) throw damaged();
  if (components == 1) grey_to_rgb(raw, image.pixels);
  if (components == 4) cmyk_to_rgb(raw, image.pixels);
  return image;
}

}  // namespace ingot::data
