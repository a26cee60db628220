// IDX files, the format MNIST and its relatives are published in: raw, or gzip-compressed.
//
// Invariants: a file is recognised by its content, never by its name; an `IdxArray` that a function
// here returns holds exactly as many values as its shape says; every kind of damage raises IoError
// naming the file and the cause; memory use is bounded by what the header promises and by what the
// input can possibly hold, so a small hostile file cannot ask for gigabytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace ingot::data {

/// An array of unsigned bytes, row-major, as read from an IDX file.
struct IdxArray {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;
};

/// Parses the bytes of an IDX file (raw or gzip). `name` is what error messages call it.
///
/// Format: two zero bytes, an element type (only 0x08, unsigned byte, is accepted), the number of
/// dimensions (1 to 8), one big-endian uint32 per dimension, then the values.
/// Source: http://yann.lecun.com/exdb/mnist, "The IDX file format".
///
/// Throws IoError: wrong magic, truncated, trailing data, sizes too large, damaged gzip.
IdxArray parse_idx(std::span<const std::uint8_t> bytes, std::string_view name);

/// Reads and parses the IDX file at `path`. Throws IoError as parse_idx does, and when the file
/// cannot be read.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace ingot::data
