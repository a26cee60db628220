#include <ingot/core/state_dict.h>

#include <gtest/gtest.h>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

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

TEST(StateDict, AssigningToANewNameAppends) {
  StateDict dict;
  dict["w"] = ones({2});
  dict["b"] = zeros({1});
  dict["w"] = full({3}, 2);
  EXPECT_EQ(dict.keys(), (std::vector<std::string>{"w", "b"}));
  EXPECT_EQ(dict.at("w").shape(), (Shape{3}));
  dict["copy"] = dict["w"];
  EXPECT_TRUE(dict.at("copy").is_same(dict.at("w")));
  Tensor x = ones({2, 2});
  dict["row"] = x[0];
  x += 1;
  EXPECT_EQ(dict["row"].sum().item(), 2);
  dict["none"] = Tensor();
  EXPECT_FALSE(dict["none"].defined());
  EXPECT_TRUE(dict["b"].defined());
}

TEST(StateDict, EntriesShareTheirTensors) {
  StateDict dict{{"w", zeros({3})}};
  dict["w"] += 1;
  dict["w"].mul_(4);
  dict["w"][0] = 9;
  EXPECT_EQ(dict.at("w").to_vector<float>(), (std::vector<float>{9, 4, 4}));
  Tensor w = dict["w"];
  w.zero_();
  EXPECT_EQ(dict.at("w").sum().item(), 0);
  auto entry = dict["w"];
  entry = ones({3});  // the name `entry`, not the dict
  EXPECT_EQ(dict.at("w").sum().item(), 0);
}

// Reading never adds, and says what was meant.
TEST(StateDict, ReadingANewNameThrows) {
  StateDict dict{{"conv.weight", ones({2})}};
  const auto message = [](auto&& read) -> std::string {
    try {
      read();
    } catch (const ValueError& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  const std::string expected =
      "state dict: no tensor is named 'conv.wieght' among 1; did you mean 'conv.weight'?";
  EXPECT_EQ(message([&] { dict["conv.wieght"].shape(); }), expected);
  EXPECT_EQ(message([&] { Tensor t = dict["conv.wieght"]; }), expected);
  EXPECT_EQ(message([&] {
              Tensor t;
              t = dict["conv.wieght"];
            }),
            expected);
  EXPECT_EQ(message([&] { dict["conv.wieght"] += 1; }), expected);
  EXPECT_EQ(message([&] { dict["conv.wieght"].defined(); }), expected);
  EXPECT_EQ(message([&] { (dict["conv.wieght"] + 1).item(); }), expected);
  EXPECT_EQ(message([&] { dict["other"] = dict["conv.wieght"]; }), expected);
  const StateDict& fixed = dict;
  EXPECT_EQ(message([&] { fixed["conv.wieght"]; }), expected);
  EXPECT_EQ(dict.size(), 1u);
  auto late = [] {
    StateDict gone;
    return gone["w"];
  }();
  EXPECT_EQ(message([&] { late.shape(); }), "state dict: no tensor is named 'w'");
}

TEST(StateDict, PrefixesComeOff) {
  const StateDict dict{{"model.w", Tensor()}, {"optimizer.m", Tensor()}, {"model.b", Tensor()}};
  EXPECT_EQ(dict.with_prefix_removed("model.").keys(), (std::vector<std::string>{"w", "b"}));
}

}  // namespace
}  // namespace ingot
