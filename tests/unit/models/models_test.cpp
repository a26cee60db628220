// The model zoo: names, shapes, keys, and that every model trains.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/models/models.h>
#include <ingot/nn/dropout.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

namespace ingot {
namespace {

TEST(Models, NamesAreSortedAndKnown) {
  const auto names = models::names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const std::string& name : names) {
    const models::ModelInfo& info = models::info(name);
    EXPECT_EQ(info.name, name);
    EXPECT_EQ(info.input.rank(), 3);
    EXPECT_EQ(static_cast<std::int64_t>(info.mean.size()), info.input[0]);
    EXPECT_EQ(static_cast<std::int64_t>(info.std.size()), info.input[0]);
    EXPECT_FALSE(info.description.empty());
  }
  EXPECT_EQ(models::info("lenet5").input, (Shape{1, 28, 28}));
  EXPECT_EQ(models::info("resnet18").input, (Shape{3, 224, 224}));
}

TEST(Models, UnknownNamesListTheKnown) {
  try {
    models::create("lenet6");
    ADD_FAILURE() << "there is no such model";
  } catch (const ValueError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("lenet6"), std::string::npos);
    for (const std::string& name : models::names()) EXPECT_NE(text.find(name), std::string::npos);
  }
  EXPECT_THROW(models::create("mlp", {.num_classes = 0}), ValueError);
  EXPECT_THROW(models::create("mlp", {.in_channels = 0}), ValueError);
}

TEST(Models, OptionsSetClassesAndChannels) {
  const NoGradGuard no_grad;
  for (const std::string& name : models::names()) {
    const auto net = models::create(name, {.num_classes = 7, .in_channels = 2});
    Shape shape = models::info(name).input;
    shape[0] = 2;
    shape.insert(0, 3);
    net->eval();
    // Recorded, not computed.
    EXPECT_EQ((*net)(zeros(shape)).shape(), (Shape{3, 7})) << name;
  }
}

TEST(Models, ParameterCounts) {
  EXPECT_EQ(models::create("lenet5")->num_parameters(), 61706);
  EXPECT_EQ(models::create("mlp")->num_parameters(), 784 * 256 + 256 + 256 * 128 + 128 + 1290);
  // torchvision's counts.
  for (const auto& [name, count] :
       std::initializer_list<std::pair<const char*, std::int64_t>>{{"alexnet", 61100840},
                                                                   {"efficientnet_b0", 5288548},
                                                                   {"mobilenet_v2", 3504872},
                                                                   {"resnet18", 11689512},
                                                                   {"resnet34", 21797672},
                                                                   {"resnet50", 25557032},
                                                                   {"squeezenet1_0", 1248424},
                                                                   {"squeezenet1_1", 1235496},
                                                                   {"vgg16", 138357544}})
    EXPECT_EQ(models::create(name, {.num_classes = 1000})->num_parameters(), count) << name;
}

TEST(Models, ResNetHasTorchvisionsKeys) {
  const auto keys = models::create("resnet18")->state_dict().keys();
  EXPECT_EQ(keys.size(), 122u);
  EXPECT_EQ(keys[0], "conv1.weight");
  EXPECT_EQ(keys[1], "bn1.weight");
  EXPECT_EQ(keys[5], "bn1.num_batches_tracked");
  EXPECT_EQ(keys.back(), "fc.bias");
  for (const char* key :
       {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var", "layer4.1.bn2.bias"})
    EXPECT_NE(std::find(keys.begin(), keys.end(), key), keys.end()) << key;
  EXPECT_EQ(std::find(keys.begin(), keys.end(), "layer1.0.downsample.0.weight"), keys.end());
}

TEST(Models, BottlenecksHaveTorchvisionsKeys) {
  const auto dict = models::create("resnet50")->state_dict();
  EXPECT_EQ(dict.keys().size(), 320u);
  const auto shape = [&](const char* key) { return dict.at(key).shape(); };
  EXPECT_EQ(shape("layer1.0.conv1.weight"), (Shape{64, 64, 1, 1}));
  EXPECT_EQ(shape("layer1.0.conv2.weight"), (Shape{64, 64, 3, 3}));
  EXPECT_EQ(shape("layer1.0.downsample.0.weight"), (Shape{256, 64, 1, 1}));
  EXPECT_EQ(shape("layer3.5.conv3.weight"), (Shape{1024, 256, 1, 1}));
  EXPECT_EQ(shape("layer4.0.downsample.1.running_var"), (Shape{2048}));
  EXPECT_FALSE(dict.contains("layer2.1.downsample.0.weight"));
  // The 3×3 convolution has the stride: only it shrinks the image.
  const NoGradGuard no_grad;
  models::Bottleneck block(8, 2, 2);
  EXPECT_EQ(block.conv1.options().stride, Pair(1));
  EXPECT_EQ(block.conv2.options().stride, Pair(2));
  EXPECT_EQ(block(zeros({1, 8, 6, 6})).shape(), (Shape{1, 8, 3, 3}));
}

TEST(Models, SeedFixesTheWeights) {
  manual_seed(5);
  const auto a = models::create("lenet5");
  manual_seed(5);
  const auto b = models::create("lenet5");
  for (const auto& [key, tensor] : a->state_dict())
    EXPECT_EQ(tensor.to_vector<float>(), b->state_dict().at(key).to_vector<float>()) << key;
}

TEST(Models, CanBeCloned) {
  for (const std::string& name : models::names()) {
    const auto net = models::create(name, {.num_classes = 3});
    const auto copy = net->clone();
    EXPECT_EQ(copy->state_dict().keys(), net->state_dict().keys()) << name;
    EXPECT_EQ(copy->str(), net->str()) << name;
    if (net->num_parameters() > 30'000'000) continue;  // seconds of random numbers
    for (const auto& [key, tensor] : net->state_dict())
      if (tensor.dim() == 1) {
        EXPECT_EQ(copy->state_dict().at(key).to_vector<float>(), tensor.to_vector<float>()) << key;
      }
  }
}

TEST(Models, PartsCanBeReplaced) {
  const NoGradGuard no_grad;
  const auto net = models::create("resnet18");
  net->eval();
  net->replace("fc", std::make_unique<nn::Linear>(512, 3));
  net->replace("layer2.0.downsample.0",
               std::make_unique<nn::Conv2d>(64, 128, 1, nn::Conv2dOptions{.stride = 2}));
  EXPECT_EQ((*net)(zeros({1, 3, 32, 32})).shape(), (Shape{1, 3}));
  net->replace("layer3.0.downsample",
               std::make_unique<nn::Conv2d>(128, 256, 1, nn::Conv2dOptions{.stride = 2}));
  EXPECT_EQ((*net)(zeros({1, 3, 32, 32})).shape(), (Shape{1, 3}));
  EXPECT_TRUE(net->state_dict().contains("layer3.0.downsample.bias"));
}

TEST(Models, HeadsCanBeReplaced) {
  const NoGradGuard no_grad;
  const auto linear = [](const char* path, std::int64_t width) {
    return std::tuple(path, width, false);
  };
  const std::map<std::string, std::tuple<const char*, std::int64_t, bool>> heads = {
      {"alexnet", linear("classifier.6", 4096)},
      {"efficientnet_b0", linear("classifier.1", 1280)},
      {"mobilenet_v2", linear("classifier.1", 1280)},
      {"resnet18", linear("fc", 512)},
      {"resnet34", linear("fc", 512)},
      {"resnet50", linear("fc", 2048)},
      {"squeezenet1_0", {"classifier.1", 512, true}},
      {"squeezenet1_1", {"classifier.1", 512, true}},
      {"vgg16", linear("classifier.6", 4096)}};
  for (const auto& [name, head] : heads) {
    const auto& [path, width, convolution] = head;
    const auto net = models::create(name, {.num_classes = 1000});
    if (convolution)
      net->replace(path, std::make_unique<nn::Conv2d>(width, 5, 1));
    else
      net->replace(path, std::make_unique<nn::Linear>(width, 5));
    EXPECT_EQ((*net)(zeros({2, 3, 224, 224})).shape(), (Shape{2, 5})) << name;
  }
}

// What the fixtures cannot see, since they overwrite the weights: torchvision's initial values.
TEST(Models, InitialWeightsAreTorchvisions) {
  manual_seed(3);
  const auto deviation = [](const Tensor& t) { return std::sqrt(t.square().mean().item()); };
  const auto largest = [](const Tensor& t) { return t.abs().amax().item(); };
  {
    const auto dict = models::create("squeezenet1_1")->state_dict();
    EXPECT_NEAR(deviation(dict.at("classifier.1.weight")), 0.01, 1e-3);
    // kaiming_uniform_: bound sqrt(6 / fan_in).
    EXPECT_NEAR(largest(dict.at("features.3.expand3x3.weight")), std::sqrt(6.0 / (16 * 9)), 1e-3);
    EXPECT_EQ(largest(dict.at("features.3.squeeze.bias")), 0);
  }
  {
    const auto dict = models::create("mobilenet_v2")->state_dict();
    EXPECT_NEAR(deviation(dict.at("classifier.1.weight")), 0.01, 5e-4);
    EXPECT_EQ(largest(dict.at("classifier.1.bias")), 0);
    // kaiming_normal_ by fan_out, which torch counts as out / 1 · 3 · 3 for a depthwise kernel.
    EXPECT_NEAR(deviation(dict.at("features.2.conv.1.0.weight")), std::sqrt(2.0 / (96 * 9)), 4e-3);
  }
  {
    const auto dict = models::create("efficientnet_b0", {.num_classes = 100})->state_dict();
    EXPECT_NEAR(largest(dict.at("classifier.1.weight")), 0.1, 1e-3) << "1/sqrt(classes)";
    EXPECT_NEAR(deviation(dict.at("features.8.0.weight")), std::sqrt(2.0 / 1280), 1e-3);
    EXPECT_EQ(largest(dict.at("features.1.0.block.1.fc1.bias")), 0);
  }
}

// torchvision 0.14.1's, in the order of its named_modules().
TEST(Models, DropoutIsWhereTorchvisionHasIt) {
  using Places = std::vector<std::pair<std::string, double>>;
  Places efficientnet;
  const int repeats[] = {1, 2, 2, 3, 3, 4, 1};
  const double depth[] = {0,   0.0125, 0.025, 0.0375, 0.05, 0.0625, 0.075, 0.0875,
                          0.1, 0.1125, 0.125, 0.1375, 0.15, 0.1625, 0.175, 0.1875};
  for (std::size_t stage = 0; stage < 7; ++stage)
    for (int i = 0; i < repeats[stage]; ++i)
      efficientnet.emplace_back(
          "features." + std::to_string(stage + 1) + "." + std::to_string(i) + ".stochastic_depth",
          depth[efficientnet.size()]);
  efficientnet.emplace_back("classifier.0", 0.2);
  const std::map<std::string, Places> expected = {
      {"alexnet", {{"classifier.0", 0.5}, {"classifier.3", 0.5}}},
      {"efficientnet_b0", efficientnet},
      {"lenet5", {}},
      {"mlp", {}},
      {"mobilenet_v2", {{"classifier.0", 0.2}}},
      {"resnet18", {}},
      {"resnet34", {}},
      {"resnet50", {}},
      {"squeezenet1_0", {{"classifier.0", 0.5}}},
      {"squeezenet1_1", {{"classifier.0", 0.5}}},
      {"vgg16", {{"classifier.2", 0.5}, {"classifier.5", 0.5}}}};
  for (const std::string& name : models::names()) {
    Places places;
    const auto net = models::create(name);
    for (const auto& [path, module] : net->named_modules()) {
      if (auto* dropout = dynamic_cast<nn::Dropout*>(module))
        places.emplace_back(path, dropout->p());
      if (auto* skipped = dynamic_cast<nn::StochasticDepth*>(module))
        places.emplace_back(path, skipped->p());
      EXPECT_EQ(dynamic_cast<nn::Dropout2d*>(module), nullptr) << name << " " << path;
    }
    ASSERT_TRUE(expected.contains(name)) << name << ": say here where it drops";
    const Places& wanted = expected.at(name);
    ASSERT_EQ(places.size(), wanted.size()) << name;
    for (std::size_t i = 0; i < places.size(); ++i) {
      EXPECT_EQ(places[i].first, wanted[i].first) << name;
      EXPECT_DOUBLE_EQ(places[i].second, wanted[i].second) << name << " " << places[i].first;
    }
  }
}

TEST(Models, SmallOnesLearnABatch) {
  for (const char* name : {"lenet5", "mlp"}) {
    manual_seed(1);
    const auto net = models::create(name);
    optim::Adam adam(net->parameters(), {.lr = 2e-3});
    const Tensor x = randn({10, 1, 28, 28});
    const Tensor y = tensor({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    double first = 0, last = 0;
    for (int i = 0; i < 25; ++i) {
      const Tensor loss = cross_entropy((*net)(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
      last = loss.item();
      if (i == 0) first = last;
    }
    EXPECT_NEAR(first, 2.3, 0.4) << name << ": ten classes, nothing known";
    EXPECT_LT(last, 0.5 * first) << name;
  }
}

}  // namespace
}  // namespace ingot
