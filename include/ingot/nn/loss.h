// Losses as modules: called with what the network gave and what it should have given.
#pragma once

#include <string>

#include <ingot/nn/module.h>
#include <ingot/ops/loss.h>

namespace ingot::nn {

namespace detail {

/// A module of two inputs.
class Loss : public Module {
 public:
  using Module::forward;
  virtual Tensor forward(const Tensor& input, const Tensor& target) = 0;
  Tensor operator()(const Tensor& input, const Tensor& target, Site at = Site::current());

 protected:
  Loss() = default;
};

}  // namespace detail

/// ingot::cross_entropy(logits[N, C, …], target[N, …]); class weights are a buffer, "weight".
class CrossEntropyLoss : public detail::Loss {
 public:
  explicit CrossEntropyLoss(const CrossEntropyOptions& options = {});
  using Loss::forward;
  Tensor forward(const Tensor& logits, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  CrossEntropyOptions options_;
  Tensor& weight_;
};

/// ingot::mse_loss: the mean of (input - target)².
class MSELoss : public detail::Loss {
 public:
  explicit MSELoss(Reduction reduction = Reduction::Mean) : reduction_(reduction) {}
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
};

}  // namespace ingot::nn
