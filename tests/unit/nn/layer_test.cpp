// What nn::Layer and nn::Takes give to every layer, and the spellings of constructors, calls and
// containers that PyTorch's users write.
#include <ingot/nn/nn.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/random.h>

namespace ingot {
namespace {

// -- A layer of ten lines -------------------------------------------------------------------------

struct ScaleOptions {
  double factor = 2;
  bool negative = false;
  void each(auto&& f) const {
    f("factor", factor);
    f("negative", negative);
  }
};
struct Scale : nn::Layer<Scale, ScaleOptions, std::int64_t> {
  using Layer::Layer;
  static void check(std::int64_t width, const ScaleOptions& options) {
    if (width < 1 || options.factor == 0) throw ValueError("Scale: no width or factor");
  }
  Tensor& shift = register_parameter("shift", zeros(argument<0>()));
  Tensor forward(const Tensor& x) override {
    return x * (options().negative ? -options().factor : options().factor) + shift;
  }
};
struct Net : nn::Module {
  Scale a{*this, "a", 3};
  Scale b{*this, "b", 3, {.factor = 5}};
  Scale c{*this, "c", 3, 4, true};
  Tensor forward(const Tensor& x) override { return c(b(a(x))); }
};

TEST(Layer, GivesConstructorsDescriptionAndClone) {
  EXPECT_EQ(Scale(3).str(), "Scale(3, factor=2, negative=false)");
  EXPECT_EQ(Scale(3, {.negative = true}).str(), "Scale(3, factor=2, negative=true)");
  EXPECT_EQ(Scale(3, 0.5).options().factor, 0.5);
  EXPECT_EQ(Scale(3, 4).options().factor, 4);  // a whole number for a double
  EXPECT_THROW(Scale(0), ValueError);
  EXPECT_THROW(Scale(3, 0.0), ValueError);
  Net net;
  EXPECT_EQ(net.state_dict().keys(), (std::vector<std::string>{"a.shift", "b.shift", "c.shift"}));
  EXPECT_EQ(net(ones(3)).amax().item(), -40);
  EXPECT_THROW((Scale{net, "d", 3, {.factor = 0}}), ValueError);
  EXPECT_EQ(net.children().size(), 3u);
  const auto copy = net.c.clone();
  EXPECT_EQ(copy->str(), net.c.str());
  EXPECT_EQ((*copy)(ones(3)).amax().item(), -4);
}

// A fraction is no number of anything, and what is no option does not compile.
template <class M, class... Arguments>
concept Made = requires(Arguments... arguments) { M(arguments...); };
static_assert(Made<Scale, int> && Made<Scale, int, float> && Made<Scale, int, double, bool>);
static_assert(!Made<Scale, int, double, bool, int> && !Made<Scale> &&
              !Made<Scale, int, const char*>);
static_assert(Made<nn::Conv2d, int, int, int, int> && !Made<nn::Conv2d, int, int, int, double>);
static_assert(!std::is_convertible_v<double, nn::Dropout> &&
              !std::is_convertible_v<int, nn::PReLU>);

TEST(Layer, OptionsByPositionAreThoseOfPyTorch) {
  EXPECT_EQ(nn::Conv2d(1, 8, 3, 1, 1).str(), nn::Conv2d(1, 8, 3, {.padding = 1}).str());
  EXPECT_EQ(nn::Conv2d(4, 8, 3, 2, 1, 1, 2, false).str(),
            nn::Conv2d(4, 8, 3, {.stride = 2, .padding = 1, .groups = 2, .bias = false}).str());
  EXPECT_EQ(nn::Conv2d(4, 8, Pair(3, 5), Pair(1, 2), "valid").str(),
            nn::Conv2d(4, 8, {3, 5}, {.stride = {1, 2}}).str());
  EXPECT_EQ(nn::Conv1d(4, 8, 3, 2, 1).str(),
            nn::Conv1d(4, 8, 3, {.stride = 2, .padding = 1}).str());
  EXPECT_EQ(nn::ConvTranspose2d(4, 8, 4, 2, 1, 1).str(),
            nn::ConvTranspose2d(4, 8, 4, {.stride = 2, .padding = 1, .output_padding = 1}).str());
  EXPECT_EQ(nn::ConvTranspose1d(4, 8, 4, 2, 1).str(),
            nn::ConvTranspose1d(4, 8, 4, {.stride = 2, .padding = 1}).str());
  EXPECT_EQ(nn::MaxPool2d(3, 2).str(), nn::MaxPool2d(3, {.stride = 2}).str());
  EXPECT_EQ(nn::MaxPool2d(3, 2, 1).str(), nn::MaxPool2d(3, {.stride = 2, .padding = 1}).str());
  EXPECT_EQ(nn::AvgPool2d(2, 2, 1, true).str(),
            nn::AvgPool2d(2, {.stride = 2, .padding = 1, .ceil_mode = true}).str());
  EXPECT_EQ(nn::Linear(4, 2, false).str(), nn::Linear(4, 2, {.bias = false}).str());
  EXPECT_EQ(nn::BatchNorm2d(8, 1e-3, 0.2).str(),
            nn::BatchNorm2d(8, {.eps = 1e-3, .momentum = 0.2}).str());
  EXPECT_EQ(nn::InstanceNorm1d(8, 1e-3, 0.2, true).str(),
            nn::InstanceNorm1d(8, {.eps = 1e-3, .momentum = 0.2, .affine = true}).str());
  EXPECT_EQ(nn::LayerNorm(8, 1e-3).str(), nn::LayerNorm({8}, {.eps = 1e-3}).str());
  EXPECT_EQ(nn::GroupNorm(2, 8, 1e-3, false).str(),
            nn::GroupNorm(2, 8, {.eps = 1e-3, .affine = false}).str());
  EXPECT_EQ(nn::Embedding(5, 3, 1).str(), nn::Embedding(5, 3, {.padding_idx = 1}).str());
  EXPECT_EQ(nn::LSTM(4, 8, 2, true, true).str(),
            nn::LSTM(4, 8, {.num_layers = 2, .batch_first = true}).str());
  EXPECT_EQ(nn::GRUCell(4, 8, false).str(), nn::GRUCell(4, 8, {.bias = false}).str());
  EXPECT_EQ(nn::MultiheadAttention(8, 2, 0.1).str(),
            nn::MultiheadAttention(8, 2, {.dropout = 0.1}).str());
  EXPECT_EQ(nn::TransformerEncoderLayer(8, 2, 16, 0.2).linear1.out_features(), 16);
  EXPECT_EQ(nn::Dropout(0.25).p(), 0.25);
  EXPECT_EQ(nn::Dropout(1).p(), 1);
  EXPECT_EQ(nn::Softmax(1).str(), nn::Softmax({.dim = 1}).str());
  EXPECT_EQ(nn::GELU("tanh").str(), "GELU(approximate='tanh')");
  EXPECT_EQ(nn::Flatten(2, -1).str(), "Flatten(start_dim=2, end_dim=-1)");
  struct Owner : nn::Module {
    nn::MaxPool2d pool{*this, "pool", 3, 2};
    nn::Conv2d conv{*this, "conv", 1, 8, 3, 1, 1};
    nn::BatchNorm2d norm{*this, "norm", 8, 1e-3};
  } owner;
  EXPECT_EQ(owner.conv.str(), nn::Conv2d(1, 8, 3, {.padding = 1}).str());
  EXPECT_EQ(owner.children().size(), 3u);
}

TEST(Functions, TakeOptionsByPosition) {
  const Tensor x = arange(36).reshape({1, 1, 6, 6}).to(float32), w = ones({1, 1, 3, 3});
  EXPECT_EQ(max_pool2d(x, 3, 2).to_vector<float>(),
            max_pool2d(x, 3, {.stride = 2}).to_vector<float>());
  EXPECT_EQ(avg_pool2d(x, 3, 2, 1).to_vector<float>(),
            avg_pool2d(x, 3, {.stride = 2, .padding = 1}).to_vector<float>());
  EXPECT_EQ(conv2d(x, w, {}, 2, 1).to_vector<float>(),
            conv2d(x, w, {}, {.stride = 2, .padding = 1}).to_vector<float>());
}

TEST(Losses, TakeOptionsByNameAndByPosition) {
  const Tensor x = tensor({0.2, 0.9, -0.5}), y = tensor({0.1, 0.2, 0.3}),
               p = tensor({0.2, 0.9, 0.5});
  const auto sum = Reduction::Sum;
  const auto same = [&](auto&& a, auto&& b, const Tensor& input, const Tensor& expected) {
    EXPECT_EQ(a(input, y).template item<float>(), expected.item<float>());
    EXPECT_EQ(b(input, y).template item<float>(), expected.item<float>());
  };
  same(nn::MSELoss({.reduction = sum}), nn::MSELoss(sum), x, mse_loss(x, y, {.reduction = sum}));
  same(nn::L1Loss({.reduction = sum}), nn::L1Loss(sum), x, l1_loss(x, y, sum));
  same(nn::SmoothL1Loss({.reduction = sum, .beta = 0.5}), nn::SmoothL1Loss(sum, 0.5), x,
       smooth_l1_loss(x, y, {.reduction = sum, .beta = 0.5}));
  same(nn::HuberLoss({.reduction = sum, .delta = 0.5}), nn::HuberLoss(sum, 0.5), x,
       huber_loss(x, y, {.reduction = sum, .delta = 0.5}));
  same(nn::KLDivLoss({.reduction = sum, .log_target = true}), nn::KLDivLoss(sum, true), x,
       kl_div(x, y, {.reduction = sum, .log_target = true}));
  same(nn::BCELoss({.weight = y, .reduction = sum}), nn::BCELoss(y, sum), p,
       binary_cross_entropy(p, y, {.weight = y, .reduction = sum}));
  EXPECT_EQ(nn::CrossEntropyLoss({.label_smoothing = 0.1}).options().label_smoothing, 0.1);
}

// -- Calls ----------------------------------------------------------------------------------------

TEST(Calls, OfConstModules) {
  const nn::Linear fc{4, 2};
  const nn::Sequential net(nn::Linear(4, 2), nn::BatchNorm1d(2));
  const nn::LSTM lstm{4, 3};
  const nn::MSELoss loss;
  const nn::MultiheadAttention attention{4, 2};
  EXPECT_EQ(fc(ones({3, 4})).shape(), (Shape{3, 2}));
  EXPECT_EQ(net(ones({3, 4})).shape(), (Shape{3, 2}));
  EXPECT_EQ(net.buffers()[2].item<std::int64_t>(), 1);  // the batch was counted
  EXPECT_EQ(lstm(ones({5, 1, 4})).output.shape(), (Shape{5, 1, 3}));
  EXPECT_EQ(loss(ones(2), zeros(2)).item(), 1);
  const Tensor x = ones({2, 1, 4});
  EXPECT_EQ(attention(x, x, x).output.shape(), (Shape{2, 1, 4}));
  EXPECT_EQ(attention(x).shape(), (Shape{2, 1, 4}));
}

struct Distance : nn::Takes<nn::Module, Tensor, Tensor> {
  using Module::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& y) override { return (x - y).abs().sum(); }
};
struct Product : nn::Takes<nn::Module, Tensor, Tensor> {
  using Module::forward;
  using Takes::Takes;
  Tensor forward(const Tensor& x, const Tensor& y) override { return (x * y).sum(); }
};
struct Pairs : nn::Module {
  Distance score{*this, "score"};
  nn::MSELoss loss{*this, "loss"};
  Tensor forward(const Tensor& x) override { return score(x, x + 1) + loss(x, x); }
};

TEST(Calls, WithSeveralInputsShareHooksSitesAndReplacement) {
  Pairs net;
  int calls = 0;
  net.score.register_forward_pre_hook([&](nn::Module&, const Tensor& x) {
    ++calls;
    return x * 2;
  });
  net.score.register_forward_hook([&](nn::Module& m, const Tensor&, const Tensor& y) {
    EXPECT_EQ(m.type_name(), "Distance");
    return y + 100;
  });
  EXPECT_EQ(net.score(ones(3), zeros(3)).item(), 106);
  const Tensor same = ones(3);
  EXPECT_EQ(net.score(same, same).item(), 100) << "the same tensor twice stays the same";
  EXPECT_EQ(calls, 2);
  try {
    net.score(ones({3}), ones({2}));
    FAIL();
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("layer_test.cpp"), std::string::npos) << text;
    EXPECT_NE(text.find("called from"), std::string::npos) << text;
  }
  net.replace("score", std::make_unique<Product>());
  EXPECT_EQ(net.score(ones(3), full(3, 2.0)).item(), 6);
  net.replace("loss", std::make_unique<nn::L1Loss>());
  EXPECT_EQ(net.loss(ones(3), full(3, 3.0)).item(), 2);
  net.replace("loss", std::make_unique<nn::ReLU>());
  EXPECT_THROW(net.loss(ones(3), ones(3)), ValueError);
}

// -- Containers -----------------------------------------------------------------------------------

struct Own : nn::Module {
  nn::Linear fc{*this, "fc", 2, 2};
  Tensor forward(const Tensor& x) override { return fc(x); }
};

TEST(Sequential, IsMadeFromLayersPointersAndFunctions) {
  manual_seed(3);
  nn::Linear kept(4, 3);
  manual_seed(3);
  // In braces the layers are made, and draw their values, from the first to the last.
  nn::Sequential net{nn::Linear(4, 3),
                     nn::ReLU(),
                     [](const Tensor& x) { return x * 2; },
                     std::make_unique<nn::Linear>(3, 2),
                     std::make_unique<Own>(),
                     nn::Sequential{nn::Tanh(), nn::Dropout(0.5)}};
  EXPECT_EQ(net.size(), 6u);
  EXPECT_EQ(net.state_dict().keys(),
            (std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias", "4.fc.weight",
                                      "4.fc.bias"}));
  EXPECT_EQ(net.state_dict().at("0.weight").to_vector<float>(), kept.weight.to_vector<float>());
  net.eval();
  EXPECT_EQ(net(ones({5, 4})).shape(), (Shape{5, 2}));
  EXPECT_EQ(net[2].type_name(), "Lambda");
  net.append(nn::Linear(2, 1));
  net.append([](const Tensor& x) { return -x; });
  net.append(std::make_unique<nn::Sigmoid>());
  EXPECT_EQ(net(ones({5, 4})).shape(), (Shape{5, 1}));
  EXPECT_EQ(net.str().find("Own") == std::string::npos, false);
  // A class that cannot be made anew says what to do.
  try {
    nn::Sequential refused{Own()};
    FAIL() << "Own has no make_same()";
  } catch (const ValueError& e) {
    EXPECT_NE(std::string(e.what()).find("make_unique<Own>"), std::string::npos) << e.what();
  }
}
// Somebody else's layers are not copied behind one's back.
static_assert(!std::is_constructible_v<nn::Sequential, nn::Linear&>);
static_assert(std::is_constructible_v<nn::Sequential, nn::Linear, nn::ReLU>);

TEST(Sequential, AsAMemberFromLayers) {
  struct Model : nn::Module {
    nn::Sequential body{*this, "body", nn::Linear(4, 3), nn::ReLU()};
    nn::ModuleList heads{*this, "heads", nn::Linear(3, 2), nn::Linear(3, 1)};
    Tensor forward(const Tensor& x) override {
      Tensor y = body(x), total;
      for (nn::Module& head : heads)
        total = total.defined() ? total + head(y).sum() : head(y).sum();
      return total;
    }
  } net;
  EXPECT_EQ(net.parameters().size(), 6u);
  EXPECT_EQ(net(ones({2, 4})).dim(), 0);
  EXPECT_EQ(net.state_dict().keys()[0], "body.0.weight");
}

// A single part that is of the container's own class is a part, not something to copy.
TEST(Sequential, OfOneSequential) {
  const auto outer = std::make_unique<nn::Sequential>(nn::Sequential{nn::Linear(4, 3), nn::ReLU()});
  EXPECT_EQ(outer->size(), 1u);
  EXPECT_EQ(outer->state_dict().keys()[0], "0.0.weight");
  const auto list = std::make_unique<nn::ModuleList>(nn::ModuleList{nn::ReLU(), nn::ReLU()});
  EXPECT_EQ(list->size(), 1u);
}

// A model of its own constructor: clone() and the owner's line come from the base.
TEST(Composite, IsMadeAgainFromItsArguments) {
  struct BlockOptions {
    bool bias = true;
  };
  struct Block : nn::Composite<Block, BlockOptions, std::int64_t> {
    explicit Block(std::int64_t width, const BlockOptions& o = {})
        : Composite(width, o), fc(*this, "fc", width, width, {.bias = o.bias}) {
      ++made();
    }
    static int& made() {
      static int count = 0;
      return count;
    }
    Tensor forward(const Tensor& x) override { return x + fc(x).relu(); }
    nn::Linear fc;
  };
  struct Two : nn::Composite<Two, nn::NoOptions, std::int64_t, std::int64_t> {
    Two(std::int64_t a, std::int64_t b) : Composite(a, b), fc(*this, "fc", a, b) {}
    Tensor forward(const Tensor& x) override { return fc(x); }
    nn::Linear fc;
  };
  Block block(4, {.bias = false});
  EXPECT_EQ(block.description(), "");
  const auto same = block.clone();
  EXPECT_EQ(Block::made(), 2);
  EXPECT_EQ(same->state_dict().keys(), (std::vector<std::string>{"fc.weight"}));
  const Tensor x = randn({3, 4});
  EXPECT_EQ((*same)(x).to_vector<float>(), block(x).to_vector<float>());
  EXPECT_EQ((*Two(4, 2).clone())(x).shape(), (Shape{3, 2}));
}

TEST(Containers, AreIterated) {
  nn::Sequential empty;
  for (nn::Module& m : empty) FAIL() << m.type_name();
  nn::ModuleList list{nn::ReLU(), nn::Tanh(), nn::Sigmoid()};
  std::string names;
  for (nn::Module& m : list) names += m.type_name() + " ";
  for (const auto& m : std::as_const(list)) names += m.type_name() + " ";
  EXPECT_EQ(names, "ReLU Tanh Sigmoid ReLU Tanh Sigmoid ");
  EXPECT_EQ(std::distance(list.begin(), list.end()), 3);
  EXPECT_EQ(list.begin()->type_name(), "ReLU");
  nn::ModuleDict dict;
  dict.add<nn::Linear>("a", 4, 2);
  dict.add<nn::ReLU>("b");
  names.clear();
  for (auto [name, module] : dict) names += name + "=" + module.type_name() + " ";
  EXPECT_EQ(names, "a=Linear b=ReLU ");
  nn::ParameterList parameters;
  parameters.append(ones(2));
  parameters.append(ones(3));
  std::int64_t total = 0;
  for (Tensor& p : parameters) total += p.numel();
  EXPECT_EQ(total, 5);
}

TEST(Lambda, IsAModule) {
  nn::Sequential net(nn::Lambda([](const Tensor& x) { return x + 1; }));
  const auto copy = net.clone();
  EXPECT_EQ((*copy)(zeros(2)).amax().item(), 1);
  struct Owner : nn::Module {
    nn::Lambda twice{*this, "twice", [](const Tensor& x) { return x * 2; }};
    Tensor forward(const Tensor& x) override { return twice(x); }
  } owner;
  EXPECT_EQ(owner(ones(2)).amax().item(), 2);
}

TEST(Conversions, OfModulesByName) {
  nn::Linear fc{4, 2};
  EXPECT_EQ(fc.half().parameters()[0].dtype(), float16);
  EXPECT_EQ(fc.bfloat16().parameters()[0].dtype(), bfloat16);
  EXPECT_EQ(fc.float64().parameters()[0].dtype(), float64);
  EXPECT_EQ(fc.to("cpu", float32).parameters()[0].dtype(), float32);
}

}  // namespace
}  // namespace ingot
