// Every public entry throws Ingot's own types: what the standard library throws for want of memory
// becomes one.
#pragma once

#include <new>
#include <stdexcept>
#include <utility>

#include <ingot/core/site.h>

namespace ingot::detail {

[[noreturn]] void out_of_memory(const char* what, Site at);

/// Calls f. What the standard library throws when there is no memory, or when a list would be
/// longer than any can be, becomes an OutOfMemoryError that names `what` and the place.
template <class F>
decltype(auto) own_errors(const char* what, Site at, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const std::bad_alloc&) {
    out_of_memory(what, at);
  } catch (const std::length_error&) {
    out_of_memory(what, at);
  }
}

}  // namespace ingot::detail
