#include "backend/gpu/kernel_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "core/hash.h"

namespace ingot::gpu {
namespace {

namespace fs = std::filesystem;

// A file is this, the key, the object.
struct Header {
  char magic[8] = {'I', 'N', 'G', 'O', 'T', 'K', '0', '1'};
  std::uint64_t key_nbytes = 0;
  std::uint64_t object_nbytes = 0;
  std::uint64_t checksum = 0;  // of the object
};

std::string variable(const char* name) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text ? text : "";
}

}  // namespace

std::string kernel_cache_folder() {
  std::string base;
  if (std::getenv("INGOT_CACHE_DIR")) {  // NOLINT(concurrency-mt-unsafe)
    base = variable("INGOT_CACHE_DIR");
  } else if (const std::string xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) {
    base = xdg + "/ingot";
  } else if (const std::string home = variable("HOME"); !home.empty()) {
#if defined(__APPLE__)
    base = home + "/Library/Caches/ingot";
#else
    base = home + "/.cache/ingot";
#endif
  }
  return base.empty() ? base : base + "/kernels";
}

std::string KernelCache::path_of(std::string_view key) const {
  return fmt::format("{}/{:016x}{:x}", folder_, hash_text(key), key.size());
}

std::optional<std::string> KernelCache::find(std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream file(path_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Header header;
  const Header wanted;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const std::string_view rest = std::string_view(bytes).substr(sizeof(header));
  if (std::memcmp(header.magic, wanted.magic, sizeof(header.magic)) != 0 ||
      header.key_nbytes != key.size() || rest.size() < key.size() ||
      rest.size() - key.size() != header.object_nbytes || rest.substr(0, key.size()) != key)
    return std::nullopt;
  const std::string_view object = rest.substr(key.size());
  if (hash_text(object) != header.checksum) return std::nullopt;
  return std::string(object);
}

void KernelCache::store(std::string_view key, std::string_view object) {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  const std::string path = path_of(key);
  static std::atomic<int> number{0};
  const std::string unfinished = fmt::format("{}.{}.{}", path, getpid(), number++);
  Header header;
  header.key_nbytes = key.size();
  header.object_nbytes = object.size();
  header.checksum = hash_text(object);
  std::ofstream file(unfinished, std::ios::binary);
  if (!file) return;
  file.write(reinterpret_cast<const char*>(&header), sizeof(header));
  file.write(key.data(), static_cast<std::streamsize>(key.size()));
  file.write(object.data(), static_cast<std::streamsize>(object.size()));
  file.close();
  if (file) fs::rename(unfinished, path, error);
  if (!file || error) {
    fs::remove(unfinished, error);
    return;
  }
  if (stored_++ % 64 == 0) trim();
}

// The oldest go first, until a quarter is free.
void KernelCache::trim() {
  struct File {
    fs::file_time_type time;
    std::size_t nbytes;
    fs::path path;
  };
  std::vector<File> files;
  std::size_t total = 0;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    const auto nbytes = static_cast<std::size_t>(at->file_size(gone));
    if (gone) continue;
    files.push_back({at->last_write_time(gone), nbytes, at->path()});
    total += nbytes;
  }
  if (total <= max_nbytes_) return;
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.time < b.time; });
  for (const File& f : files) {
    if (total <= max_nbytes_ / 4 * 3) return;
    fs::remove(f.path, error);
    total -= f.nbytes;
  }
}

}  // namespace ingot::gpu
