// MixUp (Zhang et al., 2018, arXiv:1710.09412) and CutMix (Yun et al., 2019, arXiv:1905.04899) as
// torchvision's v2.MixUp and v2.CutMix define them: each sample of a batch is mixed with the one
// before it, the first with the last, and its target becomes the probabilities of two classes.
#pragma once

#include <cstdint>
#include <memory>

#include <ingot/data/data_loader.h>
#include <ingot/data/random_stream.h>

namespace ingot::data {

/// share · sample + (1 - share) · the one before it. inputs: floating [N, …]; targets: int64 [N],
/// which become float32 [N, num_classes], cross_entropy's probabilities. Throws ShapeError or
/// DTypeError for others; ValueError unless share is in 0..1 and num_classes above 0.
Batch mix_up(const Batch& batch, double share, std::int64_t num_classes);

/// The rectangle's pixels are those of the sample before, and so is the rectangle's share of the
/// target. inputs: [N, C, height, width]. Throws as mix_up; ValueError for a rectangle that is not
/// inside.
Batch cut_mix(const Batch& batch, std::int64_t top, std::int64_t left, std::int64_t height,
              std::int64_t width, std::int64_t num_classes);

/// A number of the distribution Beta(alpha, alpha); alpha above 0.
double draw_beta(double alpha, RandomStream& random);

struct MixingOptions {
  double mix_up = 0;  ///< alpha: the share is drawn from Beta(alpha, alpha); 0: no MixUp
  double cut_mix =
      0;  ///< the same for the rectangle's share; with both, either in half of the batches
  std::int64_t num_classes = 0;
};

/// The samples of `dataset` with a field more, from which mixing_collate() knows which batch it
/// makes: numbers that it draws depend on (seed, epoch, index of the first sample) alone.
std::shared_ptr<const Dataset> with_mixing_key(std::shared_ptr<const Dataset> dataset);
/// Collates samples of with_mixing_key() and mixes them. Throws ValueError for negative numbers,
/// for none above 0 and for num_classes below 1.
Collate mixing_collate(MixingOptions options);

}  // namespace ingot::data
