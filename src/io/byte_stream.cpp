#include "io/byte_stream.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <cstring>

namespace ingot::io {

namespace {
constexpr std::uint64_t kWindowNbytes = 1 << 16;
}

void ByteStream::require(std::uint64_t nbytes) const {
  if (nbytes > remaining())
    throw IoError(
        fmt::format("{}: {} bytes are wanted at byte {}, but the data ends after {} "
                    "(truncated?)",
                    name_, nbytes, offset_, nbytes_));
}

void ByteStream::read(void* target, std::uint64_t nbytes) {
  require(nbytes);
  auto* bytes = static_cast<std::byte*>(target);
  while (nbytes > 0) {
    const std::uint64_t window_end = window_offset_ + window_.size();
    if (offset_ >= window_offset_ && offset_ < window_end) {
      const std::uint64_t count = std::min(nbytes, window_end - offset_);
      std::memcpy(bytes, window_.data() + (offset_ - window_offset_), count);
      bytes += count;
      offset_ += count;
      nbytes -= count;
    } else if (nbytes >= kWindowNbytes) {
      fetch_(offset_, bytes, nbytes);
      offset_ += nbytes;
      return;
    } else {
      window_.resize(std::min(kWindowNbytes, remaining()));
      window_offset_ = offset_;
      fetch_(offset_, window_.data(), window_.size());
    }
  }
}

void ByteStream::read_at(std::uint64_t offset, void* target, std::uint64_t nbytes) const {
  if (offset > nbytes_ || nbytes > nbytes_ - offset)
    throw IoError(
        fmt::format("{}: bytes {} to {} lie behind its end", name_, offset, offset + nbytes));
  if (nbytes > 0) fetch_(offset, target, nbytes);
}

std::uint8_t ByteStream::byte() {
  std::uint8_t value = 0;
  read(&value, 1);
  return value;
}

void ByteStream::skip(std::uint64_t nbytes) {
  require(nbytes);
  offset_ += nbytes;
}

std::string ByteStream::text(std::uint64_t nbytes) {
  require(nbytes);
  std::string text(nbytes, '\0');
  read(text.data(), nbytes);
  return text;
}

std::string ByteStream::line(std::size_t limit) {
  std::string text;
  for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) {
    if (text.size() == limit)
      throw IoError(
          fmt::format("{}: a line at byte {} is longer than {} bytes", name_, offset_, limit));
    text += c;
  }
  return text;
}

std::uint64_t ByteStream::number(int nbytes) {
  std::uint8_t bytes[8] = {};
  read(bytes, static_cast<std::uint64_t>(nbytes));
  std::uint64_t value = 0;
  for (int i = nbytes; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

}  // namespace ingot::io
