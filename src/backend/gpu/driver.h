// What a GPU's driver does for the backend: it compiles a kernel's text and launches it. Everything
// else (which kernel, its text, its grid, its operands) is the same for all drivers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ingot::gpu {

/// Groups of threads.
struct Grid {
  std::uint32_t x = 1, y = 1, z = 1;
};

/// A buffer of a launch. A kernel reads and writes nothing outside of it.
struct Argument {
  void* data = nullptr;
  std::size_t nbytes = 0;
};

/// A whole kernel as text, all but the dialect's prelude.
struct KernelSource {
  std::string name;  ///< for messages and profiles: "map", "reduce_group"
  std::string text;
  std::uint32_t threads = 256;  ///< of a group; a multiple of 32
  bool synchronises = false;    ///< threads of a group wait for each other
  std::uint32_t num_buffers = 0;
  std::size_t parameters_nbytes = 0;
};

/// A kernel that is ready to run; safe to use from several threads.
class Pipeline {
 public:
  virtual ~Pipeline() = default;
  /// Returns when the kernel is done.
  virtual void launch(const Grid& grid, std::span<const Argument> arguments,
                      std::span<const std::uint64_t> parameters) const = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;
  /// "host", "cuda", "metal": the prelude is dialect/NAME.h.
  virtual std::string_view dialect() const = 0;
  virtual bool has_float64() const = 0;
  /// From the cache, or compiled. Throws InternalError with the compiler's words.
  virtual std::shared_ptr<const Pipeline> compile(const KernelSource& source) = 0;
};

}  // namespace ingot::gpu
