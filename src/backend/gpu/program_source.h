// A Program as text of the dialect.
#pragma once

#include <functional>
#include <string>

#include "backend/program.h"

namespace ingot::gpu {

/// The statements that compute the program's registers, `r0` and so on, one per line. A register of
/// a 16-bit float is an f32 that is rounded; bool, integers and f64 are what they are.
/// `load(i)` is the expression of input i's element, of the input's type; `slot(i, dtype)` that of
/// slot i in the type of a register of that dtype.
std::string program_statements(const Program& program,
                               const std::function<std::string(std::size_t)>& load,
                               const std::function<std::string(std::size_t, DType)>& slot);

/// "f32" for the 16-bit floats, else the type itself.
std::string_view register_type(DType t);

/// The expression that makes an element of dtype `t` of the register `r`.
std::string stored(DType t, const std::string& r);

/// Every instruction has a function in the dialect, on the dtypes that it has.
bool can_write(const Program& program, bool has_float64);

}  // namespace ingot::gpu
