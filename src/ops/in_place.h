// What in-place operations ask of their result; in_place.cpp.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot::ops {

/// Throws DTypeError where PyTorch refuses to store `result` in `target`'s dtype: a kind of number
/// (bool, integer, floating) never takes values of a higher one.
void check_storable(const char* op, const Tensor& target, const Tensor& result, const Site& at);

}  // namespace ingot::ops
