#include <ingot/io/atomic_file.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <system_error>
#include <utility>

namespace ingot::io {
namespace {

namespace fs = std::filesystem;

// The temporary files that live, where a signal handler may look: paths in fixed memory. One that
// finds no slot free, or whose path is too long for one, stays when the process is ended.
struct LivingFile {
  std::atomic<bool> taken{false}, readable{false};
  char path[1024] = {};
};
constexpr std::size_t kSlots = 32;
LivingFile living[kSlots];
constexpr std::size_t kNoSlot = kSlots;

std::size_t take_slot() {
  for (std::size_t i = 0; i < kSlots; ++i)
    if (!living[i].taken.exchange(true)) return i;
  return kNoSlot;
}

void set_slot(std::size_t slot, const std::string& path) {
  if (slot == kNoSlot || path.size() >= sizeof(LivingFile::path)) return;
  living[slot].readable = false;
  path.copy(living[slot].path, path.size());
  living[slot].path[path.size()] = '\0';
  living[slot].readable = true;
}

void clear_slot(std::size_t slot) {
  if (slot != kNoSlot) living[slot].readable = false;
}

constexpr std::size_t kBufferNbytes = std::size_t{1} << 20;

std::string message_of(int error) { return std::generic_category().message(error); }

/// What temporary names begin with: hidden, and no longer than a name may be.
std::string prefix_of(const fs::path& target) {
  constexpr std::size_t kLongest = 200;  // of usually 255 bytes
  std::string name = target.filename().string();
  if (name.size() > kLongest) {
    const std::size_t hash = std::hash<std::string>{}(name);
    name.resize(kLongest - 20);
    name += fmt::format("~{:x}", hash);
  }
  return "." + name + ".tmp-";
}

fs::path folder_of(const fs::path& target) {
  const fs::path folder = target.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

/// False, with errno set, when the bytes may not have reached the disk.
bool sync_to_disk(int file) {
#ifdef F_FULLFSYNC
  if (::fcntl(file, F_FULLFSYNC) == 0) return true;  // macOS: fsync stops at the drive's cache
#endif
  return ::fsync(file) == 0 || errno == EINVAL;
}

}  // namespace

void remove_temporaries() noexcept {
  for (LivingFile& file : living)
    if (file.readable) ::unlink(file.path);
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path), target_(path), slot_(kNoSlot) {
  if (path.filename().empty())
    throw IoError(fmt::format("cannot write '{}': it names no file", path.string()));
  std::error_code ignored;
  if (fs::is_symlink(path, ignored)) {
    // weakly_canonical also follows a link to a file that is yet to be made.
    const fs::path resolved = fs::weakly_canonical(path, ignored);
    if (!ignored) target_ = resolved;
  }
  remove_leftovers();
  open_temporary();
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  clear_slot(slot_);
  if (slot_ != kNoSlot) living[slot_].taken = false;
}

void AtomicFile::fail(const char* doing, int error) const {
  throw IoError(fmt::format("{}: cannot {}: {}", path_.string(), doing, message_of(error)));
}

// A living writer holds a lock on its temporary file; the lock of a killed one is gone. What is no
// regular file was not made here and stays; a pipe must not be waited for.
void AtomicFile::remove_leftovers() const {
  const std::string prefix = prefix_of(target_);
  std::error_code error;
  for (fs::directory_iterator it(folder_of(target_), error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    const int file = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    struct stat status {};
    if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        ::flock(file, LOCK_EX | LOCK_NB) == 0)
      ::unlink(it->path().c_str());
    ::close(file);
  }
}

void AtomicFile::open_temporary() {
  struct stat old {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail("write the file", EISDIR);
  if (exists && !S_ISREG(old.st_mode))
    throw IoError(fmt::format("{}: cannot write the file: it is a device or pipe, not a file",
                              path_.string()));

  static std::atomic<unsigned> counter{0};
  slot_ = take_slot();
  while (true) {
    const fs::path candidate =
        folder_of(target_) / fmt::format("{}{}-{}", prefix_of(target_), ::getpid(), counter++);
    // Known before it is made, so that a signal in between leaves nothing behind.
    set_slot(slot_, candidate.string());
    file_ = ::open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0) {
      const int error = errno;
      clear_slot(slot_);
      if (error == EEXIST || error == EINTR) continue;
      if (slot_ != kNoSlot) living[slot_].taken = false;
      fail("write into the folder", error);
    }
    struct stat mine {};
    // Somebody else's remove_leftovers may have taken it between its creation and the lock.
    // (Where locks are not supported nothing is removed either.)
    if (::flock(file_, LOCK_EX) == 0 && ::fstat(file_, &mine) == 0 && mine.st_nlink == 0) {
      ::close(file_);
      continue;
    }
    temporary_ = candidate;
    break;
  }
  if (exists) (void)!::fchmod(file_, old.st_mode & 07777);
}

void AtomicFile::write(const void* data, std::size_t nbytes) {
  const auto* bytes = static_cast<const char*>(data);
  if (buffer_.size() + nbytes <= kBufferNbytes) {
    buffer_.append(bytes, nbytes);
    return;
  }
  flush();
  write_through(bytes, nbytes);
}

void AtomicFile::flush() {
  const std::string pending = std::exchange(buffer_, {});
  write_through(pending.data(), pending.size());
}

void AtomicFile::write_through(const char* bytes, std::size_t nbytes) {
  while (nbytes > 0) {
    // Some systems refuse more than 2 GiB at once.
    const ssize_t written = ::write(file_, bytes, std::min(nbytes, std::size_t{1} << 30));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write the file", errno);
    }
    bytes += written;
    nbytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  flush();
  if (!sync_to_disk(file_)) fail("write the file", errno);
  // Before close, which gives up the lock that keeps others from removing the temporary file.
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("replace the file", errno);
  temporary_.clear();
  clear_slot(slot_);
  if (::close(std::exchange(file_, -1)) != 0 && errno != EINTR) fail("write the file", errno);
  // Makes the rename survive a power cut; the content is in place already.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace ingot::io
