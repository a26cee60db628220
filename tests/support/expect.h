// Short spellings for tests of operations.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::test {

/// The text of the E that f() throws; a test failure when it throws none.
template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another exception: " << e.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// All elements as double, row-major.
inline std::vector<double> values(const Tensor& t) {
  return t.detach().to(DType::Float64).to_vector<double>();
}

/// Shape, dtype and elements.
inline void expect_tensor(const Tensor& t, const Shape& shape, DType dtype,
                          const std::vector<double>& expected, double tolerance = 0) {
  EXPECT_EQ(t.shape(), shape);
  EXPECT_EQ(name(t.dtype()), name(dtype));
  const std::vector<double> got = values(t);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == expected[i] || (got[i] != got[i] && expected[i] != expected[i])) continue;
    EXPECT_NEAR(got[i], expected[i], tolerance) << "element " << i;
  }
}

}  // namespace ingot::test
