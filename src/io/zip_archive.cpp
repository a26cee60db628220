#include "io/zip_archive.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <zip.h>

#include <algorithm>

#include "core/printable.h"
#include "io/input_file.h"

namespace ingot::io {
namespace {

constexpr std::uint64_t kLargestRatio = 1032;  // of deflate: 258 bytes from two bits

std::string text_of(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

}  // namespace

struct ZipArchive::Handle {
  zip_t* zip = nullptr;
  ~Handle() {
    if (zip != nullptr) zip_discard(zip);
  }
};

ZipArchive::ZipArchive(const std::filesystem::path& path)
    : name_(path.string()), handle_(std::make_unique<Handle>()) {
  const InputFile check(path);  // for its errors: no such file, a folder, a pipe
  int code = 0;
  handle_->zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (handle_->zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    throw IoError(fmt::format("{}: damaged zip archive: {}", name_, text_of(&error)));
  }
}

ZipArchive::ZipArchive(std::span<const std::byte> file, std::string_view name)
    : name_(name), handle_(std::make_unique<Handle>()) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  if (source != nullptr) handle_->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
  if (handle_->zip == nullptr) {
    if (source != nullptr) zip_source_free(source);
    throw IoError(fmt::format("{}: damaged zip archive: {}", name_, text_of(&error)));
  }
  zip_error_fini(&error);
}

ZipArchive::~ZipArchive() = default;

std::uint64_t ZipArchive::size() const {
  const zip_int64_t count = zip_get_num_entries(handle_->zip, 0);
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

ZipArchive::Entry ZipArchive::entry(std::uint64_t index) const {
  zip_stat_t status;
  zip_stat_init(&status);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
  if (zip_stat_index(handle_->zip, index, 0, &status) != 0 || (status.valid & kNeeded) != kNeeded)
    throw IoError(fmt::format("{}: damaged zip archive: entry {} cannot be read", name_, index));
  Entry entry{index, status.name, status.size};
  if (entry.nbytes / kLargestRatio > status.comp_size)
    throw IoError(
        fmt::format("{}: the zip entry '{}' claims {} bytes, more than its {} compressed "
                    "bytes can hold",
                    name_, printable(entry.name), entry.nbytes, status.comp_size));
  return entry;
}

std::optional<ZipArchive::Entry> ZipArchive::find(const std::string& name) const {
  const zip_int64_t index = zip_name_locate(handle_->zip, name.c_str(), 0);
  if (index < 0) return {};
  return entry(static_cast<std::uint64_t>(index));
}

void ZipArchive::read(const Entry& entry, void* target) const {
  const auto fail = [&](const std::string& cause) {
    throw IoError(fmt::format("{}: damaged zip archive: entry '{}': {}", name_,
                              printable(entry.name), cause));
  };
  zip_file_t* file = zip_fopen_index(handle_->zip, entry.index, 0);
  if (file == nullptr) fail(zip_strerror(handle_->zip));
  const auto close = [](zip_file_t* f) { zip_fclose(f); };
  const std::unique_ptr<zip_file_t, decltype(close)> closer(file, close);
  auto* bytes = static_cast<std::byte*>(target);
  std::uint64_t done = 0;
  const auto read_some = [&](void* to, std::uint64_t nbytes) {
    const zip_int64_t count = zip_fread(file, to, nbytes);
    if (count < 0) fail(zip_file_strerror(file));
    return static_cast<std::uint64_t>(count);
  };
  while (done < entry.nbytes) {
    const std::uint64_t count =
        read_some(bytes + done, std::min(entry.nbytes - done, std::uint64_t{1} << 30));
    if (count == 0) fail(fmt::format("it ends after {} of {} bytes", done, entry.nbytes));
    done += count;
  }
  // The checksum is compared when the end is seen.
  std::byte extra;
  if (read_some(&extra, 1) != 0) fail(fmt::format("it is longer than {} bytes", entry.nbytes));
}

std::string ZipArchive::read_text(const Entry& entry) const {
  std::string text(entry.nbytes, '\0');
  read(entry, text.data());
  return text;
}

}  // namespace ingot::io
