// KernelTable: a backend's kernels by op name. Each kernel file of a backend fills in its own
// entries: write `void register_STEM(KernelTable&)` through INGOT_EXPORT_REFERENCE_KERNELS(STEM)
// or INGOT_EXPORT_CPU_KERNELS(STEM); the build collects them.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>

#include "backend/step.h"

namespace ingot {

struct KernelEntry {
  /// The kernel for a step, or nullptr when it does not take these dtypes, shapes or attributes.
  std::unique_ptr<Kernel> (*lower)(const StepDesc&) = nullptr;
  /// Sets the strides it wants its inputs to have and those it gives its outputs. Without it the
  /// plan hands over row-major inputs and expects row-major outputs.
  void (*choose_layouts)(StepDesc&) = nullptr;
  /// Whether lower() has a kernel for the step, from dtypes, shapes and attributes alone (asked
  /// before layouts are chosen). Without it: for every step. The cpu backend uses it.
  bool (*takes)(const StepDesc&) = nullptr;
};

class KernelTable {
 public:
  void add(std::string_view op, KernelEntry entry) { entries_[op] = entry; }
  const KernelEntry* find(std::string_view op) const {
    const auto it = entries_.find(op);
    return it == entries_.end() ? nullptr : &it->second;
  }

 private:
  std::unordered_map<std::string_view, KernelEntry> entries_;
};

/// For kernels that read inputs of any strides and write row-major outputs.
inline void take_any_strides(StepDesc&) {}

#define INGOT_EXPORT_REFERENCE_KERNELS(stem) void register_##stem(::ingot::KernelTable& table)
#define INGOT_EXPORT_CPU_KERNELS(stem) void register_##stem(::ingot::KernelTable& table)

}  // namespace ingot
