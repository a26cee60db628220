// Runs one step on a backend the way a plan does — inputs in the memory order the backend asks for,
// outputs and workspace of exactly the size it named — with guard bytes around everything that it
// may write.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "backend/backend.h"

namespace ingot::testing {

/// A tensor's elements in row-major order, as stored.
struct HostTensor {
  Shape shape;
  DType dtype = DType::Float32;
  std::vector<std::byte> bytes;

  static HostTensor zeros(const Shape& shape, DType dtype);
  /// From doubles, converted to the dtype.
  static HostTensor of(const Shape& shape, DType dtype, const std::vector<double>& values);
  /// Numbers in [low, high): whole ones for integers, 0 and 1 for bool.
  static HostTensor random(const Shape& shape, DType dtype, std::mt19937& generator,
                           double low = -2, double high = 2);
  std::vector<double> values() const;
};

/// A permutation of the dimensions, a gap between rows or a broadcast: some way to lie in memory.
Dims random_strides(const Shape& shape, std::mt19937& generator);

struct RunOptions {
  /// Strides the inputs have before the backend chooses; empty: row-major.
  std::vector<Dims> input_strides;
  std::vector<Scalar> slots;
  /// Also run with output 0 in input i's memory where the kernel says it may be.
  int overwrite_input = -1;
};

/// Runs `step`, whose inputs and outputs need shapes and dtypes only. Fails the current test when a
/// guard byte changes.
std::vector<HostTensor> run_step(Backend& backend, StepDesc step,
                                 const std::vector<HostTensor>& inputs,
                                 const RunOptions& options = {});

/// Expects equal numbers within `relative` of the larger magnitude plus `absolute`; NaN equals NaN.
void expect_close(const HostTensor& actual, const HostTensor& expected, double relative,
                  double absolute, const std::string& what);

}  // namespace ingot::testing
