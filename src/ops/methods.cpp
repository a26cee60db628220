// Methods of Tensor that only forward to the function of their name.
#include <ingot/core/tensor.h>

#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/shape.h>

namespace ingot {

Tensor Tensor::sign(Site at) const { return ingot::sign(*this, at); }
Tensor Tensor::floor(Site at) const { return ingot::floor(*this, at); }
Tensor Tensor::ceil(Site at) const { return ingot::ceil(*this, at); }
Tensor Tensor::round(Site at) const { return ingot::round(*this, at); }
Tensor Tensor::trunc(Site at) const { return ingot::trunc(*this, at); }
Tensor Tensor::reciprocal(Site at) const { return ingot::reciprocal(*this, at); }
Tensor Tensor::expm1(Site at) const { return ingot::expm1(*this, at); }
Tensor Tensor::log1p(Site at) const { return ingot::log1p(*this, at); }
Tensor Tensor::log2(Site at) const { return ingot::log2(*this, at); }
Tensor Tensor::log10(Site at) const { return ingot::log10(*this, at); }
Tensor Tensor::tan(Site at) const { return ingot::tan(*this, at); }
Tensor Tensor::asin(Site at) const { return ingot::asin(*this, at); }
Tensor Tensor::acos(Site at) const { return ingot::acos(*this, at); }
Tensor Tensor::atan(Site at) const { return ingot::atan(*this, at); }
Tensor Tensor::sinh(Site at) const { return ingot::sinh(*this, at); }
Tensor Tensor::cosh(Site at) const { return ingot::cosh(*this, at); }
Tensor Tensor::erf(Site at) const { return ingot::erf(*this, at); }
Tensor Tensor::isnan(Site at) const { return ingot::isnan(*this, at); }
Tensor Tensor::isinf(Site at) const { return ingot::isinf(*this, at); }
Tensor Tensor::isfinite(Site at) const { return ingot::isfinite(*this, at); }
Tensor Tensor::logical_not(Site at) const { return ingot::logical_not(*this, at); }
Tensor Tensor::bitwise_not(Site at) const { return ingot::bitwise_not(*this, at); }

Tensor Tensor::floor_divide(const Operand& other) const {
  return ingot::floor_divide({*this, other.site()}, other);
}
Tensor Tensor::remainder(const Operand& other) const {
  return ingot::remainder({*this, other.site()}, other);
}
Tensor Tensor::fmod(const Operand& other) const {
  return ingot::fmod({*this, other.site()}, other);
}
Tensor Tensor::maximum(const Operand& other) const {
  return ingot::maximum({*this, other.site()}, other);
}
Tensor Tensor::minimum(const Operand& other) const {
  return ingot::minimum({*this, other.site()}, other);
}
Tensor Tensor::atan2(const Operand& other) const {
  return ingot::atan2({*this, other.site()}, other);
}
Tensor Tensor::logical_and(const Operand& other) const {
  return ingot::logical_and({*this, other.site()}, other);
}
Tensor Tensor::logical_or(const Operand& other) const {
  return ingot::logical_or({*this, other.site()}, other);
}
Tensor Tensor::logical_xor(const Operand& other) const {
  return ingot::logical_xor({*this, other.site()}, other);
}
Tensor Tensor::bitwise_and(const Operand& other) const {
  return ingot::bitwise_and({*this, other.site()}, other);
}
Tensor Tensor::bitwise_or(const Operand& other) const {
  return ingot::bitwise_or({*this, other.site()}, other);
}
Tensor Tensor::bitwise_xor(const Operand& other) const {
  return ingot::bitwise_xor({*this, other.site()}, other);
}

Tensor Tensor::index_add(std::int64_t dim, const Tensor& index, const Tensor& source,
                         const Scalar& alpha, Site at) const {
  return ingot::index_add(*this, dim, index, source, alpha, at);
}
std::vector<Tensor> Tensor::unbind(std::int64_t dim, Site at) const {
  return ingot::unbind(*this, dim, at);
}

}  // namespace ingot
