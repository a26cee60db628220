// Normalisation layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ingot/core/shape.h>
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

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< weight and bias
  bool bias = true;                ///< without it only a weight
};

/// ingot::layer_norm over the last dimensions, whose shape is `normalized_shape`.
/// Parameters of that shape: weight = 1, bias = 0. Throws ValueError for an empty shape, sizes
/// below 1 and a negative eps.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});
  LayerNorm(Module& owner, std::string name, const Shape& normalized_shape,
            const LayerNormOptions& options = {});
  explicit LayerNorm(std::int64_t features, const LayerNormOptions& options = {});
  LayerNorm(Module& owner, std::string name, std::int64_t features,
            const LayerNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  const Shape& normalized_shape() const { return shape_; }

  Tensor& weight;  ///< undefined unless elementwise_affine
  Tensor& bias;    ///< undefined unless elementwise_affine and bias

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Shape shape_;
  LayerNormOptions options_;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< weight and bias
};

/// ingot::group_norm of x[N, num_channels, …]. Parameters: weight[num_channels] = 1,
/// bias[num_channels] = 0. Throws ValueError for sizes below 1, channels that cannot be split
/// evenly and a negative eps.
class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
            const GroupNormOptions& options = {});
  GroupNorm(Module& owner, std::string name, std::int64_t num_groups, std::int64_t num_channels,
            const GroupNormOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  Tensor& weight;  ///< undefined unless affine
  Tensor& bias;    ///< undefined unless affine

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  std::int64_t groups_, channels_;
  GroupNormOptions options_;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;             ///< weight of the newest batch in the running statistics
  bool affine = false;               ///< weight and bias
  bool track_running_stats = false;  ///< evaluation uses statistics gathered in training
};

namespace detail {

/// Parameters, if affine: weight[C] = 1, bias[C] = 0. Buffers, if running statistics are tracked:
/// running_mean[C] = 0, running_var[C] = 1, and num_batches_tracked, which stays 0 as in PyTorch.
/// Throws ValueError for C < 1 and options out of range, and for one value per channel where the
/// statistics are the input's; ShapeError for inputs that the class does not take.
class InstanceNorm : public Module {
 public:
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();
  void reset_running_stats();

  std::int64_t num_features() const { return num_features_; }
  const InstanceNormOptions& options() const { return options_; }

  Tensor& weight;        ///< undefined unless affine
  Tensor& bias;          ///< undefined unless affine
  Tensor& running_mean;  ///< undefined unless track_running_stats
  Tensor& running_var;
  Tensor& num_batches_tracked;

 protected:
  /// `dims`: dimensions of a sample besides the channels.
  InstanceNorm(const char* layer, int dims, std::int64_t num_features,
               const InstanceNormOptions& options);

 private:
  int dims_;
  std::int64_t num_features_;
  InstanceNormOptions options_;
};

}  // namespace detail

/// ingot::instance_norm of x[N, C, L] or x[C, L].
class InstanceNorm1d : public detail::InstanceNorm {
 public:
  explicit InstanceNorm1d(std::int64_t num_features, const InstanceNormOptions& options = {});
  InstanceNorm1d(Module& owner, std::string name, std::int64_t num_features,
                 const InstanceNormOptions& options = {});

 protected:
  std::unique_ptr<Module> make_same() const override;
};

/// ingot::instance_norm of x[N, C, H, W] or x[C, H, W].
class InstanceNorm2d : public detail::InstanceNorm {
 public:
  explicit InstanceNorm2d(std::int64_t num_features, const InstanceNormOptions& options = {});
  InstanceNorm2d(Module& owner, std::string name, std::int64_t num_features,
                 const InstanceNormOptions& options = {});

 protected:
  std::unique_ptr<Module> make_same() const override;
};

}  // namespace ingot::nn
