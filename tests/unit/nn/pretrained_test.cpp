// Weights of another number of classes.
#include <gtest/gtest.h>
#include <ingot/nn/pretrained.h>

#include <string>

#include <ingot/core/error.h>
#include <ingot/models/models.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>

namespace ingot {
namespace {

struct Net : nn::Module {
  nn::Linear body{*this, "body", 3, 4};
  nn::BatchNorm1d norm{*this, "norm", 4};
  nn::Linear head;
  explicit Net(std::int64_t classes) : head(*this, "head", 4, classes) {}
};

std::vector<float> values(const Tensor& t) { return t.to_vector<float>(); }

TEST(Pretrained, TakesEverythingThatFits) {
  Net a(5), b(5);
  const nn::PretrainedReport report = nn::load_pretrained(b, a.state_dict());
  EXPECT_EQ(report.loaded, a.state_dict().keys());
  EXPECT_TRUE(report.skipped.empty());
  EXPECT_EQ(values(b.head.weight), values(a.head.weight));
}

TEST(Pretrained, LeavesTheHeadOutAsAWhole) {
  Net a(5), b(2);
  const auto head = values(b.head.weight), bias = values(b.head.bias);
  const nn::PretrainedReport report = nn::load_pretrained(b, a.state_dict());
  EXPECT_EQ(report.skipped,
            (std::vector<std::string>{"head.weight: [5, 4] in the file, [2, 4] here",
                                      "head.bias: [5] in the file, [2] here"}));
  EXPECT_EQ(report.loaded.size(), 7u);
  EXPECT_EQ(values(b.body.weight), values(a.body.weight));
  EXPECT_EQ(values(b.head.weight), head);
  EXPECT_EQ(values(b.head.bias), bias);
}

TEST(Pretrained, OldFilesLackTheCounter) {
  Net a(5), b(5);
  StateDict old = a.state_dict();
  old.erase("norm.num_batches_tracked");
  EXPECT_EQ(nn::load_pretrained(b, old).skipped,
            (std::vector<std::string>{"norm.num_batches_tracked: not in the file"}));
}

TEST(Pretrained, WeightsOfAnotherModelListEveryKeyAndChangeNothing) {
  Net a(5), b(5);
  StateDict wrong = a.state_dict();
  wrong.erase("body.bias");
  wrong.insert_or_assign("body.weight", zeros({4, 9}));
  wrong.insert("layer1.weight", zeros({1}));
  const auto before = values(b.norm.weight);
  wrong.insert_or_assign("norm.weight", zeros({4}));
  try {
    nn::load_pretrained(b, wrong);
    FAIL() << "no error";
  } catch (const ValueError& e) {
    const std::string text = e.what();
    for (const char* part :
         {"not of this model (Net)", "body.bias: missing",
          "body.weight: [4, 9] in the file, [4, 3] in the model", "layer1.weight: unexpected"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " is not in:\n" << text;
  }
  EXPECT_EQ(values(b.norm.weight), before);
}

TEST(Pretrained, FindsTheHead) {
  Net net(2);
  EXPECT_EQ(nn::head_of(net), "head");
  EXPECT_EQ(nn::head_of(*models::create("lenet5")).find('.'), std::string::npos);
  EXPECT_EQ(nn::head_of(*models::create("resnet18")), "fc");
  nn::ReLU nothing;
  EXPECT_THROW(nn::head_of(nothing), ValueError);
}

}  // namespace
}  // namespace ingot
