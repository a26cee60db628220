// Decompresses gzip data piece by piece, so that a caller can stop at a size it knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ingot::data {

/// True when `bytes` opens with the gzip signature.
bool is_gzip(std::span<const std::uint8_t> bytes);

/// Reads the decompressed bytes of a gzip file (one or more members, with zeros between and behind
/// them) that lies in memory.
class GzipReader {
 public:
  /// `bytes` must outlive the reader; `name` is what error messages call the file.
  GzipReader(std::span<const std::uint8_t> bytes, std::string_view name);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Fills `out` as far as there is data and returns how many bytes were written; fewer than
  /// out.size() means that the data has ended and every checksum was right.
  /// Throws IoError on damaged, cut-off or trailing data.
  std::size_t read(std::span<std::uint8_t> out);

 private:
  bool refill();
  void end_member();

  struct Stream;
  std::unique_ptr<Stream> stream_;
  std::string name_;
};

}  // namespace ingot::data
