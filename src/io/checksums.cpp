#include "io/checksums.h"

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <zlib.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/printable.h"

namespace ingot::io {
namespace {

using Json = nlohmann::json;

std::uint32_t extended(std::uint32_t crc, const void* data, std::size_t nbytes) {
  if (nbytes == 0) return crc;
  return static_cast<std::uint32_t>(crc32_z(crc, static_cast<const Bytef*>(data), nbytes));
}

// With its length, so that two texts in a row cannot be divided otherwise.
std::uint32_t extended(std::uint32_t crc, std::string_view text) {
  const std::uint64_t length = text.size();
  return extended(extended(crc, &length, sizeof length), text.data(), text.size());
}

std::uint32_t checksum_of_metadata(const Metadata& metadata) {
  std::uint32_t crc = 0;
  for (const auto& [key, text] : metadata) crc = extended(extended(crc, key), text);
  return crc;
}

}  // namespace

std::uint32_t checksum_of(const TensorEntry& entry, std::span<const std::byte> bytes) {
  const std::uint32_t crc =
      extended(0, fmt::format("{} {}{}", entry.name, name(entry.dtype), entry.shape.str()));
  return extended(crc, bytes.data(), bytes.size());
}

std::string checksums_text(const std::vector<TensorEntry>& tensors,
                           const std::vector<std::uint32_t>& checksums, const Metadata& metadata) {
  Json json = {{"metadata", checksum_of_metadata(metadata)}, {"tensors", Json::object()}};
  for (std::size_t i = 0; i < tensors.size(); ++i) json["tensors"][tensors[i].name] = checksums[i];
  return json.dump();
}

Checksums::Checksums(SafetensorsHeader& header, std::string_view file) : file_(file) {
  const auto entry = header.metadata.find(kChecksumsKey);
  if (entry == header.metadata.end()) return;
  present_ = true;
  // Deeper values are dropped as they come: a text of brackets must not become a tree of them.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= 2; };
  const Json json = Json::parse(entry->second, shallow, false);
  header.metadata.erase(entry);
  const auto damaged = [&](const std::string& cause) {
    throw IoError(fmt::format("{}: {}; the file is damaged", file_, cause));
  };
  const auto is_checksum = [](const Json& value) {
    return value.is_number_unsigned() &&
           value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  };
  if (!json.is_object() || !json.contains("metadata") || !is_checksum(json["metadata"]) ||
      !json.contains("tensors") || !json["tensors"].is_object())
    damaged("the checksums cannot be read");
  for (const auto& [name, value] : json["tensors"].items()) {
    if (!is_checksum(value)) damaged("the checksums cannot be read");
    expected_.emplace(name, value.get<std::uint32_t>());
  }
  if (json["metadata"].get<std::uint32_t>() != checksum_of_metadata(header.metadata))
    damaged("the metadata do not match their checksum");
  for (const TensorEntry& tensor : header.tensors)
    if (!expected_.count(tensor.name))
      damaged(fmt::format("there is no checksum of tensor '{}'", printable(tensor.name)));
  if (expected_.size() != header.tensors.size())
    damaged(fmt::format("there are checksums of {} tensors, and {} tensors", expected_.size(),
                        header.tensors.size()));
}

void Checksums::check(const TensorEntry& entry, std::span<const std::byte> bytes) const {
  if (present_ && expected_.at(entry.name) != checksum_of(entry, bytes))
    throw IoError(fmt::format("{}: tensor '{}' does not match its checksum; the file is damaged",
                              file_, printable(entry.name)));
}

}  // namespace ingot::io
