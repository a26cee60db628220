#include "data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "ingot/core/error.h"

namespace ingot::data {

struct GzipReader::Stream {
  z_stream z{};
  std::span<const std::uint8_t> rest;  // input not yet handed to zlib
  bool ended = false;
};

bool is_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

GzipReader::GzipReader(std::span<const std::uint8_t> bytes, std::string_view name)
    : stream_(std::make_unique<Stream>()), name_(name) {
  stream_->rest = bytes;
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  if (inflateInit2(&stream_->z, kGzipOnly) != Z_OK) {
    throw IoError(fmt::format("{}: cannot start the gzip decompressor", name_));
  }
}

GzipReader::~GzipReader() { inflateEnd(&stream_->z); }

/// Moves on to input that zlib has not seen; false at the end of all.
bool GzipReader::refill() {
  constexpr std::size_t kMaxPiece = std::numeric_limits<uInt>::max();
  z_stream& z = stream_->z;
  if (z.avail_in > 0) return true;
  if (stream_->rest.empty()) return false;
  const std::size_t piece = std::min(stream_->rest.size(), kMaxPiece);
  z.next_in = const_cast<Bytef*>(stream_->rest.data());  // zlib reads only
  z.avail_in = static_cast<uInt>(piece);
  stream_->rest = stream_->rest.subspan(piece);
  return true;
}

/// Behind a member: zeros, which tapes and block devices leave there and gunzip passes over; then
/// the end, or a further member.
void GzipReader::end_member() {
  z_stream& z = stream_->z;
  while (refill() && *z.next_in == 0) {
    ++z.next_in;
    --z.avail_in;
  }
  if (!refill()) {
    stream_->ended = true;
    return;
  }
  if (*z.next_in != 0x1f)
    throw IoError(fmt::format("{}: {} bytes of foreign data follow the gzip data", name_,
                              z.avail_in + stream_->rest.size()));
  inflateReset(&z);
}

std::size_t GzipReader::read(std::span<std::uint8_t> out) {
  constexpr std::size_t kMaxPiece = std::numeric_limits<uInt>::max();
  z_stream& z = stream_->z;
  std::size_t written = 0;
  while (written < out.size() && !stream_->ended) {
    refill();
    const auto room = static_cast<uInt>(std::min(out.size() - written, kMaxPiece));
    z.next_out = out.data() + written;
    z.avail_out = room;
    const int status = inflate(&z, Z_NO_FLUSH);
    written += room - z.avail_out;
    if (status == Z_STREAM_END) {
      end_member();
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && z.avail_in == 0 && z.avail_out != 0 && stream_->rest.empty())) {
      throw IoError(fmt::format("{}: the gzip data is cut off", name_));
    } else if (status == Z_MEM_ERROR) {
      throw OutOfMemoryError(fmt::format("{}: no memory for the gzip decompressor", name_));
    } else if (status != Z_OK) {
      throw IoError(fmt::format("{}: damaged gzip data ({})", name_,
                                z.msg != nullptr ? z.msg : "unknown cause"));
    }
  }
  return written;
}

}  // namespace ingot::data
