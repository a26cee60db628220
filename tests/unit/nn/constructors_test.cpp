// What the constructor of every module refuses: sizes, options and weights that no input could ever
// fit. A class that is new in include/ingot/nn must be added here, or listed as taking nothing.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>

#include "support/source_dir.h"

namespace ingot {
namespace {

using Makers = std::vector<std::function<void()>>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kHuge = std::int64_t{1} << 40;  // squared it leaves 64 bits
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

/// Makes an M twice from the same arguments: by itself, and as a member of a module.
template <class M, class... Arguments>
void add(std::map<std::string, Makers>& all, const std::string& name, Arguments... arguments) {
  all[name].push_back([=] { M(arguments...); });
  if constexpr (std::is_constructible_v<M, nn::Module&, std::string, Arguments...>)
    all[name].push_back([=] {
      nn::Sequential owner;
      try {
        M(static_cast<nn::Module&>(owner), "child", arguments...);
      } catch (const Error&) {
        EXPECT_TRUE(owner.children().empty()) << "a refused member stays registered";
        throw;
      }
    });
}

#define REFUSED(M, ...) add<nn::M>(all, #M, __VA_ARGS__)

void add_linear_and_conv(std::map<std::string, Makers>& all) {
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, kMost}) {
    REFUSED(Linear, bad, kHuge);
    REFUSED(Linear, kHuge, bad);
    REFUSED(Embedding, bad, kHuge);
    REFUSED(Embedding, kHuge, bad);
    REFUSED(Conv1d, bad, kHuge, 3);
    REFUSED(Conv1d, kHuge, bad, 3);
    REFUSED(Conv2d, bad, kHuge, 3);
    REFUSED(Conv2d, kHuge, bad, 3);
    REFUSED(ConvTranspose2d, bad, kHuge, 3);
    REFUSED(ConvTranspose2d, kHuge, bad, 3);
  }
  REFUSED(Embedding, 3, 2, nn::EmbeddingOptions{.padding_idx = 3});
  REFUSED(Embedding, 3, 2, nn::EmbeddingOptions{.padding_idx = -4});
  REFUSED(Embedding, 3, 2, nn::EmbeddingOptions{.max_norm = 1.0});
  for (const std::int64_t bad : {0, -1}) {
    REFUSED(Conv1d, 4, 4, bad);
    REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.stride = bad});
    REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.dilation = bad});
    REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.groups = bad});
    REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.padding = bad - 1});
    for (const Pair& pair : {Pair(1, bad), Pair(bad, 1)}) {
      REFUSED(Conv2d, 4, 4, pair);
      REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.stride = pair});
      REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.dilation = pair});
      REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.padding = Pair(pair.h - 1, pair.w - 1)});
      REFUSED(ConvTranspose2d, 4, 4, pair);
      REFUSED(ConvTranspose2d, 4, 4, 3, nn::ConvTranspose2dOptions{.stride = pair});
      REFUSED(ConvTranspose2d, 4, 4, 3, nn::ConvTranspose2dOptions{.dilation = pair});
      REFUSED(ConvTranspose2d, 4, 4, 3,
              nn::ConvTranspose2dOptions{.padding = {pair.h - 1, pair.w - 1}});
      REFUSED(ConvTranspose2d, 4, 4, 3,
              nn::ConvTranspose2dOptions{.output_padding = {pair.h - 1, pair.w - 1}});
    }
    REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.groups = bad});
    REFUSED(ConvTranspose2d, 4, 4, 3, nn::ConvTranspose2dOptions{.groups = bad});
  }
  for (const std::int64_t groups : {3, 4, 6}) {  // divides none, one, the other channel count
    REFUSED(Conv1d, 4, 6, 3, nn::Conv1dOptions{.groups = groups});
    REFUSED(Conv2d, 4, 6, 3, nn::Conv2dOptions{.groups = groups});
    REFUSED(ConvTranspose2d, 4, 6, 3, nn::ConvTranspose2dOptions{.groups = groups});
  }
  REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.stride = 2, .padding = "same"});
  REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.stride = {1, 2}, .padding = "same"});
  REFUSED(Conv1d, 4, 4, 3, nn::Conv1dOptions{.padding_mode = "mirror"});
  REFUSED(Conv2d, 4, 4, 3, nn::Conv2dOptions{.padding_mode = ""});
  REFUSED(ConvTranspose2d, 4, 4, 3, nn::ConvTranspose2dOptions{.padding_mode = "circular"});
  REFUSED(ConvTranspose2d, 4, 4, 3, nn::ConvTranspose2dOptions{.stride = 2, .output_padding = 2});
  for (const std::int64_t bad : {0, -2}) {
    REFUSED(ConvTranspose1d, bad, 4, 3);
    REFUSED(ConvTranspose1d, 4, bad, 3);
    REFUSED(ConvTranspose1d, 4, 4, bad);
    REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.stride = bad});
    REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.groups = bad});
    REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.dilation = bad});
  }
  REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.padding = -1});
  REFUSED(ConvTranspose1d, 4, 6, 3, nn::ConvTranspose1dOptions{.groups = 3});
  REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.padding_mode = "circular"});
  REFUSED(ConvTranspose1d, 4, 4, 3, nn::ConvTranspose1dOptions{.stride = 2, .output_padding = 2});
}

void add_norms(std::map<std::string, Makers>& all) {
  for (const std::int64_t bad : {0, -3}) {
    REFUSED(BatchNorm1d, bad);
    REFUSED(BatchNorm2d, bad);
    REFUSED(LayerNorm, bad);
    REFUSED(LayerNorm, Shape{3, bad});
    REFUSED(GroupNorm, bad, 4);
    REFUSED(GroupNorm, 2, bad);
    REFUSED(InstanceNorm1d, bad);
    REFUSED(InstanceNorm2d, bad);
  }
  REFUSED(LayerNorm, Shape{});
  REFUSED(LayerNorm, Shape{kHuge, kHuge});
  REFUSED(GroupNorm, 3, 4);
  for (const double bad : {-1e-5, kNan, -kInf}) {
    REFUSED(BatchNorm1d, 4, nn::BatchNormOptions{.eps = bad});
    REFUSED(BatchNorm2d, 4, nn::BatchNormOptions{.eps = bad});
    REFUSED(BatchNorm1d, 4, nn::BatchNormOptions{.momentum = bad});
    REFUSED(BatchNorm2d, 4, nn::BatchNormOptions{.momentum = bad});
    REFUSED(LayerNorm, 4, nn::LayerNormOptions{.eps = bad});
    REFUSED(GroupNorm, 2, 4, nn::GroupNormOptions{.eps = bad});
    REFUSED(InstanceNorm1d, 4, nn::InstanceNormOptions{.eps = bad});
    REFUSED(InstanceNorm2d, 4, nn::InstanceNormOptions{.eps = bad});
    REFUSED(InstanceNorm1d, 4, nn::InstanceNormOptions{.momentum = bad});
    REFUSED(InstanceNorm2d, 4, nn::InstanceNormOptions{.momentum = bad});
  }
}

void add_pools(std::map<std::string, Makers>& all) {
  for (const Pair& bad : {Pair(0, 2), Pair(2, -1)}) {
    REFUSED(MaxPool2d, bad);
    REFUSED(MaxPool2d, 2, nn::MaxPool2dOptions{.stride = bad});
    REFUSED(MaxPool2d, 2, nn::MaxPool2dOptions{.dilation = bad});
    REFUSED(AvgPool2d, bad);
    REFUSED(AvgPool2d, 2, nn::AvgPool2dOptions{.stride = bad});
    REFUSED(AdaptiveAvgPool2d, bad);
    REFUSED(AdaptiveMaxPool2d, bad);
    REFUSED(Upsample, InterpolateOptions{.size = bad});
  }
  for (const Pair& bad : {Pair(2, 0), Pair(0, -1)}) {  // at most half the kernel
    REFUSED(MaxPool2d, 3, nn::MaxPool2dOptions{.padding = bad});
    REFUSED(AvgPool2d, 3, nn::AvgPool2dOptions{.padding = bad});
  }
  REFUSED(AvgPool2d, 2, nn::AvgPool2dOptions{.divisor_override = 0});
  REFUSED(Upsample, InterpolateOptions{});
  REFUSED(Upsample, InterpolateOptions{.size = 2, .scale_factor = 2});
  for (const double bad : {0.0, -2.0, kNan, kInf})
    REFUSED(Upsample, InterpolateOptions{.scale_factor = ScaleFactor(1, bad)});
}

void add_recurrent_and_attention(std::map<std::string, Makers>& all) {
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, kMost}) {
    REFUSED(LSTM, bad, kHuge);
    REFUSED(LSTM, 4, bad);
    REFUSED(GRU, bad, kHuge);
    REFUSED(GRU, 4, bad);
    REFUSED(LSTMCell, bad, kHuge);
    REFUSED(LSTMCell, 4, bad);
    REFUSED(GRUCell, bad, kHuge);
    REFUSED(GRUCell, 4, bad);
    REFUSED(MultiheadAttention, bad, 1);
    REFUSED(MultiheadAttention, 4, bad);
    REFUSED(MultiheadAttention, 4, 2, nn::MultiheadAttentionOptions{.kdim = bad});
    REFUSED(MultiheadAttention, 4, 2, nn::MultiheadAttentionOptions{.vdim = bad});
    REFUSED(TransformerEncoderLayer, bad, 1);
    REFUSED(TransformerEncoderLayer, 4, bad);
    REFUSED(TransformerEncoderLayer, 4, 2,
            nn::TransformerEncoderLayerOptions{.dim_feedforward = bad});
  }
  for (const std::int64_t bad : {0, -1}) {
    REFUSED(LSTM, 4, 4, nn::RecurrentOptions{.num_layers = bad});
    REFUSED(GRU, 4, 4, nn::RecurrentOptions{.num_layers = bad});
    all["TransformerEncoder"].push_back([=] {
      nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2, {.dim_feedforward = 4}), bad);
    });
  }
  REFUSED(MultiheadAttention, 4, 3);
  REFUSED(TransformerEncoderLayer, 4, 3);
  for (const double bad : {-0.1, 1.1, kNan}) {
    REFUSED(LSTM, 4, 4, nn::RecurrentOptions{.num_layers = 2, .dropout = bad});
    REFUSED(GRU, 4, 4, nn::RecurrentOptions{.num_layers = 2, .dropout = bad});
    REFUSED(MultiheadAttention, 4, 2, nn::MultiheadAttentionOptions{.dropout = bad});
    REFUSED(TransformerEncoderLayer, 4, 2, nn::TransformerEncoderLayerOptions{.dropout = bad});
    REFUSED(Dropout, bad);
    REFUSED(Dropout2d, bad);
    REFUSED(StochasticDepth, bad);
  }
  for (const double bad : {-1e-5, kNan})
    REFUSED(TransformerEncoderLayer, 4, 2,
            nn::TransformerEncoderLayerOptions{.layer_norm_eps = bad});
}

void add_activations(std::map<std::string, Makers>& all) {
  REFUSED(PReLU, 0);
  REFUSED(PReLU, -1);
  REFUSED(Hardtanh, 1.0, 1.0);
  REFUSED(Hardtanh, 1.0, -1.0);
  REFUSED(Hardtanh, kNan, 1.0);
  REFUSED(Softplus, 0.0);
  REFUSED(CELU, 0.0);
  REFUSED(GELU, std::string("fast"));
  REFUSED(Unflatten, 0, Shape{});
  REFUSED(Unflatten, 0, Shape{-1, -1});
  REFUSED(Unflatten, 0, Shape{2, -2});
}

void add_losses(std::map<std::string, Makers>& all) {
  for (const double bad : {-0.1, 1.1, kNan})
    REFUSED(CrossEntropyLoss, CrossEntropyOptions{.label_smoothing = bad});
  REFUSED(CrossEntropyLoss, CrossEntropyOptions{.weight = ones({2, 2})});
  REFUSED(CrossEntropyLoss, CrossEntropyOptions{.weight = ones({2}, {.dtype = int64})});
  REFUSED(NLLLoss, NllLossOptions{.weight = ones({})});
  REFUSED(NLLLoss, NllLossOptions{.weight = ones({2}, {.dtype = int64})});
  REFUSED(BCELoss, ones({2}, {.dtype = int64}));
  REFUSED(BCEWithLogitsLoss, BceWithLogitsOptions{.weight = ones({2}, {.dtype = int64})});
  REFUSED(BCEWithLogitsLoss, BceWithLogitsOptions{.pos_weight = ones({2}, {.dtype = int64})});
  for (const double bad : {-1.0, kNan}) REFUSED(SmoothL1Loss, Reduction::Mean, bad);
  for (const double bad : {0.0, -1.0, kNan}) REFUSED(HuberLoss, Reduction::Mean, bad);
  // The mean over the batch is the divergence's alone.
  const Reduction bad = Reduction::BatchMean;
  REFUSED(CrossEntropyLoss, CrossEntropyOptions{.reduction = bad});
  REFUSED(NLLLoss, NllLossOptions{.reduction = bad});
  REFUSED(MSELoss, bad);
  REFUSED(L1Loss, bad);
  REFUSED(SmoothL1Loss, bad);
  REFUSED(HuberLoss, bad);
  REFUSED(BCELoss, Tensor(), bad);
  REFUSED(BCEWithLogitsLoss, BceWithLogitsOptions{.reduction = bad});
}

std::map<std::string, Makers> refusals() {
  std::map<std::string, Makers> all;
  add_linear_and_conv(all);
  add_norms(all);
  add_pools(all);
  add_recurrent_and_attention(all);
  add_activations(all);
  add_losses(all);
  return all;
}

/// Classes whose constructors take nothing, or nothing that could be impossible before a call: a
/// dimension counts from either end of an input that is not there yet, any slope is a slope.
const std::set<std::string> kNothingToRefuse = {
    "ReLU",       "ReLU6",         "SELU",        "SiLU",      "Mish",       "Tanh",
    "Sigmoid",    "LogSigmoid",    "Hardsigmoid", "Hardswish", "LeakyReLU",  "ELU",
    "Softmax",    "LogSoftmax",    "Flatten",     "Identity",  "Sequential", "ModuleList",
    "ModuleDict", "ParameterList", "KLDivLoss",   "Lambda"};

/// The classes of include/ingot/nn that derive from Module, but for those of namespace detail.
std::set<std::string> module_classes() {
  const auto folder = std::filesystem::path(testing::source_dir()) / "include/ingot/nn";
  // Templates are bases.
  const std::regex declaration(R"(^class (\w+)(?: final)?(?: : public .*)?$)");
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path());
    bool detail = false;
    std::string before;
    for (std::string line; std::getline(file, line); before = line) {
      if (line.rfind("namespace detail", 0) == 0) detail = true;
      if (line.find("}  // namespace detail") == 0) detail = false;
      std::smatch match;
      if (!detail && before.rfind("template", 0) != 0 && std::regex_match(line, match, declaration))
        found.insert(match[1]);
    }
  }
  return found;
}

TEST(Constructors, OfEveryModuleAreTried) {
  const auto tried = refusals();
  const auto classes = module_classes();
  EXPECT_GE(classes.size(), 50u) << "the headers are not read as they are written";
  for (const std::string& name : classes)
    EXPECT_EQ(tried.count(name) + kNothingToRefuse.count(name), 1u) << name;
  for (const auto& [name, makers] : tried) EXPECT_EQ(classes.count(name), 1u) << name;
}

TEST(Constructors, RefuseWhatIsImpossibleByName) {
  for (const auto& [name, makers] : refusals())
    for (std::size_t i = 0; i < makers.size(); ++i) {
      SCOPED_TRACE(name + " " + std::to_string(i));
      try {
        makers[i]();
        ADD_FAILURE() << "nothing was thrown";
      } catch (const Error& e) {
        const std::string text = e.what();
        EXPECT_GT(text.size(), 20u) << text;
      } catch (const std::exception& e) {
        ADD_FAILURE() << "not one of Ingot's errors: " << e.what();
      }
    }
}

}  // namespace
}  // namespace ingot
