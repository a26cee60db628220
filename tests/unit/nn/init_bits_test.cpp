// Rule 19: initial values that are computed on the host from random numbers have stored bits
// (tests/fixtures/make_random_fixtures.py).
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <ingot/nn/init.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

TEST(Rule19, OrthogonalMatricesHaveTheStoredBits) {
  const nlohmann::json all = testing_support::read_json("random/bits.json").at("orthogonal");
  ASSERT_GE(all.size(), 6u);
  for (const auto& stored : all) {
    const auto sizes = stored.at("shape").get<std::vector<std::int64_t>>();
    Tensor t = zeros(Shape(sizes.data(), sizes.size()),
                     {.dtype = parse_dtype(stored.at("dtype").get<std::string>())});
    manual_seed(stored.at("seed").get<std::uint64_t>());
    nn::init::orthogonal_(t, stored.at("gain").get<double>());
    const auto expected = stored.at("bits").get<std::vector<std::uint64_t>>();
    const HostArray host = t.to_host();
    const std::size_t size = nbytes_of(t.dtype());
    ASSERT_EQ(static_cast<std::size_t>(t.numel()), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, static_cast<const std::byte*>(host.data()) + i * size, size);
      EXPECT_EQ(bits, expected[i]) << stored.at("dtype") << " " << t.shape().str() << " at " << i;
    }
  }
}

}  // namespace
}  // namespace ingot
