// uniform, normal, bernoulli, randint: element i from word offset + i of the seed's sequence, real
// numbers of float64 from words offset + 2i and offset + 2i + 1.
#include <fmt/format.h>

#include <bit>
#include <span>

#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "core/random_math.h"

namespace ingot::gpu {
namespace {

// A float as the dialect writes it: by its bits.
std::string literal(float x) {
  return fmt::format("as_f32({:#x}u)", std::bit_cast<std::uint32_t>(x));
}
std::string literal(double x) {
  return fmt::format("as_f64({:#x}ul)", std::bit_cast<std::uint64_t>(x));
}

// A function that is a polynomial by Horner's rule, each step an fma.
template <class T, std::size_t N>
std::string polynomial(std::string_view type, const char* name, const T (&c)[N]) {
  std::string text = fmt::format("  static FN {} {}({} x) {{\n    {} y = {};\n", type, name, type,
                                 type, literal(c[N - 1]));
  for (std::size_t i = N - 1; i-- > 0;)
    text += fmt::format("    y = m_fma(y, x, {});\n", literal(c[i]));
  return text + "    return y;\n  }\n";
}

template <class T>
std::string constant(std::string_view type, const char* name, T value) {
  return fmt::format("  static FN {} {}() {{ return {}; }}\n", type, name, literal(value));
}

// The polynomials of core/normal_polynomials.h as a struct.
template <class T>
std::string normal_struct(std::string_view type, const char* name) {
  using P = detail::NormalPolynomials<T>;
  constexpr bool kFarther = std::is_same_v<T, double>;
  std::string text = fmt::format("struct {} {{\n", name);
  text += polynomial(type, "log", P::kLog) + polynomial(type, "near", P::kNear) +
          polynomial(type, "middle", P::kMiddle) + polynomial(type, "far", P::kFar);
  text += constant(type, "log2", static_cast<T>(0.69314718055994530942));
  text += constant(type, "near_centre", P::kNearCentre);
  text += constant(type, "middle_centre", P::kMiddleCentre);
  text += constant(type, "middle_half", P::kMiddleHalf);
  text += constant(type, "far_centre", P::kFarCentre) + constant(type, "far_half", P::kFarHalf);
  text += fmt::format("  static FN bool has_farther() {{ return {}; }}\n", kFarther);
  if constexpr (kFarther)
    text += polynomial(type, "farther", P::kFarther) +
            constant(type, "farther_centre", P::kFartherCentre);
  else
    text += constant(type, "farther_centre", P::kFarCentre) + polynomial(type, "farther", P::kFar);
  return text + "};\n";
}

const std::string& normal_text() {
  static const std::string text = normal_struct<float>("f32", "NormalF32") + "#if HAS_F64\n" +
                                  normal_struct<double>("f64", "NormalF64") + "#endif\n";
  return text;
}

using Encode = std::function<std::uint64_t(const Scalar*)>;
Encode word_of(std::size_t slot) {
  return [slot](const Scalar* s) { return static_cast<std::uint64_t>(s[slot].to_int64()); };
}

// `call`: the value of the element whose first word is `at`.
std::unique_ptr<Kernel> draw(const StepDesc& step, Driver& driver, std::string what,
                             const std::string& call, int words,
                             const std::vector<MapSlot>& more_slots = {}) {
  const TensorDesc& out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    Map map;
    map.shape = out.shape;
    map.operands.push_back(map_operand(step.inputs.size(), "out", out, true));
    map.slots = {{"seed", "u64", word_of(0)}, {"offset", "u64", word_of(1)}};
    map.slots.insert(map.slots.end(), more_slots.begin(), more_slots.end());
    map.body = fmt::format(
        "    const u64 at = p.offset + {}ul * (u64)i;\n    b.out[out_at] = To<{}>::of({});\n",
        words, type_name(out.dtype), call);
    map.what = std::move(what);
    map.families = {"random"};
    map.prologue = normal_text();
    launches.push_back(launch_map(driver, map));
  }
  return std::make_unique<LaunchKernel>(step.inputs.size(), 1, std::move(launches));
}

std::unique_ptr<Kernel> lower_uniform(const StepDesc& step, Driver& driver) {
  const DType t = step.outputs[0].dtype;
  return draw(step, driver, "uniform", fmt::format("uniform_{}(p.seed, at)", type_name(t)),
              t == DType::Float64 ? 2 : 1);
}

std::unique_ptr<Kernel> lower_normal(const StepDesc& step, Driver& driver) {
  const bool wide = step.outputs[0].dtype == DType::Float64;
  return draw(step, driver, "normal", wide ? "normal_f64(p.seed, at)" : "normal_f32(p.seed, at)",
              wide ? 2 : 1);
}

std::unique_ptr<Kernel> lower_bernoulli(const StepDesc& step, Driver& driver) {
  return draw(step, driver, "bernoulli", "bernoulli(p.seed, at, p.threshold)", 1,
              {{"threshold", "u64",
                [](const Scalar* s) { return bernoulli_threshold(s[2].to_double()); }}});
}

std::unique_ptr<Kernel> lower_randint(const StepDesc& step, Driver& driver) {
  const auto range = [](const Scalar* s) {
    return static_cast<std::uint64_t>(s[3].to_int64()) -
           static_cast<std::uint64_t>(s[2].to_int64());
  };
  return draw(step, driver, "randint", "randint(p.seed, at, p.low, p.range)", 1,
              {{"low", "i64", word_of(2)}, {"range", "u64", range}});
}

bool is_floating_output(const StepDesc& step) { return is_floating(step.outputs[0].dtype); }

}  // namespace

void register_random(Table& table) {
  table.add("uniform", {lower_uniform, is_floating_output});
  table.add("normal", {lower_normal, is_floating_output});
  table.add("bernoulli", {lower_bernoulli});
  table.add("randint", {lower_randint});
}

}  // namespace ingot::gpu
