#include "backend/cpu/strided_copy.h"

#include <algorithm>
#include <cstring>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"

namespace ingot::cpu {

StridedCopy::StridedCopy(const Shape& shape, const Dims& to_strides, const Dims& from_strides,
                         std::size_t element_nbytes)
    : numel_(shape.numel()), nbytes_(static_cast<std::int64_t>(element_nbytes)) {
  const TensorDesc to{shape, DType::UInt8, to_strides}, from{shape, DType::UInt8, from_strides};
  const TensorDesc* const operands[] = {&to, &from};
  nest_ = make_loop_nest(shape, operands);
}

void StridedCopy::run(std::byte* to, const std::byte* from) const {
  parallel_for(0, numel_, kParallelNumel,
               [&](std::int64_t first, std::int64_t last) { walk(to, from, first, last); });
}

void StridedCopy::walk(std::byte* to, const std::byte* from, std::int64_t first,
                       std::int64_t last) const {
  LoopNest::Indices index{};
  std::int64_t rest = first, to_offset = 0, from_offset = 0;
  for (int d = nest_.rank - 1; d >= 0; --d) {
    const auto k = static_cast<std::size_t>(d);
    index[k] = rest % nest_.sizes[k];
    rest /= nest_.sizes[k];
    to_offset += index[k] * nest_.strides[0][k];
    from_offset += index[k] * nest_.strides[1][k];
  }
  const auto inner = static_cast<std::size_t>(nest_.rank - 1);
  while (first < last) {
    const std::int64_t count = std::min(last - first, nest_.sizes[inner] - index[inner]);
    copy_row(to + to_offset * nbytes_, from + from_offset * nbytes_, count);
    first += count;
    to_offset -= index[inner] * nest_.strides[0][inner];
    from_offset -= index[inner] * nest_.strides[1][inner];
    index[inner] = 0;
    for (int d = nest_.rank - 2; d >= 0; --d) {
      const auto k = static_cast<std::size_t>(d);
      to_offset += nest_.strides[0][k];
      from_offset += nest_.strides[1][k];
      if (++index[k] < nest_.sizes[k]) break;
      to_offset -= nest_.sizes[k] * nest_.strides[0][k];
      from_offset -= nest_.sizes[k] * nest_.strides[1][k];
      index[k] = 0;
    }
  }
}

void StridedCopy::copy_row(std::byte* to, const std::byte* from, std::int64_t count) const {
  const std::int64_t to_stride = nest_.inner_stride(0), from_stride = nest_.inner_stride(1);
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count * nbytes_));
    return;
  }
  visit_element_size(static_cast<std::size_t>(nbytes_), [&]<class T>(T) {
    T* target = reinterpret_cast<T*>(to);
    const T* source = reinterpret_cast<const T*>(from);
    if (to_stride == 1) {
      for (std::int64_t i = 0; i < count; ++i) target[i] = source[i * from_stride];
    } else {
      for (std::int64_t i = 0; i < count; ++i) target[i * to_stride] = source[i * from_stride];
    }
  });
}

void fill_elements(std::byte* to, std::int64_t count, const void* value, std::size_t nbytes) {
  visit_element_size(nbytes, [&]<class T>(T) {
    T element;
    std::memcpy(&element, value, sizeof(T));
    T* target = reinterpret_cast<T*>(to);
    parallel_for(0, count, kParallelNumel, [&](std::int64_t first, std::int64_t last) {
      if (element == T{0})
        std::memset(target + first, 0, static_cast<std::size_t>(last - first) * sizeof(T));
      else
        std::fill(target + first, target + last, element);
    });
  });
}

}  // namespace ingot::cpu
