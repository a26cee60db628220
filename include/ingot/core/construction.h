// Tensors made from the program's own numbers: lists in braces, vectors, memory.
//
// What is made from nothing (zeros, arange, rand, …) is in ops/creation.h and ops/random.h.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>
#include <ingot/core/methods.h>
#include <ingot/core/scalar.h>
#include <ingot/core/shape.h>

namespace ingot {

/// Options of tensor creation, as in PyTorch: `zeros({2, 3}, {.dtype = float64})`.
struct TensorOptions {
  DType dtype = DType::Float32;
  Device device = {};
  bool requires_grad = false;
};

/// Numbers nested in braces: `tensor({{1, 2}, {3, 4}})`.
class NestedList {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  NestedList(T value) : value_(value), is_leaf_(true) {}
  NestedList(std::initializer_list<NestedList> list) : list_(list) {}
  bool is_leaf() const { return is_leaf_; }
  const Scalar& value() const { return value_; }
  const std::vector<NestedList>& list() const { return list_; }

 private:
  Scalar value_;
  bool is_leaf_ = false;
  std::vector<NestedList> list_;
};

/// A tensor of the listed numbers; the dtype follows them (bool, int64 or float32) unless given.
/// Throws ShapeError for a ragged list.
Tensor tensor(const NestedList& values, std::optional<DType> dtype = {}, Device device = {});
/// Copies `values` (row-major). Throws ShapeError unless they are shape.numel() many.
template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, Device device = {});
template <class T>
Tensor from_vector(const std::vector<T>& values, std::optional<Shape> shape = {},
                   Device device = {});
/// The same with the sizes in braces, `from_vector(v, {2, 3})`; `{}` stands for one dimension.
template <class T>
Tensor from_vector(const std::vector<T>& values, std::initializer_list<std::int64_t> shape,
                   Device device = {});
/// Copies shape.numel() elements of `dtype` from host memory.
Tensor from_blob(const void* data, const Shape& shape, DType dtype, Device device = {});

namespace detail {
Tensor from_host(const void* data, std::size_t count, const Shape& shape, DType dtype,
                 Device device);
}

template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, Device device) {
  return detail::from_host(values.data(), values.size(), shape, dtype_of<T>, device);
}
template <class T>
Tensor from_vector(const std::vector<T>& values, std::optional<Shape> shape, Device device) {
  const auto count = static_cast<std::int64_t>(values.size());
  if constexpr (std::same_as<T, bool>) {
    const auto flat = detail::own_errors("from_vector", Site{},
                                         [&] { return std::make_unique<bool[]>(values.size()); });
    for (std::size_t i = 0; i < values.size(); ++i) flat[i] = values[i];
    return detail::from_host(flat.get(), values.size(), shape.value_or(Shape{count}), DType::Bool,
                             device);
  } else {
    return detail::from_host(values.data(), values.size(), shape.value_or(Shape{count}),
                             dtype_of<T>, device);
  }
}
template <class T>
Tensor from_vector(const std::vector<T>& values, std::initializer_list<std::int64_t> shape,
                   Device device) {
  return from_vector(values, shape.size() ? std::optional<Shape>(shape) : std::nullopt, device);
}

}  // namespace ingot
