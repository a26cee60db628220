#include <ingot/io/atomic_file.h>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "io/append_file.h"
#include "support/scratch_folder.h"

namespace {

// A disk with so many bytes of room for this thread; less than none: as many as there are.
struct Disk {
  long room = -1;
  bool sync_fails = false;
};
thread_local Disk disk;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Stand before the system's in this program: mounting a small disk needs a right that few have.
extern "C" ssize_t write(int file, const void* data, std::size_t nbytes) {
  static const auto real = next<ssize_t(int, const void*, std::size_t)>("write");
  if (disk.room < 0) return real(file, data, nbytes);
  if (disk.room == 0 && nbytes > 0) {
    errno = ENOSPC;
    return -1;
  }
  const ssize_t written = real(file, data, std::min(nbytes, static_cast<std::size_t>(disk.room)));
  if (written > 0) disk.room -= written;
  return written;
}

extern "C" int fsync(int file) {
  static const auto real = next<int(int)>("fsync");
  if (!disk.sync_fails) return real(file);
  errno = ENOSPC;
  return -1;
}

namespace ingot::io {
namespace {

namespace fs = std::filesystem;
using ingot::testing::ScratchFolder;

std::size_t count_files(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string error_of(const fs::path& path, std::string_view content = "new") {
  try {
    AtomicFile file(path);
    file.write(content);
    file.commit();
  } catch (const IoError& e) {
    return e.what();
  }
  return "";
}

TEST(AtomicFile, ReplacesTheOldFile) {
  const ScratchFolder folder;
  const fs::path path = folder / "f";
  folder.write("f", "old");
  ::chmod(path.c_str(), 0640);
  AtomicFile file(path);
  file.write("new ");
  file.write(std::string(3'000'000, 'x'));  // larger than the buffer
  file.write(" end");
  EXPECT_EQ(folder.read("f"), "old");
  file.commit();
  EXPECT_EQ(folder.read("f"), "new " + std::string(3'000'000, 'x') + " end");
  EXPECT_EQ(count_files(folder.path()), 1u);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, GivenUpItLeavesNothing) {
  const ScratchFolder folder;
  folder.write("f", "old");
  {
    AtomicFile file(folder / "f");
    file.write("new");
  }
  EXPECT_EQ(folder.read("f"), "old");
  EXPECT_EQ(count_files(folder.path()), 1u);
}

TEST(AtomicFile, NamesFileAndCause) {
  const ScratchFolder folder;
  const std::string base = folder.path().string();
  EXPECT_EQ(error_of(folder / "none" / "f"),
            base + "/none/f: cannot write into the folder: No such file or directory");
  EXPECT_EQ(error_of(folder.path()), base + ": cannot write the file: Is a directory");
  EXPECT_EQ(error_of("/dev/null"),
            "/dev/null: cannot write the file: it is a device or pipe, not a file");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

// Whatever lies where temporary files would: it is neither waited for nor removed.
TEST(AtomicFile, PassesOverWhatIsNoFile) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder / ".f.tmp-1-0").c_str(), 0600), 0);
  fs::create_directory(folder / ".f.tmp-1-1");
  fs::create_symlink("/dev/zero", folder / ".f.tmp-1-2");
  const int file = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / ".f.tmp-1-3").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(file, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(error_of(folder / "f"), "");
  EXPECT_EQ(folder.read("f"), "new");
  EXPECT_EQ(count_files(folder.path()), 5u);
  EXPECT_EQ(error_of(folder / ".f.tmp-1-0"),
            (folder / ".f.tmp-1-0").string() +
                ": cannot write the file: it is a device or pipe, not a file");
  ::close(file);
}

TEST(AtomicFile, LongNames) {
  const ScratchFolder folder;
  for (const std::size_t length : {199u, 200u, 201u, 230u, 255u}) {
    const std::string name(length, 'n');
    EXPECT_EQ(error_of(folder / name), "") << length;
    EXPECT_EQ(folder.read(name), "new");
  }
  EXPECT_EQ(count_files(folder.path()), 5u);
}

TEST(AppendFile, AddsWholePieces) {
  const ScratchFolder folder;
  folder.write("f", "a\n");
  {
    AppendFile file(folder / "f");
    file.append("b\n");
  }
  AppendFile(folder / "f").append("c\n");
  EXPECT_EQ(folder.read("f"), "a\nb\nc\n");
}

TEST(AppendFile, AFullDiskLeavesWholePieces) {
  const ScratchFolder folder;
  folder.write("f", "begin\n");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      AppendFile file(folder / "f");
      file.append(std::string(50, 'x') + "\n");
      file.append(std::string(60, 'y') + "\n");  // of which 43 bytes fit
    } catch (const IoError&) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(folder.read("f"), "begin\n" + std::string(50, 'x') + "\n");
}

TEST(AppendFile, NamesFileAndCause) {
  const ScratchFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const fs::path& path :
       {folder / "none" / "f", folder.path(), folder / "pipe", fs::path("/dev/null")})
    try {
      AppendFile file(path);
      ADD_FAILURE() << path;
    } catch (const IoError& e) {
      EXPECT_TRUE(std::string(e.what()).starts_with(path.string() + ": cannot write the file: "))
          << e.what();
    }
}

TEST(AtomicFile, FollowsSymbolicLinks) {
  const ScratchFolder folder;
  folder.write("real", "old");
  fs::create_symlink("real", folder / "link");
  EXPECT_EQ(error_of(folder / "link"), "");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(folder.read("real"), "new");
}

TEST(AtomicFile, SweepsUpAfterKilledWritersOnly) {
  const ScratchFolder folder;
  folder.write(".f.tmp-1-0", "left by a killed process");
  folder.write(".g.tmp-1-0", "of another file");
  AtomicFile first(folder / "f");
  AtomicFile second(folder / "f");  // must leave the first one's file alone
  EXPECT_FALSE(fs::exists(folder / ".f.tmp-1-0"));
  EXPECT_TRUE(fs::exists(folder / ".g.tmp-1-0"));
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(folder.read("f"), "second");
  first.commit();
  EXPECT_EQ(folder.read("f"), "first");
  EXPECT_EQ(count_files(folder.path()), 2u);
}

// A limit on file sizes makes write() fail in the middle, as a full disk does.
TEST(AtomicFile, SurvivesAFailingWrite) {
  const ScratchFolder folder;
  folder.write("f", "old");
  std::string message;
  {
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit low = old;
    low.rlim_cur = 100'000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
    message = error_of(folder / "f", std::string(5'000'000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
  }
  EXPECT_EQ(message, (folder / "f").string() + ": cannot write the file: File too large");
  EXPECT_EQ(folder.read("f"), "old");
  EXPECT_EQ(count_files(folder.path()), 1u);
}

// A disk that fills up may tell at once, when part of the bytes are written, or only when they are
// to reach it.
TEST(AtomicFile, SurvivesAFullDisk) {
  const std::string content(5'000'000, 'x');
  for (const long room : {0L, 1L, 262'144L, 1'500'000L, 4'999'999L, 5'000'000L}) {
    const ScratchFolder folder;
    folder.write("f", "old");
    disk = {.room = room, .sync_fails = room == 5'000'000};
    const std::string message = error_of(folder / "f", content);
    const bool filled_up = disk.room <= 0;
    disk = {};
    EXPECT_TRUE(filled_up) << room;
    EXPECT_EQ(message, (folder / "f").string() + ": cannot write the file: No space left on device")
        << room;
    EXPECT_EQ(folder.read("f"), "old") << room;
    EXPECT_EQ(count_files(folder.path()), 1u) << room;
    EXPECT_EQ(error_of(folder / "f"), "") << "there is room again";
    EXPECT_EQ(folder.read("f"), "new");
  }
}

// A child writes whole files of one letter over and over and is killed at some moment.
TEST(AtomicFile, SurvivesBeingKilled) {
  const ScratchFolder folder;
  folder.write("f", std::string(400'000, 'a'));
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (char letter = 'a';; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
        AtomicFile file(folder / "f");
        for (int i = 0; i < 8; ++i) file.write(std::string(50'000, letter));
        file.commit();
      }
    }
    ::usleep(static_cast<useconds_t>(500 + 700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::string content = folder.read("f");
    ASSERT_EQ(content.size(), 400'000u);
    ASSERT_EQ(content, std::string(400'000, content[0]));
    ASSERT_LE(count_files(folder.path()), 2u) << "leftovers pile up";
  }
  EXPECT_EQ(error_of(folder / "f"), "");
  EXPECT_EQ(count_files(folder.path()), 1u);
}

// What a signal handler does before it ends the process: files that live lose their temporary ones.
TEST(AtomicFile, TemporariesAreRemovedAtOnce) {
  const ScratchFolder folder;
  folder.write("f", "old");
  {
    AtomicFile first(folder / "f"), second(folder / "g");
    first.write("new");
    EXPECT_EQ(count_files(folder.path()), 3u);
    remove_temporaries();
    EXPECT_EQ(count_files(folder.path()), 1u);
    EXPECT_THROW(first.commit(), IoError);
  }
  EXPECT_EQ(folder.read("f"), "old");
  // What is complete, or given up, is no temporary file any more.
  AtomicFile(folder / "f").commit();
  { AtomicFile given_up(folder / "f"); }
  remove_temporaries();
  EXPECT_EQ(count_files(folder.path()), 1u);
}

TEST(AtomicFile, AnyNumberLivesAtOnce) {
  const ScratchFolder folder;
  constexpr int kMany = 100;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<AtomicFile>> files;
    for (int i = 0; i < kMany; ++i)
      files.push_back(std::make_unique<AtomicFile>(folder / std::to_string(i)));
    for (const auto& file : files) file->commit();
  }
  EXPECT_EQ(count_files(folder.path()), static_cast<std::size_t>(kMany));
}

// A child that is ended by its handler while it writes leaves nothing behind.
TEST(AtomicFile, AnEndingHandlerLeavesNothing) {
  const ScratchFolder folder;
  folder.write("f", "old");
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::signal(SIGUSR1, [](int) {
        remove_temporaries();
        ::_exit(3);
      });
      AtomicFile file(folder / "f");
      file.write(std::string(2'000'000, 'x'));
      std::raise(SIGUSR1);
      ::_exit(4);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    EXPECT_EQ(count_files(folder.path()), 1u);
    EXPECT_EQ(folder.read("f"), "old");
  }
}

}  // namespace
}  // namespace ingot::io
