// Samples and batches by name, padding, and the order that keeps like lengths together.
#include <ingot/data/data_loader.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include "support/expect.h"

namespace ingot::data {
namespace {

using test::message_of;
using Numbers = std::vector<std::int64_t>;

/// Sample i has i % 5 + 1 tokens, all i.
class Texts final : public Dataset {
 public:
  explicit Texts(std::int64_t size) : size_(size) {}
  std::int64_t size() const override { return size_; }
  Sample get(const SampleKey& key) const override {
    const auto length = static_cast<std::size_t>(key.index % 5 + 1);
    return {{"input_ids", Numbers(length, key.index)},
            {"attention_mask", Numbers(length, 1)},
            {"weights", ones({static_cast<std::int64_t>(length), 2})},
            {"labels", key.index}};
  }

 private:
  std::int64_t size_;
};

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

TEST(Fields, AreFoundByName) {
  Batch batch{{"a", tensor({1.0f, 2.0f})}, {"b", tensor({3})}, {"c", Tensor()}};
  EXPECT_EQ(batch["b"].item<std::int64_t>(), 3);
  EXPECT_EQ(batch.names(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(batch.samples(), 2);
  EXPECT_EQ(batch.find("d"), nullptr);
  expect_parts(message_of<ValueError>([&] { batch["labels"]; }), {"'labels'", "a, b, c"});
  expect_parts(message_of<ValueError>([&] { Batch()["x"]; }), {"there are: none"});
  expect_parts(message_of<ValueError>([&] { batch.inputs(); }), {"there are 3: a, b, c"});
  expect_parts(message_of<ValueError>([&] {
                 auto [x, y] = batch;
                 ADD_FAILURE() << x.defined() << y.defined();
               }),
               {"a, b, c"});
  EXPECT_THROW((Batch{{"a", Tensor()}, {"a", Tensor()}}), ValueError);
  batch.set("b", tensor({7}));
  batch.set("d", tensor({8}));
  EXPECT_EQ(batch["b"].item<std::int64_t>(), 7);
  EXPECT_EQ(batch.num_fields(), 4u);
}

TEST(Fields, TwoBindToInputsAndTargets) {
  const Batch pair{tensor({1.0f}), tensor({2})};
  EXPECT_EQ(pair.names(), (std::vector<std::string>{"inputs", "targets"}));
  const auto& [inputs, targets] = pair;
  EXPECT_TRUE(inputs.is_same(pair.inputs()));
  EXPECT_TRUE(targets.is_same(pair["targets"]));
  auto [copy, other] = Batch{{"x", tensor({4})}, {"y", tensor({5})}};
  EXPECT_EQ(copy.item<std::int64_t>() + other.item<std::int64_t>(), 9);
  const Sample sample{std::int64_t{3}, 0.5f};
  const auto& [input, target] = sample;
  EXPECT_EQ(std::get<std::int64_t>(input), 3);
  EXPECT_EQ(std::get<float>(target), 0.5f);
}

TEST(Fields, BatchesHaveTheirSamplesFields) {
  for (const int workers : {0, 2}) {
    DataLoader loader{
        Texts(7),
        {.batch_size = 3,
         .workers = workers,
         .collate = padding_collate(
             {.values = {
                  {"input_ids", 9}, {"attention_mask", 0}, {"weights", 0.5}, {"not_there", 1}}})}};
    std::vector<Batch> batches;
    for (const Batch& batch : loader) batches.push_back(batch);
    ASSERT_EQ(batches.size(), 3u);
    const Batch& b = batches[0];
    EXPECT_EQ(b.names(),
              (std::vector<std::string>{"input_ids", "attention_mask", "weights", "labels"}));
    EXPECT_EQ(b["input_ids"].shape(), (Shape{3, 3}));
    EXPECT_EQ(b["input_ids"].to_vector<std::int64_t>(), (Numbers{0, 9, 9, 1, 1, 9, 2, 2, 2}));
    EXPECT_EQ(b["attention_mask"].to_vector<std::int64_t>(), (Numbers{1, 0, 0, 1, 1, 0, 1, 1, 1}));
    EXPECT_EQ(b["weights"].shape(), (Shape{3, 3, 2}));
    EXPECT_EQ(b["weights"].select(0, 0).to_vector<float>(),
              (std::vector<float>{1, 1, 0.5f, 0.5f, 0.5f, 0.5f}));
    EXPECT_EQ(b["labels"].to_vector<std::int64_t>(), (Numbers{0, 1, 2}));
    EXPECT_EQ(batches[1]["input_ids"].shape(), (Shape{3, 5}));
    EXPECT_EQ(batches[2]["input_ids"].shape(), (Shape{1, 2}));
  }
}

// Of 64 lengths few remain, each of which is a plan of its own.
TEST(PaddingCollate, RoundsLengthsUp) {
  class Lengths final : public Dataset {
   public:
    std::int64_t size() const override { return 64; }
    Sample get(const SampleKey& key) const override {
      return {{"ids", Numbers(static_cast<std::size_t>(key.index + 1), 1)}, {"labels", key.index}};
    }
  };
  const auto lengths = [](PaddingOptions options) {
    options.values = {{"ids", 0}};
    DataLoader loader{Lengths(), {.collate = padding_collate(std::move(options))}};
    std::set<std::int64_t> all;
    for (const Batch& batch : loader) all.insert(batch["ids"].size(1));
    return all;
  };
  EXPECT_EQ(lengths({}).size(), 64u);
  EXPECT_EQ(lengths({.multiple_of = 16}), (std::set<std::int64_t>{16, 32, 48, 64}));
  EXPECT_EQ(lengths({.length = 64}), (std::set<std::int64_t>{64}));
  EXPECT_EQ(lengths({.multiple_of = 40, .length = 50}), (std::set<std::int64_t>{80}));
}

TEST(PaddingCollate, RefusesWhatItCannotPad) {
  EXPECT_THROW(padding_collate({.multiple_of = 0}), ValueError);
  EXPECT_THROW(padding_collate({.length = -1}), ValueError);
  EXPECT_THROW(padding_collate({.values = {{"a", 0}, {"a", 1}}}), ValueError);
  const auto run = [](PaddingOptions options) {
    DataLoader loader{Texts(3), {.batch_size = 3, .collate = padding_collate(std::move(options))}};
    loader.begin();
  };
  expect_parts(message_of<ShapeError>([&] {
                 run({.values = {{"labels", 0}}});
               }),
               {"'labels'", "a single number"});
  expect_parts(message_of<ShapeError>([&] {
                 run({.values = {{"input_ids", 0}, {"weights", 0}}});
               }),
               {"'attention_mask'", "padding_collate"});
  EXPECT_THROW(run({.values = {{"input_ids", 1e30}, {"attention_mask", 0}, {"weights", 0}}}),
               ValueError);
  EXPECT_THROW(padding_collate({})({}), ValueError);
}

TEST(Collate, RefusesSamplesOfOtherFields) {
  const auto collate = [](const std::vector<Sample>& samples) { default_collate(samples); };
  const Sample pair{std::int64_t{1}, std::int64_t{2}};
  const Sample named{{"a", std::int64_t{1}}, {"b", std::int64_t{2}}};
  const Sample more{{"a", std::int64_t{1}}, {"b", std::int64_t{2}}, {"c", std::int64_t{2}}};
  expect_parts(message_of<ValueError>([&] {
                 collate({pair, named});
               }),
               {"sample 1 has a, b", "sample 0 has inputs, targets"});
  expect_parts(message_of<ValueError>([&] { collate({named, more}); }), {"a, b, c"});
  expect_parts(message_of<ValueError>([&] { collate({more, named}); }), {"sample 1 lacks 'c'"});
}

// transformers' algorithm on the shuffled order, step by step as it is described.
Numbers grouped(Numbers order, const Numbers& lengths, std::int64_t batch, std::int64_t mega) {
  std::vector<Numbers> groups;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i % static_cast<std::size_t>(batch * mega) == 0) groups.emplace_back();
    groups.back().push_back(order[i]);
  }
  const auto length = [&](std::int64_t i) { return lengths[static_cast<std::size_t>(i)]; };
  std::size_t longest = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::stable_sort(groups[g].begin(), groups[g].end(),
                     [&](auto a, auto b) { return length(a) > length(b); });
    if (length(groups[g][0]) > length(groups[longest][0])) longest = g;
  }
  std::swap(groups[0][0], groups[longest][0]);
  Numbers all;
  for (const Numbers& g : groups) all.insert(all.end(), g.begin(), g.end());
  return all;
}

TEST(LengthGroupedSampler, OrdersAsTransformersDoes) {
  for (const std::int64_t count : {1, 7, 64, 1003}) {
    Numbers lengths;
    for (std::int64_t i = 0; i < count; ++i) lengths.push_back((i * 7919) % 61);
    for (const std::int64_t batch : {1, 4, 16, 2000}) {
      const std::int64_t by_number =
          std::max<std::int64_t>(1, std::min<std::int64_t>(count / (batch * 4), 50));
      const RandomSampler shuffled(count);
      for (const std::int64_t mega : {std::int64_t{-1}, std::int64_t{1}, std::int64_t{3}}) {
        const LengthGroupedSampler sampler(lengths, batch, mega);
        for (const std::uint64_t epoch : {0u, 1u})
          EXPECT_EQ(sampler.order(5, epoch), grouped(shuffled.order(5, epoch), lengths, batch,
                                                     mega == -1 ? by_number : mega))
              << count << " " << batch << " " << mega;
      }
    }
  }
}

TEST(LengthGroupedSampler, SavesPadding) {
  Numbers lengths;
  for (std::int64_t i = 0; i < 640; ++i) lengths.push_back(5 + (i * 7919) % 100);
  const auto padded = [&](const Sampler& sampler) {
    const Numbers order = sampler.order(1, 0);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < order.size(); i += 8) {
      std::int64_t longest = 0;
      for (std::size_t k = i; k < i + 8; ++k)
        longest = std::max(longest, lengths[static_cast<std::size_t>(order[k])]);
      sum += 8 * longest;
    }
    return sum;
  };
  const LengthGroupedSampler sampler(lengths, 8);
  EXPECT_LT(static_cast<double>(padded(sampler)),
            0.7 * static_cast<double>(padded(RandomSampler(640))));
  EXPECT_EQ(lengths[static_cast<std::size_t>(sampler.order(1, 0)[0])], 104) << "the longest first";
  EXPECT_THROW(LengthGroupedSampler({1}, 0), ValueError);
  EXPECT_THROW(LengthGroupedSampler({1, -1}, 2), ValueError);
  EXPECT_THROW(LengthGroupedSampler({1}, 1, 0), ValueError);
  EXPECT_TRUE(LengthGroupedSampler({}, 4).order(0, 0).empty());
}

}  // namespace
}  // namespace ingot::data
