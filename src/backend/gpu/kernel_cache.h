// Compiled kernels on disk: one file each, found by everything that it was made from. A file that
// is not exactly what was written is not used.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ingot::gpu {

/// Where compiled kernels are kept: $INGOT_CACHE_DIR, else $XDG_CACHE_HOME/ingot, else
/// ~/.cache/ingot (~/Library/Caches/ingot on macOS), and there in `kernels`. Empty when there is
/// no home, or INGOT_CACHE_DIR is set and empty: nothing is kept.
std::string kernel_cache_folder();

class KernelCache {
 public:
  /// Keeps at most about `max_nbytes` in the folder; without a folder nothing.
  explicit KernelCache(std::string folder, std::size_t max_nbytes = std::size_t{256} << 20)
      : folder_(std::move(folder)), max_nbytes_(max_nbytes) {}

  /// What was stored for the key, or nothing.
  std::optional<std::string> find(std::string_view key) const;
  /// What goes wrong is no error: the kernel is compiled again next time. Other processes see the
  /// whole file or none.
  void store(std::string_view key, std::string_view object);
  /// The file of a key.
  std::string path_of(std::string_view key) const;

 private:
  void trim();

  std::string folder_;
  std::size_t max_nbytes_;
  std::size_t stored_ = 0;
};

}  // namespace ingot::gpu
