// Checksums inside a safetensors file: the metadata entry "ingot.crc32" holds, as JSON,
//
//   {"metadata": 123, "tensors": {"name": 456, …}}
//
// crc32 numbers (zlib's) of all other metadata, and of every tensor's name, dtype, shape and bytes.
// Other programs ignore the entry; a file without it is not checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors_format.h"

namespace ingot::io {

inline constexpr const char* kChecksumsKey = "ingot.crc32";

/// The entry's text. `checksums[i]` belongs to `tensors[i]`; `metadata` must not hold the entry.
std::string checksums_text(const std::vector<TensorEntry>& tensors,
                           const std::vector<std::uint32_t>& checksums, const Metadata& metadata);
std::uint32_t checksum_of(const TensorEntry& entry, std::span<const std::byte> bytes);

/// What a file says its parts should be.
class Checksums {
 public:
  /// Takes the entry out of the metadata, if it is there, and compares what it says of the rest.
  /// Throws IoError, calling the file `file`, when that disagrees, the entry is damaged, or it does
  /// not name exactly the header's tensors.
  Checksums(SafetensorsHeader& header, std::string_view file);
  /// Throws IoError naming the tensor when its bytes are not those that were saved.
  void check(const TensorEntry& entry, std::span<const std::byte> bytes) const;

 private:
  std::string file_;
  bool present_ = false;
  std::map<std::string, std::uint32_t> expected_;
};

}  // namespace ingot::io
