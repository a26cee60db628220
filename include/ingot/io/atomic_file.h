// AtomicFile: writes a file that appears at its path whole or not at all.
//
// The bytes go to a temporary file in the same folder; commit() flushes them to the disk and
// renames it over the path. Whatever happens before that (an exception, a full disk, a killed
// process, a power cut) leaves an old file at the path as it was. The temporary file is removed
// when the writer gives up; one that a killed process left behind goes when the same path is
// written next.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace ingot::io {

class AtomicFile {
 public:
  /// Creates the temporary file. A symbolic link is followed; the mode of an old file is kept.
  /// Throws IoError when the folder is missing or not writable, or `path` is no regular file.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws IoError naming the file and the cause: no space left, and the like.
  void write(const void* data, std::size_t nbytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Makes the new content take the path's place, durably. Throws IoError; the old file survives.
  void commit();

 private:
  void open_temporary();
  void remove_leftovers() const;
  void flush();
  void write_through(const char* bytes, std::size_t nbytes);
  [[noreturn]] void fail(const char* doing, int error) const;

  std::filesystem::path path_;       ///< as the user named it, for messages
  std::filesystem::path target_;     ///< with symbolic links resolved
  std::filesystem::path temporary_;  ///< empty once there is none
  std::size_t slot_;                 ///< where remove_temporaries() finds it
  int file_ = -1;
  std::string buffer_;
};

/// Removes the temporary files of all AtomicFiles that live in this process, whose writes are lost
/// thereby. For a signal handler that ends the process at once: nothing in it allocates or locks.
void remove_temporaries() noexcept;

}  // namespace ingot::io
