// Batch: what the samples of a batch became, by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <ingot/core/device.h>
#include <ingot/core/tensor.h>
#include <ingot/data/fields.h>

namespace ingot::data {

/// The fields of the samples, each stacked (see Field), under the samples' names. On the cpu, or on
/// LoaderOptions::device. `{a, b}` has the fields "inputs" and "targets".
class Batch : public Fields<Tensor> {
 public:
  using Fields::Fields;

  /// How many samples it holds: the first dimension of its first defined field that has any; 0
  /// without one.
  std::int64_t samples() const;
  /// The same batch there; fields that are there already are shared.
  Batch to(Device device, bool non_blocking = false) const;
};

/// `auto [images, labels] = batch`: inputs() and targets(). Throws ValueError unless there are
/// exactly two fields.
template <std::size_t I>
Tensor& get(Batch& batch) {
  return I == 0 ? batch.inputs() : batch.targets();
}
template <std::size_t I>
const Tensor& get(const Batch& batch) {
  return I == 0 ? batch.inputs() : batch.targets();
}
template <std::size_t I>
Tensor&& get(Batch&& batch) {
  return static_cast<Tensor&&>(I == 0 ? batch.inputs() : batch.targets());
}

}  // namespace ingot::data

template <>
struct std::tuple_size<ingot::data::Batch> : std::integral_constant<std::size_t, 2> {};
template <std::size_t I>
struct std::tuple_element<I, ingot::data::Batch> {
  using type = ingot::Tensor;
};
