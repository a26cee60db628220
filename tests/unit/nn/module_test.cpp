// Modules: registration, names, state, replacement, calls. Rules 24 and 25.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>

#include "support/lazy_scope.h"

namespace ingot {
namespace {

static_assert(!std::is_copy_constructible_v<nn::Linear> &&
                  !std::is_move_constructible_v<nn::Linear>,
              "rule 25: modules are neither copied nor moved");

struct Net : nn::Module {
  nn::Conv2d conv{*this, "conv", 1, 4, 3};
  nn::BatchNorm2d bn{*this, "bn", 4};
  nn::Linear head{*this, "head", 4 * 6 * 6, 10};
  Tensor forward(const Tensor& x) { return head(bn(conv(x)).relu().flatten(1)); }
};

std::vector<std::string> names(const nn::NamedTensors& list) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : list) all.push_back(name);
  return all;
}

// The text of the ValueError that `f` throws.
template <class F>
std::string value_error(F&& f) {
  try {
    f();
  } catch (const ValueError& e) {
    return e.what();
  }
  ADD_FAILURE() << "no ValueError";
  return {};
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "'" << (part) << "' is not in:\n" << (text)

// Files of before 2018 have no num_batches_tracked, and numbers as tensors of shape [1]; PyTorch
// loads them. Nothing else may be missing.
TEST(Module, LoadsWhatOldFilesLack) {
  struct Norms : nn::Module {
    nn::BatchNorm1d a{*this, "a", 2};
    nn::BatchNorm2d b{*this, "b", 2};
    nn::InstanceNorm2d d{*this, "d", 2, {.affine = true, .track_running_stats = true}};
    Tensor own = register_buffer("num_batches_tracked", tensor(3));
    Tensor scale = register_parameter("scale", tensor(2.0f));
  };
  Norms net;
  net.a.num_batches_tracked.copy_(tensor(5, int64));
  const StateDict all = net.state_dict().snapshot();
  StateDict old = all;
  for (const char* name : {"a", "b", "d"}) {
    ASSERT_TRUE(old.erase(std::string(name) + ".num_batches_tracked")) << name;
    StateDict one = all;
    one.erase(std::string(name) + ".running_var");
    EXPECT_HAS(value_error([&] { net.load_state_dict(one); }), ".running_var");
  }
  old.insert_or_assign("a.running_mean", tensor({7.0f, 8.0f}));
  old.insert_or_assign("scale", tensor({4.0f}));
  const nn::LoadReport report = net.load_state_dict(old);
  EXPECT_TRUE(report.missing.empty());
  EXPECT_EQ(net.a.running_mean.to_vector<float>(), (std::vector<float>{7, 8}));
  EXPECT_EQ(net.a.num_batches_tracked.item<int>(), 5);
  EXPECT_EQ(net.state_dict().at("scale").shape(), Shape{});
  EXPECT_EQ(net.state_dict().at("scale").item<float>(), 4.0f);
  EXPECT_TRUE(net.load_state_dict(old, false).missing.empty());
  // Not of norms: it has to be there.
  old.erase("num_batches_tracked");
  EXPECT_HAS(value_error([&] { net.load_state_dict(old); }), "missing keys (1)");
  old.insert("num_batches_tracked", tensor(1));
  old.insert_or_assign("scale", tensor({4.0f, 5.0f}));
  EXPECT_HAS(value_error([&] { net.load_state_dict(old); }), "scale: [] in the module, [2]");
}

TEST(Module, RegistersInDeclarationOrder) {
  Net net;
  const std::vector<std::string> parameters = {"conv.weight", "conv.bias",   "bn.weight",
                                               "bn.bias",     "head.weight", "head.bias"};
  EXPECT_EQ(names(net.named_parameters()), parameters);
  const std::vector<std::string> buffers = {"bn.running_mean", "bn.running_var",
                                            "bn.num_batches_tracked"};
  EXPECT_EQ(names(net.named_buffers()), buffers);
  // PyTorch's order: of each module first the parameters, then the buffers.
  const std::vector<std::string> keys = {"conv.weight",
                                         "conv.bias",
                                         "bn.weight",
                                         "bn.bias",
                                         "bn.running_mean",
                                         "bn.running_var",
                                         "bn.num_batches_tracked",
                                         "head.weight",
                                         "head.bias"};
  EXPECT_EQ(net.state_dict().keys(), keys);
  EXPECT_EQ(net.num_parameters(), 4 * 9 + 4 + 4 + 4 + 144 * 10 + 10);
  EXPECT_EQ(net.children().size(), 3u);
  EXPECT_EQ(net.named_modules().size(), 4u);
  EXPECT_EQ(net.named_modules()[0].first, "");
  EXPECT_EQ(net.named_modules()[2].second, &net.bn);
  for (const Tensor& p : net.parameters()) EXPECT_TRUE(p.requires_grad());
  for (const Tensor& b : net.buffers()) EXPECT_FALSE(b.requires_grad());
  EXPECT_EQ(net.bn.num_batches_tracked.dtype(), int64);
}

TEST(Module, RefusesImpossibleNames) {
  Net net;
  EXPECT_HAS(value_error([&] { nn::Linear(net, "conv", 1, 1); }), "'conv'");
  EXPECT_HAS(value_error([&] { nn::Linear(net, "a.b", 1, 1); }), "dot");
  EXPECT_HAS(value_error([&] { nn::Linear(net, "", 1, 1); }), "empty");
  EXPECT_HAS(value_error([&] { net.register_buffer("head", zeros({1})); }), "'head'");
  EXPECT_HAS(value_error([&] { net.register_module("m", nullptr); }), "null");
  EXPECT_EQ(net.children().size(), 3u) << "a refused module must not stay registered";
}

TEST(Module, ChildrenThatDieLeaveTheirOwner) {
  Net net;
  {
    nn::Linear extra(net, "extra", 2, 2);
    EXPECT_EQ(net.children().size(), 4u);
  }
  EXPECT_EQ(net.children().size(), 3u);
  auto owner = std::make_unique<nn::Sequential>();
  auto child = std::make_unique<nn::Linear>(*owner, "child", 2, 2);
  owner.reset();  // the child must not touch it any more
  EXPECT_EQ(child->parameters().size(), 2u);
}

TEST(Module, AssigningAParameterTiesIt) {
  struct Tied : nn::Module {
    nn::Linear encoder{*this, "encoder", 3, 3};
    nn::Linear decoder{*this, "decoder", 3, 3};
    Tied() { decoder.weight = encoder.weight; }
  } net;
  const std::vector<std::string> once = {"encoder.weight", "encoder.bias", "decoder.bias"};
  EXPECT_EQ(names(net.named_parameters()), once);
  EXPECT_EQ(net.state_dict().size(), 4u) << "files keep both names, as in PyTorch";
  const NoGradGuard no_grad;
  nn::init::constant_(net.encoder.weight, 7);
  EXPECT_EQ(net.decoder.weight.to_vector<float>(), std::vector<float>(9, 7.f));
}

TEST(Module, StateDictSharesAndSnapshotDoesNot) {
  nn::Linear layer(2, 1);
  const StateDict shared = layer.state_dict(), copy = shared.snapshot();
  const auto before = copy.at("weight").to_vector<float>();
  nn::init::constant_(layer.weight, 5);
  EXPECT_EQ(shared.at("weight").to_vector<float>(), std::vector<float>(2, 5.f));
  EXPECT_EQ(copy.at("weight").to_vector<float>(), before);
  {
    const NoGradGuard no_grad;
    Tensor weight = layer.state_dict().at("weight");
    weight.copy_(full({1, 2}, 3.0));
  }
  EXPECT_EQ(layer.weight.to_vector<float>(), std::vector<float>(2, 3.f));
}

TEST(Module, LoadStateDictTakesValuesAndKeepsHandles) {
  Net a, b;
  const Tensor handle = b.conv.weight;
  b.load_state_dict(a.state_dict());
  EXPECT_EQ(handle.to_vector<float>(), a.conv.weight.to_vector<float>());
  EXPECT_TRUE(handle.is_same(b.conv.weight));
  EXPECT_TRUE(b.conv.weight.requires_grad());
  EXPECT_TRUE(b.conv.weight.is_leaf());
  nn::init::zeros_(a.conv.weight);
  EXPECT_NE(handle.to_vector<float>(), a.conv.weight.to_vector<float>()) << "values, not handles";
  // Another dtype is converted to the module's.
  Net c;
  c.to(float64);
  c.load_state_dict(b.state_dict());
  EXPECT_EQ(c.conv.weight.dtype(), float64);
  EXPECT_EQ(c.bn.num_batches_tracked.dtype(), int64);
}

TEST(Module, LoadStateDictListsEveryProblemAndChangesNothing) {
  Net net;
  StateDict dict = net.state_dict().snapshot();
  dict.erase("conv.bias");
  dict.erase("bn.running_var");
  dict.insert("fc.weight", zeros({1}));
  dict.insert_or_assign("head.weight", zeros({1000, 144}));
  dict.insert_or_assign("head.bias", zeros({1000}));
  dict.insert_or_assign("conv.weight", zeros({4, 1, 3, 3}));
  const auto before = net.conv.weight.to_vector<float>();
  const std::string text = value_error([&] { net.load_state_dict(dict); });
  for (const char* key : {"conv.bias", "bn.running_var", "fc.weight", "head.weight", "head.bias",
                          "[10, 144]", "[1000, 144]", "missing keys (2)", "unexpected keys (1)"})
    EXPECT_HAS(text, key);
  EXPECT_EQ(text.find("conv.weight"), std::string::npos);
  EXPECT_EQ(net.conv.weight.to_vector<float>(), before);
  // Shapes must fit even when keys need not.
  EXPECT_HAS(value_error([&] { net.load_state_dict(dict, false); }), "head.bias");
  dict.erase("head.weight");
  dict.erase("head.bias");
  const nn::LoadReport report = net.load_state_dict(dict, false);
  EXPECT_EQ(report.missing.size(), 4u);
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"fc.weight"});
  EXPECT_EQ(net.conv.weight.to_vector<float>(), std::vector<float>(36, 0.f));
}

TEST(Module, ToConvertsInPlace) {
  Net net;
  const Tensor handle = net.head.weight;
  Tensor bias = net.head.bias;
  bias.set_grad(ones({10}));
  net.to(float64);
  EXPECT_EQ(handle.dtype(), float64) << "an optimizer's handle must see it";
  EXPECT_EQ(bias.grad().dtype(), float64);
  EXPECT_EQ(net.bn.running_mean.dtype(), float64);
  EXPECT_EQ(net.bn.num_batches_tracked.dtype(), int64);
  EXPECT_TRUE(handle.requires_grad() && handle.is_leaf());
  EXPECT_THROW(net.to(int32), DTypeError);
  net.to("cpu");
  EXPECT_THROW(net.to("nowhere"), DeviceError);
}

TEST(Module, TrainZeroGradRequiresGradApply) {
  Net net;
  EXPECT_TRUE(net.is_training());
  net.eval();
  EXPECT_FALSE(net.bn.is_training());
  net.train();
  EXPECT_TRUE(net.bn.is_training());
  Tensor bias = net.head.bias;
  bias.set_grad(ones({10}));
  net.zero_grad();
  EXPECT_FALSE(bias.grad().defined());
  net.requires_grad_(false);
  for (const Tensor& p : net.parameters()) EXPECT_FALSE(p.requires_grad());
  std::vector<std::string> order;
  net.apply([&](nn::Module& m) { order.push_back(m.type_name()); });
  EXPECT_EQ(order, (std::vector<std::string>{"Conv2d", "BatchNorm2d", "Linear", "Net"}));
}

TEST(Module, ReplaceTakesCallsAndParameters) {
  Net net;
  nn::Module& head = net.replace("head", std::make_unique<nn::Linear>(144, 3));
  EXPECT_EQ(&net.get_submodule("head"), &head);
  EXPECT_EQ(net.state_dict().at("head.weight").shape(), (Shape{3, 144}));
  EXPECT_EQ(net.parameters().size(), 6u);
  EXPECT_EQ(net(zeros({2, 1, 8, 8})).shape(), (Shape{2, 3}))
      << "calls of the member are redirected";
  EXPECT_FALSE(net.head.weight.defined()) << "the old weights are released";
  net.replace("head", std::make_unique<nn::Linear>(144, 5));
  EXPECT_EQ(net(zeros({2, 1, 8, 8})).shape(), (Shape{2, 5}));

  nn::Sequential tree;
  auto& inner = tree.add_named<nn::Sequential>("classifier");
  inner.add<nn::Linear>(4, 4);
  auto& last = inner.add<nn::Linear>(4, 1000);
  tree.replace("classifier.1", std::make_unique<nn::Linear>(4, 10));
  EXPECT_EQ(tree(zeros({1, 4})).shape(), (Shape{1, 10}));
  EXPECT_EQ(last(zeros({1, 4})).shape(), (Shape{1, 10})) << "old references stay usable";
  EXPECT_HAS(value_error([&] { tree.replace("classifier.7", std::make_unique<nn::ReLU>()); }),
             "0, 1");
  EXPECT_HAS(value_error([&] { tree.replace("nothing.1", std::make_unique<nn::ReLU>()); }),
             "classifier");
  EXPECT_HAS(value_error([&] { tree.replace("classifier.1", nullptr); }), "null");
}

TEST(Module, CloneIsAModuleOfItsOwn) {
  struct Tower : nn::Module {
    nn::Linear first{*this, "first", 3, 3};
    nn::Sequential rest{*this, "rest"};
    Tower() {
      rest.add<nn::Conv2d>(1, 2, 1, nn::Conv2dOptions{.bias = false});
      rest.add_named<nn::BatchNorm2d>("norm", 2);
      rest.add<nn::Linear>(3, 3);
    }
    Tensor forward(const Tensor& x) { return rest(first(x)); }
    std::unique_ptr<nn::Module> make_same() const { return std::make_unique<Tower>(); }
  } net;
  dynamic_cast<nn::Linear&>(net.rest[2]).weight = net.first.weight;  // tied
  net.replace("rest.0", std::make_unique<nn::Conv2d>(1, 2, 1));
  net.first.bias.requires_grad_(false);
  net.rest.eval();
  net.to(float64);
  manual_seed(4);
  const auto generator = default_generator().state();
  const auto copy = net.clone();
  EXPECT_EQ(default_generator().state(), generator) << "cloning must not move the random numbers";
  EXPECT_EQ(copy->state_dict().keys(), net.state_dict().keys());
  for (const auto& [key, tensor] : net.state_dict()) {
    const Tensor twin = copy->state_dict().at(key);
    EXPECT_EQ(twin.dtype(), tensor.dtype()) << key;
    EXPECT_EQ(twin.requires_grad(), tensor.requires_grad()) << key;
    EXPECT_FALSE(twin.is_same(tensor)) << key;
    if (tensor.is_floating_point()) {
      EXPECT_EQ(twin.to_vector<double>(), tensor.to_vector<double>()) << key;
    }
  }
  EXPECT_EQ(names(copy->named_parameters()), names(net.named_parameters())) << "tied stays tied";
  EXPECT_TRUE(copy->is_training());
  EXPECT_FALSE(copy->get_submodule("rest.norm").is_training());
  const Tensor x = ones({1, 1, 2, 3}, {.dtype = float64});
  const auto before = net(x).to_vector<double>();
  EXPECT_EQ((*copy)(x).to_vector<double>(), before);
  Tensor weight = copy->state_dict().at("first.weight");
  nn::init::zeros_(weight);
  EXPECT_EQ(net(x).to_vector<double>(), before) << "the original does not follow";
  EXPECT_NE((*copy)(x).to_vector<double>(), before);
  EXPECT_HAS(value_error([] { Net().clone(); }), "make_same");
}

TEST(Module, Hooks) {
  Net net;
  int before = 0, after = 0;
  HookHandle pre = net.conv.register_forward_pre_hook([&](nn::Module& m, const Tensor& x) {
    EXPECT_EQ(&m, &net.conv);
    ++before;
    return x * 0;
  });
  HookHandle post =
      net.head.register_forward_hook([&](nn::Module&, const Tensor& input, const Tensor& output) {
        EXPECT_EQ(input.shape(), (Shape{1, 144}));
        ++after;
        return output * 0 + 1;
      });
  EXPECT_EQ(net.eval()(ones({1, 1, 8, 8})).to_vector<float>(), std::vector<float>(10, 1.f));
  pre.remove();
  post.remove();
  net(ones({1, 1, 8, 8}));
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  HookHandle late;
  {
    nn::ReLU gone;
    late = gone.register_forward_hook(
        [](nn::Module&, const Tensor&, const Tensor&) { return Tensor(); });
  }
  late.remove();  // harmless
}

TEST(Module, FullBackwardHooks) {
  nn::Linear layer(1, 1);
  nn::init::constant_(layer.weight, 3);
  double seen_input = 0, seen_output = 0;
  int calls = 0;
  HookHandle handle = layer.register_full_backward_hook(
      [&](nn::Module& m, const Tensor& grad_input, const Tensor& grad_output) {
        EXPECT_EQ(&m, &layer);
        ++calls;
        seen_output = grad_output.item();
        if (!grad_input.defined()) return Tensor();
        seen_input = grad_input.item();
        return grad_input * 10;
      });
  Tensor x = ones({1, 1});
  x.requires_grad_();
  // x is used beside the layer, too: the hook sees and changes only what goes through the layer.
  (layer(x) * 2 + x * 100).sum().backward();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(seen_output, 2);
  EXPECT_EQ(seen_input, 6);
  EXPECT_EQ(x.grad().item(), 160);
  EXPECT_EQ(layer.weight.grad().item(), 2) << "gradients of parameters are left alone";
  layer(ones({1, 1})).sum().backward();
  EXPECT_EQ(calls, 2) << "called without a gradient for the input, too";
  handle.remove();
  layer(x).sum().backward();
  EXPECT_EQ(calls, 2);
  Tensor late;
  {
    nn::Linear gone(1, 1);
    gone.register_full_backward_hook([&](nn::Module&, const Tensor&, const Tensor&) {
      ++calls;
      return Tensor();
    });
    late = gone(x);
  }
  late.sum().backward();
  EXPECT_EQ(calls, 2) << "hooks die with their module";
}

TEST(Module, CallsShowTheUsersLine) {
  Net net;
  std::string text;
  const int line = __LINE__ + 2;
  try {
    net(zeros({1, 3, 8, 8}));
    ADD_FAILURE() << "three channels for a layer of one";
  } catch (const ShapeError& e) {
    text = e.what();
  }
  EXPECT_HAS(text, "module_test.cpp:" + std::to_string(line));
  // The scope is closed again: the next error does not name that line.
  try {
    ones({2}) + ones({3});
  } catch (const ShapeError& e) {
    text = e.what();
  }
  EXPECT_EQ(text.find("called from"), std::string::npos) << text;
}

// What an exception says of places: "recorded at" where the operation is written, "called from" the
// user's own line outside of all modules.
template <class E, class F>
std::string places(F f) {
  try {
    f();
  } catch (const E& e) {
    const std::string text = e.what();
    const auto at = text.find("\n  recorded at ");
    return at == std::string::npos ? "no place: " + text : text.substr(at);
  }
  return "nothing was thrown";
}

std::string called_from(int line) { return "module_test.cpp:" + std::to_string(line); }

struct Inner : nn::Module {
  using nn::Module::Module;
  static constexpr int kLine = __LINE__ + 1;
  Tensor forward(const Tensor& x) override { return x + ones({3}); }
};

struct Outer : nn::Module {
  Inner inner{*this, "inner"};
  static constexpr int kLine = __LINE__ + 1;
  Tensor forward(const Tensor& x) override { return inner(x * 2); }
};

TEST(Rule24, TheOutermostUserLineWinsAndBothAreShown) {
  Outer net;
  const Tensor x = ones({2});
  const int line = __LINE__ + 1;
  const std::string text = places<ShapeError>([&] { net(x); });
  EXPECT_HAS(text, "recorded at");
  EXPECT_HAS(text, "module_test.cpp:" + std::to_string(Inner::kLine));
  EXPECT_HAS(text, "\n  called from ");
  EXPECT_HAS(text.substr(text.find("called from")), called_from(line));
  EXPECT_EQ(text.find(":" + std::to_string(Outer::kLine)), std::string::npos)
      << "the line between the two is not shown: " << text;
}

TEST(Rule24, NestedInLibraryModulesTheUsersLineIsShown) {
  nn::Sequential block;
  block.add<nn::Linear>(4, 3);
  block.add<Inner>();
  block.add<nn::Linear>(2, 1);  // does not fit
  const int line = __LINE__ + 1;
  const std::string text = places<ShapeError>([&] { block(ones({2, 4})); });
  EXPECT_HAS(text.substr(text.find("called from")), called_from(line));
}

TEST(Rule24, AFailingEvaluationShowsBothLinesToo) {
  const testing_support::LazyScope lazy;
  struct Loss : nn::Module {
    Tensor forward(const Tensor& x) override { return cross_entropy(x, tensor({0, 9})); }
  };
  Loss loss;
  const int line = __LINE__ + 1;
  const Tensor value = loss(ones({2, 3}));
  const std::string text = places<IndexError>([&] { value.item(); });
  EXPECT_HAS(text, "\n  called from ");
  EXPECT_HAS(text.substr(text.find("called from")), called_from(line));
}

TEST(Rule24, HooksAreInsideOfTheCall) {
  nn::Linear layer(2, 2);
  layer.register_forward_hook(
      [](nn::Module&, const Tensor&, const Tensor& out) { return out + ones({5}); });
  const int line = __LINE__ + 1;
  const std::string text = places<ShapeError>([&] { layer(ones({1, 2})); });
  EXPECT_HAS(text.substr(text.find("called from")), called_from(line));
}

TEST(Rule24, EachThreadHasItsOwnLine) {
  Outer net;
  int line = 0;
  std::string theirs;
  struct Threaded : nn::Module {
    std::function<void()> body;
    Tensor forward(const Tensor& x) override {
      std::thread(body).join();
      return x;
    }
  } outer;
  outer.body = [&] { theirs = places<ShapeError>([] { ones({2}) + ones({3}); }); };
  line = __LINE__ + 1;
  outer(ones({1}));
  EXPECT_HAS(theirs, "recorded at");
  EXPECT_EQ(theirs.find("called from"), std::string::npos) << theirs;
  EXPECT_EQ(theirs.find(":" + std::to_string(line)), std::string::npos) << theirs;
}

TEST(Rule24, OutsideOfModulesOneLineIsEnough) {
  Outer net;
  places<ShapeError>([&] { net(ones({2})); });  // leaves nothing behind
  const int line = __LINE__ + 1;
  const std::string text = places<ShapeError>([] { ones({2}) + ones({3}); });
  EXPECT_HAS(text, called_from(line));
  EXPECT_EQ(text.find("called from"), std::string::npos) << text;
  // Methods and readers show it as well.
  const int item = __LINE__ + 1;
  EXPECT_HAS(places<ShapeError>([] { ones({2}).item(); }), called_from(item));
  const int vector = __LINE__ + 1;
  EXPECT_HAS(places<DTypeError>([] { ones({2}).to_vector<int>(); }), called_from(vector));
}

TEST(Module, WithoutForwardItSaysSo) {
  nn::ModuleList list;
  EXPECT_HAS(value_error([&] { list(zeros({1})); }), "ModuleList");
  nn::MSELoss loss;
  EXPECT_HAS(value_error([&] { loss.forward(zeros({1})); }), "MSELoss");
}

TEST(Module, SummaryComputesNothingAndChangesNothing) {
  Net net;
  net.head.register_forward_hook([](nn::Module&, const Tensor&, const Tensor& output) {
    EXPECT_FALSE(output.is_evaluated());
    return Tensor();
  });
  net.bn.eval();
  const std::string text = net.summary({5, 1, 8, 8});
  for (const char* part : {"conv: Conv2d", "[5, 4, 6, 6]", "[5, 10]", "1,450", "1,498"})
    EXPECT_HAS(text, part);
  EXPECT_TRUE(net.is_training());
  EXPECT_TRUE(net.conv.is_training());
  EXPECT_FALSE(net.bn.is_training());
  EXPECT_EQ(net.bn.num_batches_tracked.item<int>(), 0);
  EXPECT_THROW(net.summary({5, 3, 8, 8}), ShapeError);
  EXPECT_TRUE(net.is_training()) << "flags come back after an error, too";
}

TEST(Module, PrintsItsTree) {
  Net net;
  const std::string text = net.str();
  EXPECT_HAS(text, "Net(\n  (conv): Conv2d(1, 4, kernel_size=[3, 3], stride=[1, 1])");
  EXPECT_HAS(text, "(head): Linear(in_features=144, out_features=10, bias=true)\n)");
}

TEST(Sequential, RunsInOrderUnderNumbersOrNames) {
  nn::Sequential seq;
  seq.add<nn::Linear>(2, 3);
  seq.add_named<nn::ReLU>("act");
  seq.add<nn::Linear>(3, 1, nn::LinearOptions{.bias = false});
  EXPECT_EQ(seq.state_dict().keys(), (std::vector<std::string>{"0.weight", "0.bias", "2.weight"}));
  EXPECT_EQ(seq.size(), 3u);
  EXPECT_EQ(seq[1].type_name(), "ReLU");
  EXPECT_THROW(seq[3], IndexError);
  nn::init::constant_(dynamic_cast<nn::Linear&>(seq[0]).weight, -1);
  nn::init::zeros_(dynamic_cast<nn::Linear&>(seq[0]).bias);
  nn::init::constant_(dynamic_cast<nn::Linear&>(seq[2]).weight, 1);
  EXPECT_EQ(seq(ones({1, 2})).item<float>(), 0.f) << "ReLU stands between the layers";
  EXPECT_EQ(seq(-ones({1, 2})).item<float>(), 6.f);
}

}  // namespace
}  // namespace ingot
