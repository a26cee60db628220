#include <ingot/data/samplers.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/reduction.h>

#include "data/shuffle.h"
#include "support/expect.h"

namespace ingot::data {
namespace {

using Numbers = std::vector<std::int64_t>;
using test::message_of;

Numbers sorted(Numbers numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Numbers range(std::int64_t count) {
  Numbers numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
  return numbers;
}

class Counting final : public Dataset {
 public:
  explicit Counting(std::int64_t size, std::int64_t from = 0) : size_(size), from_(from) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey& key) const override {
    return {from_ + key.index, static_cast<std::int64_t>(RandomStream(key).next() >> 1)};
  }

 private:
  std::int64_t size_, from_;
};

std::vector<Numbers> one_pass(DataLoader& loader) {
  std::vector<Numbers> batches;
  for (const auto& batch : loader) batches.push_back(batch.inputs().to_vector<std::int64_t>());
  return batches;
}

TEST(RandomStream, IsAFunctionOfItsKeys) {
  EXPECT_EQ(RandomStream(SampleKey(3, 4, 5)).next(), RandomStream(SampleKey(3, 4, 5)).next());
  std::set<std::uint64_t> seen;
  for (std::int64_t index = 0; index < 4; ++index)
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch)
      for (std::uint64_t seed = 0; seed < 4; ++seed)
        for (std::uint64_t place = 0; place < 4; ++place) {
          SampleKey key(index, epoch, seed);
          key.place = place;
          seen.insert(RandomStream(key).next());
        }
  for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
    seen.insert(RandomStream(0, StreamKind::Order, epoch).next());
    seen.insert(RandomStream(0, StreamKind::Split, epoch).next());
  }
  EXPECT_EQ(seen.size(), 4u * 4 * 4 * 4 + 8);
}

TEST(RandomStream, IsUniform) {
  RandomStream random(1, StreamKind::Sample, 0);
  std::map<std::int64_t, int> counts;
  double sum = 0, low = 1, high = 0;
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) {
    ++counts[random.between(-2, 3)];
    const double u = random.uniform();
    sum += u;
    low = std::min(low, u);
    high = std::max(high, u);
  }
  ASSERT_EQ(counts.size(), 6u);
  EXPECT_EQ(counts.begin()->first, -2);
  // Six standard deviations of a count: sqrt(n p (1 - p)) = 91.
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, kDraws / 6, 550) << value;
  EXPECT_NEAR(sum / kDraws, 0.5, 6 * 0.2887 / std::sqrt(kDraws));
  EXPECT_GE(low, 0);
  EXPECT_LT(high, 1);
}

TEST(Samplers, OrdersDependOnSeedAndEpochAlone) {
  const RandomSampler all(40);
  const RandomSampler draws(40, true, 100);
  const SubsetRandomSampler some({7, 3, 9, 11, 20, 21, 22, 23});
  const WeightedRandomSampler weighted(std::vector<double>(40, 1.0), 60);
  const std::vector<const Sampler*> samplers{&all, &draws, &some, &weighted};
  for (const Sampler* sampler : samplers) {
    const Numbers order = sampler->order(5, 2);
    EXPECT_EQ(static_cast<std::int64_t>(order.size()), sampler->size());
    EXPECT_EQ(sampler->order(5, 2), order);
    EXPECT_NE(sampler->order(5, 3), order);
    EXPECT_NE(sampler->order(6, 2), order);
  }
  EXPECT_EQ(all.order(5, 2), epoch_order(40, true, 5, 2));  // the order of shuffle = true
  EXPECT_EQ(SequentialSampler(4).order(5, 2), range(4));
  EXPECT_TRUE(SequentialSampler(0).order(0, 0).empty());
}

TEST(Samplers, RandomSamplerVisitsEverythingEquallyOften) {
  EXPECT_EQ(sorted(RandomSampler(40).order(1, 1)), range(40));
  const Numbers part = RandomSampler(40, false, 13).order(1, 1);
  EXPECT_EQ(std::set<std::int64_t>(part.begin(), part.end()).size(), 13u);
  const Numbers more = RandomSampler(10, false, 25).order(1, 1);
  ASSERT_EQ(more.size(), 25u);
  EXPECT_EQ(sorted({more.begin(), more.begin() + 10}), range(10));
  EXPECT_EQ(sorted({more.begin() + 10, more.begin() + 20}), range(10));
  std::vector<int> counts(10);
  for (const auto i : RandomSampler(10, true, 40000).order(1, 1)) ++counts.at(i);
  for (const int count : counts) EXPECT_NEAR(count, 4000, 360);  // six standard deviations
  EXPECT_EQ(sorted(SubsetRandomSampler({5, 1, 1, 8}).order(0, 0)), (Numbers{1, 1, 5, 8}));
}

TEST(Samplers, WeightsAreProbabilities) {
  const std::vector<double> weights{0, 1, 3, 0, 4, 2, 0};
  std::vector<int> counts(weights.size());
  for (const auto i : WeightedRandomSampler(weights, 50000).order(3, 0)) ++counts.at(i);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = weights[i] / 10;
    EXPECT_NEAR(counts[i], 50000 * p, 6 * std::sqrt(50000 * p * (1 - p))) << i;
  }
  // Without replacement: the first of two is i with probability w[i] / sum, the second then
  // w[j] / (sum - w[i]).
  const WeightedRandomSampler pair(weights, 2, false);
  std::map<std::pair<std::int64_t, std::int64_t>, int> pairs;
  constexpr int kEpochs = 20000;
  for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const Numbers order = pair.order(3, epoch);
    ++pairs[{order[0], order[1]}];
  }
  EXPECT_EQ(pairs.size(), 12u);  // four weights above 0, in pairs of two different ones
  for (const auto& [ij, count] : pairs) {
    const double a = weights[static_cast<std::size_t>(ij.first)],
                 b = weights[static_cast<std::size_t>(ij.second)];
    const double p = a / 10 * b / (10 - a);
    EXPECT_NEAR(count, kEpochs * p, 6 * std::sqrt(kEpochs * p * (1 - p)));
  }
  EXPECT_EQ(sorted(WeightedRandomSampler(weights, 4, false).order(0, 0)), (Numbers{1, 2, 4, 5}));
}

TEST(Samplers, RefuseBadArguments) {
  EXPECT_EQ(message_of<ValueError>([] { RandomSampler(0); }),
            "RandomSampler: count must be at least 1, got 0");
  EXPECT_EQ(message_of<ValueError>([] { RandomSampler(3, true, -2); }),
            "RandomSampler: num_samples must not be negative, got -2");
  EXPECT_EQ(message_of<ValueError>([] { SequentialSampler(-1); }),
            "SequentialSampler: count must not be negative, got -1");
  EXPECT_EQ(message_of<ValueError>([] {
              WeightedRandomSampler({1, -2}, 1);
            }),
            "WeightedRandomSampler: weights must be finite and not negative; weight 1 is -2");
  message_of<ValueError>([] { WeightedRandomSampler({1, std::nan("")}, 1); });
  message_of<ValueError>([] { WeightedRandomSampler({1, INFINITY}, 1); });
  message_of<ValueError>([] { WeightedRandomSampler({0, 0}, 1); });
  message_of<ValueError>([] { WeightedRandomSampler({}, 1); });
  message_of<ValueError>([] { WeightedRandomSampler({1}, 0); });
  EXPECT_EQ(message_of<ValueError>([] {
              WeightedRandomSampler({1, 0, 2}, 3, false);
            }),
            "WeightedRandomSampler: 3 samples without replacement, but only 2 weights are above 0");
  message_of<ValueError>([] { BatchSampler(nullptr, 1, false); });
  message_of<ValueError>([] { BatchSampler(std::make_shared<SequentialSampler>(3), 0, false); });
}

TEST(BatchSampler, CutsAnOrder) {
  const auto seven = std::make_shared<SequentialSampler>(7);
  const BatchSampler keep(seven, 3, false), drop(seven, 3, true);
  EXPECT_EQ(keep.size(), 3);
  EXPECT_EQ(keep.batches(0, 0), (std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}, {6}}));
  EXPECT_EQ(drop.size(), 2);
  EXPECT_EQ(drop.batches(0, 0), (std::vector<Numbers>{{0, 1, 2}, {3, 4, 5}}));
}

/// The user's own: only even indices, backwards from a place that depends on the epoch.
class Evens final : public Sampler {
 public:
  std::int64_t size() const override { return 5; }
  Numbers order(std::uint64_t, std::uint64_t epoch) const override {
    Numbers order;
    for (std::int64_t i = 0; i < 5; ++i)
      order.push_back((8 - 2 * i + 2 * static_cast<std::int64_t>(epoch)) % 10);
    return order;
  }
};

/// The user's own: batches that grow.
class Growing final : public BatchSampler {
 public:
  explicit Growing(Numbers last) : last_(std::move(last)) {}
  std::int64_t size() const override { return 3; }
  std::vector<Numbers> batches(std::uint64_t, std::uint64_t) const override {
    return {{0}, {1, 2}, last_};
  }

 private:
  Numbers last_;
};

TEST(DataLoaderSamplers, FollowsTheSampler) {
  for (const int workers : {0, 3}) {
    DataLoader loader{Counting(10),
                      {.batch_size = 2, .workers = workers, .sampler = std::make_shared<Evens>()}};
    EXPECT_EQ(loader.size(), 3);
    EXPECT_EQ(one_pass(loader), (std::vector<Numbers>{{8, 6}, {4, 2}, {0}}));
    EXPECT_EQ(one_pass(loader), (std::vector<Numbers>{{0, 8}, {6, 4}, {2}}));
    DataLoader own{
        Counting(10),
        {.workers = workers, .batch_sampler = std::make_shared<Growing>(Numbers{3, 4, 5})}};
    EXPECT_EQ(one_pass(own), (std::vector<Numbers>{{0}, {1, 2}, {3, 4, 5}}));
  }
}

TEST(DataLoaderSamplers, ResumesWithTheVeryNextBatch) {
  const auto sampler =
      std::make_shared<WeightedRandomSampler>(std::vector<double>{1, 2, 3, 4, 5, 6}, 20);
  const LoaderOptions options{.batch_size = 3, .workers = 2, .seed = 9, .sampler = sampler};
  DataLoader whole{Counting(6), options};
  std::vector<Numbers> expected;
  for (int epoch = 0; epoch < 2; ++epoch)
    for (auto& batch : one_pass(whole)) expected.push_back(std::move(batch));
  for (const std::size_t stop : {1u, 6u, 7u, 10u}) {
    DataLoader resumed{Counting(6), options};
    resumed.set_position({stop / 7, static_cast<std::int64_t>(stop % 7)});
    std::vector<Numbers> seen(expected.begin(),
                              expected.begin() + static_cast<std::ptrdiff_t>(stop));
    while (seen.size() < expected.size())
      for (auto& batch : one_pass(resumed)) seen.push_back(std::move(batch));
    EXPECT_EQ(seen, expected);
  }
}

TEST(DataLoaderSamplers, RefusesWhatASamplerGetsWrong) {
  const auto run = [](Numbers last) {
    DataLoader loader{Counting(5), {.batch_sampler = std::make_shared<Growing>(std::move(last))}};
    one_pass(loader);
  };
  EXPECT_EQ(message_of<IndexError>([&] { run({5}); }),
            "DataLoader: the sampler gave index 5, the data set has 0..4");
  EXPECT_EQ(message_of<IndexError>([&] { run({-1}); }),
            "DataLoader: the sampler gave index -1, the data set has 0..4");
  EXPECT_EQ(message_of<ValueError>([&] { run({}); }),
            "DataLoader: the sampler gave an empty batch");
  const auto sampler = std::make_shared<Evens>();
  const auto batches = std::make_shared<BatchSampler>(sampler, 2, false);
  EXPECT_EQ(message_of<ValueError>(
                [&] { DataLoader(Counting(10), {.shuffle = true, .sampler = sampler}); }),
            "DataLoader: sampler and shuffle exclude each other");
  EXPECT_EQ(message_of<ValueError>(
                [&] { DataLoader(Counting(10), {.batch_size = 2, .batch_sampler = batches}); }),
            "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last");
}

TEST(DataLoaderCollate, TheUsersFunctionMakesTheBatch) {
  const Collate collate = [](const std::vector<Sample>& samples) {
    Batch batch = default_collate(samples);
    return Batch{batch.inputs().to(DType::Float32) * 0.5f, batch.inputs().sum()};
  };
  for (const int workers : {0, 2}) {
    DataLoader loader{Counting(5), {.batch_size = 2, .workers = workers, .collate = collate}};
    std::vector<float> halves;
    Numbers sums;
    for (const auto& [inputs, targets] : loader) {
      EXPECT_TRUE(inputs.is_evaluated());
      EXPECT_TRUE(targets.is_evaluated());
      for (const float value : inputs.to_vector<float>()) halves.push_back(value);
      sums.push_back(targets.item<std::int64_t>());
    }
    EXPECT_EQ(halves, (std::vector<float>{0, 0.5f, 1, 1.5f, 2}));
    EXPECT_EQ(sums, (Numbers{1, 5, 4}));
    DataLoader faulty{Counting(5),
                      {.workers = workers, .collate = [](const std::vector<Sample>&) -> Batch {
                         throw std::runtime_error("no idea");
                       }}};
    EXPECT_EQ(message_of<Error>([&] { faulty.begin(); }), "collate of batch 0: no idea");
  }
  message_of<ValueError>([] { default_collate({}); });
}

TEST(ConcatDataset, JoinsDataSets) {
  const auto a = std::make_shared<Counting>(3), b = std::make_shared<Counting>(0),
             c = std::make_shared<Counting>(2, 100);
  const ConcatDataset joined({a, b, c});
  ASSERT_EQ(joined.size(), 5);
  DataLoader loader{std::make_shared<ConcatDataset>(joined), {.batch_size = 5}};
  EXPECT_EQ(one_pass(loader), (std::vector<Numbers>{{0, 1, 2, 100, 101}}));
  EXPECT_EQ(joined.name_of(4), "sample 1");
  // The first samples of both have random numbers of their own.
  EXPECT_NE(std::get<std::int64_t>(joined.get(0).targets()),
            std::get<std::int64_t>(joined.get(3).targets()));
  EXPECT_EQ(message_of<IndexError>([&] { joined.get(5); }),
            "ConcatDataset: index 5 is outside 0..4");
  message_of<IndexError>([&] { joined.get(-1); });
  message_of<ValueError>([] { ConcatDataset({}); });
  message_of<ValueError>([] { ConcatDataset({nullptr}); });
}

Numbers content(const Dataset& data) {
  Numbers numbers;
  for (std::int64_t i = 0; i < data.size(); ++i)
    numbers.push_back(std::get<std::int64_t>(data.get(i).inputs()));
  return numbers;
}

TEST(RandomSplit, PartsAreDisjointAndComplete) {
  const auto all = std::make_shared<Counting>(10);
  const auto parts = random_split(all, std::vector<std::int64_t>{5, 0, 3, 2}, 7);
  ASSERT_EQ(parts.size(), 4u);
  Numbers together;
  for (const auto& part : parts)
    for (const auto number : content(*part)) together.push_back(number);
  EXPECT_EQ(parts[2]->size(), 3);
  EXPECT_NE(together, range(10));
  EXPECT_EQ(sorted(together), range(10));
  EXPECT_EQ(content(*random_split(all, std::vector<std::int64_t>{5, 5}, 7)[0]), content(*parts[0]));
  EXPECT_NE(content(*random_split(all, std::vector<std::int64_t>{5, 5}, 8)[0]), content(*parts[0]));
}

TEST(RandomSplit, SharesAreRoundedAsInPyTorch) {
  const auto sizes = [](std::int64_t count, const std::vector<double>& fractions) {
    Numbers result;
    for (const auto& part : random_split(std::make_shared<Counting>(count), fractions))
      result.push_back(part->size());
    return result;
  };
  EXPECT_EQ(sizes(10, {0.8, 0.2}), (Numbers{8, 2}));
  EXPECT_EQ(sizes(11, {0.3, 0.3, 0.4}), (Numbers{4, 3, 4}));
  EXPECT_EQ(sizes(8, {0.33, 0.33, 0.34}), (Numbers{3, 3, 2}));
  EXPECT_EQ(sizes(1, {0.5, 0.5}), (Numbers{1, 0}));
}

TEST(RandomSplit, RefusesBadLengths) {
  const auto all = std::make_shared<Counting>(10);
  using Lengths = std::vector<std::int64_t>;
  using Shares = std::vector<double>;
  EXPECT_EQ(message_of<ValueError>([&] {
              random_split(all, Lengths{5, 4});
            }),
            "random_split: the lengths sum to 9, the data set has 10 samples");
  message_of<ValueError>([&] { random_split(all, Lengths{5, 6}); });
  message_of<ValueError>([&] { random_split(all, Lengths{11, -1}); });
  message_of<ValueError>([&] { random_split(all, Lengths{}); });
  message_of<ValueError>([&] { random_split(nullptr, Lengths{1}); });
  EXPECT_EQ(message_of<ValueError>([&] {
              random_split(all, Shares{0.5, 0.4});
            }),
            "random_split: the fractions sum to 0.9, not to 1");
  message_of<ValueError>([&] { random_split(all, Shares{1.5, -0.5}); });
  message_of<ValueError>([&] { random_split(all, Shares{std::nan("")}); });
  message_of<ValueError>([&] { random_split(all, Shares{}); });
}

TEST(DataLoaderLabels, OutOfRangeLabelsAreFoundByTheLoss) {
  const TensorDataset data(ones({3, 2}), tensor({0, 5, 1}));
  DataLoader loader{data, {.batch_size = 3, .workers = 1}};
  const Batch batch = *loader.begin();
  const Tensor loss = cross_entropy(batch.inputs(), batch.targets());
  const std::string text = message_of<IndexError>([&] { loss.item(); });
  EXPECT_NE(text.find("5"), std::string::npos) << text;
}

}  // namespace
}  // namespace ingot::data
