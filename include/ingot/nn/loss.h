// Losses as modules: called with what the network gave and what it should have given. Options are
// those of the functions, by name or in their order: `nn::SmoothL1Loss({.beta = 0.5})`,
// `nn::SmoothL1Loss(Reduction::Sum, 0.5)`. Constructors throw what the functions would: ValueError
// for options out of range, ShapeError and DTypeError for weights that fit nothing.
#pragma once

#include <string>
#include <utility>

#include <ingot/nn/layer.h>
#include <ingot/ops/loss.h>

namespace ingot::nn {

using ingot::BceLossOptions;
using ingot::BceWithLogitsOptions;
using ingot::CrossEntropyOptions;
using ingot::HuberLossOptions;
using ingot::KlDivOptions;
using ingot::LossOptions;
using ingot::NllLossOptions;
using ingot::SmoothL1LossOptions;

namespace detail {

/// A module of two inputs, input and target. A loss that replace() has put in this one's place
/// takes the call.
class Loss : public Takes<Module, Tensor, Tensor> {
 public:
  using Takes::forward;

 protected:
  template <class Options>
  explicit Loss(const Options&) {}
};

}  // namespace detail

/// A loss that keeps its options.
template <class Self, class Options>
class LossLayer : public LayerOn<detail::Loss, Self, Options> {
 public:
  using LayerOn<detail::Loss, Self, Options>::LayerOn;
  using detail::Loss::forward;
  std::string description() const override { return {}; }
};

/// ingot::cross_entropy(logits[N, C, …], target[N, …]); class weights are a buffer, "weight".
class CrossEntropyLoss : public LossLayer<CrossEntropyLoss, CrossEntropyOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const CrossEntropyOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;

 private:
  Tensor& weight_ = register_buffer("weight", options().weight);
};

/// ingot::nll_loss(log_probabilities[N, C, …], target[N, …]); class weights are a buffer, "weight".
class NLLLoss : public LossLayer<NLLLoss, NllLossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const NllLossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;

 private:
  Tensor& weight_ = register_buffer("weight", options().weight);
};

/// ingot::mse_loss: (input - target)².
class MSELoss : public LossLayer<MSELoss, LossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const LossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

/// ingot::l1_loss: |input - target|.
class L1Loss : public LossLayer<L1Loss, LossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const LossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

/// ingot::smooth_l1_loss.
class SmoothL1Loss : public LossLayer<SmoothL1Loss, SmoothL1LossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const SmoothL1LossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

/// ingot::huber_loss.
class HuberLoss : public LossLayer<HuberLoss, HuberLossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const HuberLossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

/// ingot::kl_div of log probabilities and probabilities (or their logarithms).
class KLDivLoss : public LossLayer<KLDivLoss, KlDivOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const KlDivOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

/// ingot::binary_cross_entropy of probabilities; `weight` is a buffer.
class BCELoss : public LossLayer<BCELoss, BceLossOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const BceLossOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;

 private:
  Tensor& weight_ = register_buffer("weight", options().weight);
};

/// ingot::binary_cross_entropy_with_logits; `weight` and `pos_weight` are buffers.
class BCEWithLogitsLoss : public LossLayer<BCEWithLogitsLoss, BceWithLogitsOptions> {
 public:
  using LossLayer::forward;
  using LossLayer::LossLayer;
  static void check(const BceWithLogitsOptions& options);
  Tensor forward(const Tensor& input, const Tensor& target) override;

 private:
  Tensor& weight_ = register_buffer("weight", options().weight);
  Tensor& pos_weight_ = register_buffer("pos_weight", options().pos_weight);
};

}  // namespace ingot::nn
