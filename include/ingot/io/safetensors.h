// safetensors files: tensors by name plus string metadata, as Hugging Face's library reads and
// writes them. Nothing in such a file is ever executed.
//
// A file that is being saved replaces the old one in a single step when it is complete: after a
// full disk or a killed process the old file is still there, whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <ingot/core/state_dict.h>
#include <ingot/io/load_options.h>

namespace ingot {

/// The `__metadata__` of a file: free strings by name.
using Metadata = std::map<std::string, std::string>;

struct SafetensorsFile {
  StateDict tensors;  ///< in the order of the file's header
  Metadata metadata;
};

struct SaveOptions {
  /// Keep a crc32 of every tensor and of the metadata in the entry "ingot.crc32", which loading
  /// verifies. For files that nobody edits: a program that changes a tensor and copies the metadata
  /// makes a file that is refused.
  bool checksums = false;
};

/// Computes the tensors (one evaluation for all) and writes them to `path`, in their order.
/// Throws IoError naming the file and the cause when it cannot be written; ValueError for an
/// undefined tensor, or a name that the format cannot hold ("__metadata__", invalid UTF-8).
void save(const StateDict& tensors, const std::filesystem::path& path,
          const Metadata& metadata = {}, const SaveOptions& options = {});

/// The tensors of a file, on `device`: a safetensors file, or one of torch.save (.pt, .pth), of
/// which find_state_dict (ingot/io/pth.h) takes the weights. The content tells which it is, not the
/// name. Throws IoError naming the file and the cause when it cannot be read or is damaged, or
/// holds a dtype that Ingot has not; ValueError when it is not clear where a .pth file holds the
/// weights.
StateDict load(const std::filesystem::path& path, Device device = {},
               const LoadOptions& options = {});

/// A safetensors file with its metadata.
SafetensorsFile load_safetensors(const std::filesystem::path& path, Device device = {});

/// The metadata of a safetensors file, of which only the header is read. Throws IoError as
/// load_safetensors does; damaged tensors are not noticed.
Metadata load_metadata(const std::filesystem::path& path);

/// Reads a safetensors file that lies in memory; `name` stands for the file in error messages.
SafetensorsFile parse_safetensors(std::span<const std::byte> file, std::string_view name,
                                  Device device = {});

}  // namespace ingot
