// Activations and reshaping as modules, for use in Sequential.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/nn/layer.h>

namespace ingot::nn {

/// max(x, 0).
class ReLU : public Layer<ReLU> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

class Tanh : public Layer<Tanh> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// 1 / (1 + exp(-x)).
class Sigmoid : public Layer<Sigmoid> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

struct SoftmaxOptions {
  std::int64_t dim = -1;
  void each(auto&& f) const { f("dim", dim); }
};

/// exp(x) / sum(exp(x)) along one dimension.
class Softmax : public Layer<Softmax, SoftmaxOptions> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// min(max(x, 0), 6).
class ReLU6 : public Layer<ReLU6> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// x·sigmoid(x).
class SiLU : public Layer<SiLU> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// x·tanh(softplus(x)).
class Mish : public Layer<Mish> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// min(max(x + 3, 0), 6) / 6.
class Hardsigmoid : public Layer<Hardsigmoid> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// x·hardsigmoid(x).
class Hardswish : public Layer<Hardswish> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// ingot::selu.
class SELU : public Layer<SELU> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// log(sigmoid(x)).
class LogSigmoid : public Layer<LogSigmoid> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

struct LeakyReLUOptions {
  double negative_slope = 0.01;
  void each(auto&& f) const { f("negative_slope", negative_slope); }
};

/// x where x > 0, else negative_slope·x.
class LeakyReLU : public Layer<LeakyReLU, LeakyReLUOptions> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

struct ELUOptions {
  double alpha = 1;
  void each(auto&& f) const { f("alpha", alpha); }
};

/// x where x > 0, else alpha·(exp(x) − 1).
class ELU : public Layer<ELU, ELUOptions> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

struct CELUOptions {
  double alpha = 1;
  void each(auto&& f) const { f("alpha", alpha); }
};

/// x where x > 0, else alpha·(exp(x / alpha) − 1). Throws ValueError for alpha = 0.
class CELU : public Layer<CELU, CELUOptions> {
 public:
  using Layer::Layer;
  static void check(const CELUOptions& options);
  Tensor forward(const Tensor& x) override;
};

struct HardtanhOptions {
  double min_val = -1;
  double max_val = 1;
  void each(auto&& f) const {
    f("min_val", min_val);
    f("max_val", max_val);
  }
};

/// x limited to [min_val, max_val]. Throws ValueError unless min_val < max_val.
class Hardtanh : public Layer<Hardtanh, HardtanhOptions> {
 public:
  using Layer::Layer;
  static void check(const HardtanhOptions& options);
  Tensor forward(const Tensor& x) override;
};

struct SoftplusOptions {
  double beta = 1;
  double threshold = 20;
  void each(auto&& f) const {
    f("beta", beta);
    f("threshold", threshold);
  }
};

/// log(1 + exp(beta·x)) / beta, and x itself where beta·x > threshold. Throws ValueError for
/// beta = 0.
class Softplus : public Layer<Softplus, SoftplusOptions> {
 public:
  using Layer::Layer;
  static void check(const SoftplusOptions& options);
  Tensor forward(const Tensor& x) override;
};

struct GELUOptions {
  std::string approximate = "none";  ///< or "tanh"
  void each(auto&& f) const { f("approximate", approximate); }
};

/// x·Φ(x). Throws ValueError for another `approximate`.
class GELU : public Layer<GELU, GELUOptions> {
 public:
  using Layer::Layer;
  static void check(const GELUOptions& options);
  Tensor forward(const Tensor& x) override;
};

struct PReLUOptions {
  std::int64_t num_parameters = 1;
  double init = 0.25;
};

/// x where x > 0, else weight·x with a trained weight, one for all channels or one for each.
/// Throws ValueError when num_parameters is not positive.
class PReLU : public Layer<PReLU, PReLUOptions> {
 public:
  using Layer::Layer;
  static void check(const PReLUOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;

 private:
  Tensor first_weight() const;

 public:
  Tensor& weight = register_parameter("weight", first_weight());  ///< [num_parameters]
};

struct LogSoftmaxOptions {
  std::int64_t dim = -1;
  void each(auto&& f) const { f("dim", dim); }
};

/// log(softmax(x)) along one dimension.
class LogSoftmax : public Layer<LogSoftmax, LogSoftmaxOptions> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

struct FlattenOptions {
  std::int64_t start_dim = 1;
  std::int64_t end_dim = -1;
  void each(auto&& f) const {
    f("start_dim", start_dim);
    f("end_dim", end_dim);
  }
};

/// Dimensions start_dim to end_dim as one: [N, C, H, W] becomes [N, C·H·W].
class Flatten : public Layer<Flatten, FlattenOptions> {
 public:
  using Layer::Layer;
  Tensor forward(const Tensor& x) override;
};

/// Dimension `dim` as several of the given sizes, of which one may be -1.
class Unflatten : public Layer<Unflatten, NoOptions, std::int64_t, Shape> {
 public:
  using Layer::Layer;
  static void check(std::int64_t dim, const Shape& sizes, const NoOptions&);
  Tensor forward(const Tensor& x) override;
  std::string description() const override;
};

}  // namespace ingot::nn
