#include <ostream>

#include <fmt/format.h>

#include <ingot/core/dtype.h>
#include <ingot/core/error.h>
#include <ingot/core/scalar.h>

#include "core/attrs.h"

namespace ingot {
namespace {
constexpr std::string_view kNames[kNumDTypes] = {"bool",    "uint8",  "int8",    "int16",
                                                 "int32",   "int64",  "float16", "bfloat16",
                                                 "float32", "float64"};
}

std::string_view name(DType t) { return kNames[static_cast<int>(t)]; }

std::ostream& operator<<(std::ostream& out, DType t) { return out << name(t); }

DType parse_dtype(std::string_view text) {
  for (int i = 0; i < kNumDTypes; ++i)
    if (kNames[i] == text) return static_cast<DType>(i);
  throw DTypeError(
      fmt::format("unknown dtype '{}'; the dtypes are {}", text, fmt::join(kNames, ", ")));
}

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  if (is_floating(b)) {
    // float16 with bfloat16: neither holds the other's values.
    if (a == DType::Float16 && b == DType::BFloat16) return DType::Float32;
    return b;
  }
  // uint8 with a signed type: the smallest signed type that holds both.
  if (a == DType::UInt8 && b == DType::Int8) return DType::Int16;
  return b;
}

void detail::throw_beyond_int64(std::uint64_t value) {
  throw ValueError(fmt::format("the number {} does not fit int64 (at most {})", value, INT64_MAX));
}

std::string Scalar::str() const {
  switch (kind_) {
    case Kind::Bool:
      return int_ ? "true" : "false";
    case Kind::Int:
      return fmt::format("{}", int_);
    case Kind::Float:
      break;
  }
  return fmt::format("{}", float_);
}

namespace {
struct AttrPrinter final : AttrVisitor {
  std::string text;
  void add(std::string_view name, const std::string& value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, value);
  }
  void field(std::string_view n, bool v) override { add(n, v ? "true" : "false"); }
  void field(std::string_view n, std::int64_t v) override { add(n, fmt::format("{}", v)); }
  void field(std::string_view n, double v) override { add(n, fmt::format("{}", v)); }
  void field(std::string_view n, const Dims& v) override { add(n, v.str()); }
  void field(std::string_view n, const std::string& v) override { add(n, v); }
};
}  // namespace

std::string Attrs::str() const {
  AttrPrinter printer;
  visit(printer);
  return printer.text;
}

}  // namespace ingot
