// Data sets made of other data sets: Subset, ConcatDataset, random_split.
#include <fmt/format.h>
#include <ingot/data/dataset.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <ingot/core/error.h>

#include "core/host_room.h"
#include "data/sample.h"
#include "data/shuffle.h"

namespace ingot::data {
namespace {

std::vector<std::shared_ptr<const Subset>> cut(const std::shared_ptr<const Dataset>& dataset,
                                               const std::vector<std::int64_t>& lengths,
                                               std::uint64_t seed) {
  check_host_room("random_split", dataset->size(), sizeof(std::int64_t));
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset->size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  RandomStream random(seed, StreamKind::Split, 0);
  shuffle(order, random);
  std::vector<std::shared_ptr<const Subset>> parts;
  auto begin = order.begin();
  for (const std::int64_t length : lengths) {
    parts.push_back(
        std::make_shared<Subset>(dataset, std::vector<std::int64_t>(begin, begin + length)));
    begin += length;
  }
  return parts;
}

}  // namespace

Subset::Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> indices)
    : dataset_(std::move(dataset)), indices_(std::move(indices)) {
  if (!dataset_) throw ValueError("Subset: the data set is null");
  for (const std::int64_t index : indices_) check_index(index, dataset_->size(), "Subset");
}

Subset::Subset(std::shared_ptr<const Dataset> dataset, std::int64_t count)
    : dataset_(std::move(dataset)) {
  if (!dataset_) throw ValueError("Subset: the data set is null");
  if (count < 0) throw ValueError(fmt::format("Subset: cannot take {} samples", count));
  check_host_room("Subset", std::min(count, dataset_->size()), sizeof(std::int64_t));
  indices_.resize(static_cast<std::size_t>(std::min(count, dataset_->size())));
  std::iota(indices_.begin(), indices_.end(), std::int64_t{0});
}

Sample Subset::get(const SampleKey& key) const {
  check_index(key.index, size(), "Subset");
  SampleKey inner = key;
  inner.index = indices_[static_cast<std::size_t>(key.index)];
  return dataset_->get(inner);
}

std::string Subset::name_of(std::int64_t index) const {
  check_index(index, size(), "Subset");
  return dataset_->name_of(indices_[static_cast<std::size_t>(index)]);
}

ConcatDataset::ConcatDataset(std::vector<std::shared_ptr<const Dataset>> datasets)
    : datasets_(std::move(datasets)) {
  if (datasets_.empty()) throw ValueError("ConcatDataset: the list of data sets is empty");
  std::int64_t end = 0;
  for (const auto& dataset : datasets_) {
    if (!dataset) throw ValueError("ConcatDataset: a data set is null");
    ends_.push_back(end += dataset->size());
  }
}

std::pair<std::size_t, std::int64_t> ConcatDataset::find(std::int64_t index) const {
  check_index(index, size(), "ConcatDataset");
  const auto which =
      static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), index) - ends_.begin());
  return {which, which == 0 ? index : index - ends_[which - 1]};
}

Sample ConcatDataset::get(const SampleKey& key) const {
  const auto [which, index] = find(key.index);
  SampleKey inner = key;
  inner.index = index;
  // Samples of one index in two of the data sets must not share their random numbers.
  inner.place = place_in(key.place, which);
  return datasets_[which]->get(inner);
}

std::string ConcatDataset::name_of(std::int64_t index) const {
  const auto [which, inner] = find(index);
  return datasets_[which]->name_of(inner);
}

std::vector<std::shared_ptr<const Subset>> random_split(std::shared_ptr<const Dataset> dataset,
                                                        const std::vector<std::int64_t>& lengths,
                                                        std::uint64_t seed) {
  if (!dataset) throw ValueError("random_split: the data set is null");
  std::int64_t sum = 0;
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > dataset->size() - sum)
      throw ValueError(
          fmt::format("random_split: the lengths must not be negative, and sum to the {} samples "
                      "of the data set; a length is {}",
                      dataset->size(), length));
    sum += length;
  }
  if (sum != dataset->size())
    throw ValueError(fmt::format("random_split: the lengths sum to {}, the data set has {} samples",
                                 sum, dataset->size()));
  return cut(dataset, lengths, seed);
}

std::vector<std::shared_ptr<const Subset>> random_split(std::shared_ptr<const Dataset> dataset,
                                                        const std::vector<double>& fractions,
                                                        std::uint64_t seed) {
  if (!dataset) throw ValueError("random_split: the data set is null");
  constexpr double kTolerance = 1e-9;  // of a sum of decimal fractions
  const auto n = static_cast<double>(dataset->size());
  double sum = 0;
  std::int64_t given = 0;
  std::vector<std::int64_t> lengths;
  for (const double fraction : fractions) {
    if (!(fraction >= 0 && fraction <= 1))
      throw ValueError(fmt::format("random_split: a fraction must be in 0..1, got {}", fraction));
    sum += fraction;
    lengths.push_back(static_cast<std::int64_t>(std::floor(fraction * n)));
    given += lengths.back();
  }
  if (!(std::abs(sum - 1) <= kTolerance))
    throw ValueError(fmt::format("random_split: the fractions sum to {}, not to 1", sum));
  for (std::size_t i = 0; given < dataset->size(); i = (i + 1) % lengths.size(), ++given)
    ++lengths[i];
  return cut(dataset, lengths, seed);
}

}  // namespace ingot::data
