// Checkpoint: everything a training run needs to go on as if it had never stopped.
//
// It is one safetensors file: `model.*`, `optimizer.*`, `scheduler.*`, `plateau.*` and `trainer.*`
// are tensors, the rest is JSON in the metadata entry "ingot.checkpoint". Other programs can read
// its weights; it is written atomically, with checksums that loading verifies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <ingot/core/generator.h>
#include <ingot/core/state_dict.h>
#include <ingot/data/data_loader.h>

namespace ingot::train {

struct Checkpoint {
  static constexpr int kFormatVersion = 4;  ///< 1: without a scheduler, 2: without a plateau

  StateDict model;
  StateDict optimizer;
  StateDict scheduler;            ///< empty when there is none
  StateDict plateau;              ///< of a ReduceLROnPlateau; up to version 2 it is in `scheduler`
  StateDict trainer;              ///< gradients of a step that is not complete, averages; version 4
  std::int64_t step = 0;          ///< optimizer steps taken
  data::LoaderPosition position;  ///< the next batch to train on
  Generator::State random;        ///< where the default generator stands
  /// What the program that made it wants to find again: options, running averages, history.
  std::map<std::string, std::string> extra;

  /// Writes the file in one atomic step. Throws IoError; an older file survives a failure.
  void save(const std::filesystem::path& path) const;
  /// Throws IoError naming the file and the cause: missing, damaged, not a checkpoint, or of a
  /// newer format version.
  static Checkpoint load(const std::filesystem::path& path, Device device = {});
  /// The same from memory; `name` stands for the file in messages.
  static Checkpoint parse(std::span<const std::byte> file, std::string_view name);
};

/// True when the metadata of a safetensors file says that it is a checkpoint.
bool is_checkpoint(const std::map<std::string, std::string>& metadata);
/// Checkpoint::extra, from the metadata of a checkpoint's file. Throws IoError, calling it `name`.
std::map<std::string, std::string> checkpoint_extra(
    const std::map<std::string, std::string>& metadata, std::string_view name);

}  // namespace ingot::train
