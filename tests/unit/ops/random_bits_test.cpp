// Rule 19 through the public functions: stored bits (tests/fixtures/make_random_fixtures.py)
// whatever the shape, the layout of what reads them, eager or recorded.
#include <gtest/gtest.h>

#include <cstring>

#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>
#include <ingot/ops/shape.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

const nlohmann::json& fixture() {
  static const nlohmann::json all = testing_support::read_json("random/bits.json");
  return all;
}

Tensor draw(const nlohmann::json& stored, const Shape& shape) {
  const std::string op = stored.at("op");
  Generator generator(static_cast<std::uint64_t>(stored.at("seed").get<std::int64_t>()));
  const TensorOptions options{.dtype = parse_dtype(stored.at("dtype").get<std::string>())};
  const auto& slots = stored.at("slots");
  if (op == "uniform") return rand(shape, options, &generator);
  if (op == "normal") return randn(shape, options, &generator);
  if (op == "bernoulli") return bernoulli(shape, slots[0].get<double>(), options, &generator);
  return randint(slots[0], slots[1], shape, options, &generator);
}

std::vector<std::uint64_t> bits_of(const Tensor& t) {
  const HostArray host = t.to_host();
  const std::size_t size = nbytes_of(t.dtype());
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(t.numel()));
  for (std::size_t i = 0; i < bits.size(); ++i)
    std::memcpy(&bits[i], static_cast<const std::byte*>(host.data()) + i * size, size);
  return bits;
}

TEST(Rule19, DrawsHaveTheStoredBitsInEveryShapeAndLayout) {
  for (const auto& stored : fixture().at("draws")) {
    const auto bits = stored.at("bits").get<std::vector<std::uint64_t>>();
    const std::string what =
        stored.at("op").get<std::string>() + " " + stored.at("dtype").get<std::string>();
    const auto total = static_cast<std::int64_t>(bits.size());
    EXPECT_EQ(bits_of(draw(stored, {total})), bits) << what;
    const std::vector<std::uint64_t> first(bits.begin(), bits.begin() + 3 * 5 * 7 * 2);
    EXPECT_EQ(bits_of(draw(stored, {3, 5, 7, 2})), first) << what;
    // Read in another order: element (i, j, k, l) is still the row-major one.
    const Tensor turned = draw(stored, {3, 5, 7, 2}).permute({2, 0, 3, 1}).contiguous();
    const std::vector<std::uint64_t> moved = bits_of(turned);
    std::size_t at = 0;
    for (std::size_t k = 0; k < 7; ++k)
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t l = 0; l < 2; ++l)
          for (std::size_t j = 0; j < 5; ++j)
            ASSERT_EQ(moved[at++], first[((i * 5 + j) * 7 + k) * 2 + l]) << what;
  }
}

TEST(Rule19, PermutationsAreStored) {
  ASSERT_GE(fixture().at("permutations").size(), 5u);
  for (const auto& stored : fixture().at("permutations")) {
    Generator generator(stored.at("seed").get<std::uint64_t>());
    const Tensor order = randperm(stored.at("n"), &generator);
    EXPECT_EQ(order.to_vector<std::int64_t>(), stored.at("order").get<std::vector<std::int64_t>>());
    // The next draw begins behind its words, at a whole block.
    const auto n = stored.at("n").get<std::uint64_t>();
    EXPECT_EQ(generator.offset(), (2 * n + 3) / 4 * 4);
  }
}

}  // namespace
}  // namespace ingot
