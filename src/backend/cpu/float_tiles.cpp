// Tile functions for float32 and float64, compiled once per instruction set.
//
// An element's result never depends on its place in a tile: the last, partial vector goes through
// the same code. Additions and multiplications are never contracted.
#include "backend/cpu/float_tiles.h"

#include <cstring>

#include "backend/cpu/scalar_functions.h"
#include "backend/cpu/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/float_tiles.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "backend/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The last elements go through a vector of their own; unused lanes hold a harmless 1.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_first(D d, const T* from, std::size_t count) {
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = i < count ? from[i] : T(1);
  return hn::Load(d, lanes);
}
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_first(D d, V v, T* to, std::size_t count) {
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  std::memcpy(to, lanes, count * sizeof(T));
}

// Op: struct with `template <class D, class V> V operator()(D, V...) const`.
template <class Op, class T>
void unary_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* a = static_cast<const T*>(pa);
  T* out = static_cast<T*>(pout);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(Op{}(d, hn::LoadU(d, a + i)), d, out + i);
  if (i < count) store_first(d, Op{}(d, load_first(d, a + i, count - i)), out + i, count - i);
}

template <class Op, class T, bool UniformA, bool UniformB>
void binary_tile(const void* pa, const void* pb, const void*, void* pout, std::size_t count) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* a = static_cast<const T*>(pa);
  const T* b = static_cast<const T*>(pb);
  T* out = static_cast<T*>(pout);
  const auto first_a = hn::Set(d, *a), first_b = hn::Set(d, *b);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto va = UniformA ? first_a : hn::LoadU(d, a + i);
    const auto vb = UniformB ? first_b : hn::LoadU(d, b + i);
    hn::StoreU(Op{}(d, va, vb), d, out + i);
  }
  if (i < count) {
    const auto va = UniformA ? first_a : load_first(d, a + i, count - i);
    const auto vb = UniformB ? first_b : load_first(d, b + i, count - i);
    store_first(d, Op{}(d, va, vb), out + i, count - i);
  }
}

// Loops that the compiler vectorises where it can.
template <ScalarOp Op, class T>
void plain_unary_tile(const void* pa, const void*, const void*, void* pout, std::size_t count) {
  using R = decltype(unary<Op>(T{}));
  const T* a = static_cast<const T*>(pa);
  R* out = static_cast<R*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) out[i] = unary<Op>(a[i]);
}

template <ScalarOp Op, class T, bool UniformA, bool UniformB>
void plain_binary_tile(const void* pa, const void* pb, const void*, void* pout, std::size_t count) {
  using R = decltype(binary<Op>(T{}, T{}));
  const T* a = static_cast<const T*>(pa);
  const T* b = static_cast<const T*>(pb);
  R* out = static_cast<R*>(pout);
  const T first_a = *a, first_b = *b;
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i)
    out[i] = binary<Op>(UniformA ? first_a : a[i], UniformB ? first_b : b[i]);
}

template <class T>
void where_tile(const void* pc, const void* pa, const void* pb, void* pout, std::size_t count) {
  const auto* c = static_cast<const std::uint8_t*>(pc);
  const T* a = static_cast<const T*>(pa);
  const T* b = static_cast<const T*>(pb);
  T* out = static_cast<T*>(pout);
  INGOT_INDEPENDENT
  for (std::size_t i = 0; i < count; ++i) {
    const T x = a[i], y = b[i];
    out[i] = c[i] ? x : y;
  }
}

struct NegOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Neg(x);
  }
};
struct AbsOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Abs(x);
  }
};
struct SqrtOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Sqrt(x);
  }
};
struct RsqrtOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(hn::Set(d, hn::TFromD<D>(1)), hn::Sqrt(x));
  }
};
struct ReciprocalOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(hn::Set(d, hn::TFromD<D>(1)), x);
  }
};
struct SquareOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Mul(x, x);
  }
};
struct FloorOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Floor(x);
  }
};
struct CeilOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Ceil(x);
  }
};
struct RoundOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Round(x);
  }
};
struct TruncOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Trunc(x);
  }
};
struct ReluOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x);  // NaN stays
  }
};
struct ExpOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_exp(d, x);
  }
};
struct LogOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_log(d, x);
  }
};
struct SinOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_sin(d, x);
  }
};
struct CosOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_cos(d, x);
  }
};
struct TanhOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_tanh(d, x);
  }
};
struct ErfOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_erf(d, x);
  }
};
struct SigmoidOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return vector_sigmoid(d, x);
  }
};

struct AddOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};
struct SubOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Sub(a, b);
  }
};
struct MulOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Mul(a, b);
  }
};
struct DivOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Div(a, b);
  }
};
// max and min of the hardware drop a NaN in one operand; adding brings it back.
struct MaximumOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    const auto ordered = hn::And(hn::Eq(a, a), hn::Eq(b, b));
    return hn::IfThenElse(ordered, hn::Max(a, b), hn::Add(a, b));
  }
};
struct MinimumOp {
  template <class D, class V>
  HWY_INLINE V operator()(D, V a, V b) const {
    const auto ordered = hn::And(hn::Eq(a, a), hn::Eq(b, b));
    return hn::IfThenElse(ordered, hn::Min(a, b), hn::Add(a, b));
  }
};
struct ReluGradOp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V grad, V out) const {
    return hn::IfThenZeroElse(hn::Le(out, hn::Zero(d)), grad);  // NaN passes
  }
};

using Entries = std::array<FloatTiles::Entry, kNumScalarOps>;

template <class T, std::size_t I>
void fill_plain(Entries& entries) {
  constexpr auto op = static_cast<ScalarOp>(I);
  if constexpr (has_function<op, T>()) {
    auto& by = entries[I].by_uniform;
    if constexpr (op == ScalarOp::Where) {
      by = {where_tile<T>, nullptr, nullptr};
    } else if constexpr (arity(op) == 1) {
      by = {plain_unary_tile<op, T>, nullptr, nullptr};
    } else if constexpr (op >= ScalarOp::Eq && op <= ScalarOp::Ge) {
      by = {plain_binary_tile<op, T, false, false>, plain_binary_tile<op, T, true, false>,
            plain_binary_tile<op, T, false, true>};
    } else {
      by = {plain_binary_tile<op, T, false, false>, nullptr, nullptr};
    }
  }
}

template <class T>
void fill(Entries& entries) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (fill_plain<T, I>(entries), ...);
  }(std::make_index_sequence<kNumScalarOps>{});
  const auto set_unary = [&]<class Op>(ScalarOp op, Op) {
    entries[static_cast<std::size_t>(op)].by_uniform = {unary_tile<Op, T>, nullptr, nullptr};
  };
  const auto set_binary = [&]<class Op>(ScalarOp op, Op) {
    entries[static_cast<std::size_t>(op)].by_uniform = {binary_tile<Op, T, false, false>,
                                                        binary_tile<Op, T, true, false>,
                                                        binary_tile<Op, T, false, true>};
  };
  using enum ScalarOp;
  set_unary(Neg, NegOp{});
  set_unary(Abs, AbsOp{});
  set_unary(Sqrt, SqrtOp{});
  set_unary(Rsqrt, RsqrtOp{});
  set_unary(Reciprocal, ReciprocalOp{});
  set_unary(Square, SquareOp{});
  set_unary(Floor, FloorOp{});
  set_unary(Ceil, CeilOp{});
  set_unary(Round, RoundOp{});
  set_unary(Trunc, TruncOp{});
  set_unary(Relu, ReluOp{});
  if constexpr (sizeof(T) == 4) {  // float64 keeps the C library's accuracy
    set_unary(Exp, ExpOp{});
    set_unary(Log, LogOp{});
    set_unary(Sin, SinOp{});
    set_unary(Cos, CosOp{});
    set_unary(Tanh, TanhOp{});
    set_unary(Erf, ErfOp{});
    set_unary(Sigmoid, SigmoidOp{});
  }
  set_binary(Add, AddOp{});
  set_binary(Sub, SubOp{});
  set_binary(Mul, MulOp{});
  set_binary(Div, DivOp{});
  set_binary(Maximum, MaximumOp{});
  set_binary(Minimum, MinimumOp{});
  set_binary(ReluGrad, ReluGradOp{});
}

}  // namespace

void fill_float_tiles(FloatTiles& tiles) {
  fill<float>(tiles.float32);
  fill<double>(tiles.float64);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {

HWY_EXPORT(fill_float_tiles);

const FloatTiles& float_tiles() {
  static const FloatTiles tiles = [] {
    FloatTiles t;
    HWY_DYNAMIC_DISPATCH(fill_float_tiles)(t);
    return t;
  }();
  return tiles;
}

}  // namespace ingot::cpu
#endif
