// A compiled kernel, loaded into the process.
#pragma once

#include <string>
#include <string_view>

#include "backend/gpu/drivers/host/executor.h"

namespace ingot::gpu {

class HostLibrary {
 public:
  /// Loads what compile_shared_object() made. Throws InternalError when the system refuses it.
  HostLibrary(std::string_view name, std::string_view object, bool checked);
  ~HostLibrary();
  HostLibrary(const HostLibrary&) = delete;
  HostLibrary& operator=(const HostLibrary&) = delete;

  HostEntry entry() const { return entry_; }
  std::size_t shared_nbytes() const { return shared_nbytes_; }
  /// "reduce.h:31": the line of the kernel's text; empty when nobody can tell.
  std::string line_of(const void* pc) const;
  /// Lies in the library: a constant of the kernel.
  bool holds(const void* address) const;

 private:
  std::string object_;  // for line_of
  void* handle_ = nullptr;
  HostEntry entry_ = nullptr;
  std::size_t shared_nbytes_ = 0;
};

}  // namespace ingot::gpu
