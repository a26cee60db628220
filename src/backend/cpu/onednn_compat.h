// oneDNN 2.x and 3.x: the one place that knows how their C++ interfaces differ. Each function makes
// a primitive descriptor; an implementation that oneDNN itself calls a reference is refused, since
// ours is faster.
#pragma once

#include <dnnl.hpp>

#include <optional>
#include <string_view>

namespace ingot::cpu::compat {

inline constexpr bool kOnednn3 = DNNL_VERSION_MAJOR >= 3;

template <class Descriptor>
bool is_slow(const Descriptor& pd) {
  const std::string_view text = pd.impl_info_str();
  return text.starts_with("ref") || text.find("naive") != std::string_view::npos;
}

/// With the scratchpad in memory that the caller provides.
inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

/// nullopt instead of an exception when oneDNN has no implementation.
template <class F>
auto try_create(F f) -> std::optional<decltype(f())> {
  try {
    auto pd = f();
    if (is_slow(pd)) return std::nullopt;
    return pd;
  } catch (const dnnl::error&) {
    return std::nullopt;
  }
}

/// `bias` may be a zero descriptor.
inline std::optional<dnnl::matmul::primitive_desc> matmul(const dnnl::engine& engine,
                                                          const dnnl::memory::desc& a,
                                                          const dnnl::memory::desc& b,
                                                          const dnnl::memory::desc& bias,
                                                          const dnnl::memory::desc& out) {
  const auto attr = user_scratchpad();
  const bool has_bias = bias != dnnl::memory::desc();
  return try_create([&] {
#if DNNL_VERSION_MAJOR >= 3
    return has_bias ? dnnl::matmul::primitive_desc(engine, a, b, bias, out, attr)
                    : dnnl::matmul::primitive_desc(engine, a, b, out, attr);
#else
    const auto desc =
        has_bias ? dnnl::matmul::desc(a, b, bias, out) : dnnl::matmul::desc(a, b, out);
    return dnnl::matmul::primitive_desc(desc, attr, engine);
#endif
  });
}

struct ConvGeometry {
  dnnl::memory::dims strides, dilates, padding_l, padding_r;
};

/// `bias` may be a zero descriptor.
inline std::optional<dnnl::convolution_forward::primitive_desc> convolution_forward(
    const dnnl::engine& engine, const dnnl::memory::desc& x, const dnnl::memory::desc& weight,
    const dnnl::memory::desc& bias, const dnnl::memory::desc& y, const ConvGeometry& g) {
  const auto attr = user_scratchpad();
  constexpr auto kind = dnnl::prop_kind::forward_training;
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  return try_create([&] {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl::convolution_forward::primitive_desc(engine, kind, algorithm, x, weight, bias, y,
                                                     g.strides, g.dilates, g.padding_l, g.padding_r,
                                                     attr);
#else
    return dnnl::convolution_forward::primitive_desc(
        {kind, algorithm, x, weight, bias, y, g.strides, g.dilates, g.padding_l, g.padding_r}, attr,
        engine);
#endif
  });
}

// The gradients want a forward descriptor as a hint; 2.x and 3.x both accept one of equal shapes.
inline dnnl::convolution_forward::primitive_desc forward_hint(const dnnl::engine& engine,
                                                              const dnnl::memory::desc& x,
                                                              const dnnl::memory::desc& weight,
                                                              const dnnl::memory::desc& y,
                                                              const ConvGeometry& g) {
  constexpr auto kind = dnnl::prop_kind::forward_training;
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kind, algorithm, x, weight, y, g.strides, g.dilates, g.padding_l, g.padding_r};
#else
  return {{kind, algorithm, x, weight, y, g.strides, g.dilates, g.padding_l, g.padding_r}, engine};
#endif
}

inline std::optional<dnnl::convolution_backward_data::primitive_desc> convolution_backward_data(
    const dnnl::engine& engine, const dnnl::memory::desc& x, const dnnl::memory::desc& weight,
    const dnnl::memory::desc& y, const ConvGeometry& g) {
  const auto attr = user_scratchpad();
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  return try_create([&] {
    const auto hint = forward_hint(engine, x, weight, y, g);
#if DNNL_VERSION_MAJOR >= 3
    return dnnl::convolution_backward_data::primitive_desc(engine, algorithm, x, weight, y,
                                                           g.strides, g.dilates, g.padding_l,
                                                           g.padding_r, hint, attr);
#else
    return dnnl::convolution_backward_data::primitive_desc(
        {algorithm, x, weight, y, g.strides, g.dilates, g.padding_l, g.padding_r}, attr, engine,
        hint);
#endif
  });
}

inline std::optional<dnnl::convolution_backward_weights::primitive_desc>
convolution_backward_weights(const dnnl::engine& engine, const dnnl::memory::desc& x,
                             const dnnl::memory::desc& weight, const dnnl::memory::desc& y,
                             const ConvGeometry& g) {
  const auto attr = user_scratchpad();
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  return try_create([&] {
    const auto hint = forward_hint(engine, x, weight, y, g);
#if DNNL_VERSION_MAJOR >= 3
    return dnnl::convolution_backward_weights::primitive_desc(engine, algorithm, x, weight, y,
                                                              g.strides, g.dilates, g.padding_l,
                                                              g.padding_r, hint, attr);
#else
    return dnnl::convolution_backward_weights::primitive_desc(
        {algorithm, x, weight, y, g.strides, g.dilates, g.padding_l, g.padding_r}, attr, engine,
        hint);
#endif
  });
}

}  // namespace ingot::cpu::compat
