#include "io/append_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace ingot::io {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw IoError(fmt::format("{}: cannot write the file: {}", path.string(),
                            std::generic_category().message(error)));
}

}  // namespace

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  // A pipe without a reader must not be waited for.
  file_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file_ < 0 && errno != ENXIO) fail(path_, errno);  // ENXIO: a pipe that nobody reads
  struct stat status {};
  if (file_ >= 0 && ::fstat(file_, &status) == 0 && S_ISREG(status.st_mode)) return;
  if (file_ >= 0) ::close(file_);
  throw IoError(
      fmt::format("{}: cannot write the file: it is a device or pipe, not a file", path_.string()));
}

AppendFile::~AppendFile() { ::close(file_); }

void AppendFile::append(std::string_view piece) {
  struct stat before {};
  if (::fstat(file_, &before) != 0) fail(path_, errno);
  while (!piece.empty()) {
    const ssize_t written = ::write(file_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      (void)!::ftruncate(file_, before.st_size);
      fail(path_, error);
    }
    piece.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace ingot::io
