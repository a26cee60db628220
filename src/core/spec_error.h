// The error for a tensor that is not like another one it should be like: its type says what
// differs.
#pragma once

#include <string>

#include <ingot/core/error.h>

#include "core/node.h"

namespace ingot {

/// Throws DeviceError, DTypeError or ShapeError, by the first of these in which the two differ.
[[noreturn]] inline void throw_unlike(const TensorSpec& given, const TensorSpec& wanted,
                                      const std::string& text) {
  if (!(given.device == wanted.device)) throw DeviceError(text);
  if (given.dtype != wanted.dtype) throw DTypeError(text);
  throw ShapeError(text);
}

}  // namespace ingot
