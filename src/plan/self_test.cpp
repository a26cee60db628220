#include <ingot/core/self_test.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <ingot/core/error.h>
#include <ingot/core/op_support.h>

#include "backend/backend.h"
#include "core/convert.h"
#include "core/op_samples.h"
#include "core/record.h"
#include "plan/fallback.h"

namespace ingot {
namespace {

// Element k of operand i. Real numbers lie in (0.1, 0.9), where every function is defined; indices
// are 0 or 1; every third truth value is true, two of the samples' six, as many as they say; other
// whole numbers are 1 or 2, divisors without 0.
double element(std::size_t i, std::int64_t k, DType t, bool is_index) {
  if (is_floating(t)) {
    const double x = 0.37 * static_cast<double>(i) + 0.6180339887 * static_cast<double>(k);
    return 0.1 + 0.8 * (x - std::floor(x));
  }
  if (t == DType::Bool) return k % 3 == 1 ? 1 : 0;
  return static_cast<double>(k % 2 + (is_index ? 0 : 1));
}

// `unique` says that there are two different rows: two values in turns, in rows of odd length.
double repeated(std::int64_t k, DType t) {
  const double second = static_cast<double>(k % 2);
  return is_floating(t) ? 0.25 + second / 2 : second;
}

Tensor operand(const OpDef& op, std::size_t i, const TensorSpec& spec, Device device) {
  std::vector<double> values;
  const bool is_index = i > 0 && spec.dtype == DType::Int64;
  for (std::int64_t k = 0; k < spec.shape.numel(); ++k)
    values.push_back(op.name == "unique" ? repeated(k, spec.dtype)
                                         : element(i, k, spec.dtype, is_index));
  return from_vector(values, spec.shape).to(spec.dtype).to(device);
}

std::vector<Tensor> results_of(const OpDef& op, DType dtype, Device device) {
  const OpSample sample = sample_of(op, dtype, device);
  std::vector<Tensor> operands;
  std::vector<const Tensor*> inputs;
  operands.reserve(sample.inputs.size());
  for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
    operands.push_back(operand(op, i, sample.inputs[i], device));
    inputs.push_back(&operands.back());
  }
  return record_multi(op, inputs, sample.attrs, Site{}, sample.slots);
}

std::vector<double> numbers(const HostArray& array) {
  return visit_dtype(array.dtype(), [&]<class T>(T) {
    std::vector<double> values;
    for (const T x :
         std::span(static_cast<const T*>(array.data()), static_cast<std::size_t>(array.numel())))
      values.push_back(static_cast<double>(x));
    return values;
  });
}

std::vector<HostArray> fetch(const std::vector<Tensor>& tensors) {
  std::vector<HostArray> arrays;
  for (const Tensor& t : tensors) arrays.push_back(t.to_host());
  return arrays;
}

// What rounding allows, of the largest element.
double allowed(DType t) {
  switch (t) {
    case DType::Float16:
      return 4e-3;
    case DType::BFloat16:
      return 3e-2;
    case DType::Float32:
      return 2e-5;
    case DType::Float64:
      return 1e-11;
    default:
      return 0;
  }
}

// NaN and infinity agree with themselves.
double difference(double got, double expected) {
  if (got == expected || (got != got && expected != expected)) return 0;
  const double d = std::abs(got - expected);
  return d == d ? d : std::numeric_limits<double>::infinity();
}

void compare(const std::vector<HostArray>& got, const std::vector<HostArray>& expected,
             SelfTestResult& result) {
  result.agrees = got.size() == expected.size();
  for (std::size_t o = 0; result.agrees && o < got.size(); ++o) {
    if (got[o].dtype() != expected[o].dtype() || !(got[o].shape() == expected[o].shape())) {
      result.agrees = false;
      result.error = fmt::format("result {} has another shape or dtype", o);
      return;
    }
    const std::vector<double> a = numbers(got[o]), b = numbers(expected[o]);
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::isfinite(b[i])) largest = std::max(largest, std::abs(b[i]));
      worst = std::max(worst, difference(a[i], b[i]));
    }
    const double relative = worst == 0 ? 0 : worst / std::max(largest, 1e-30);
    result.difference = std::max(result.difference, relative);
    result.agrees = relative <= allowed(got[o].dtype());
  }
}

class NoFallback {
 public:
  NoFallback() : before_(plan::fallback_word()) { plan::set_fallback("error"); }
  ~NoFallback() { plan::set_fallback(before_); }
  NoFallback(const NoFallback&) = delete;
  NoFallback& operator=(const NoFallback&) = delete;

 private:
  std::string before_;
};

template <class Make>
void run(SelfTestResult& result, Device device, const Make& make) {
  try {
    std::vector<HostArray> expected;
    {
      const BackendOverride reference(reference_backend());
      expected = fetch(make(Device{}));
    }
    const NoFallback only_the_device;
    compare(fetch(make(device)), expected, result);
  } catch (const DeviceLostError&) {
    throw;
  } catch (const Error& e) {
    result.agrees = false;
    result.error = e.what();
  }
}

}  // namespace

std::vector<SelfTestResult> self_test(Device device, const SelfTestProgress& progress) {
  std::vector<SelfTestResult> results;
  for (const OpSupport& row : op_support(device))
    for (int t = 0; t < kNumDTypes; ++t) {
      const Support support = row.by_dtype[static_cast<std::size_t>(t)];
      if (support != Support::Kernel && support != Support::Expanded) continue;
      SelfTestResult& result = results.emplace_back();
      result.what = row.op;
      result.dtype = static_cast<DType>(t);
      const OpDef& op = *find_op(row.op);
      run(result, device, [&](Device on) { return results_of(op, result.dtype, on); });
      if (progress) progress(result);
    }
  return results;
}

SelfTestResult self_test_of(const std::string& what, Device device,
                            const std::function<std::vector<Tensor>(Device)>& make) {
  SelfTestResult result;
  result.what = what;
  run(result, device, make);
  return result;
}

}  // namespace ingot
