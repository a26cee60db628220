// Normalisation layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ingot/core/shape.h>
#include <ingot/nn/layer.h>

namespace ingot::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  /// Weight of the newest batch in the running statistics; none means their plain average.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< weight and bias
  bool track_running_stats = true;  ///< else evaluation, too, uses the batch's statistics
  void each(auto&& f) const {
    f("eps", eps);
    f("momentum", momentum);
    f("affine", affine);
    f("track_running_stats", track_running_stats);
  }
};

namespace detail {

/// What norms over channels share. Parameters, if affine: weight[C] = 1, bias[C] = 0. Buffers, if
/// running statistics are tracked: running_mean[C] = 0, running_var[C] = 1 and the int64 number
/// num_batches_tracked = 0. The others are undefined. Throws ValueError for C < 1, a negative eps
/// and a momentum outside [0, 1].
class ChannelNorm : public Module {
 public:
  void reset_parameters();
  void reset_running_stats();

  std::int64_t num_features() const { return num_features_; }

 protected:
  struct Options {
    double eps;
    std::optional<double> momentum;
    bool affine, track_running_stats;
  };
  ChannelNorm(const char* layer, std::int64_t num_features, const Options& options);
  const Options& options() const { return options_; }

 private:
  std::int64_t num_features_;
  Options options_;

 public:
  Tensor& weight;
  Tensor& bias;
  Tensor& running_mean;
  Tensor& running_var;
  Tensor& num_batches_tracked;
};

/// The statistics move in training, as in PyTorch.
class BatchNorm : public ChannelNorm {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  BatchNorm(std::int64_t num_features, const BatchNormOptions& options);
  /// Throws ShapeError for inputs that the class does not take.
  virtual void check_input(const Shape& shape) const = 0;
};

}  // namespace detail

/// ingot::batch_norm of x[N, C] or x[N, C, L]; the statistics move in training, as in PyTorch.
class BatchNorm1d : public LayerOn<detail::BatchNorm, BatchNorm1d, BatchNormOptions, std::int64_t> {
 public:
  using LayerOn::LayerOn;

 protected:
  void check_input(const Shape& shape) const override;
};

/// ingot::batch_norm of x[N, C, H, W].
class BatchNorm2d : public LayerOn<detail::BatchNorm, BatchNorm2d, BatchNormOptions, std::int64_t> {
 public:
  using LayerOn::LayerOn;

 protected:
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
class LayerNorm : public Layer<LayerNorm, LayerNormOptions, Shape> {
 public:
  using Layer::Layer;
  static void check(const Shape& normalized_shape, const LayerNormOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

  const Shape& normalized_shape() const { return argument<0>(); }

 private:
  Tensor filled(bool wanted, double value) const;

 public:
  Tensor& weight =  ///< undefined unless elementwise_affine
      register_parameter("weight", filled(options().elementwise_affine, 1));
  Tensor& bias =  ///< undefined unless elementwise_affine and bias
      register_parameter("bias", filled(options().elementwise_affine&& options().bias, 0));
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< weight and bias
};

/// ingot::group_norm of x[N, num_channels, …]. Parameters: weight[num_channels] = 1,
/// bias[num_channels] = 0. Throws ValueError for sizes below 1, channels that cannot be split
/// evenly and a negative eps.
class GroupNorm : public Layer<GroupNorm, GroupNormOptions, std::int64_t, std::int64_t> {
 public:
  using Layer::Layer;
  static void check(std::int64_t num_groups, std::int64_t num_channels,
                    const GroupNormOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
  void reset_parameters();

 private:
  Tensor filled(double value) const;

 public:
  Tensor& weight = register_parameter("weight", filled(1));  ///< undefined unless affine
  Tensor& bias = register_parameter("bias", filled(0));      ///< undefined unless affine
};

struct InstanceNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;             ///< weight of the newest batch in the running statistics
  bool affine = false;               ///< weight and bias
  bool track_running_stats = false;  ///< evaluation uses statistics gathered in training
  void each(auto&& f) const {
    f("eps", eps);
    f("momentum", momentum);
    f("affine", affine);
    f("track_running_stats", track_running_stats);
  }
};

namespace detail {

/// num_batches_tracked stays 0, as in PyTorch. Throws ValueError for one value per channel where
/// the statistics are the input's; ShapeError for inputs that the class does not take.
class InstanceNorm : public ChannelNorm {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  /// `dims`: dimensions of a sample besides the channels.
  InstanceNorm(const char* layer, int dims, std::int64_t num_features,
               const InstanceNormOptions& options);

 private:
  int dims_;
};

template <int kDims>
class InstanceNormOf : public InstanceNorm {
 protected:
  InstanceNormOf(std::int64_t num_features, const InstanceNormOptions& options)
      : InstanceNorm(kDims == 1 ? "InstanceNorm1d" : "InstanceNorm2d", kDims, num_features,
                     options) {}
};

}  // namespace detail

/// ingot::instance_norm of x[N, C, L] or x[C, L].
class InstanceNorm1d
    : public LayerOn<detail::InstanceNormOf<1>, InstanceNorm1d, InstanceNormOptions, std::int64_t> {
 public:
  using LayerOn::LayerOn;
};

/// ingot::instance_norm of x[N, C, H, W] or x[C, H, W].
class InstanceNorm2d
    : public LayerOn<detail::InstanceNormOf<2>, InstanceNorm2d, InstanceNormOptions, std::int64_t> {
 public:
  using LayerOn::LayerOn;
};

}  // namespace ingot::nn
