#include "backend/cpu/tile_ops.h"

#include <array>
#include <utility>

#include "backend/cpu/float_tiles.h"
#include "backend/cpu/scalar_functions.h"
#include "backend/cpu/simd.h"
#include "core/convert.h"

namespace ingot::cpu {
namespace {

// Integers and bool: loops that the compiler vectorises where it can.

template <ScalarOp Op, class T>
void unary_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  using R = decltype(unary<Op>(T{}));
  const T* a = static_cast<const T*>(pa);
  R* out = static_cast<R*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = unary<Op>(a[i]);
}

template <ScalarOp Op, class T>
void binary_tile(const void* pa, const void* pb, const void*, void* pout, std::size_t count) {
  using R = decltype(binary<Op>(T{}, T{}));
  const T* a = static_cast<const T*>(pa);
  const T* b = static_cast<const T*>(pb);
  R* out = static_cast<R*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = binary<Op>(a[i], b[i]);
}

template <class T>
void where_tile(const void* pc, const void* pa, const void* pb, void* pout, std::size_t count) {
  const auto* c = static_cast<const std::uint8_t*>(pc);
  const T* a = static_cast<const T*>(pa);
  const T* b = static_cast<const T*>(pb);
  T* out = static_cast<T*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = c[i] ? a[i] : b[i];
}

template <ScalarOp Op, class T>
constexpr TileFunction tile_function() {
  if constexpr (!has_function<Op, T>()) {
    return nullptr;
  } else if constexpr (Op == ScalarOp::Where) {
    return where_tile<T>;
  } else if constexpr (arity(Op) == 1) {
    return unary_tile<Op, T>;
  } else {
    return binary_tile<Op, T>;
  }
}

using Tiles = std::array<TileFunction, kNumScalarOps>;

template <class T>
const Tiles& integer_tiles() {
  static constexpr Tiles kTiles = []<std::size_t... I>(std::index_sequence<I...>) {
    return Tiles{tile_function<static_cast<ScalarOp>(I), T>()...};
  }(std::make_index_sequence<kNumScalarOps>{});
  return kTiles;
}

template <class From, class To>
void cast_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  const From* a = static_cast<const From*>(pa);
  To* out = static_cast<To*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = convert_element<To>(a[i]);
}

template <class T>
void round_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  const float* a = static_cast<const float*>(pa);
  float* out = static_cast<float*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(T(a[i]));
}

template <class T>
void pack_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  const float* a = static_cast<const float*>(pa);
  T* out = static_cast<T*>(pout);
  for (std::size_t i = 0; i < count; ++i) out[i] = T(a[i]);
}

template <class T>
void unpack_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  const T* a = static_cast<const T*>(pa);
  float* out = static_cast<float*>(pout);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(a[i]);
}

}  // namespace

TileFunction find_tile_function(ScalarOp op, DType t, unsigned uniform) {
  const auto index = static_cast<std::size_t>(op);
  if (t == DType::Float32 || t == DType::Float64) {
    if (uniform > 2) return nullptr;
    const FloatTiles& tiles = float_tiles();
    return (t == DType::Float32 ? tiles.float32 : tiles.float64)[index].by_uniform[uniform];
  }
  if (uniform != 0) return nullptr;
  return visit_dtype(t, [&]<class T>(T) -> TileFunction {
    if constexpr (std::integral<T>)
      return integer_tiles<T>()[index];
    else
      return nullptr;
  });
}

TileFunction find_cast(DType from, DType to) {
  if (from == to) return nullptr;
  return visit_dtype(from, [&]<class From>(From) -> TileFunction {
    return visit_dtype(to, [&]<class To>(To) -> TileFunction {
      if constexpr (std::is_arithmetic_v<From> && std::is_arithmetic_v<To>) {
        return cast_tile<From, To>;
      } else {
        return nullptr;  // reduced floats are held as float
      }
    });
  });
}

TileFunction find_unpack(DType storage) {
  if (storage == DType::Float16) return unpack_tile<Half>;
  if (storage == DType::BFloat16) return unpack_tile<BFloat16>;
  return nullptr;
}

TileFunction find_pack(DType storage) {
  if (storage == DType::Float16) return pack_tile<Half>;
  if (storage == DType::BFloat16) return pack_tile<BFloat16>;
  return nullptr;
}

TileFunction find_round(DType t) {
  if (t == DType::Float16) return round_tile<Half>;
  if (t == DType::BFloat16) return round_tile<BFloat16>;
  return nullptr;
}

}  // namespace ingot::cpu
