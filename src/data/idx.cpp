#include "ingot/data/idx.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <system_error>

#include "data/gzip.h"
#include "ingot/core/error.h"
#include "io/input_file.h"

namespace ingot::data {
namespace {

constexpr std::uint8_t kUnsignedByte = 0x08;
constexpr int kMaxDims = 8;
constexpr std::uint64_t kMaxHeaderNbytes = 4 * (1 + kMaxDims);
constexpr std::uint64_t kMaxNumel = std::uint64_t{1} << 32;
// Pictures are packed to a tenth, drawings to a fiftieth; deflate can go to 1 : 1032. A header that
// promises more than so much for each byte of the file is no honest one.
constexpr std::uint64_t kMaxExpansion = 200, kFreeNbytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxDeflate = 1032;
constexpr std::size_t kFirstPiece = std::size_t{16} << 20;

/// The two kinds of input behind one `read`.
class Source {
 public:
  Source(std::span<const std::uint8_t> bytes, std::string_view name) : rest_(bytes) {
    if (is_gzip(bytes)) {
      max_nbytes_ =
          std::min(bytes.size() * kMaxDeflate, kFreeNbytes + bytes.size() * kMaxExpansion);
      gzip_ = std::make_unique<GzipReader>(bytes, name);
    } else {
      max_nbytes_ = bytes.size();
    }
  }

  std::size_t read(std::span<std::uint8_t> out) {
    if (gzip_) return gzip_->read(out);
    const std::size_t count = std::min(out.size(), rest_.size());
    std::copy_n(rest_.begin(), count, out.begin());
    rest_ = rest_.subspan(count);
    return count;
  }

  /// No more bytes than this can come out.
  std::uint64_t max_nbytes() const { return max_nbytes_; }

 private:
  std::span<const std::uint8_t> rest_;
  std::unique_ptr<GzipReader> gzip_;
  std::uint64_t max_nbytes_ = 0;
};

std::uint32_t big_endian(std::span<const std::uint8_t, 4> b) {
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

const char* element_type_name(std::uint8_t code) {
  switch (code) {
    case 0x09:
      return "signed byte";
    case 0x0B:
      return "int16";
    case 0x0C:
      return "int32";
    case 0x0D:
      return "float32";
    case 0x0E:
      return "float64";
    default:
      return nullptr;
  }
}

/// Reads the shape; on return the source stands at the first value.
std::vector<std::int64_t> read_shape(Source& source, std::string_view name) {
  std::array<std::uint8_t, 4> word{};
  if (source.read(word) != word.size()) {
    throw IoError(fmt::format("{}: too short for an IDX file (no complete magic number)", name));
  }
  if (word[0] == 0 && word[1] == 0 && element_type_name(word[2]) != nullptr) {
    throw IoError(
        fmt::format("{}: IDX element type 0x{:02x} ({}) is not supported; only 0x08 "
                    "(unsigned byte) is",
                    name, word[2], element_type_name(word[2])));
  }
  if (word[0] != 0 || word[1] != 0 || word[2] != kUnsignedByte || word[3] < 1 ||
      word[3] > kMaxDims) {
    throw IoError(
        fmt::format("{}: not an IDX file: wrong magic number 0x{:08x} (images have "
                    "0x00000803, labels 0x00000801)",
                    name, big_endian(word)));
  }
  std::vector<std::int64_t> shape(word[3]);
  for (auto& size : shape) {
    if (source.read(word) != word.size()) {
      throw IoError(fmt::format("{}: truncated inside the IDX header ({} dimensions announced)",
                                name, shape.size()));
    }
    size = big_endian(word);
  }
  return shape;
}

std::uint64_t checked_numel(const std::vector<std::int64_t>& shape, std::string_view name) {
  std::uint64_t numel = 1;
  for (const std::int64_t size : shape) {
    if (size == 0) return 0;
    if (static_cast<std::uint64_t>(size) > kMaxNumel / numel) {
      throw IoError(
          fmt::format("{}: the IDX header promises [{}] values, more than the limit of {}", name,
                      fmt::join(shape, ", "), kMaxNumel));
    }
    numel *= static_cast<std::uint64_t>(size);
  }
  return numel;
}

}  // namespace

IdxArray parse_idx(std::span<const std::uint8_t> bytes, std::string_view name) {
  Source source(bytes, name);
  IdxArray array;
  array.shape = read_shape(source, name);
  const std::uint64_t numel = checked_numel(array.shape, name);
  const auto truncated = [&](const std::string& found) {
    return IoError(fmt::format("{}: truncated: the header promises [{}] = {} values, {}", name,
                               fmt::join(array.shape, ", "), numel, found));
  };
  if (numel > source.max_nbytes()) {
    throw truncated(fmt::format("the file's {} bytes cannot hold them", bytes.size()));
  }
  // Grown as data arrives: a header that lies costs no more memory than the data behind it.
  while (array.values.size() < numel) {
    const std::size_t have = array.values.size();
    const std::size_t want =
        std::min<std::uint64_t>(numel, std::max<std::size_t>(kFirstPiece, 2 * have));
    array.values.resize(want);
    const std::size_t found = have + source.read(std::span(array.values).subspan(have));
    if (found != want) throw truncated(fmt::format("the file has {}", found));
  }
  std::array<std::uint8_t, 1> extra{};  // reading past the end also checks the gzip trailer
  if (source.read(extra) != 0) {
    throw IoError(fmt::format("{}: trailing data after the {} values that the header promises [{}]",
                              name, numel, fmt::join(array.shape, ", ")));
  }
  return array;
}

IdxArray read_idx(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw IoError(fmt::format("{}: no such file", name));
  if (std::filesystem::is_directory(status))
    throw IoError(fmt::format("{}: is a folder, not an IDX file", name));
  const io::InputFile file(path);
  // What the beginning says decides whether the rest is worth its memory: a file may be all holes.
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(std::min<std::uint64_t>(file.nbytes(), kMaxHeaderNbytes)));
  file.read(0, bytes.data(), bytes.size());
  if (!is_gzip(bytes)) {
    Source source(bytes, name);
    const std::vector<std::int64_t> shape = read_shape(source, name);
    const std::uint64_t numel = checked_numel(shape, name);
    const std::uint64_t stored = file.nbytes() - 4 * (1 + shape.size());
    if (numel > stored)
      throw IoError(
          fmt::format("{}: truncated: the header promises [{}] = {} values, the file has "
                      "{}",
                      name, fmt::join(shape, ", "), numel, stored));
    if (numel < stored)
      throw IoError(
          fmt::format("{}: trailing data after the {} values that the header promises "
                      "[{}]",
                      name, numel, fmt::join(shape, ", ")));
  } else if (file.nbytes() > kMaxNumel) {
    throw IoError(fmt::format("{}: {} bytes are too many for an IDX file", name, file.nbytes()));
  }
  const std::size_t begun = bytes.size();
  bytes.resize(static_cast<std::size_t>(file.nbytes()));
  file.read(begun, bytes.data() + begun, bytes.size() - begun);
  return parse_idx(bytes, name);
}

}  // namespace ingot::data
