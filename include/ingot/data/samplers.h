// Samplers: which samples of a data set an epoch visits, and in what order.
//
// A sampler is an immutable value; its order is a function of (seed, epoch) alone, so that a loader
// can resume anywhere and every run of one seed is the same. Derive from Sampler for an order of
// your own, from BatchSampler for batches of your own.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace ingot::data {

class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Number of indices in an epoch, the same in every epoch.
  virtual std::int64_t size() const = 0;
  /// The indices of one epoch; size() of them.
  virtual std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const = 0;
};

/// 0, 1, …, count - 1.
class SequentialSampler final : public Sampler {
 public:
  /// Throws ValueError when count < 0; so do the constructors below.
  explicit SequentialSampler(std::int64_t count);
  std::int64_t size() const override { return count_; }
  std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const override;

 private:
  std::int64_t count_;
};

/// A random order of 0..count-1, or draws from them.
class RandomSampler final : public Sampler {
 public:
  /// With `replacement`, num_samples independent draws. Without, as many whole permutations one
  /// after the other as num_samples needs, the last cut off. By default num_samples is count.
  /// Throws ValueError when count < 1 or num_samples < 0.
  explicit RandomSampler(std::int64_t count, bool replacement = false,
                         std::int64_t num_samples = kAll);
  static constexpr std::int64_t kAll = -1;
  std::int64_t size() const override { return num_samples_; }
  std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const override;

 private:
  std::int64_t count_, num_samples_;
  bool replacement_;
};

/// The given indices in a random order.
class SubsetRandomSampler final : public Sampler {
 public:
  explicit SubsetRandomSampler(std::vector<std::int64_t> indices) : indices_(std::move(indices)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const override;

 private:
  std::vector<std::int64_t> indices_;
};

/// Draws index i with a probability proportional to weights[i]; those of weight 0 never.
class WeightedRandomSampler final : public Sampler {
 public:
  /// Without replacement each index comes at most once. Throws ValueError when a weight is negative
  /// or not finite, all are 0, num_samples < 1, or, without replacement, more samples are asked for
  /// than there are weights above 0.
  WeightedRandomSampler(std::vector<double> weights, std::int64_t num_samples,
                        bool replacement = true);
  std::int64_t size() const override { return num_samples_; }
  std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const override;

 private:
  std::vector<double> weights_;
  std::vector<double> sums_;  // of the weights up to and with each index
  std::int64_t num_samples_;
  bool replacement_;
};

/// A random order in which neighbours are of like length, so that batches need little padding: what
/// transformers' LengthGroupedSampler does. The samples are shuffled and cut into groups of
/// `mega_batch` batches; each group goes from long to short. The longest sample of all is the first
/// (the second time that memory runs short is not in the middle of an epoch).
class LengthGroupedSampler final : public Sampler {
 public:
  /// By default mega_batch is one group to four batches of the data, from 1 to 50. Throws
  /// ValueError for batch_size < 1, mega_batch < 1 and a negative length.
  LengthGroupedSampler(std::vector<std::int64_t> lengths, std::int64_t batch_size,
                       std::int64_t mega_batch = kByNumber);
  static constexpr std::int64_t kByNumber = -1;
  std::int64_t size() const override { return static_cast<std::int64_t>(lengths_.size()); }
  std::vector<std::int64_t> order(std::uint64_t seed, std::uint64_t epoch) const override;

 private:
  std::vector<std::int64_t> lengths_;
  std::int64_t group_;  // samples of a group
};

/// Batches of consecutive indices of a sampler.
class BatchSampler {
 public:
  /// The last batch is smaller, or left out with drop_last. Throws ValueError when the sampler is
  /// null or batch_size < 1.
  BatchSampler(std::shared_ptr<const Sampler> sampler, std::int64_t batch_size, bool drop_last);
  virtual ~BatchSampler() = default;
  BatchSampler(const BatchSampler&) = delete;
  BatchSampler& operator=(const BatchSampler&) = delete;

  /// Number of batches in an epoch, the same in every epoch.
  virtual std::int64_t size() const;
  /// The indices of each batch of one epoch; size() batches, none of them empty.
  virtual std::vector<std::vector<std::int64_t>> batches(std::uint64_t seed,
                                                         std::uint64_t epoch) const;

 protected:
  /// For a derived class that overrides both functions.
  BatchSampler() = default;

 private:
  std::shared_ptr<const Sampler> sampler_;
  std::int64_t batch_size_ = 1;
  bool drop_last_ = false;
};

}  // namespace ingot::data
