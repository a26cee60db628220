// The parts of a step's workspace.
#pragma once

#include <cstddef>

namespace ingot::gpu {

class Workspace {
 public:
  /// Where `nbytes` more begin.
  std::size_t take(std::size_t nbytes) {
    const std::size_t start = nbytes_;
    nbytes_ += (nbytes + kAlignment - 1) / kAlignment * kAlignment;
    return start;
  }
  std::size_t nbytes() const { return nbytes_; }

 private:
  static constexpr std::size_t kAlignment = 256;
  std::size_t nbytes_ = 0;
};

}  // namespace ingot::gpu
