// The two containers of torch.save.
//
//   zip       NAME/data.pkl, NAME/data/KEY for each storage, NAME/byteorder ("little")
//   stream    pickles one after the other: a magic number, 1001, a dict about the machine, the
//             value, the list of storage keys; then for each key its number of elements (8 bytes)
//             and their bytes
//
// Source: torch/serialization.py (_save, _legacy_save).
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/pth.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "core/host_room.h"
#include "core/printable.h"
#include "io/byte_stream.h"
#include "io/input_file.h"
#include "io/pickle.h"
#include "io/pth_format.h"
#include "io/pth_tensors.h"
#include "io/zip_archive.h"

namespace ingot {
namespace io {
namespace {

constexpr std::uint64_t kMaxPickleNbytes = 256ull << 20;
// A pickle of names and numbers can be compressed to about a tenth.
constexpr std::uint64_t kFreePickleNbytes = 16ull << 20, kPickleNbytesPerByte = 64;
constexpr std::int64_t kStreamVersion = 1001;
// 0x1950a86a20f9469cfc6c, as pickle's LONG1 and LONG write it.
constexpr std::string_view kMagicHex = "0x1950a86a20f9469cfc6c";
constexpr std::string_view kMagicDecimal = "119547037146038801333356";

[[noreturn]] void fail(std::string_view file, const std::string& cause) {
  throw IoError(fmt::format("{}: {}", file, cause));
}

[[noreturn]] void fail_big_endian(std::string_view file) {
  fail(file,
       "it was written on a big-endian machine, which Ingot does not read; load and save it "
       "with PyTorch on a little-endian one");
}

ByteStream::Fetch from_memory(std::span<const std::byte> bytes) {
  return [bytes](std::uint64_t offset, void* target, std::size_t nbytes) {
    if (nbytes > 0) std::memcpy(target, bytes.data() + offset, nbytes);
  };
}

// -- Zip --------------------------------------------------------------------------------------

/// "NAME/" of the archive, NAME being its only folder at the top.
std::string top_folder(const ZipArchive& zip) {
  constexpr std::string_view kPickle = "/data.pkl";
  bool script = false;
  for (std::uint64_t i = 0; i < zip.size(); ++i) {
    const std::string name = zip.entry(i).name;
    const auto slash = name.find('/');
    if (slash == std::string::npos) continue;
    if (name.substr(slash) == "/constants.pkl") script = true;
    if (name.substr(slash) == kPickle && !zip.find(name.substr(0, slash) + "/constants.pkl"))
      return name.substr(0, slash + 1);
  }
  if (script)
    fail(zip.name(),
         "this is a TorchScript program (torch.jit.save); save model.state_dict() with "
         "torch.save instead");
  fail(zip.name(), "the zip archive holds no data.pkl: it was not written by torch.save");
}

PthValue read_zip(const ZipArchive& zip, std::uint64_t file_nbytes, const LoadOptions& options) {
  const std::string folder = top_folder(zip);
  if (const auto order = zip.find(folder + "byteorder")) {
    if (order->nbytes > 16) fail(zip.name(), "its byteorder is damaged");
    const std::string text = zip.read_text(*order);
    if (text == "big") fail_big_endian(zip.name());
    if (text != "little")
      fail(zip.name(),
           fmt::format("its byteorder is '{}', neither little nor big", printable(text)));
  }
  const auto entry = zip.find(folder + "data.pkl");
  if (!entry) fail(zip.name(), "its data.pkl cannot be found");
  const std::uint64_t most =
      std::min(kMaxPickleNbytes,
               kFreePickleNbytes + kPickleNbytesPerByte * std::min(file_nbytes, kMaxPickleNbytes));
  if (entry->nbytes > most)
    fail(zip.name(),
         fmt::format("its pickle of {} bytes exceeds the limit of {}", entry->nbytes, most));
  const std::string pickle = zip.read_text(*entry);
  ByteStream stream(pickle.size(), from_memory(std::as_bytes(std::span(pickle))), zip.name());
  PickleMachine machine(file_nbytes, options.skip_objects);
  const NodeIndex root = machine.run(stream);
  PthTreeBuilder builder(
      machine, file_nbytes, zip.name(),
      [&](const std::string& key, std::uint64_t nbytes, void* target) {
        const auto data = zip.find(folder + "data/" + key);
        if (!data) fail(zip.name(), fmt::format("the storage '{}' is missing", printable(key)));
        if (data->nbytes != nbytes)
          fail(zip.name(), fmt::format("the storage '{}' has {} bytes instead of {}",
                                       printable(key), data->nbytes, nbytes));
        zip.read(*data, target);
      });
  return builder.build(root);
}

// -- Stream -----------------------------------------------------------------------------------

bool is_magic(const PickleNode& node) {
  return node.kind == PickleNode::Kind::Other &&
         (node.text == kMagicHex || node.text == kMagicDecimal);
}

/// Throws unless the file was written on a machine like those Ingot runs on.
void check_machine(const PickleMachine& machine, NodeIndex description, const std::string& file) {
  const PickleNode& node = machine.node(description);
  if (node.kind != PickleNode::Kind::Dict) fail(file, "its description of the machine is damaged");
  for (std::size_t i = 0; i < node.items.size(); i += 2) {
    const PickleNode &key = machine.node(node.items[i]), &value = machine.node(node.items[i + 1]);
    if (key.text == "little_endian" && value.kind == PickleNode::Kind::Bool && value.integer == 0)
      fail_big_endian(file);
  }
}

PthValue read_stream(ByteStream& stream, const LoadOptions& options) {
  const std::string& file = stream.name();
  const std::uint64_t file_nbytes = stream.remaining();
  PickleMachine machine(file_nbytes, options.skip_objects);
  if (!is_magic(machine.node(machine.run(stream))))
    fail(file, "it does not begin with PyTorch's magic number");
  const PickleNode version = machine.node(machine.run(stream));
  if (version.kind != PickleNode::Kind::Int || version.integer != kStreamVersion)
    fail(file, fmt::format("its format version is not {}", kStreamVersion));
  check_machine(machine, machine.run(stream), file);
  const NodeIndex root = machine.run(stream);
  const PickleNode keys = machine.node(machine.run(stream));
  if (keys.kind != PickleNode::Kind::List) fail(file, "its list of storages is damaged");

  // Where each storage lies: only those that the value uses have a known element size.
  struct Place {
    std::uint64_t offset = 0, nbytes = 0;
  };
  std::unordered_map<std::string_view, const StorageRef*> described;
  for (const StorageRef& s : machine.storages()) described.emplace(s.key, &s);
  std::unordered_map<std::string, Place> places;
  for (const NodeIndex index : keys.items) {
    const std::string& key = machine.node(index).text;
    const auto found = described.find(key);
    if (found == described.end())
      fail(file, fmt::format("the storage '{}' belongs to no tensor", printable(key)));
    const StorageRef* const ref = found->second;
    const std::uint64_t numel = stream.number(8);
    if (numel != ref->numel)
      fail(file, fmt::format("the storage '{}' has {} elements instead of {}", printable(key),
                             numel, ref->numel));
    if (!places.emplace(key, Place{stream.offset(), ref->nbytes()}).second)
      fail(file, fmt::format("the storage '{}' occurs twice", printable(key)));
    stream.skip(ref->nbytes());
  }
  PthTreeBuilder builder(machine, file_nbytes, file,
                         [&](const std::string& key, std::uint64_t nbytes, void* target) {
                           const auto found = places.find(key);
                           if (found == places.end() || found->second.nbytes != nbytes)
                             fail(file, fmt::format("the storage '{}' is missing, or has another "
                                                    "size",
                                                    printable(key)));
                           stream.read_at(found->second.offset, target, nbytes);
                         });
  return builder.build(root);
}

[[noreturn]] void fail_unknown(std::string_view file, std::uint64_t nbytes) {
  if (nbytes == 0) fail(file, "the file is empty");
  fail(file, "this is no file of torch.save: neither a zip archive nor a stream of pickles");
}

}  // namespace

WeightsFormat weights_format(std::span<const std::byte> beginning) {
  const auto at = [&](std::size_t i) {
    return i < beginning.size() ? std::to_integer<unsigned>(beginning[i]) : 256u;
  };
  if (at(0) == 'P' && at(1) == 'K' && (at(2) == 3 || at(2) == 5)) return WeightsFormat::PthZip;
  if (at(8) == '{') return WeightsFormat::Safetensors;
  // PROTO and a version; or LONG, the digits of the magic number, of protocols 0 and 1.
  if (at(0) == 0x80 && at(1) <= 5) return WeightsFormat::PthStream;
  if (at(0) == 'L' && at(1) == '1' && at(2) == '1' && at(3) == '9') return WeightsFormat::PthStream;
  constexpr std::string_view kTar = "ustar";
  if (beginning.size() >= kWeightsFormatNbytes &&
      std::memcmp(beginning.data() + 257, kTar.data(), kTar.size()) == 0)
    return WeightsFormat::Tar;
  return WeightsFormat::Unknown;
}

WeightsFormat weights_format(const InputFile& file) {
  std::byte beginning[kWeightsFormatNbytes];
  const std::uint64_t nbytes = std::min<std::uint64_t>(file.nbytes(), sizeof beginning);
  file.read(0, beginning, nbytes);
  return weights_format({beginning, nbytes});
}

void fail_tar(std::string_view file) {
  fail(file,
       "this is a tar archive of PyTorch before 0.2, which Ingot does not read; load and save "
       "it with a newer PyTorch");
}

}  // namespace io

bool is_pth(const std::filesystem::path& path) {
  const io::WeightsFormat format = io::weights_format(io::InputFile(path));
  return format != io::WeightsFormat::Safetensors && format != io::WeightsFormat::Unknown;
}

PthValue load_pth(const std::filesystem::path& path, const LoadOptions& options) try {
  const io::InputFile file(path);
  switch (io::weights_format(file)) {
    case io::WeightsFormat::PthZip:
      return io::read_zip(io::ZipArchive(path), file.nbytes(), options);
    case io::WeightsFormat::PthStream: {
      io::ByteStream stream(
          file.nbytes(),
          [&](std::uint64_t offset, void* target, std::size_t nbytes) {
            file.read(offset, target, nbytes);
          },
          file.name());
      return io::read_stream(stream, options);
    }
    case io::WeightsFormat::Tar:
      io::fail_tar(file.name());
    case io::WeightsFormat::Safetensors:
    case io::WeightsFormat::Unknown:
      break;
  }
  io::fail_unknown(file.name(), file.nbytes());
} catch (...) {
  rethrow_own("load_pth");
}

PthValue parse_pth(std::span<const std::byte> file, std::string_view name,
                   const LoadOptions& options) try {
  switch (io::weights_format(file)) {
    case io::WeightsFormat::PthZip:
      return io::read_zip(io::ZipArchive(file, name), file.size(), options);
    case io::WeightsFormat::PthStream: {
      io::ByteStream stream(file.size(), io::from_memory(file), std::string(name));
      return io::read_stream(stream, options);
    }
    case io::WeightsFormat::Tar:
      io::fail_tar(name);
    case io::WeightsFormat::Safetensors:
    case io::WeightsFormat::Unknown:
      break;
  }
  io::fail_unknown(name, file.size());
} catch (...) {
  rethrow_own("parse_pth");
}

}  // namespace ingot
