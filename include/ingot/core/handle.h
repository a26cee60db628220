// The handles that a Tensor is made of: one that owns a share of a cell, and one for taking a hook
// off again.
#pragma once

#include <functional>
#include <utility>

namespace ingot {

class Cell;

namespace detail {

void retain(Cell*) noexcept;
void release(Cell*) noexcept;
void retain_weak(Cell*) noexcept;
void release_weak(Cell*) noexcept;
bool try_retain(Cell*) noexcept;

/// A share of a cell, or nothing. Moving leaves nothing behind.
class Handle {
 public:
  Handle() noexcept = default;
  /// Takes over one strong reference.
  explicit Handle(Cell* strong) noexcept : cell_(strong) {}
  Handle(const Handle& other) noexcept : cell_(other.cell_) {
    if (cell_) retain(cell_);
  }
  Handle(Handle&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  Handle& operator=(const Handle& other) noexcept {
    Handle copy(other);
    std::swap(cell_, copy.cell_);
    return *this;
  }
  Handle& operator=(Handle&& other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~Handle() {
    if (cell_) release(cell_);
  }
  Cell* get() const noexcept { return cell_; }

 private:
  Cell* cell_ = nullptr;
};

/// A reference to a cell that does not keep it alive.
class WeakHandle {
 public:
  WeakHandle() noexcept = default;
  explicit WeakHandle(Cell* cell) noexcept : cell_(cell) {
    if (cell_) retain_weak(cell_);
  }
  WeakHandle(const WeakHandle& other) noexcept : WeakHandle(other.cell_) {}
  WeakHandle(WeakHandle&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  WeakHandle& operator=(WeakHandle other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~WeakHandle() {
    if (cell_) release_weak(cell_);
  }
  /// A share of the cell, or nothing when it is gone.
  Handle lock() const noexcept { return Handle(cell_ && try_retain(cell_) ? cell_ : nullptr); }

 private:
  Cell* cell_ = nullptr;
};

}  // namespace detail

/// A registered hook; remove() takes it off again (safe after the tensor is gone).
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  void remove() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  std::function<void()> remove_;
};

}  // namespace ingot
