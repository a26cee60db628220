// The bytes of safetensors files, without tensors: reading and checking headers, and building them.
//
//   8 bytes   length of the header, little-endian
//   n bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
//             "__metadata__": {"key": "text"}}, padded with spaces
//   the rest  the tensors' bytes, row-major, little-endian; offsets count from here
//
// What is accepted is what the reference implementation accepts
// (github.com/huggingface/safetensors, `Metadata::validate`): the tensors fill the rest of the file
// without holes or overlap; "__metadata__" may be null, and fields of a tensor that mean nothing
// here are skipped. Beyond it, names must not occur twice. A header that lies about sizes never
// makes the reader allocate them.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>
#include <ingot/io/safetensors.h>

namespace ingot::io {

static_assert(std::endian::native == std::endian::little,
              "tensors are read and written as they lie in memory");

inline constexpr std::uint64_t kLengthNbytes = 8;
inline constexpr std::uint64_t kMaxHeaderNbytes = 100'000'000;  ///< the reference's limit

/// Where one tensor lies, in bytes from the end of the header.
struct TensorEntry {
  std::string name;
  DType dtype = DType::Float32;
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t nbytes = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in the header's order
  Metadata metadata;
};

/// The header's length from the file's first bytes (8, fewer only when the file is shorter).
/// Throws IoError, calling the file `file`, when the header cannot fit into the file.
std::uint64_t read_header_nbytes(std::span<const std::byte> prefix, std::uint64_t file_nbytes,
                                 std::string_view file);

/// Parses a header whose tensors must fill exactly `data_nbytes`. Throws IoError.
SafetensorsHeader parse_header(std::string_view json, std::uint64_t data_nbytes,
                               std::string_view file);

/// Assigns offsets (larger elements first, so that every tensor is aligned to its own size) and
/// returns the file's beginning: the length and the header. Throws ValueError for a bad name.
std::string build_header(std::vector<TensorEntry>& tensors, const Metadata& metadata);

/// Positions in `tensors` in the order of their data in the file.
std::vector<std::size_t> data_order(const std::vector<TensorEntry>& tensors);

}  // namespace ingot::io
