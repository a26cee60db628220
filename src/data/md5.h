// MD5, for the checksums that data sets are published with; it protects from accidents only.
// Source: R. Rivest, "The MD5 Message-Digest Algorithm" (RFC 1321).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ingot::data {

class Md5 {
 public:
  void add(const void* data, std::size_t nbytes);
  /// The checksum of everything added, in hexadecimal digits. Nothing may be added afterwards.
  std::string finish();

 private:
  void block(const std::uint8_t* bytes);

  std::array<std::uint32_t, 4> state_{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
  std::array<std::uint8_t, 64> pending_{};
  std::uint64_t nbytes_ = 0;
};

}  // namespace ingot::data
