// ProfileResult: what a Profile saw, as figures, as a table, and as a trace for Perfetto or Chrome.
//
// Times are milliseconds of the host's steady clock; GB and GFLOP are 10⁹.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ingot/core/device.h>

namespace ingot {

namespace profiling {
struct Data;
}

/// All runs of steps that do the same, recorded at one line of the program. A step is what one
/// kernel computes: a matrix product, or elementwise operations that became one loop.
struct ProfileRow {
  std::string op;      ///< "conv2d", "mul+add+relu", "copy for conv2d"
  std::string shapes;  ///< "float32[8, 16], float32[16, 4] -> float32[8, 4]" if one for all, or ""
  std::string kernel;  ///< what the kernel says of itself, if all say the same
  std::string source;  ///< "train.cpp:41": the user's line; empty when not asked for
  std::string within;  ///< where inside a module, if elsewhere: "/src/nn/linear.cpp:52"
  Device device;

  /// Runs after the first step of the program; of that one too, if there is no other.
  std::int64_t calls = 0;
  double total_ms = 0;   ///< of the kernel, on its device
  double submit_ms = 0;  ///< of the host giving steps to a device that runs them later
  double share = 0;      ///< of the time of all rows, 0 to 1
  /// Read and written, all calls together: from the operands' shapes, each element once.
  std::uint64_t nbytes = 0;
  /// Operations on floating-point numbers, all calls together; nothing where they are not known. An
  /// addition, product, comparison or exponential each counts one.
  std::optional<double> flops;
  /// The runs in the first step, which is told apart.
  std::int64_t first_calls = 0;
  double first_ms = 0;

  double mean_ms() const { return calls > 0 ? total_ms / static_cast<double>(calls) : 0; }
  double gigabytes_per_second() const {
    return total_ms > 0 ? static_cast<double>(nbytes) / total_ms / 1e6 : 0;
  }
  std::optional<double> gflops_per_second() const {
    if (!flops || total_ms <= 0) return std::nullopt;
    return *flops / total_ms / 1e6;
  }
};

/// From one Profile::step() to the next. The parts are sums over all threads; `program_ms` is of
/// the thread that began the profile.
struct ProfileStep {
  std::int64_t number = 0;  ///< from 0, those included that were skipped
  double wall_ms = 0;
  std::int64_t evaluations = 0;
  std::int64_t plans_made = 0;
  double planning_ms = 0;       ///< finding or making plans; within it
  double kernels_ms = 0;        ///< ... making kernels: choosing, compiling, packing
  double memory_ms = 0;         ///< taking the memory of runs
  double running_ms = 0;        ///< kernels that the host itself runs
  double submit_ms = 0;         ///< giving steps to devices
  double device_ms = 0;         ///< devices running what this step gave them, whenever they did
  double waiting_ms = 0;        ///< the host waiting: for a device, a loader, another thread
  double program_ms = 0;        ///< all else: recording, backward, the program's own work
  std::size_t peak_nbytes = 0;  ///< largest memory seen, all devices together
};

struct ProfileMemory {
  double ms = 0;  ///< since the profile began
  Device device;
  std::size_t allocated_nbytes = 0;  ///< by tensors and running plans: memory_allocated()
};

enum class ProfileSort { Total, Mean, Calls, Bytes, Flops, First, Op, Source };

/// Immutable; copies share the data. A default one is empty.
class ProfileResult {
 public:
  ProfileResult();
  explicit ProfileResult(std::shared_ptr<const profiling::Data> data);

  /// Longest total first. torch.profiler's key_averages().
  const std::vector<ProfileRow>& rows() const;
  const std::vector<ProfileStep>& steps() const;
  /// Over time; one entry where a figure changed.
  const std::vector<ProfileMemory>& memory() const;
  /// The first of several steps is told apart: it plans, makes kernels and touches new memory.
  bool first_is_apart() const;
  /// What was not kept, because there was no memory for it or the trace was full.
  std::int64_t events_left_out() const;

  /// A summary of the steps, and the first `max_rows` rows; "-" where something is not known.
  std::string table(ProfileSort sort = ProfileSort::Total, std::size_t max_rows = 20) const;

  /// JSON in Chrome's trace event format, which ui.perfetto.dev and chrome://tracing open. Threads
  /// of the host with evaluations, planning, steps and ranges; devices; memory as counters. Format:
  /// docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
  std::string chrome_trace() const;
  /// Writes it whole or not at all. Throws IoError naming the file and the cause.
  void export_chrome_trace(const std::filesystem::path& path) const;

 private:
  std::shared_ptr<const profiling::Data> data_;
};

}  // namespace ingot
