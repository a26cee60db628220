// ZipArchive: reads the entries of a zip file (libzip), which may be hostile: no entry is given
// more memory than its compressed bytes can fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ingot::io {

class ZipArchive {
 public:
  struct Entry {
    std::uint64_t index = 0;
    std::string name;
    std::uint64_t nbytes = 0;  ///< uncompressed
  };

  /// Throws IoError when the file cannot be read or is no zip archive.
  explicit ZipArchive(const std::filesystem::path& path);
  /// `file` must outlive the archive; `name` is what errors call it.
  ZipArchive(std::span<const std::byte> file, std::string_view name);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::string& name() const { return name_; }
  std::uint64_t size() const;
  /// Throws IoError when the entry's description is damaged or claims an impossible size.
  Entry entry(std::uint64_t index) const;
  /// The entry with exactly that name, if there is one. Throws as entry().
  std::optional<Entry> find(const std::string& name) const;
  /// Fills `target` with the entry's bytes; throws IoError when they are damaged (checksum) or not
  /// as many as it says.
  void read(const Entry& entry, void* target) const;
  std::string read_text(const Entry& entry) const;

 private:
  struct Handle;
  std::string name_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace ingot::io
