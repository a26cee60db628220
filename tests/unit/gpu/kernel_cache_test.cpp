// Compiled kernels on disk: found again, never trusted when damaged, and not needed.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "backend/gpu/drivers/host/host_driver.h"
#include "backend/gpu/source.h"
#include "support/scratch_folder.h"

namespace ingot::gpu {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(KernelCache, FindsWhatWasStored) {
  const testing::ScratchFolder folder;
  KernelCache cache((folder.path() / "kernels").string());
  EXPECT_EQ(cache.find("key"), std::nullopt);
  cache.store("key", std::string("ob\0ject", 7));
  cache.store("other key", "");
  EXPECT_EQ(cache.find("key"), std::string("ob\0ject", 7));
  EXPECT_EQ(cache.find("other key"), "");
  EXPECT_EQ(cache.find("ke"), std::nullopt);
  EXPECT_EQ(KernelCache((folder.path() / "kernels").string()).find("key"),
            std::string("ob\0ject", 7));
}

TEST(KernelCache, TrustsNoDamagedFile) {
  const testing::ScratchFolder folder;
  KernelCache cache(folder.path().string());
  cache.store("some key", "some object");
  const std::string path = cache.path_of("some key"), whole = bytes_of(path);
  ASSERT_GT(whole.size(), 32u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write(path, whole.substr(0, length));
    EXPECT_EQ(cache.find("some key"), std::nullopt) << "cut to " << length << " bytes";
  }
  write(path, whole + "!");
  EXPECT_EQ(cache.find("some key"), std::nullopt);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    write(path, damaged);
    EXPECT_EQ(cache.find("some key"), std::nullopt) << "byte " << at;
  }
  write(path, whole);
  EXPECT_EQ(cache.find("some key"), "some object");
}

// Two keys with one hash would share a file.
TEST(KernelCache, TellsKeysApartByWhatTheyAre) {
  const testing::ScratchFolder folder;
  KernelCache cache(folder.path().string());
  cache.store("first", "object");
  fs::copy_file(cache.path_of("first"), cache.path_of("other"));
  EXPECT_EQ(cache.find("other"), std::nullopt);
}

TEST(KernelCache, StaysWithinItsSize) {
  const testing::ScratchFolder folder;
  constexpr std::size_t kMost = 100'000;
  KernelCache cache(folder.path().string(), kMost);
  for (int i = 0; i < 256; ++i) cache.store("key " + std::to_string(i), std::string(5000, 'x'));
  std::size_t total = 0;
  for (const auto& file : fs::directory_iterator(folder.path())) total += file.file_size();
  EXPECT_LE(total, kMost + 64 * 5100);
  EXPECT_EQ(cache.find("key 255"), std::string(5000, 'x'));
}

TEST(KernelCache, NeedsNoFolder) {
  for (const char* folder : {"", "/dev/null/kernels", "/proc/kernels"}) {
    KernelCache cache(folder);
    cache.store("key", "object");
    EXPECT_EQ(cache.find("key"), std::nullopt) << folder;
  }
}

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value)
      setenv(name_, value, 1);
    else
      unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

TEST(KernelCache, LiesWhereTheEnvironmentSays) {
  const Variable home("HOME", "/home/somebody");
  {
    const Variable own("INGOT_CACHE_DIR", "/cache");
    EXPECT_EQ(kernel_cache_folder(), "/cache/kernels");
  }
  {
    const Variable own("INGOT_CACHE_DIR", "");
    EXPECT_EQ(kernel_cache_folder(), "");
  }
  const Variable own("INGOT_CACHE_DIR", nullptr);
  {
    const Variable xdg("XDG_CACHE_HOME", "/xdg");
    EXPECT_EQ(kernel_cache_folder(), "/xdg/ingot/kernels");
  }
  const Variable xdg("XDG_CACHE_HOME", nullptr);
#if defined(__APPLE__)
  EXPECT_EQ(kernel_cache_folder(), "/home/somebody/Library/Caches/ingot/kernels");
#else
  EXPECT_EQ(kernel_cache_folder(), "/home/somebody/.cache/ingot/kernels");
#endif
  const Variable nobody("HOME", nullptr);
  EXPECT_EQ(kernel_cache_folder(), "");
}

// -- With the compiler ----------------------------------------------------------------------------

KernelSource add_one(const std::string& number = "1") {
  SourceBuilder source("map");
  source.use("map");
  source.parameter("i64", "n");
  source.buffer("f32", "in", true);
  source.buffer("f32", "out", false);
  source.member(
      "  static FN void at(Buffers b, CONSTANT const Params& p, Index i) {\n    b.out[i] = b.in[i] "
      "+ " +
      number + ";\n  }\n");
  return source.finish("host");
}

void expect_adds(const Pipeline& pipeline, float number) {
  std::vector<float> in = {1, 2, 3}, out(3);
  const Argument arguments[] = {{in.data(), 12}, {out.data(), 12}};
  const std::uint64_t words[] = {3};
  pipeline.launch({}, arguments, words);
  EXPECT_EQ(out, (std::vector<float>{1 + number, 2 + number, 3 + number}));
}

TEST(HostDriverCache, CompilesOnce) {
  const testing::ScratchFolder folder;
  HostDriver first(folder.path().string());
  expect_adds(*first.compile(add_one()), 1);
  EXPECT_EQ(first.compile(add_one()), first.compile(add_one()));
  EXPECT_EQ(first.counts().compiled, 1u);
  HostDriver second(folder.path().string());
  expect_adds(*second.compile(add_one()), 1);
  EXPECT_EQ(second.counts().compiled, 0u);
  EXPECT_EQ(second.counts().from_disk, 1u);
  expect_adds(*second.compile(add_one("2")), 2);
  second.set({.checked = true});  // other flags
  expect_adds(*second.compile(add_one()), 1);
  EXPECT_EQ(second.counts().compiled, 2u);
}

TEST(HostDriverCache, CompilesAnewWhatIsDamagedOrNoLibrary) {
  const testing::ScratchFolder folder;
  {
    HostDriver driver(folder.path().string());
    driver.compile(add_one());
  }
  const fs::path path = fs::directory_iterator(folder.path())->path();
  std::string bytes = bytes_of(path);
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  write(path, bytes);
  HostDriver driver(folder.path().string());
  expect_adds(*driver.compile(add_one()), 1);
  EXPECT_EQ(driver.counts().compiled, 1u);
  HostDriver again(folder.path().string());
  expect_adds(*again.compile(add_one()), 1);
  EXPECT_EQ(again.counts().compiled, 0u) << "the damaged file was not replaced";
}

TEST(HostDriverCache, SaysWhatTheCompilerSays) {
  HostDriver driver("");
  try {
    driver.compile(add_one("nothing_of_that_name"));
    FAIL() << "it compiled";
  } catch (const InternalError& e) {
    EXPECT_NE(std::string(e.what()).find("kernel map does not compile"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("nothing_of_that_name"), std::string::npos);
  }
}

}  // namespace
}  // namespace ingot::gpu
