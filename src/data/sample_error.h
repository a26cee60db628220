// Errors of one sample, under the sample's name.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>

#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/data/dataset.h>

namespace ingot::data {

/// In a handler: throws the exception at hand again, with `name` at the head of its text unless the
/// text has it already. Ingot's own errors keep their type. Any other std::exception (a derived
/// class may carry more than a text) is nested in an Error. What is no std::exception, and
/// std::bad_alloc, are thrown as they are.
[[noreturn]] inline void rethrow_named(const std::string& name) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    const std::string text = e.what();
    const bool named = text.find(name) != std::string::npos;
    const std::string full = named ? text : fmt::format("{}: {}", name, text);
    const auto again = [&]<class E>(const E*) {
      if (typeid(e) == typeid(E)) throw E(full);
    };
    again(static_cast<const IoError*>(nullptr));
    again(static_cast<const ShapeError*>(nullptr));
    again(static_cast<const DTypeError*>(nullptr));
    again(static_cast<const ValueError*>(nullptr));
    again(static_cast<const IndexError*>(nullptr));
    again(static_cast<const DeviceError*>(nullptr));
    again(static_cast<const OutOfMemoryError*>(nullptr));
    again(static_cast<const ViewError*>(nullptr));
    again(static_cast<const AutogradError*>(nullptr));
    again(static_cast<const InternalError*>(nullptr));
    again(static_cast<const Error*>(nullptr));
    std::throw_with_nested(Error(full));
  }
}

/// data.get(key), with errors under the sample's name.
inline Sample get_named(const Dataset& data, const SampleKey& key) {
  try {
    return data.get(key);
  } catch (...) {
    rethrow_named(data.name_of(key.index));
  }
}

}  // namespace ingot::data
