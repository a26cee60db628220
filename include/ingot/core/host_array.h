// HostArray: the elements of a tensor in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>

namespace ingot {

/// A contiguous host copy of a tensor's elements (shared, not copied, where the tensor already lies
/// contiguous in host memory).
class HostArray {
 public:
  HostArray(std::shared_ptr<const void> keep, const void* data, Shape shape, DType dtype)
      : keep_(std::move(keep)), data_(data), shape_(shape), dtype_(dtype) {}
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::int64_t numel() const { return shape_.numel(); }
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * nbytes_of(dtype_); }
  const void* data() const { return data_; }
  /// What keeps the memory alive.
  const std::shared_ptr<const void>& keep() const { return keep_; }
  /// Row-major elements; throws DTypeError unless T stores dtype().
  template <class T>
  std::span<const T> as() const {
    check_dtype(dtype_of<T>);
    return {static_cast<const T*>(data_), static_cast<std::size_t>(numel())};
  }

 private:
  void check_dtype(DType wanted) const;
  std::shared_ptr<const void> keep_;
  const void* data_;
  Shape shape_;
  DType dtype_;
};

}  // namespace ingot
