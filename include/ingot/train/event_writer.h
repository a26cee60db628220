// EventWriter: TensorBoard's event files, written directly.
//
// A file is a row of records (length, its checksum, an Event message, its checksum); the messages
// hold a time, a step, and named numbers. TensorBoard shows all event files of a folder as one run,
// so that a resumed run adds a file of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingot::io {
class AppendFile;
}

namespace ingot::train {

class EventWriter {
 public:
  /// Makes the folder when there is none, and a new file in it. With `first_step` above 0 readers
  /// forget what earlier files say of that step and later ones (a resumed run). Throws IoError.
  explicit EventWriter(const std::filesystem::path& folder, std::int64_t first_step = 0);
  ~EventWriter();

  const std::filesystem::path& path() const { return path_; }
  /// Adds numbers under their tags, such as "loss/train"; in the file when it returns. Throws
  /// IoError; the file holds whole records then, too.
  void add_scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void write_event(const std::string& event);

  std::filesystem::path path_;
  std::unique_ptr<io::AppendFile> file_;
};

}  // namespace ingot::train
