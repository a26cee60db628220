// PyTorch's promotion tables: all pairs of dtypes, 0-dim tensors and numbers.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "support/source_dir.h"

namespace ingot {
namespace {

using nlohmann::json;

class PromotionTable : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(ingot::testing::source_dir() + "/tests/fixtures/ops/promotion.json");
    ASSERT_TRUE(file);
    table_ = json::parse(file);
    for (const std::string text : table_["names"]) dtypes_.push_back(parse_dtype(text));
    ASSERT_EQ(dtypes_.size(), static_cast<std::size_t>(kNumDTypes));
  }

  // f(a, b) names the dtype that row a, column b of the table must have.
  template <class F>
  void expect_pairs(const char* what, F f) const {
    for (std::size_t a = 0; a < dtypes_.size(); ++a)
      for (std::size_t b = 0; b < dtypes_.size(); ++b)
        EXPECT_EQ(name(f(dtypes_[a], dtypes_[b])), table_[what][a][b].get<std::string>())
            << what << " of " << name(dtypes_[a]) << " and " << name(dtypes_[b]);
  }

  static Tensor some(DType t) { return ones({2}, {.dtype = t}); }
  static Tensor zero_dim(DType t) { return ones({}, {.dtype = t}); }

  json table_;
  std::vector<DType> dtypes_;
};

TEST_F(PromotionTable, Types) {
  expect_pairs("promote_types", promote_types);
  expect_pairs("promote_types", [](DType a, DType b) { return result_type(some(a), some(b)); });
  expect_pairs("promote_types", [](DType a, DType b) { return (some(a) + some(b)).dtype(); });
  expect_pairs("promote_types",
               [](DType a, DType b) { return maximum(zero_dim(a), zero_dim(b)).dtype(); });
}

TEST_F(PromotionTable, ZeroDimTensorsAreWeaker) {
  expect_pairs("zero_dim", [](DType a, DType b) { return result_type(some(a), zero_dim(b)); });
  expect_pairs("zero_dim", [](DType a, DType b) { return (some(a) * zero_dim(b)).dtype(); });
  expect_pairs("zero_dim", [](DType a, DType b) { return (zero_dim(b) + some(a)).dtype(); });
}

TEST_F(PromotionTable, Division) {
  expect_pairs("div", [](DType a, DType b) { return (some(a) / some(b)).dtype(); });
}

TEST_F(PromotionTable, Numbers) {
  const std::pair<const char*, Scalar> numbers[] = {{"bool", true}, {"int", 3}, {"float", 1.5}};
  for (const auto& [kind, number] : numbers)
    for (std::size_t a = 0; a < dtypes_.size(); ++a) {
      const DType t = dtypes_[a];
      const std::string expected = table_["number"][kind][a];
      const std::string expected_zero_dim = table_["number_zero_dim"][kind][a];
      SCOPED_TRACE(std::string(name(t)) + " with " + kind);
      EXPECT_EQ(name(promote_with_scalar(t, number.kind())), expected);
      EXPECT_EQ(name(result_type(some(t), number)), expected);
      EXPECT_EQ(name(add(some(t), number).dtype()), expected);
      EXPECT_EQ(name(add(number, some(t)).dtype()), expected);
      EXPECT_EQ(name(add(zero_dim(t), number).dtype()), expected_zero_dim);
    }
}

TEST_F(PromotionTable, Sums) {
  for (std::size_t a = 0; a < dtypes_.size(); ++a)
    EXPECT_EQ(name(sum(some(dtypes_[a])).dtype()), table_["sum"][a].get<std::string>());
}

TEST_F(PromotionTable, Casts) {
  for (std::size_t a = 0; a < dtypes_.size(); ++a)
    for (std::size_t b = 0; b < dtypes_.size(); ++b)
      EXPECT_EQ(can_cast(dtypes_[a], dtypes_[b]), table_["can_cast"][a][b].get<bool>())
          << name(dtypes_[a]) << " to " << name(dtypes_[b]);
}

}  // namespace
}  // namespace ingot
