// InputFile: reads pieces of a regular file, with errors that name it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace ingot::io {

class InputFile {
 public:
  /// Throws IoError when there is no such file, it cannot be opened, or is no regular file.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t nbytes() const { return nbytes_; }
  const std::string& name() const { return name_; }

  /// Fills `target` from `offset` on; throws IoError when the file ends before.
  void read(std::uint64_t offset, void* target, std::size_t nbytes) const;

 private:
  std::string name_;
  int file_ = -1;
  std::uint64_t nbytes_ = 0;
};

}  // namespace ingot::io
