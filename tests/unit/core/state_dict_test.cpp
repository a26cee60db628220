#include <ingot/core/state_dict.h>

#include <gtest/gtest.h>

#include <ingot/core/error.h>

namespace ingot {
namespace {

// Handles without a value are enough: a StateDict never looks into its tensors.
StateDict three() { return {{"b", Tensor()}, {"a", Tensor()}, {"c.weight", Tensor()}}; }

TEST(StateDict, KeepsTheOrderOfInsertion) {
  EXPECT_EQ(three().keys(), (std::vector<std::string>{"b", "a", "c.weight"}));
}

TEST(StateDict, EraseKeepsOrderAndPositions) {
  StateDict dict = three();
  EXPECT_TRUE(dict.erase("b"));
  EXPECT_FALSE(dict.erase("b"));
  EXPECT_EQ(dict.keys(), (std::vector<std::string>{"a", "c.weight"}));
  EXPECT_EQ(dict.find("c.weight") - dict.begin(), 1);
  EXPECT_EQ(dict.find("b"), dict.end());
  dict.insert("b", Tensor());
  EXPECT_EQ(dict.keys().back(), "b");
}

TEST(StateDict, RefusesANameTwice) {
  StateDict dict = three();
  EXPECT_THROW(dict.insert("a", Tensor()), ValueError);
  EXPECT_EQ(dict.size(), 3u);
  dict.insert_or_assign("a", Tensor());
  EXPECT_EQ(dict.size(), 3u);
}

TEST(StateDict, AtNamesTheNearestKey) {
  const StateDict dict = three();
  try {
    dict.at("c.wieght");
    FAIL() << "no exception";
  } catch (const ValueError& e) {
    EXPECT_STREQ(e.what(),
                 "state dict: no tensor is named 'c.wieght' among 3; did you mean 'c.weight'?");
  }
}

TEST(StateDict, PrefixesComeOff) {
  const StateDict dict{{"model.w", Tensor()}, {"optimizer.m", Tensor()}, {"model.b", Tensor()}};
  EXPECT_EQ(dict.with_prefix_removed("model.").keys(), (std::vector<std::string>{"w", "b"}));
}

}  // namespace
}  // namespace ingot
