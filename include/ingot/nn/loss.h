// Losses as modules: called with what the network gave and what it should have given. Constructors
// throw what the functions would: ValueError for options out of range, ShapeError and DTypeError
// for weights that fit nothing.
#pragma once

#include <string>
#include <utility>

#include <ingot/nn/module.h>
#include <ingot/ops/loss.h>

namespace ingot::nn {

namespace detail {

/// A module of two inputs. Hooks see the first one; a loss that replace() has put in this one's
/// place takes the call, another module throws ValueError.
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
  CrossEntropyLoss(Module& owner, std::string name, const CrossEntropyOptions& options = {})
      : CrossEntropyLoss(options) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& logits, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  CrossEntropyOptions options_;
  Tensor& weight_;
};

/// ingot::nll_loss(log_probabilities[N, C, …], target[N, …]); class weights are a buffer, "weight".
class NLLLoss : public detail::Loss {
 public:
  explicit NLLLoss(const NllLossOptions& options = {});
  NLLLoss(Module& owner, std::string name, const NllLossOptions& options = {}) : NLLLoss(options) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& log_probabilities, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  NllLossOptions options_;
  Tensor& weight_;
};

/// ingot::mse_loss: (input - target)².
class MSELoss : public detail::Loss {
 public:
  explicit MSELoss(Reduction reduction = Reduction::Mean);
  MSELoss(Module& owner, std::string name, Reduction reduction = Reduction::Mean)
      : MSELoss(reduction) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
};

/// ingot::l1_loss: |input - target|.
class L1Loss : public detail::Loss {
 public:
  explicit L1Loss(Reduction reduction = Reduction::Mean);
  L1Loss(Module& owner, std::string name, Reduction reduction = Reduction::Mean)
      : L1Loss(reduction) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
};

/// ingot::smooth_l1_loss.
class SmoothL1Loss : public detail::Loss {
 public:
  explicit SmoothL1Loss(Reduction reduction = Reduction::Mean, double beta = 1);
  SmoothL1Loss(Module& owner, std::string name, Reduction reduction = Reduction::Mean,
               double beta = 1)
      : SmoothL1Loss(reduction, beta) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
  double beta_;
};

/// ingot::huber_loss.
class HuberLoss : public detail::Loss {
 public:
  explicit HuberLoss(Reduction reduction = Reduction::Mean, double delta = 1);
  HuberLoss(Module& owner, std::string name, Reduction reduction = Reduction::Mean,
            double delta = 1)
      : HuberLoss(reduction, delta) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
  double delta_;
};

/// ingot::kl_div of log probabilities and probabilities (or their logarithms).
class KLDivLoss : public detail::Loss {
 public:
  explicit KLDivLoss(Reduction reduction = Reduction::Mean, bool log_target = false)
      : reduction_(reduction), log_target_(log_target) {}
  KLDivLoss(Module& owner, std::string name, Reduction reduction = Reduction::Mean,
            bool log_target = false)
      : KLDivLoss(reduction, log_target) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
  bool log_target_;
};

/// ingot::binary_cross_entropy of probabilities; `weight` is a buffer.
class BCELoss : public detail::Loss {
 public:
  explicit BCELoss(const Tensor& weight = {}, Reduction reduction = Reduction::Mean);
  BCELoss(Module& owner, std::string name, const Tensor& weight = {},
          Reduction reduction = Reduction::Mean)
      : BCELoss(weight, reduction) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& input, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  Reduction reduction_;
  Tensor& weight_;
};

/// ingot::binary_cross_entropy_with_logits; `weight` and `pos_weight` are buffers.
class BCEWithLogitsLoss : public detail::Loss {
 public:
  explicit BCEWithLogitsLoss(const BceWithLogitsOptions& options = {});
  BCEWithLogitsLoss(Module& owner, std::string name, const BceWithLogitsOptions& options = {})
      : BCEWithLogitsLoss(options) {
    attach_to(owner, std::move(name));
  }
  using Loss::forward;
  Tensor forward(const Tensor& logits, const Tensor& target) override;

 protected:
  std::unique_ptr<Module> make_same() const override;

 private:
  BceWithLogitsOptions options_;
  Tensor& weight_;
  Tensor& pos_weight_;
};

}  // namespace ingot::nn
