// Tensors in JSON fixtures: {"shape": [2, 3], "values": [...]}.
#pragma once

#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ingot/core/tensor.h>

#include "support/source_dir.h"

namespace ingot::testing_support {

/// tests/fixtures/<path>
inline nlohmann::json read_json(const std::string& path) {
  const std::string full = ingot::testing::source_dir() + "/tests/fixtures/" + path;
  std::ifstream stream(full);
  if (!stream) throw std::runtime_error("cannot read " + full);
  return nlohmann::json::parse(stream);
}

/// A float64 tensor, or one converted to `dtype`.
inline Tensor tensor_of(const nlohmann::json& j, DType dtype = DType::Float64) {
  return from_vector(j.at("values").get<std::vector<double>>(),
                     Shape(j.at("shape").get<std::vector<std::int64_t>>()))
      .to(dtype);
}

/// Shapes equal and every |actual - expected| <= tolerance · (1 + |expected|).
inline ::testing::AssertionResult is_near(const Tensor& actual, const nlohmann::json& expected,
                                          double tolerance) {
  const Tensor wanted = tensor_of(expected);
  if (!(actual.shape() == wanted.shape()))
    return ::testing::AssertionFailure()
           << "shape " << actual.shape().str() << " instead of " << wanted.shape().str();
  const auto a = actual.to(DType::Float64).to_vector<double>(), b = wanted.to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= tolerance * (1 + std::abs(b[i]))))
      return ::testing::AssertionFailure()
             << "element " << i << " is " << a[i] << " instead of " << b[i];
  return ::testing::AssertionSuccess();
}

}  // namespace ingot::testing_support
