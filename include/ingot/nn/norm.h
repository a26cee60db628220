// Batch normalisation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ingot/nn/module.h>

namespace ingot::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// Weight of the newest batch in the running statistics; none means their plain average.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< weight and bias
  bool track_running_stats = true;  ///< else evaluation, too, uses the batch's statistics
};

namespace detail {

/// Parameters: weight[C] = 1, bias[C] = 0. Buffers: running_mean[C] = 0, running_var[C] = 1 and the
/// int64 number num_batches_tracked. Throws ValueError for C < 1 and options out of range.
class BatchNorm : public Module {
 public:
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();
  void reset_running_stats();

  std::int64_t num_features() const { return num_features_; }
  const BatchNormOptions& options() const { return options_; }

  Tensor& weight;
  Tensor& bias;
  Tensor& running_mean;
  Tensor& running_var;
  Tensor& num_batches_tracked;

 protected:
  BatchNorm(std::int64_t num_features, const BatchNormOptions& options);
  /// Throws ShapeError for inputs that the class does not take.
  virtual void check_input(const Shape& shape) const = 0;

 private:
  std::int64_t num_features_;
  BatchNormOptions options_;
};

}  // namespace detail

/// ingot::batch_norm of x[N, C] or x[N, C, L]; the statistics move in training, as in PyTorch.
class BatchNorm1d : public detail::BatchNorm {
 public:
  explicit BatchNorm1d(std::int64_t num_features, const BatchNormOptions& options = {});
  BatchNorm1d(Module& owner, std::string name, std::int64_t num_features,
              const BatchNormOptions& options = {});

 protected:
  std::unique_ptr<Module> make_same() const override;
  void check_input(const Shape& shape) const override;
};

/// ingot::batch_norm of x[N, C, H, W].
class BatchNorm2d : public detail::BatchNorm {
 public:
  explicit BatchNorm2d(std::int64_t num_features, const BatchNormOptions& options = {});
  BatchNorm2d(Module& owner, std::string name, std::int64_t num_features,
              const BatchNormOptions& options = {});

 protected:
  std::unique_ptr<Module> make_same() const override;
  void check_input(const Shape& shape) const override;
};

}  // namespace ingot::nn
