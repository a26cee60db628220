// Evaluating by hand, and switching the recording of gradients off and on.
#pragma once

#include <vector>

namespace ingot {

class Tensor;

/// Computes every pending tensor of this thread that is still held somewhere.
void eval();
/// Computes the given tensors (and everything else pending that is held).
void eval(const std::vector<Tensor>& tensors);

/// While it lives, no gradients are recorded on this thread.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};
/// While it lives, gradients are recorded on this thread (inside a NoGradGuard).
class EnableGradGuard {
 public:
  EnableGradGuard();
  ~EnableGradGuard();
  EnableGradGuard(const EnableGradGuard&) = delete;
  EnableGradGuard& operator=(const EnableGradGuard&) = delete;

 private:
  bool previous_;
};
bool is_grad_enabled();

}  // namespace ingot
