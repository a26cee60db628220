// ByteStream: reads forward through bytes that lie in memory or in a file, in small pieces and
// without ever asking for more than there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ingot::io {

class ByteStream {
 public:
  /// Copies `nbytes` bytes from `offset` on; throws IoError. Never called beyond the end.
  using Fetch = std::function<void(std::uint64_t offset, void* target, std::size_t nbytes)>;

  /// `name` is what errors call the source.
  ByteStream(std::uint64_t nbytes, Fetch fetch, std::string name)
      : nbytes_(nbytes), fetch_(std::move(fetch)), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return nbytes_ - offset_; }

  // Each throws IoError when the bytes end before.
  std::uint8_t byte();
  void read(void* target, std::uint64_t nbytes);
  void skip(std::uint64_t nbytes);
  std::string text(std::uint64_t nbytes);
  /// From another place; the stream stays where it is.
  void read_at(std::uint64_t offset, void* target, std::uint64_t nbytes) const;
  /// Up to the line break, which is left out; throws IoError for more than `limit` bytes.
  std::string line(std::size_t limit);
  /// A little-endian number of `nbytes` (at most 8) bytes.
  std::uint64_t number(int nbytes);

 private:
  void require(std::uint64_t nbytes) const;

  std::uint64_t nbytes_;
  std::uint64_t offset_ = 0;
  Fetch fetch_;
  std::string name_;
  std::vector<std::byte> window_;
  std::uint64_t window_offset_ = 0;
};

}  // namespace ingot::io
