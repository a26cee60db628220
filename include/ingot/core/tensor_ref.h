// TensorRef: a handle to a tensor that is kept elsewhere, as a gradient is in its tensor.
//
// It shares the cell of what is kept, so an in-place operation changes that even when it is called
// on the temporary: `p.grad().zero_()`, `dict["w"] *= 2`. On other temporaries such calls would
// change nothing anybody sees, and do not compile.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <ingot/core/methods.h>

namespace ingot {

class TensorRef : public Tensor {
 public:
  TensorRef() = default;
  explicit TensorRef(Tensor tensor) noexcept : Tensor(std::move(tensor)) {}
  TensorRef(const TensorRef&) = default;
  TensorRef(TensorRef&&) = default;
  // As for a Tensor, assigning gives the name another tensor and does not compile for a temporary.
  TensorRef& operator=(const TensorRef&) & = default;
  TensorRef& operator=(TensorRef&&) & = default;
  using Tensor::operator=;
  ~TensorRef() = default;

  using Tensor::abs_;
  using Tensor::add_;
  using Tensor::clamp_;
  using Tensor::copy_;
  using Tensor::div_;
  using Tensor::exp_;
  using Tensor::fill_;
  using Tensor::index_add_;
  using Tensor::log_;
  using Tensor::masked_fill_;
  using Tensor::mul_;
  using Tensor::neg_;
  using Tensor::normal_;
  using Tensor::pow_;
  using Tensor::relu_;
  using Tensor::scatter_;
  using Tensor::scatter_add_;
  using Tensor::sigmoid_;
  using Tensor::sqrt_;
  using Tensor::sub_;
  using Tensor::tanh_;
  using Tensor::uniform_;
  using Tensor::zero_;
  using Tensor::operator+=;
  using Tensor::operator-=;
  using Tensor::operator*=;
  using Tensor::operator/=;
  using Tensor::operator%=;
  using Tensor::operator&=;
  using Tensor::operator|=;
  using Tensor::operator^=;
  using Tensor::operator<<=;
  using Tensor::operator>>=;
  using Tensor::index_put_;
  using Tensor::operator[];
  using Tensor::index;

  Tensor copy_(const Tensor& source, Site at = Site::current()) && {
    return Tensor::copy_(source, at);
  }
  Tensor fill_(const Scalar& value, Site at = Site::current()) && {
    return Tensor::fill_(value, at);
  }
  Tensor zero_(Site at = Site::current()) && { return Tensor::zero_(at); }
  Tensor add_(const Operand& other) && { return Tensor::add_(other); }
  Tensor sub_(const Operand& other) && { return Tensor::sub_(other); }
  Tensor mul_(const Operand& other) && { return Tensor::mul_(other); }
  Tensor div_(const Operand& other) && { return Tensor::div_(other); }
  Tensor pow_(const Operand& exponent) && { return Tensor::pow_(exponent); }
  Tensor clamp_(std::optional<Scalar> min, std::optional<Scalar> max,
                Site at = Site::current()) && {
    return Tensor::clamp_(min, max, at);
  }
  Tensor abs_(Site at = Site::current()) && { return Tensor::abs_(at); }
  Tensor neg_(Site at = Site::current()) && { return Tensor::neg_(at); }
  Tensor exp_(Site at = Site::current()) && { return Tensor::exp_(at); }
  Tensor log_(Site at = Site::current()) && { return Tensor::log_(at); }
  Tensor sqrt_(Site at = Site::current()) && { return Tensor::sqrt_(at); }
  Tensor relu_(Site at = Site::current()) && { return Tensor::relu_(at); }
  Tensor sigmoid_(Site at = Site::current()) && { return Tensor::sigmoid_(at); }
  Tensor tanh_(Site at = Site::current()) && { return Tensor::tanh_(at); }
  Tensor masked_fill_(const Tensor& mask, const Operand& value) && {
    return Tensor::masked_fill_(mask, value);
  }
  Tensor scatter_(std::int64_t dim, const Tensor& index, const Operand& source) && {
    return Tensor::scatter_(dim, index, source);
  }
  Tensor scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                      Site at = Site::current()) && {
    return Tensor::scatter_add_(dim, index, source, at);
  }
  Tensor index_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                    const Scalar& alpha = 1, Site at = Site::current()) && {
    return Tensor::index_add_(dim, index, source, alpha, at);
  }
  Tensor uniform_(double low = 0, double high = 1, Site at = Site::current()) && {
    return Tensor::uniform_(low, high, at);
  }
  Tensor normal_(double mean = 0, double std = 1, Site at = Site::current()) && {
    return Tensor::normal_(mean, std, at);
  }
  Tensor operator+=(const Operand& other) && { return Tensor::operator+=(other); }
  Tensor operator-=(const Operand& other) && { return Tensor::operator-=(other); }
  Tensor operator*=(const Operand& other) && { return Tensor::operator*=(other); }
  Tensor operator/=(const Operand& other) && { return Tensor::operator/=(other); }
  Tensor operator%=(const Operand& other) && { return Tensor::operator%=(other); }
  Tensor operator&=(const Operand& other) && { return Tensor::operator&=(other); }
  Tensor operator|=(const Operand& other) && { return Tensor::operator|=(other); }
  Tensor operator^=(const Operand& other) && { return Tensor::operator^=(other); }
  Tensor operator<<=(const Operand& other) && { return Tensor::operator<<=(other); }
  Tensor operator>>=(const Operand& other) && { return Tensor::operator>>=(other); }
  Tensor index_put_(const IndexList& indices, const Operand& values, bool accumulate = false) && {
    return Tensor::index_put_(indices, values, accumulate);
  }
  IndexProxy operator[](const TensorIndex& i) &&;
  IndexProxy index(const IndexList& indices, Site at = Site::current()) &&;
};

}  // namespace ingot
