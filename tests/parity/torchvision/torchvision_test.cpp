// Image models against torchvision: one evaluation and one training step with Adam, in float32 and
// float64. INGOT_FIXTURES=DIR reads another folder of fixtures.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>

#include <ingot/models/registry.h>
#include <ingot/nn/dropout.h>
#include <ingot/nn/norm.h>
#include <ingot/ops/loss.h>
#include <ingot/optim/adam.h>

#include "fixture.h"

#include "support/source_dir.h"

namespace ingot::parity {
namespace {

namespace fs = std::filesystem;

struct Case {
  fs::path file;
  DType dtype;
};

std::vector<fs::path> folders() {
  if (const char* folder = std::getenv("INGOT_FIXTURES")) return {folder};
  const fs::path root = fs::path(ingot::testing::source_dir()) / "tests" / "fixtures";
  return {root / "torchvision-64", root / "torchvision"};
}

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const fs::path& folder : folders()) {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files)
      for (const DType dtype : {DType::Float32, DType::Float64}) list.push_back({file, dtype});
  }
  return list;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  std::string text = info.param.file.parent_path().filename().string() + "_" +
                     info.param.file.stem().string() + "_" + std::string(name(info.param.dtype));
  for (char& c : text)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return text;
}

Tensor make(const std::vector<double>& values, const Shape& shape, DType dtype) {
  return from_vector(values, shape).to(dtype);
}

// The weights that the fixture was made with.
StateDict formula_weights(nn::Module& net, const std::string& salt) {
  std::set<std::string> batch_norms;
  for (const auto& [path, module] : net.named_modules())
    if (dynamic_cast<nn::detail::BatchNorm*>(module)) batch_norms.insert(path);
  StateDict dict;
  for (const auto& [key, tensor] : net.state_dict()) {
    if (key.ends_with("num_batches_tracked")) continue;
    const std::size_t dot = key.rfind('.');
    const std::string leaf = key.substr(dot + 1);
    auto values = uniform(salt, key, tensor.numel());
    if (batch_norms.contains(key.substr(0, dot))) {
      const bool around_one = leaf == "weight" || leaf == "running_var";
      for (double& v : values) v = around_one ? 0.5 + v : 0.2 * v - 0.1;
    } else if (tensor.dim() == 1) {
      for (double& v : values) v = 0.1 * (2 * v - 1);
    } else {
      const double fan_in = static_cast<double>(tensor.numel() / tensor.size(0));
      for (double& v : values) v = (2 * v - 1) * std::sqrt(6.0 / fan_in);
    }
    dict.insert(key, make(values, tensor.shape(), tensor.dtype()));
  }
  return dict;
}

class Torchvision : public ::testing::TestWithParam<Case> {
 protected:
  void check(const Verdict& verdict) {
    EXPECT_LE(verdict.worst, 1) << verdict.what;
    if (worst_.what.empty() || verdict.worst > worst_.worst) worst_ = verdict;
  }
  void report(const Fixture& fixture) const {
    std::cout << fixture.model << " " << fixture.size << " " << name(GetParam().dtype)
              << ": nearest to its bound (" << worst_.worst << " of it) is " << worst_.what
              << std::endl;
  }
  Verdict worst_;
};

TEST_P(Torchvision, OneStepOfAdam) {
  const Fixture fixture = read_fixture(GetParam().file);
  const DType dtype = GetParam().dtype;
  const auto known = models::names();
  ASSERT_NE(std::find(known.begin(), known.end(), fixture.model), known.end()) << fixture.model;

  const auto net = models::create(fixture.model, {.num_classes = fixture.classes});
  for (nn::Module* module : net->modules()) {
    if (auto* dropout = dynamic_cast<nn::Dropout*>(module)) dropout->set_p(0);
    if (auto* depth = dynamic_cast<nn::StochasticDepth*>(module)) depth->set_p(0);
  }
  net->to(dtype);
  for (const std::string& key :
       net->load_state_dict(formula_weights(*net, fixture.salt), false).missing)
    EXPECT_TRUE(key.ends_with("num_batches_tracked")) << key;

  const Shape image{fixture.batch, 3, fixture.size, fixture.size};
  auto pixels = uniform(fixture.salt, "input", image.numel());
  for (double& v : pixels) v = 3.4 * v - 1.7;
  const Tensor x = make(pixels, image, dtype);
  const Tensor y = from_vector(fixture.labels);

  net->eval();
  {
    const NoGradGuard no_grad;
    check(compare("evaluation logits", fixture.eval_logits, values_of((*net)(x)), dtype));
  }

  net->train();
  optim::Adam adam(net->parameters(), {.lr = kLearningRate});
  const Tensor logits = (*net)(x);
  const Tensor loss = cross_entropy(logits, y);
  loss.backward();
  check(compare("training logits", fixture.train_logits, values_of(logits), dtype));
  check(compare("loss", fixture.loss, values_of(loss), dtype));
  if (fixture.ill_conditioned && dtype == DType::Float32) return report(fixture);

  std::size_t compared = 0;
  for (const auto& [key, parameter] : net->named_parameters()) {
    ASSERT_TRUE(fixture.grads.contains(key)) << key << " is unknown to the fixture";
    ASSERT_TRUE(parameter.grad().defined()) << key << " has no gradient";
    check(compare(fixture, key, fixture.grads.at(key), values_of(parameter.grad()),
                  parameter.shape(), dtype));
    ++compared;
  }
  EXPECT_EQ(compared, fixture.grads.size()) << "parameters that the model lacks";
  if (fixture.ill_conditioned) return report(fixture);

  adam.step();
  compared = 0;
  for (const auto& [key, tensor] : net->state_dict()) {
    if (key.ends_with("num_batches_tracked")) {
      EXPECT_EQ(tensor.item<std::int64_t>(), 1) << key;
      continue;
    }
    ASSERT_TRUE(fixture.after_adam.contains(key)) << key << " is unknown to the fixture";
    ++compared;
    const auto grad = fixture.grads.find(key);
    if (grad != fixture.grads.end() && grad->second.zero) continue;
    Verdict verdict =
        compare(fixture, key, fixture.after_adam.at(key), values_of(tensor), tensor.shape(), dtype);
    verdict.what = "after Adam, " + verdict.what;
    check(verdict);
  }
  EXPECT_EQ(compared, fixture.after_adam.size()) << "tensors that the model lacks";
  report(fixture);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Torchvision, ::testing::ValuesIn(cases()), case_name);

TEST(TorchvisionFixtures, AreThere) {
  std::set<std::string> models;
  for (const Case& c : cases()) models.insert(read_fixture(c.file).model);
  for (const std::string& model : models::names()) {
    if (!models::info(model).description.ends_with("torchvision's")) continue;
    EXPECT_TRUE(models.contains(model)) << "no fixture of " << model << " in " << folders().front();
  }
  EXPECT_GE(models.size(), 9u);
}

// The comparison itself: what must pass passes, what must not does not.
TEST(TorchvisionFixtures, ComparisonNoticesMistakes) {
  Fixture fixture;
  fixture.grad_norm = 10;
  const std::vector<double> values = {3, -1, 2, 0.5, 1, -2};
  Summary s;
  s.shape = {2, 3};
  s.head = {3, -1, 2, 0.5};
  const auto weights = uniform("", "probe:w", 6);
  for (std::size_t i = 0; i < 6; ++i) {
    s.l2 += values[i] * values[i];
    s.probe += values[i] * (2 * weights[i] - 1);
  }
  s.l2 = std::sqrt(s.l2);
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    EXPECT_LE(compare(fixture, "w", s, values, {2, 3}, dtype).worst, 1e-3);
    EXPECT_GT(compare(fixture, "w", s, values, {3, 2}, dtype).worst, 1) << "another shape";
    auto swapped = values;
    std::swap(swapped[4], swapped[5]);
    EXPECT_GT(compare(fixture, "w", s, swapped, {2, 3}, dtype).worst, 1) << "another order";
    auto off = values;
    off[0] *= 1.01;
    EXPECT_GT(compare(fixture, "w", s, off, {2, 3}, dtype).worst, 1) << "one element off by 1 %";
    off[0] = std::nan("");
    EXPECT_GT(compare(fixture, "w", s, off, {2, 3}, dtype).worst, 1) << "NaN";
    s.zero = true;
    EXPECT_GT(compare(fixture, "w", s, values, {2, 3}, dtype).worst, 1) << "not zero";
    s.zero = false;
  }
}

}  // namespace
}  // namespace ingot::parity
