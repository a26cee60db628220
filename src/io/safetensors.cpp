#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>

#include <algorithm>
#include <cstring>

#include <ingot/io/atomic_file.h>
#include "core/buffer.h"
#include "core/host_room.h"
#include "core/printable.h"
#include "core/record.h"
#include "io/checksums.h"
#include "io/input_file.h"
#include "io/safetensors_format.h"

namespace ingot {
namespace {

/// A byte other than 0 and 1 is no bool to C++.
void check_values(const io::TensorEntry& entry, const std::byte* data, std::string_view file) {
  if (entry.dtype != DType::Bool) return;
  const std::byte* end = data + entry.nbytes;
  if (std::any_of(data, end, [](std::byte b) { return b > std::byte{1}; }))
    throw IoError(
        fmt::format("{}: tensor '{}' is of dtype BOOL and holds a byte that is neither 0 nor 1",
                    file, printable(entry.name)));
}

/// Makes the tensors of a header that was checked against the file; `fill(entry, target)` copies
/// the bytes of one.
template <class Fill>
SafetensorsFile make_tensors(io::SafetensorsHeader&& header, Device device, std::string_view file,
                             Fill&& fill) {
  const io::Checksums checksums(header, file);
  SafetensorsFile result;
  result.metadata = std::move(header.metadata);
  for (const io::TensorEntry& entry : header.tensors) {
    Ref<Buffer> buffer = host_allocator().allocate(entry.nbytes);
    std::byte* data = buffer->host();
    fill(entry, data);
    checksums.check(entry, {data, static_cast<std::size_t>(entry.nbytes)});
    check_values(entry, data, file);
    Tensor tensor = from_buffer(std::move(buffer), entry.shape, entry.dtype);
    result.tensors.insert(entry.name, device == Device{} ? tensor : tensor.to(device));
  }
  return result;
}

}  // namespace

void save(const StateDict& tensors, const std::filesystem::path& path, const Metadata& metadata,
          const SaveOptions& options) try {
  std::vector<io::TensorEntry> entries;
  std::vector<Tensor> values;
  entries.reserve(tensors.size());
  values.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined())
      throw ValueError(
          fmt::format("save: tensor '{}' is undefined and cannot be saved", printable(name)));
    entries.push_back({name, tensor.dtype(), tensor.shape(), 0, 0});
    values.push_back(tensor);
  }
  if (metadata.count(io::kChecksumsKey))
    throw ValueError(fmt::format("save: the metadata key '{}' is Ingot's own", io::kChecksumsKey));
  eval(values);
  Metadata all = metadata;
  if (options.checksums) {
    std::vector<std::uint32_t> checksums;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const HostArray host = values[i].to_host();
      checksums.push_back(
          io::checksum_of(entries[i], {static_cast<const std::byte*>(host.data()), host.nbytes()}));
    }
    all.emplace(io::kChecksumsKey, io::checksums_text(entries, checksums, metadata));
  }
  const std::string header = io::build_header(entries, all);
  io::AtomicFile file(path);
  file.write(header);
  for (const std::size_t i : io::data_order(entries)) {
    const HostArray host = values[i].to_host();
    file.write(host.data(), host.nbytes());
  }
  file.commit();
} catch (...) {
  rethrow_own("save");
}

namespace {

/// The header, and where the tensors' bytes begin.
std::pair<io::SafetensorsHeader, std::uint64_t> read_header(const io::InputFile& file) {
  std::byte prefix[io::kLengthNbytes];
  const std::uint64_t available = std::min(file.nbytes(), io::kLengthNbytes);
  file.read(0, prefix, available);
  const std::uint64_t header_nbytes =
      io::read_header_nbytes({prefix, available}, file.nbytes(), file.name());
  std::string json(header_nbytes, '\0');
  file.read(io::kLengthNbytes, json.data(), json.size());
  const std::uint64_t data_begin = io::kLengthNbytes + header_nbytes;
  return {io::parse_header(json, file.nbytes() - data_begin, file.name()), data_begin};
}

}  // namespace

SafetensorsFile load_safetensors(const std::filesystem::path& path, Device device) try {
  const io::InputFile file(path);
  auto [header, begin] = read_header(file);
  const std::uint64_t data_begin = begin;
  return make_tensors(std::move(header), device, file.name(),
                      [&](const io::TensorEntry& entry, std::byte* target) {
                        file.read(data_begin + entry.begin, target, entry.nbytes);
                      });
} catch (...) {
  rethrow_own("load");
}

Metadata load_metadata(const std::filesystem::path& path) try {
  return read_header(io::InputFile(path)).first.metadata;
} catch (...) {
  rethrow_own("load");
}

StateDict load(const std::filesystem::path& path, Device device, const LoadOptions& options) try {
  if (!is_pth(path)) return load_safetensors(path, device).tensors;
  const PthValue value = load_pth(path, options);
  StateDict host;
  try {
    host = find_state_dict(value);
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("{}: {}", path.string(), e.what()));
  }
  if (device == Device{}) return host;
  StateDict moved;
  for (const auto& [name, tensor] : host) moved.insert(name, tensor.to(device));
  return moved;
} catch (...) {
  rethrow_own("load");
}

SafetensorsFile parse_safetensors(std::span<const std::byte> file, std::string_view name,
                                  Device device) try {
  const std::uint64_t header_nbytes = io::read_header_nbytes(
      file.first(std::min<std::size_t>(file.size(), io::kLengthNbytes)), file.size(), name);
  const auto body = file.subspan(io::kLengthNbytes);
  const std::string_view json(reinterpret_cast<const char*>(body.data()), header_nbytes);
  const auto data = body.subspan(header_nbytes);
  io::SafetensorsHeader header = io::parse_header(json, data.size(), name);

  return make_tensors(std::move(header), device, name,
                      [&](const io::TensorEntry& entry, std::byte* target) {
                        if (entry.nbytes > 0)
                          std::memcpy(target, data.data() + entry.begin, entry.nbytes);
                      });
} catch (...) {
  rethrow_own("load");
}

}  // namespace ingot
