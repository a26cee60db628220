// In-place methods: they compute a new value and rebind the tensor's cell to it.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/random.h>
#include <ingot/ops/shape.h>

#include "ops/at.h"
#include "ops/in_place.h"
#include "ops/support.h"

namespace ingot {

using ops::fail;

void ops::check_storable(const char* op, const Tensor& target, const Tensor& result,
                         const Site& at) {
  if (!can_cast(result.dtype(), target.dtype()))
    fail<DTypeError>(
        op,
        fmt::format("the result is {} and cannot be stored in {}; convert the tensor first with "
                    ".to({})",
                    name(result.dtype()), spec_of(target).str(), name(result.dtype())),
        at);
}

namespace {

// Rebinds `t` to `value`, converted to its dtype as PyTorch's in-place operations do.
void assign(const Tensor& t, const char* op, const Tensor& value, const Site& at) {
  if (value.shape() != t.shape())
    fail<ShapeError>(op,
                     fmt::format("the result has shape {} and does not fit into {}",
                                 value.shape().str(), ops::spec_of(t).str()),
                     at);
  ops::check_storable(op, t, value, at);
  if (value.device() != t.device())
    fail<DeviceError>(op,
                      fmt::format("the result is on {} and cannot be stored in {} on {}; move it "
                                  "there first with .to(\"{}\")",
                                  value.device().str(), ops::spec_of(t).str(), t.device().str(),
                                  value.device().str()),
                      at);
  rebind(t, cast(value, t.dtype(), at));
}

// value · factor + shift, rounded once.
Tensor scaled(const Tensor& value, double factor, double shift, const Site& at) {
  if (factor == 1 && shift == 0) return value;
  if (const ops::Widened w(at, {&value}); w) return w.rounded(scaled(w[0], factor, shift, at));
  return ingot::add(ingot::mul({value, at}, factor), shift);
}

using Unary = Tensor (*)(const Tensor&, Site);

Tensor& update(Tensor& t, const char* op, Unary f, const Site& at) {
  check_in_place(t, op, at);
  assign(t, op, f(t, at), at);
  return t;
}

template <class F>
Tensor& update(Tensor& t, const char* op, const Operand& other, F f) {
  check_in_place(t, op, other.site());
  assign(t, op, f(Operand(t, other.site()), other), other.site());
  return t;
}

}  // namespace

Tensor& Tensor::add_(const Operand& other) & { return update(*this, "add_", other, ingot::add); }
Tensor& Tensor::sub_(const Operand& other) & { return update(*this, "sub_", other, ingot::sub); }
Tensor& Tensor::mul_(const Operand& other) & { return update(*this, "mul_", other, ingot::mul); }
Tensor& Tensor::div_(const Operand& other) & { return update(*this, "div_", other, ingot::div); }

Tensor& Tensor::pow_(const Operand& other) & { return update(*this, "pow_", other, ingot::pow); }
Tensor& Tensor::operator%=(const Operand& other) & {
  return update(*this, "%=", other, ingot::remainder);
}
Tensor& Tensor::operator&=(const Operand& other) & {
  return update(*this, "&=", other, ingot::bitwise_and);
}
Tensor& Tensor::operator|=(const Operand& other) & {
  return update(*this, "|=", other, ingot::bitwise_or);
}
Tensor& Tensor::operator^=(const Operand& other) & {
  return update(*this, "^=", other, ingot::bitwise_xor);
}
Tensor& Tensor::operator<<=(const Operand& other) & {
  return update(*this, "<<=", other, ingot::bitwise_left_shift);
}
Tensor& Tensor::operator>>=(const Operand& other) & {
  return update(*this, ">>=", other, ingot::bitwise_right_shift);
}

Tensor& Tensor::abs_(Site at) & { return update(*this, "abs_", ingot::abs, at); }
Tensor& Tensor::neg_(Site at) & { return update(*this, "neg_", ingot::neg, at); }
Tensor& Tensor::exp_(Site at) & { return update(*this, "exp_", ingot::exp, at); }
Tensor& Tensor::log_(Site at) & { return update(*this, "log_", ingot::log, at); }
Tensor& Tensor::sqrt_(Site at) & { return update(*this, "sqrt_", ingot::sqrt, at); }
Tensor& Tensor::relu_(Site at) & { return update(*this, "relu_", ingot::relu, at); }
Tensor& Tensor::sigmoid_(Site at) & { return update(*this, "sigmoid_", ingot::sigmoid, at); }
Tensor& Tensor::tanh_(Site at) & { return update(*this, "tanh_", ingot::tanh, at); }

Tensor& Tensor::masked_fill_(const Tensor& mask, const Operand& value) & {
  check_in_place(*this, "masked_fill_", value.site());
  assign(*this, "masked_fill_", ingot::masked_fill(*this, mask, value), value.site());
  return *this;
}

Tensor& Tensor::scatter_(std::int64_t dim, const Tensor& index, const Operand& source) & {
  check_in_place(*this, "scatter_", source.site());
  assign(*this, "scatter_", ingot::scatter(*this, dim, index, source), source.site());
  return *this;
}

Tensor& Tensor::scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                             Site at) & {
  check_in_place(*this, "scatter_add_", at);
  assign(*this, "scatter_add_", ingot::scatter_add(*this, dim, index, source, at), at);
  return *this;
}

Tensor& Tensor::index_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                           const Scalar& alpha, Site at) & {
  check_in_place(*this, "index_add_", at);
  assign(*this, "index_add_", ingot::index_add(*this, dim, index, source, alpha, at), at);
  return *this;
}

Tensor& Tensor::clamp_(std::optional<Scalar> min, std::optional<Scalar> max, Site at) & {
  check_in_place(*this, "clamp_", at);
  assign(*this, "clamp_", ingot::clamp(*this, min, max, at), at);
  return *this;
}

Tensor& Tensor::copy_(const Tensor& source, Site at) & { return copy_from(source, false, at); }

Tensor& Tensor::copy_from(const Tensor& source, bool non_blocking, Site at) & {
  check_in_place(*this, "copy_", at);
  const Tensor there = ops::defined("copy_", source, at).to(device(), non_blocking, at);
  const Tensor converted = cast(there, dtype(), at);
  // A copy of its own, so that the history of a leaf that requires grad leads to the leaf.
  rebind(*this, ingot::clone(broadcast_to(converted, shape(), at), at));
  return *this;
}

Tensor& Tensor::fill_(const Scalar& value, Site at) & {
  check_in_place(*this, "fill_", at);
  rebind(*this, full_like(*this, value, at));
  return *this;
}

Tensor& Tensor::zero_(Site at) & {
  check_in_place(*this, "zero_", at);
  rebind(*this, full_like(*this, 0, at));
  return *this;
}

Tensor& Tensor::uniform_(double low, double high, Site at) & {
  check_in_place(*this, "uniform_", at);
  if (!(low <= high))
    fail<ValueError>("uniform_", fmt::format("[{}, {}) is no interval", low, high), at);
  rebind(*this, scaled(rand_like(*this, nullptr, at), high - low, low, at));
  return *this;
}

Tensor& Tensor::normal_(double mean, double std, Site at) & {
  check_in_place(*this, "normal_", at);
  if (!(std >= 0))
    fail<ValueError>("normal_", fmt::format("a standard deviation is not negative, got {}", std),
                     at);
  rebind(*this, scaled(randn_like(*this, nullptr, at), std, mean, at));
  return *this;
}

}  // namespace ingot
