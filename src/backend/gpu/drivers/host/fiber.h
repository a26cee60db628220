// Fibers: stacks of their own that the calling thread switches to and from. One runs a thread of a
// kernel's group, which can stop at a barrier.
#pragma once

#include <cstddef>
#include <memory>

namespace ingot::gpu {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Begins `body(context)` on the fiber's stack, or goes on with it. Returns when it pauses or has
  /// returned.
  void resume();
  /// Called on the fiber: back to who resumed it.
  void pause();
  /// What the next resume() begins; what ran before is forgotten.
  void start(void (*body)(void*), void* context);
  bool done() const { return done_; }
  bool holds(const void* address) const;

 private:
  struct State;
  static void enter(void* fiber) noexcept;

  std::unique_ptr<State> state_;
  void (*body_)(void*) = nullptr;
  void* context_ = nullptr;
  bool done_ = true;
};

}  // namespace ingot::gpu
