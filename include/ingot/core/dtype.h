// Element types, their sizes, classes and PyTorch's promotion table.
//
// Half and BFloat16 are storage types: 16 bits that convert to and from float with
// round-to-nearest-even. Arithmetic on them is done in float and rounded once per operation.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace ingot {

enum class DType : std::uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  Int32,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64,
};

inline constexpr int kNumDTypes = 10;

// PyTorch's spellings; `boolean` because `bool` is a keyword.
inline constexpr DType boolean = DType::Bool;
inline constexpr DType uint8 = DType::UInt8;
inline constexpr DType int8 = DType::Int8;
inline constexpr DType int16 = DType::Int16;
inline constexpr DType int32 = DType::Int32;
inline constexpr DType int64 = DType::Int64;
inline constexpr DType float16 = DType::Float16;
inline constexpr DType bfloat16 = DType::BFloat16;
inline constexpr DType float32 = DType::Float32;
inline constexpr DType float64 = DType::Float64;

/// Size of one element in bytes.
constexpr std::size_t nbytes_of(DType t) {
  constexpr std::uint8_t sizes[kNumDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(t)];
}

constexpr bool is_floating(DType t) { return t >= DType::Float16; }
constexpr bool is_integral(DType t) { return t < DType::Float16 && t != DType::Bool; }
constexpr bool is_reduced_float(DType t) { return t == DType::Float16 || t == DType::BFloat16; }

/// PyTorch's name without the prefix: "float32", "int64", "bool".
std::string_view name(DType t);
/// Writes name().
std::ostream& operator<<(std::ostream& out, DType t);

/// The dtype with that name; throws DTypeError listing the names otherwise.
DType parse_dtype(std::string_view text);

/// PyTorch's `torch.promote_types`.
DType promote_types(DType a, DType b);

namespace detail {

constexpr std::uint16_t float_to_half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);   // NaN
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // overflow
  if (magnitude <
      0x38800000u) {  // subnormal half (or zero): shift the mantissa with its hidden one
    const int shift = 113 - static_cast<int>(magnitude >> 23);
    if (shift > 11) return sign;
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const int total = 13 + shift;
    const std::uint32_t half = mantissa >> total;
    const std::uint32_t rest = mantissa & ((1u << total) - 1u);
    const std::uint32_t middle = 1u << (total - 1);
    const std::uint32_t up = (rest > middle || (rest == middle && (half & 1u))) ? 1u : 0u;
    return static_cast<std::uint16_t>(sign | (half + up));
  }
  const std::uint32_t rebased = magnitude - 0x38000000u;
  const std::uint32_t rounded = rebased + 0xfffu + ((rebased >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

constexpr float half_bits_to_float(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16;
  const std::uint32_t exponent = (h >> 10) & 0x1fu;
  std::uint32_t mantissa = h & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    if (mantissa == 0) return std::bit_cast<float>(sign);
    std::uint32_t e = 113;
    while ((mantissa & 0x400u) == 0) {
      mantissa <<= 1;
      --e;
    }
    return std::bit_cast<float>(sign | (e << 23) | ((mantissa & 0x3ffu) << 13));
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

constexpr std::uint16_t float_to_bfloat_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace detail

/// IEEE 754 binary16 storage.
struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  constexpr explicit Half(float value) : bits(detail::float_to_half_bits(value)) {}
  constexpr operator float() const { return detail::half_bits_to_float(bits); }
};

/// bfloat16 storage: the upper half of a float.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  constexpr explicit BFloat16(float value) : bits(detail::float_to_bfloat_bits(value)) {}
  constexpr operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

/// The C++ type that stores a dtype, and back.
template <DType>
struct CppTypeOf;
template <>
struct CppTypeOf<DType::Bool> {
  using type = bool;
};
template <>
struct CppTypeOf<DType::UInt8> {
  using type = std::uint8_t;
};
template <>
struct CppTypeOf<DType::Int8> {
  using type = std::int8_t;
};
template <>
struct CppTypeOf<DType::Int16> {
  using type = std::int16_t;
};
template <>
struct CppTypeOf<DType::Int32> {
  using type = std::int32_t;
};
template <>
struct CppTypeOf<DType::Int64> {
  using type = std::int64_t;
};
template <>
struct CppTypeOf<DType::Float16> {
  using type = Half;
};
template <>
struct CppTypeOf<DType::BFloat16> {
  using type = BFloat16;
};
template <>
struct CppTypeOf<DType::Float32> {
  using type = float;
};
template <>
struct CppTypeOf<DType::Float64> {
  using type = double;
};

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::Bool;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::UInt8;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::Int8;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::Int16;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::Int32;
};
template <>
struct DTypeOf<long> {
  static constexpr DType value = DType::Int64;
};
template <>
struct DTypeOf<long long> {
  static constexpr DType value = DType::Int64;
};
template <>
struct DTypeOf<Half> {
  static constexpr DType value = DType::Float16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::BFloat16;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::Float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::Float64;
};

template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

static_assert(sizeof(long) == 8, "Ingot supports LP64 platforms (Linux, macOS)");

/// Calls f(T{}) with T the C++ type that stores `t`; T tells the dtype, its value is unused.
template <class F>
constexpr decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
    case DType::Bool:
      return f(bool{});
    case DType::UInt8:
      return f(std::uint8_t{});
    case DType::Int8:
      return f(std::int8_t{});
    case DType::Int16:
      return f(std::int16_t{});
    case DType::Int32:
      return f(std::int32_t{});
    case DType::Int64:
      return f(std::int64_t{});
    case DType::Float16:
      return f(Half{});
    case DType::BFloat16:
      return f(BFloat16{});
    case DType::Float32:
      return f(float{});
    case DType::Float64:
      break;
  }
  return f(double{});
}

}  // namespace ingot
