#include <ingot/data/samplers.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ingot/core/error.h>
#include <ingot/data/random_stream.h>

#include "core/host_room.h"
#include "core/random_math.h"
#include "data/shuffle.h"

namespace ingot::data {

SequentialSampler::SequentialSampler(std::int64_t count) : count_(count) {
  if (count < 0)
    throw ValueError(fmt::format("SequentialSampler: count must not be negative, got {}", count));
}

std::vector<std::int64_t> SequentialSampler::order(std::uint64_t seed, std::uint64_t epoch) const {
  return epoch_order(count_, false, seed, epoch);
}

RandomSampler::RandomSampler(std::int64_t count, bool replacement, std::int64_t num_samples)
    : count_(count),
      num_samples_(num_samples == kAll ? count : num_samples),
      replacement_(replacement) {
  if (count < 1)
    throw ValueError(fmt::format("RandomSampler: count must be at least 1, got {}", count));
  if (num_samples_ < 0)
    throw ValueError(
        fmt::format("RandomSampler: num_samples must not be negative, got {}", num_samples));
}

std::vector<std::int64_t> RandomSampler::order(std::uint64_t seed, std::uint64_t epoch) const {
  RandomStream random(seed, StreamKind::Order, epoch);
  check_host_room("the order of a sampler", num_samples_, sizeof(std::int64_t));
  const auto wanted = static_cast<std::size_t>(num_samples_);
  std::vector<std::int64_t> order;
  order.reserve(wanted);
  if (replacement_) {
    for (std::size_t i = 0; i < wanted; ++i)
      order.push_back(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count_))));
    return order;
  }
  while (order.size() < wanted) {
    check_host_room("RandomSampler", count_, sizeof(std::int64_t));
    std::vector<std::int64_t> all(static_cast<std::size_t>(count_));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    shuffle(all, random);
    const std::size_t take = std::min(all.size(), wanted - order.size());
    order.insert(order.end(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(take));
  }
  return order;
}

std::vector<std::int64_t> SubsetRandomSampler::order(std::uint64_t seed,
                                                     std::uint64_t epoch) const {
  RandomStream random(seed, StreamKind::Order, epoch);
  std::vector<std::int64_t> order = indices_;
  shuffle(order, random);
  return order;
}

WeightedRandomSampler::WeightedRandomSampler(std::vector<double> weights, std::int64_t num_samples,
                                             bool replacement)
    : weights_(std::move(weights)), num_samples_(num_samples), replacement_(replacement) {
  double sum = 0;
  std::int64_t possible = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (!(weights_[i] >= 0) || std::isinf(weights_[i]))
      throw ValueError(
          fmt::format("WeightedRandomSampler: weights must be finite and not negative; weight {} "
                      "is {}",
                      i, weights_[i]));
    sum += weights_[i];
    possible += weights_[i] > 0;
    sums_.push_back(sum);
  }
  if (possible == 0 || std::isinf(sum))
    throw ValueError("WeightedRandomSampler: the weights must have a sum that is finite, above 0");
  if (num_samples < 1)
    throw ValueError(
        fmt::format("WeightedRandomSampler: num_samples must be at least 1, got {}", num_samples));
  if (!replacement && num_samples > possible)
    throw ValueError(
        fmt::format("WeightedRandomSampler: {} samples without replacement, but only {} weights "
                    "are above 0",
                    num_samples, possible));
}

std::vector<std::int64_t> WeightedRandomSampler::order(std::uint64_t seed,
                                                       std::uint64_t epoch) const {
  RandomStream random(seed, StreamKind::Order, epoch);
  check_host_room("the order of a sampler", num_samples_, sizeof(std::int64_t));
  const auto wanted = static_cast<std::size_t>(num_samples_);
  std::vector<std::int64_t> order;
  order.reserve(wanted);
  if (replacement_) {
    for (std::size_t i = 0; i < wanted; ++i) {
      // The first sum above the draw belongs to an index whose weight is above 0. Rounding may make
      // the draw the sum itself: then it is the last such index.
      const double draw = random.uniform() * sums_.back();
      auto at = std::upper_bound(sums_.begin(), sums_.end(), draw);
      if (at == sums_.end()) at = std::lower_bound(sums_.begin(), sums_.end(), sums_.back());
      order.push_back(at - sums_.begin());
    }
    return order;
  }
  // The smallest of independent exponential times with rates w is i with probability w[i] / sum,
  // and so on for the rest. Source: Efraimidis, Spirakis, "Weighted random sampling with a
  // reservoir" (Inf. Process. Lett. 97, 2006).
  std::vector<std::pair<double, std::int64_t>> times;
  times.reserve(weights_.size());
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const double u = random.uniform();  // drawn for every index, whatever its weight
    if (weights_[i] > 0)
      times.emplace_back(exponential_from_uniform(u) / weights_[i], static_cast<std::int64_t>(i));
  }
  std::partial_sort(times.begin(), times.begin() + num_samples_, times.end());
  for (std::size_t i = 0; i < wanted; ++i) order.push_back(times[i].second);
  return order;
}

LengthGroupedSampler::LengthGroupedSampler(std::vector<std::int64_t> lengths,
                                           std::int64_t batch_size, std::int64_t mega_batch)
    : lengths_(std::move(lengths)) {
  if (batch_size < 1)
    throw ValueError(
        fmt::format("LengthGroupedSampler: batch_size must be at least 1, got {}", batch_size));
  for (std::size_t i = 0; i < lengths_.size(); ++i)
    if (lengths_[i] < 0)
      throw ValueError(fmt::format(
          "LengthGroupedSampler: lengths must not be negative; length {} is {}", i, lengths_[i]));
  const std::int64_t count = size();
  if (mega_batch == kByNumber) mega_batch = std::clamp<std::int64_t>(count / batch_size / 4, 1, 50);
  if (mega_batch < 1)
    throw ValueError(
        fmt::format("LengthGroupedSampler: mega_batch must be at least 1, got {}", mega_batch));
  // No group is larger than all.
  group_ =
      mega_batch > count / batch_size ? std::max<std::int64_t>(count, 1) : mega_batch * batch_size;
}

std::vector<std::int64_t> LengthGroupedSampler::order(std::uint64_t seed,
                                                      std::uint64_t epoch) const {
  std::vector<std::int64_t> order = epoch_order(size(), true, seed, epoch);
  const auto longer = [&](std::int64_t a, std::int64_t b) {
    return lengths_[static_cast<std::size_t>(a)] > lengths_[static_cast<std::size_t>(b)];
  };
  std::size_t longest = 0;  // the first of its group
  for (std::size_t begin = 0; begin < order.size(); begin += static_cast<std::size_t>(group_)) {
    const std::size_t end = std::min(begin + static_cast<std::size_t>(group_), order.size());
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                     order.begin() + static_cast<std::ptrdiff_t>(end), longer);
    if (longer(order[begin], order[longest])) longest = begin;
  }
  if (!order.empty()) std::swap(order[0], order[longest]);
  return order;
}

BatchSampler::BatchSampler(std::shared_ptr<const Sampler> sampler, std::int64_t batch_size,
                           bool drop_last)
    : sampler_(std::move(sampler)), batch_size_(batch_size), drop_last_(drop_last) {
  if (!sampler_) throw ValueError("BatchSampler: the sampler is null");
  if (batch_size < 1)
    throw ValueError(
        fmt::format("BatchSampler: batch_size must be at least 1, got {}", batch_size));
}

std::int64_t BatchSampler::size() const {
  const std::int64_t samples = sampler_->size();
  return drop_last_ ? samples / batch_size_ : samples / batch_size_ + (samples % batch_size_ != 0);
}

std::vector<std::vector<std::int64_t>> BatchSampler::batches(std::uint64_t seed,
                                                             std::uint64_t epoch) const {
  const std::vector<std::int64_t> order = sampler_->order(seed, epoch);
  std::vector<std::vector<std::int64_t>> batches;
  const auto size = static_cast<std::size_t>(batch_size_);
  for (std::size_t first = 0; first < order.size(); first += std::min(size, order.size() - first)) {
    const std::size_t count = std::min(size, order.size() - first);
    if (count < size && drop_last_) break;
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
    batches.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return batches;
}

}  // namespace ingot::data
