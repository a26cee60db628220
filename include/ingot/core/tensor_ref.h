// TensorRef: a handle to a tensor that is kept elsewhere, as a gradient is in its tensor.
//
// It shares the cell of what is kept, so an in-place operation changes that even when it is called
// on the temporary: `p.grad().zero_()`, `dict["w"] *= 2`. On other temporaries such calls would
// change nothing anybody sees, and do not compile.
#pragma once

#include <concepts>
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

  TensorRef copy_(const Tensor& source, Site at = Site::current()) && {
    Tensor::copy_(source, at);
    return std::move(*this);
  }
  template <std::same_as<bool> Flag>
  TensorRef copy_(const Tensor& source, Flag non_blocking, Site at = Site::current()) && {
    Tensor::copy_(source, non_blocking, at);
    return std::move(*this);
  }
  TensorRef fill_(const Scalar& value, Site at = Site::current()) && {
    Tensor::fill_(value, at);
    return std::move(*this);
  }
  TensorRef zero_(Site at = Site::current()) && {
    Tensor::zero_(at);
    return std::move(*this);
  }
  TensorRef add_(const Operand& other) && {
    Tensor::add_(other);
    return std::move(*this);
  }
  TensorRef sub_(const Operand& other) && {
    Tensor::sub_(other);
    return std::move(*this);
  }
  TensorRef mul_(const Operand& other) && {
    Tensor::mul_(other);
    return std::move(*this);
  }
  TensorRef div_(const Operand& other) && {
    Tensor::div_(other);
    return std::move(*this);
  }
  TensorRef pow_(const Operand& exponent) && {
    Tensor::pow_(exponent);
    return std::move(*this);
  }
  TensorRef clamp_(std::optional<Scalar> min, std::optional<Scalar> max,
                   Site at = Site::current()) && {
    Tensor::clamp_(min, max, at);
    return std::move(*this);
  }
  TensorRef abs_(Site at = Site::current()) && {
    Tensor::abs_(at);
    return std::move(*this);
  }
  TensorRef neg_(Site at = Site::current()) && {
    Tensor::neg_(at);
    return std::move(*this);
  }
  TensorRef exp_(Site at = Site::current()) && {
    Tensor::exp_(at);
    return std::move(*this);
  }
  TensorRef log_(Site at = Site::current()) && {
    Tensor::log_(at);
    return std::move(*this);
  }
  TensorRef sqrt_(Site at = Site::current()) && {
    Tensor::sqrt_(at);
    return std::move(*this);
  }
  TensorRef relu_(Site at = Site::current()) && {
    Tensor::relu_(at);
    return std::move(*this);
  }
  TensorRef sigmoid_(Site at = Site::current()) && {
    Tensor::sigmoid_(at);
    return std::move(*this);
  }
  TensorRef tanh_(Site at = Site::current()) && {
    Tensor::tanh_(at);
    return std::move(*this);
  }
  TensorRef masked_fill_(const Tensor& mask, const Operand& value) && {
    Tensor::masked_fill_(mask, value);
    return std::move(*this);
  }
  TensorRef scatter_(std::int64_t dim, const Tensor& index, const Operand& source) && {
    Tensor::scatter_(dim, index, source);
    return std::move(*this);
  }
  TensorRef scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                         Site at = Site::current()) && {
    Tensor::scatter_add_(dim, index, source, at);
    return std::move(*this);
  }
  TensorRef index_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                       const Scalar& alpha = 1, Site at = Site::current()) && {
    Tensor::index_add_(dim, index, source, alpha, at);
    return std::move(*this);
  }
  TensorRef uniform_(double low = 0, double high = 1, Site at = Site::current()) && {
    Tensor::uniform_(low, high, at);
    return std::move(*this);
  }
  TensorRef normal_(double mean = 0, double std = 1, Site at = Site::current()) && {
    Tensor::normal_(mean, std, at);
    return std::move(*this);
  }
  TensorRef operator+=(const Operand& other) && {
    Tensor::operator+=(other);
    return std::move(*this);
  }
  TensorRef operator-=(const Operand& other) && {
    Tensor::operator-=(other);
    return std::move(*this);
  }
  TensorRef operator*=(const Operand& other) && {
    Tensor::operator*=(other);
    return std::move(*this);
  }
  TensorRef operator/=(const Operand& other) && {
    Tensor::operator/=(other);
    return std::move(*this);
  }
  TensorRef operator%=(const Operand& other) && {
    Tensor::operator%=(other);
    return std::move(*this);
  }
  TensorRef operator&=(const Operand& other) && {
    Tensor::operator&=(other);
    return std::move(*this);
  }
  TensorRef operator|=(const Operand& other) && {
    Tensor::operator|=(other);
    return std::move(*this);
  }
  TensorRef operator^=(const Operand& other) && {
    Tensor::operator^=(other);
    return std::move(*this);
  }
  TensorRef operator<<=(const Operand& other) && {
    Tensor::operator<<=(other);
    return std::move(*this);
  }
  TensorRef operator>>=(const Operand& other) && {
    Tensor::operator>>=(other);
    return std::move(*this);
  }
  TensorRef index_put_(const IndexList& indices, const Operand& values,
                       bool accumulate = false) && {
    Tensor::index_put_(indices, values, accumulate);
    return std::move(*this);
  }
  IndexProxy operator[](const TensorIndex& i) &&;
  IndexProxy index(const IndexList& indices, Site at = Site::current()) &&;
};

}  // namespace ingot
