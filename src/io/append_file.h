// AppendFile: adds pieces to the end of a file, each whole or not at all: what a full disk did not
// take is cut off again.
#pragma once

#include <filesystem>
#include <string_view>

namespace ingot::io {

class AppendFile {
 public:
  /// Makes the file when there is none. Throws IoError naming it and the cause, also when it is no
  /// regular file.
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// In the system's cache when it returns. Throws IoError; the file is as before then.
  void append(std::string_view piece);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace ingot::io
