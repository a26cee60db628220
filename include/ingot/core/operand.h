// Operand: what binary operators take.
#pragma once

#include <type_traits>

#include <ingot/core/scalar.h>
#include <ingot/core/site.h>

namespace ingot {

class Tensor;

/// A tensor or a number, with the place in the user's program: what binary operators take, so that
/// `x * 2`, `2 * x` and `x * y` are one function and errors point at the line of the operator.
class Operand {
 public:
  Operand(const Tensor& tensor, Site at = Site::current()) : tensor_(&tensor), site_(at) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Operand(T number, Site at = Site::current()) : scalar_(number), site_(at) {}
  Operand(const Scalar& number, Site at = Site::current()) : scalar_(number), site_(at) {}

  bool is_tensor() const { return tensor_ != nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return scalar_; }
  const Site& site() const { return site_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar scalar_;
  Site site_;
};

Tensor operator+(const Operand& a, const Operand& b);
Tensor operator-(const Operand& a, const Operand& b);
Tensor operator*(const Operand& a, const Operand& b);
Tensor operator/(const Operand& a, const Operand& b);
Tensor operator==(const Operand& a, const Operand& b);
Tensor operator!=(const Operand& a, const Operand& b);
Tensor operator<(const Operand& a, const Operand& b);
Tensor operator<=(const Operand& a, const Operand& b);
Tensor operator>(const Operand& a, const Operand& b);
Tensor operator>=(const Operand& a, const Operand& b);
Tensor operator-(const Operand& a);
/// remainder: the divisor's sign, as in Python.
Tensor operator%(const Operand& a, const Operand& b);
// Bits of integers; on bool, the logical operations.
Tensor operator&(const Operand& a, const Operand& b);
Tensor operator|(const Operand& a, const Operand& b);
Tensor operator^(const Operand& a, const Operand& b);
Tensor operator~(const Operand& a);
Tensor operator<<(const Operand& a, const Operand& b);
Tensor operator>>(const Operand& a, const Operand& b);

}  // namespace ingot
