// Loss functions.
#pragma once

#include <ingot/core/tensor.h>

namespace ingot {

/// What becomes of the losses of single elements. BatchMean, the sum over the size of the first
/// dimension, is for kl_div alone; the others throw ValueError.
enum class Reduction { None, Mean, Sum, BatchMean };

struct CrossEntropyOptions {
  Tensor weight = {};  ///< [C], one factor per class; the mean is then weighted as well
  Reduction reduction = Reduction::Mean;
  std::int64_t ignore_index = -100;  ///< targets of this value count nowhere
  double label_smoothing = 0;        ///< in [0, 1]: this share of a target goes to all classes
};

/// −log softmax(logits)[target] for logits[N, C, …] (or [C]) and classes target[N, …] (or 0-dim),
/// int64; or −Σ target·log softmax(logits) for floating probabilities shaped like the logits.
/// Mean over targets that are not ignored; NaN if there are none, as in PyTorch.
/// Throws ShapeError and DTypeError at once, IndexError for a label outside [0, C) when computed.
Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options = {}, Site at = Site::current());

struct NllLossOptions {
  Tensor weight = {};
  Reduction reduction = Reduction::Mean;
  std::int64_t ignore_index = -100;
};

/// −log_probabilities[target], shapes and errors as in cross_entropy.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const NllLossOptions& options = {}, Site at = Site::current());

/// Options of the losses that have no others.
struct LossOptions {
  Reduction reduction = Reduction::Mean;
};

/// (input − target)², broadcast.
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
                Site at = Site::current());

Tensor mse_loss(const Tensor& input, const Tensor& target, const LossOptions& options,
                Site at = Site::current());

/// |input − target|, broadcast.
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
               Site at = Site::current());

Tensor l1_loss(const Tensor& input, const Tensor& target, const LossOptions& options,
               Site at = Site::current());

struct SmoothL1LossOptions {
  Reduction reduction = Reduction::Mean;
  double beta = 1;
};

/// With d = |input − target|, broadcast: d²/(2·beta) where d < beta, else d − beta/2. Throws
/// ValueError for a negative beta.
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      Reduction reduction = Reduction::Mean, double beta = 1,
                      Site at = Site::current());

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const SmoothL1LossOptions& options,
                      Site at = Site::current());

struct HuberLossOptions {
  Reduction reduction = Reduction::Mean;
  double delta = 1;
};

/// With d = |input − target|, broadcast: d²/2 where d < delta, else delta·(d − delta/2). Throws
/// ValueError unless delta is positive.
Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
                  double delta = 1, Site at = Site::current());

Tensor huber_loss(const Tensor& input, const Tensor& target, const HuberLossOptions& options,
                  Site at = Site::current());

struct BceLossOptions {
  Tensor weight = {};  ///< multiplies the losses; broadcasts
  Reduction reduction = Reduction::Mean;
};

/// −(t·log x + (1 − t)·log(1 − x)) for probabilities x and t of the same shape and floating dtype;
/// logarithms are at least −100. `weight`, if defined, multiplies the losses and broadcasts. An x
/// or t outside [0, 1] throws ValueError when values are computed.
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            Reduction reduction = Reduction::Mean, const Tensor& weight = {},
                            Site at = Site::current());

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const BceLossOptions& options, Site at = Site::current());

struct BceWithLogitsOptions {
  Tensor weight = {};      ///< multiplies the losses; broadcasts
  Tensor pos_weight = {};  ///< multiplies t·log σ(x) alone; broadcasts, one factor per class
  Reduction reduction = Reduction::Mean;
};

/// −(t·log σ(x) + (1 − t)·log(1 − σ(x))) without overflow, for logits x and probabilities t of the
/// same shape and floating dtype.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        Reduction reduction = Reduction::Mean,
                                        Site at = Site::current());
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BceWithLogitsOptions& options,
                                        Site at = Site::current());

struct KlDivOptions {
  Reduction reduction = Reduction::Mean;
  bool log_target = false;
};

/// target·(log target − input), broadcast, for log probabilities `input` and probabilities `target`
/// (0 counts 0), or exp(target)·(target − input) with `log_target`. As in PyTorch Mean divides by
/// all elements; the divergence itself is Reduction::BatchMean.
Tensor kl_div(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean,
              bool log_target = false, Site at = Site::current());
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options,
              Site at = Site::current());

}  // namespace ingot
