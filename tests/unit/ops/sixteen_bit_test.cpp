// float16 and bfloat16 (docs/devices.md, "16-bit numbers"): what an op gives is what it gives for
// the same operands in float32, rounded once; so is what its gradient rule gives. Every op case, on
// both backends.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "support/op_run.h"

namespace ingot::optest {
namespace {

constexpr DType kSixteenBits[] = {DType::Float16, DType::BFloat16};

// The same values in another dtype; rounded once if that is narrower.
HostValues converted(const HostValues& v, DType dtype) {
  return is_floating(v.dtype) ? make_values(v.shape, dtype, v.numbers()) : v;
}

// Finite 16-bit numbers in order, as integers: neighbours differ by 1, and -0 is 0.
std::int64_t place_of(const HostValues& v, std::int64_t i) {
  std::int16_t bits;
  std::memcpy(&bits, v.bytes.data() + 2 * i, 2);
  return bits < 0 ? -static_cast<std::int64_t>(bits & 0x7fff) : bits;
}

std::string far_apart(const std::string& what, const HostValues& got, const HostValues& wide) {
  if (!is_reduced_float(got.dtype))
    return difference(got, wide).relative <= 0
               ? ""
               : fmt::format("  {}: {}\n", what, difference(got, wide).text);
  if (!(got.shape == wide.shape)) return fmt::format("  {}: another shape\n", what);
  const HostValues expected = converted(wide, got.dtype);
  const std::vector<double> a = got.numbers(), b = expected.numbers();
  std::int64_t worst = 0, where = -1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const auto k = static_cast<std::int64_t>(i);
    const std::int64_t distance = std::isnan(a[i]) || std::isnan(b[i])
                                      ? 1 << 16
                                      : std::abs(place_of(got, k) - place_of(expected, k));
    if (distance > worst) worst = distance, where = k;
  }
  if (worst == 0) return "";
  const auto w = static_cast<std::size_t>(where);
  return fmt::format("  {}[{}]: {} ulp: {}, float32 gives {}, rounded {}\n", what, where, worst,
                     a[w], wide.numbers()[w], b[w]);
}

// Cases that are several operations of their own, each of which rounds, and draws, which have the
// resolution of their dtype.
bool is_one_op(const OpCase& c) {
  const std::string kinks = "kinks";
  const bool is_scaled = c.name.size() > kinks.size() && c.inputs.size() == 1 &&
                         c.name.substr(c.name.size() - kinks.size()) == kinks;
  return !is_scaled && c.name != "chain" && c.name != "interpolate/after_conv" &&
         c.name != "log_softmax/far" && c.function() != "rand" && c.function() != "rand_like";
}

class SixteenBit : public testing::TestWithParam<std::size_t> {
 protected:
  const OpCase& op() const { return all_op_cases()[GetParam()]; }
};

TEST_P(SixteenBit, IsFloat32RoundedOnce) {
  for (Backend* backend : {&cpu_backend(), &reference_backend()})
    for (const DType dtype : kSixteenBits) {
      if (!(op().dtypes & bit(dtype))) continue;
      SCOPED_TRACE(label(op(), dtype, Layout::Contiguous) +
                   (backend == &cpu_backend() ? " cpu" : " reference"));
      const std::vector<HostValues> inputs = case_inputs(op(), dtype, Layout::Contiguous);
      std::vector<HostValues> wide;
      for (const HostValues& v : inputs)
        wide.push_back(v.dtype == dtype ? converted(v, DType::Float32) : v);
      const CaseResult got = run_case_on(op(), inputs, Layout::Contiguous, {.backend = backend});
      const CaseResult exact = run_case_on(op(), wide, Layout::Contiguous, {.backend = backend});
      std::string text;
      ASSERT_EQ(got.outputs.size(), exact.outputs.size());
      for (std::size_t i = 0; i < got.outputs.size(); ++i)
        text += far_apart(fmt::format("output {}", i), got.outputs[i], exact.outputs[i]);
      ASSERT_EQ(got.has_grad, exact.has_grad);
      for (std::size_t i = 0; i < got.grads.size(); ++i)
        if (got.has_grad[i])
          text += far_apart(fmt::format("gradient {}", i), got.grads[i], exact.grads[i]);
      EXPECT_PRED1(agrees, text);
    }
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  return identifier(all_op_cases()[info.param]);
}

std::vector<std::size_t> cases() {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < all_op_cases().size(); ++i)
    if ((all_op_cases()[i].dtypes & kHalves) && is_one_op(all_op_cases()[i])) list.push_back(i);
  return list;
}

INSTANTIATE_TEST_SUITE_P(Cases, SixteenBit, testing::ValuesIn(cases()), test_name);

}  // namespace
}  // namespace ingot::optest
