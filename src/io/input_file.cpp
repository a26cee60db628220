#include "io/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace ingot::io {
namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw IoError(
      fmt::format("{}: cannot read the file: {}", name, std::generic_category().message(error)));
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  // A pipe without a writer would block a plain open for ever.
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) fail(name_, errno);
  struct stat status {};
  int error = ::fstat(file_, &status) == 0 ? 0 : errno;
  if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
  if (error == 0 && S_ISREG(status.st_mode)) {
    nbytes_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(file_);
  if (error != 0) fail(name_, error);
  throw IoError(fmt::format("{}: cannot read the file: it is a device or pipe, not a file", name_));
}

InputFile::~InputFile() { ::close(file_); }

void InputFile::read(std::uint64_t offset, void* target, std::size_t nbytes) const {
  auto* bytes = static_cast<char*>(target);
  while (nbytes > 0) {
    const ssize_t count =
        ::pread(file_, bytes, std::min(nbytes, std::size_t{1} << 30), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      fail(name_, errno);
    }
    if (count == 0) throw IoError(fmt::format("{}: the file ends at byte {}", name_, offset));
    bytes += count;
    offset += static_cast<std::uint64_t>(count);
    nbytes -= static_cast<std::size_t>(count);
  }
}

}  // namespace ingot::io
