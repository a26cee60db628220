// Which ops the GPU has kernels for. Each family's file fills in its own entries.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>

#include "backend/gpu/driver.h"
#include "backend/step.h"

namespace ingot::gpu {

struct Entry {
  /// The kernel for a step. May throw what a driver's compile() throws.
  std::unique_ptr<Kernel> (*lower)(const StepDesc&, Driver&) = nullptr;
  /// Whether lower() takes the step, from dtypes, shapes and attributes alone. Without it: every
  /// step of dtypes that the device has.
  bool (*takes)(const StepDesc&) = nullptr;
  /// Whether its kernel counts in float64, whatever the dtypes are.
  bool (*counts_in_float64)(const StepDesc&) = nullptr;
};

class Table {
 public:
  void add(std::string_view op, Entry entry) { entries_[op] = entry; }
  const Entry* find(std::string_view op) const {
    const auto it = entries_.find(op);
    return it == entries_.end() ? nullptr : &it->second;
  }

 private:
  std::unordered_map<std::string_view, Entry> entries_;
};

void register_creation(Table& table);
void register_copy(Table& table);
void register_random(Table& table);
void register_reduce(Table& table);
void register_matmul(Table& table);
void register_conv(Table& table);
void register_pool(Table& table);
void register_lookup(Table& table);
void register_sort(Table& table);
void register_put(Table& table);
void register_dynamic(Table& table);
void register_resample(Table& table);
void register_norm(Table& table);
void register_update(Table& table);
void register_loss(Table& table);

/// Of a step with a program.
std::unique_ptr<Kernel> lower_program(const StepDesc& step, Driver& driver);

}  // namespace ingot::gpu
