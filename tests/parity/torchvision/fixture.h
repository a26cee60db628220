// The fixtures of tests/fixtures/make_torchvision_fixtures.py, whose header is the specification:
// weights and inputs by formula, and the comparison of a tensor with its summary.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot::parity {

/// `count` numbers in [0, 1) that depend on salt + name alone.
std::vector<double> uniform(const std::string& salt, const std::string& name, std::int64_t count);

/// What a fixture says of one tensor.
inline constexpr double kLearningRate = 1e-3;

struct Summary {
  Shape shape;
  double l2 = 0;
  double probe = 0;
  std::vector<double> head;
  double dev32 = 0;
  bool zero = false;       ///< analytically zero: only its smallness is compared
  std::int64_t flips = 0;  ///< elements that Adam's first step may move either way
};

/// A list of numbers and how far PyTorch's own float32 is from it.
struct Numbers {
  std::vector<double> values;
  double dev32 = 0;
};

struct Fixture {
  std::string model;
  std::string salt;
  std::int64_t batch = 0, size = 0, classes = 0;
  std::vector<std::int64_t> labels;
  bool ill_conditioned = false;  ///< gradients mean something in float64 only; nothing after Adam
  double grad_norm = 0;
  Numbers eval_logits, train_logits, loss;
  std::map<std::string, Summary> grads;
  std::map<std::string, Summary> after_adam;
};

/// Throws IoError naming the file when it is not such a fixture.
Fixture read_fixture(const std::filesystem::path& file);

/// The largest deviation of what was compared, as a share of what is allowed; above 1 is a failure.
struct Verdict {
  double worst = 0;
  std::string what;  ///< names the worst, with both values
  void add(const std::string& name, double deviation, double allowed);
};

/// The allowed relative deviation: max(1e-3, 4 · dev32) in float32, 1e-9 in float64.
double tolerance(DType dtype, double dev32);

/// Compares l2, probe and 2·|head| with the summary, each within tolerance · l2.
Verdict compare(const Fixture& fixture, const std::string& name, const Summary& expected,
                const std::vector<double>& actual, const Shape& shape, DType dtype);
/// Compares ‖actual − expected‖ with tolerance · ‖expected‖.
Verdict compare(const std::string& name, const Numbers& expected, const std::vector<double>& actual,
                DType dtype);

/// The elements as double.
std::vector<double> values_of(const Tensor& t);

}  // namespace ingot::parity
