// What op tests share: made-up values, comparison with tolerance, expected errors, gradient checks.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <ingot/autograd/gradcheck.h>
#include <ingot/core/tensor.h>

namespace ingot::test {

/// Smooth, distinct-looking numbers between -1.3 and 1.3: element i is 1.3 sin(1.7 i + seed).
inline Tensor waves(const Shape& shape, double seed, DType dtype = float64) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 1.3 * std::sin(1.7 * static_cast<double>(i) + seed);
  return from_vector(values, shape).to(dtype);
}

inline std::vector<double> doubles(const Tensor& t) { return t.to(float64).to_vector<double>(); }

inline void expect_values(const Tensor& t, const Shape& shape, const std::vector<double>& expected,
                          double tolerance = 0) {
  ASSERT_EQ(t.shape().str(), shape.str());
  const std::vector<double> values = doubles(t);
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(values[i])) << "element " << i << " is " << values[i];
    else
      EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
  }
}

/// `f` throws an E whose text contains `text`.
template <class E, class F>
void expect_error(F&& f, const std::string& text) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown; expected: " << text;
  } catch (const E& e) {
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos)
        << "thrown:   " << e.what() << "\nexpected: " << text;
  }
}

using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// First and second derivatives of `f` with respect to all inputs, against central differences.
inline void expect_gradients(const Function& f, std::vector<Tensor> inputs) {
  for (Tensor& t : inputs)
    if (is_floating(t.dtype())) t.requires_grad_();
  const GradcheckResult first = gradcheck(f, inputs);
  EXPECT_TRUE(first.ok) << first.message;
  // Squares make the gradients' gradients depend on every rule, also where f is linear.
  const Function squares = [&](const std::vector<Tensor>& in) {
    std::vector<Tensor> out = f(in);
    for (Tensor& t : out) t = t.square();
    return out;
  };
  const GradcheckResult second = gradgradcheck(squares, inputs);
  EXPECT_TRUE(second.ok) << "second derivative: " << second.message;
}

}  // namespace ingot::test
