// Modules against PyTorch: outputs, the gradient of every parameter and input, keys of the state
// dict; and what clone(), hooks, replace() and state dicts make of modules that take or give more
// than one tensor.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include <ingot/core/error.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>

#include "support/json_tensor.h"

namespace ingot {
namespace {

using testing_support::is_near;
using testing_support::read_json;
using testing_support::tensor_of;
using Tensors = std::vector<Tensor>;

/// A module and the call that a fixture case stands for.
struct Subject {
  std::function<std::unique_ptr<nn::Module>()> make;
  std::function<Tensors(nn::Module&, const Tensors&)> call;
};

template <class M, class... Arguments>
Subject plain(Arguments... arguments) {
  return {[=] { return std::make_unique<M>(arguments...); },
          [](nn::Module& m, const Tensors& in) { return Tensors{m(in[0])}; }};
}

Subject attention(std::int64_t embed_dim, std::int64_t heads,
                  const nn::MultiheadAttentionOptions& options,
                  const nn::MultiheadAttentionCall& call = {}) {
  return {[=] { return std::make_unique<nn::MultiheadAttention>(embed_dim, heads, options); },
          [=](nn::Module& m, const Tensors& in) {
            const bool cross = in.size() == 3;
            const auto r = dynamic_cast<nn::MultiheadAttention&>(m)(in[0], in[cross ? 1 : 0],
                                                                    in[cross ? 2 : 0], call);
            return r.weights.defined() ? Tensors{r.output, r.weights} : Tensors{r.output};
          }};
}

Tensor padding_mask() { return tensor({{false, false, true}, {false, false, false}}); }
Tensor causal_mask() {
  return tensor({{false, true, true}, {false, false, true}, {false, false, false}});
}

Subject encoder_layer(std::int64_t heads, nn::TransformerEncoderLayerOptions options,
                      const nn::TransformerCall& call = {}) {
  options.dim_feedforward = 5;
  options.dropout = 0;
  return {[=] { return std::make_unique<nn::TransformerEncoderLayer>(4, heads, options); },
          [=](nn::Module& m, const Tensors& in) {
            return Tensors{dynamic_cast<nn::TransformerEncoderLayer&>(m)(in[0], call)};
          }};
}

Tensor at(const Tensors& in, std::size_t i) { return i < in.size() ? in[i] : Tensor(); }

Subject lstm(std::int64_t inputs, std::int64_t hidden, const nn::RecurrentOptions& options = {}) {
  return {[=] { return std::make_unique<nn::LSTM>(inputs, hidden, options); },
          [](nn::Module& m, const Tensors& in) {
            auto [y, h, c] = dynamic_cast<nn::LSTM&>(m)(in[0], {at(in, 1), at(in, 2)});
            return Tensors{y, h, c};
          }};
}

Subject gru(std::int64_t inputs, std::int64_t hidden, const nn::RecurrentOptions& options = {}) {
  return {[=] { return std::make_unique<nn::GRU>(inputs, hidden, options); },
          [](nn::Module& m, const Tensors& in) {
            auto [y, h] = dynamic_cast<nn::GRU&>(m)(in[0], at(in, 1));
            return Tensors{y, h};
          }};
}

Subject lstm_cell(bool bias) {
  return {[=] { return std::make_unique<nn::LSTMCell>(3, 2, bias); },
          [](nn::Module& m, const Tensors& in) {
            const nn::LstmState s = dynamic_cast<nn::LSTMCell&>(m)(in[0], {at(in, 1), at(in, 2)});
            return Tensors{s.h, s.c};
          }};
}

Subject gru_cell() {
  return {[] { return std::make_unique<nn::GRUCell>(3, 2); },
          [](nn::Module& m, const Tensors& in) {
            return Tensors{dynamic_cast<nn::GRUCell&>(m)(in[0], at(in, 1))};
          }};
}

std::map<std::string, Subject> subjects() {
  const nn::RecurrentOptions deep{.num_layers = 2, .batch_first = true, .bidirectional = true};
  const nn::TransformerEncoderLayerOptions small{
      .dim_feedforward = 5, .dropout = 0, .batch_first = true};
  const nn::TransformerCall masks{.mask = causal_mask(), .src_key_padding_mask = padding_mask()};
  std::map<std::string, Subject> s;
  s["conv1d"] = plain<nn::Conv1d>(2, 3, 3);
  s["conv1d_options"] = plain<nn::Conv1d>(
      4, 6, 3,
      nn::Conv1dOptions{.stride = 2, .padding = 2, .dilation = 2, .groups = 2, .bias = false});
  s["conv1d_same"] = plain<nn::Conv1d>(2, 2, 4, nn::Conv1dOptions{.padding = "same"});
  s["conv2d_same"] = plain<nn::Conv2d>(2, 2, Pair(2, 3), nn::Conv2dOptions{.padding = "same"});
  s["conv_transpose2d"] = plain<nn::ConvTranspose2d>(2, 3, 3);
  s["conv_transpose2d_options"] =
      plain<nn::ConvTranspose2d>(4, 2, Pair(3, 2),
                                 nn::ConvTranspose2dOptions{.stride = {2, 1},
                                                            .padding = 1,
                                                            .output_padding = {1, 0},
                                                            .groups = 2,
                                                            .bias = false,
                                                            .dilation = {1, 2}});
  for (const char* mode : {"reflect", "replicate", "circular"}) {
    s[std::string("conv1d_") + mode] = plain<nn::Conv1d>(
        2, 3, 3, nn::Conv1dOptions{.stride = 2, .padding = 2, .padding_mode = mode});
    s[std::string("conv2d_") + mode] = plain<nn::Conv2d>(
        2, 2, Pair(3, 2), nn::Conv2dOptions{.padding = {1, 2}, .padding_mode = mode});
  }
  s["conv1d_same_reflect"] =
      plain<nn::Conv1d>(2, 2, 4, nn::Conv1dOptions{.padding = "same", .padding_mode = "reflect"});
  s["conv2d_same_circular"] = plain<nn::Conv2d>(
      2, 2, Pair(2, 3),
      nn::Conv2dOptions{
          .padding = "same", .dilation = {1, 2}, .bias = false, .padding_mode = "circular"});
  s["conv2d_unbatched_replicate"] =
      plain<nn::Conv2d>(2, 2, 3, nn::Conv2dOptions{.padding = 1, .padding_mode = "replicate"});
  s["conv_transpose1d"] = plain<nn::ConvTranspose1d>(2, 3, 3);
  s["conv_transpose1d_options"] =
      plain<nn::ConvTranspose1d>(4, 2, 3,
                                 nn::ConvTranspose1dOptions{.stride = 2,
                                                            .padding = 1,
                                                            .output_padding = 1,
                                                            .groups = 2,
                                                            .bias = false,
                                                            .dilation = 2});
  s["instance_norm_1d"] = plain<nn::InstanceNorm1d>(2, nn::InstanceNormOptions{.affine = true});
  s["instance_norm_tracked"] = plain<nn::InstanceNorm2d>(
      2, nn::InstanceNormOptions{.affine = true, .track_running_stats = true});
  s["instance_norm_unbatched"] = plain<nn::InstanceNorm2d>(2);
  s["instance_norm_1d_unbatched"] = plain<nn::InstanceNorm1d>(2);
  s["embedding"] = plain<nn::Embedding>(5, 3);
  s["embedding_padding"] = plain<nn::Embedding>(4, 2, nn::EmbeddingOptions{.padding_idx = -2});
  s["layer_norm"] = plain<nn::LayerNorm>(Shape{2, 3}, nn::LayerNormOptions{.eps = 1e-3});
  s["layer_norm_without_bias"] = plain<nn::LayerNorm>(4, nn::LayerNormOptions{.bias = false});
  s["layer_norm_plain"] =
      plain<nn::LayerNorm>(4, nn::LayerNormOptions{.elementwise_affine = false});
  s["group_norm"] = plain<nn::GroupNorm>(2, 4);
  s["instance_norm"] = plain<nn::InstanceNorm2d>(2);
  s["instance_norm_affine"] =
      plain<nn::InstanceNorm2d>(2, nn::InstanceNormOptions{.eps = 1e-3, .affine = true});
  s["batch_norm_1d_sequence"] = plain<nn::BatchNorm1d>(3);
  s["adaptive_max_pool"] = plain<nn::AdaptiveMaxPool2d>(Pair(2, 3));
  s["avg_pool_divisor"] = plain<nn::AvgPool2d>(2, nn::AvgPool2dOptions{.divisor_override = 3});
  s["upsample_nearest"] = plain<nn::Upsample>(InterpolateOptions{.scale_factor = 2});
  s["upsample_bilinear"] = plain<nn::Upsample>(InterpolateOptions{
      .size = Pair(4, 5), .mode = Interpolation::Bilinear, .align_corners = true});
  s["unflatten"] = plain<nn::Unflatten>(1, Shape{2, -1});
  s["attention"] = attention(4, 2, {});
  s["attention_without_weights"] = attention(4, 2, {.batch_first = true}, {.need_weights = false});
  s["attention_cross"] =
      attention(4, 2, {.bias = false, .kdim = 3, .vdim = 5}, {.average_attn_weights = false});
  s["attention_same_dims"] = attention(4, 1, {});
  s["attention_masks"] = attention(
      4, 2, {.batch_first = true},
      {.key_padding_mask = padding_mask(),
       .attn_mask = tensor({{false, true, false}, {false, false, true}, {false, false, false}})});
  s["attention_float_masks"] = {
      [] {
        return std::make_unique<nn::MultiheadAttention>(
            4, 2, nn::MultiheadAttentionOptions{.batch_first = true});
      },
      [](nn::Module& m, const Tensors& in) {
        const Tensor padding = tensor({{0., 0.5, -1.}, {1., 0., 0.}}, in[0].dtype());
        const auto r = dynamic_cast<nn::MultiheadAttention&>(m)(
            in[0], in[0], in[0], {.key_padding_mask = padding, .attn_mask = in[1]});
        return Tensors{r.output, r.weights};
      }};
  s["attention_unbatched"] = attention(4, 2, {});
  s["attention_causal"] = attention(4, 2, {}, {.need_weights = false, .is_causal = true});
  s["encoder_layer"] = encoder_layer(2, {});
  s["encoder_layer_options"] = encoder_layer(2,
                                             {.activation = nn::TransformerActivation::Gelu,
                                              .layer_norm_eps = 1e-3,
                                              .batch_first = true,
                                              .norm_first = true},
                                             {.src_key_padding_mask = padding_mask()});
  s["encoder_layer_without_bias"] = encoder_layer(1, {.bias = false});
  s["encoder"] = {[=] {
                    return std::make_unique<nn::TransformerEncoder>(
                        nn::TransformerEncoderLayer(4, 2, small), 2,
                        std::make_unique<nn::LayerNorm>(4));
                  },
                  [=](nn::Module& m, const Tensors& in) {
                    return Tensors{dynamic_cast<nn::TransformerEncoder&>(m)(in[0], masks)};
                  }};
  s["lstm"] = s["lstm_states"] = lstm(3, 2);
  s["lstm_deep"] = lstm(3, 2, deep);
  s["lstm_unbatched"] = lstm(2, 3, {.bias = false});
  s["lstm_one_step"] = lstm(2, 3, {.num_layers = 2});
  s["gru"] = s["gru_states"] = gru(3, 2);
  s["gru_deep"] = gru(3, 2, deep);
  s["gru_unbatched"] = gru(2, 3, {.bias = false});
  s["gru_one_step"] = gru(2, 3, {.num_layers = 2});
  s["lstm_cell"] = lstm_cell(true);
  s["lstm_cell_unbatched"] = lstm_cell(false);
  s["gru_cell"] = s["gru_cell_unbatched"] = gru_cell();
  return s;
}

const nlohmann::json& cases() {
  static const nlohmann::json all = read_json("nn/modules.json").at("cases");
  return all;
}

void load(nn::Module& m, const nlohmann::json& c, DType dtype) {
  m.to(dtype);
  StateDict state;
  for (const auto& [key, value] : c.at("state").items()) state.insert(key, tensor_of(value));
  m.load_state_dict(state);  // throws unless the keys are PyTorch's
}

// Indices stay indices.
Tensors inputs_of(const nlohmann::json& c, DType dtype) {
  const bool indices = std::string(c.at("name")).starts_with("embedding");
  Tensors inputs;
  for (const auto& value : c.at("inputs"))
    inputs.push_back(tensor_of(value, indices ? int64 : dtype));
  return inputs;
}

TEST(Modules, AllCasesAreThere) {
  const auto known = subjects();
  EXPECT_EQ(cases().size(), 61u);
  EXPECT_EQ(known.size(), cases().size());
  for (const auto& c : cases()) EXPECT_EQ(known.count(c.at("name")), 1u) << c.at("name");
}

TEST(Modules, OutputsAndGradientsMatchPyTorch) {
  const auto known = subjects();
  for (const auto& c : cases()) {
    const Subject& subject = known.at(c.at("name"));
    for (const auto& [dtype, tolerance] : {std::pair(float64, 1e-11), std::pair(float32, 2e-5)}) {
      SCOPED_TRACE(std::string(c.at("name")) + " in " + std::string(name(dtype)));
      const auto module = subject.make();
      load(*module, c, dtype);
      Tensors inputs = inputs_of(c, dtype);
      for (Tensor& t : inputs)
        if (is_floating(t.dtype())) t.requires_grad_();
      const Tensors outputs = subject.call(*module, inputs);
      ASSERT_EQ(outputs.size(), c.at("outputs").size());
      Tensor loss = zeros({}, {.dtype = dtype});
      for (std::size_t i = 0; i < outputs.size(); ++i)
        loss = loss + (outputs[i] * tensor_of(c.at("weights")[i], dtype)).sum();
      loss.backward();
      for (std::size_t i = 0; i < outputs.size(); ++i)
        EXPECT_TRUE(is_near(outputs[i], c.at("outputs")[i], tolerance)) << "output " << i;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (const auto& expected = c.at("input_grads")[i]; !expected.is_null()) {
          EXPECT_TRUE(is_near(inputs[i].grad(), expected, tolerance)) << "input " << i;
        }
      std::size_t compared = 0;
      for (const auto& [key, p] : module->named_parameters()) {
        ASSERT_TRUE(c.at("grads").contains(key)) << key;
        ASSERT_TRUE(p.grad().defined()) << key;
        EXPECT_TRUE(is_near(p.grad(), c.at("grads").at(key), tolerance)) << key;
        ++compared;
      }
      EXPECT_EQ(compared, c.at("grads").size());
    }
  }
}

TEST(Modules, ClonesAndStateDictsGiveTheSameOutputs) {
  const auto known = subjects();
  for (const auto& c : cases()) {
    SCOPED_TRACE(std::string(c.at("name")));
    const Subject& subject = known.at(c.at("name"));
    const auto module = subject.make();
    load(*module, c, float64);
    const auto copy = module->clone(), other = subject.make();
    EXPECT_EQ(copy->str(), module->str());
    EXPECT_EQ(copy->state_dict().keys(), module->state_dict().keys());
    other->to(float64);
    other->load_state_dict(module->state_dict());
    const Tensors inputs = inputs_of(c, float64);
    const NoGradGuard no_grad;
    for (nn::Module* m : {copy.get(), other.get()}) {
      const Tensors outputs = subject.call(*m, inputs);
      for (std::size_t i = 0; i < outputs.size(); ++i)
        EXPECT_TRUE(is_near(outputs[i], c.at("outputs")[i], 1e-11)) << "output " << i;
    }
    // A module of its own: what happens to the copy does not happen to the original.
    for (Tensor p : copy->parameters()) p.zero_();
    const Tensors outputs = subject.call(*module, inputs);
    EXPECT_TRUE(is_near(outputs[0], c.at("outputs")[0], 1e-11));
  }
}

TEST(Modules, HooksSeeTheFirstInputAndOutput) {
  const auto known = subjects();
  for (const auto& c : cases()) {
    SCOPED_TRACE(std::string(c.at("name")));
    const Subject& subject = known.at(c.at("name"));
    const auto module = subject.make();
    load(*module, c, float64);
    const Tensors inputs = inputs_of(c, float64);
    int before = 0, after = 0;
    Tensor seen;
    module->register_forward_pre_hook([&](nn::Module&, const Tensor& x) {
      ++before;
      EXPECT_EQ(x.shape(), inputs[0].shape());
      return Tensor();
    });
    module->register_forward_hook([&](nn::Module&, const Tensor&, const Tensor& y) {
      ++after;
      seen = y;
      return y + 1;
    });
    const NoGradGuard no_grad;
    const Tensors outputs = subject.call(*module, inputs);
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
    EXPECT_TRUE(is_near(seen, c.at("outputs")[0], 1e-11));
    EXPECT_TRUE(is_near(outputs[0] - 1, c.at("outputs")[0], 1e-11));
  }
}

TEST(Modules, BackwardHooksOfRecurrentModules) {
  nn::LSTM lstm(2, 3);
  Tensor x = randn({4, 1, 2});
  x.requires_grad_();
  Tensor grad_in, grad_out;
  lstm.register_full_backward_hook([&](nn::Module&, const Tensor& in, const Tensor& out) {
    grad_in = in;
    grad_out = out;
    return Tensor();
  });
  lstm(x).output.sum().backward();
  ASSERT_TRUE(grad_in.defined() && grad_out.defined());
  EXPECT_EQ(grad_out.to_vector<float>(), std::vector<float>(12, 1.f));
  EXPECT_EQ(grad_in.to_vector<float>(), x.grad().to_vector<float>());
}

TEST(Modules, ReplacedOnesTakeTheCalls) {
  struct Net : nn::Module {
    nn::LSTM rnn{*this, "rnn", 2, 3};
    nn::MultiheadAttention attention{*this, "attention", 4, 2};
  } net;
  const Tensor x = zeros({5, 1, 2});
  net.replace("rnn", std::make_unique<nn::LSTM>(2, 7));
  EXPECT_EQ(net.rnn(x).output.shape(), (Shape{5, 1, 7}));
  net.replace("rnn", std::make_unique<nn::Identity>());
  try {
    net.rnn(x);
    ADD_FAILURE();
  } catch (const ValueError& e) {
    EXPECT_STREQ(e.what(),
                 "LSTM has been replaced by Identity, which does not take a call with LSTM's "
                 "arguments");
  }
  // A part of a module, too.
  net.replace("attention.out_proj", std::make_unique<nn::Linear>(4, 6));
  const Tensor y = zeros({3, 1, 4});
  EXPECT_EQ(net.attention(y, y, y).output.shape(), (Shape{3, 1, 6}));
}

TEST(Modules, GiveTheirOutputInSequential) {
  nn::Sequential net;
  net.add<nn::Embedding>(10, 4);
  net.add<nn::LSTM>(4, 6);
  net.add<nn::GRU>(6, 4);
  net.add<nn::TransformerEncoderLayer>(4, 2,
                                       nn::TransformerEncoderLayerOptions{.dim_feedforward = 8});
  net.add<nn::Linear>(4, 3);
  EXPECT_EQ(net(zeros({7, 2}, {.dtype = int64})).shape(), (Shape{7, 2, 3}));
}

TEST(Modules, DropoutActsInTrainingOnly) {
  manual_seed(2);
  nn::LSTM lstm(2, 8, {.num_layers = 2, .dropout = 0.5});
  nn::MultiheadAttention attention(8, 2, {.dropout = 0.5});
  const Tensor x = randn({4, 3, 2}), q = randn({4, 3, 8});
  const auto run = [&](bool weights) {
    auto a = lstm(x).output.to_vector<float>();
    const auto b = attention(q, q, q, {.need_weights = weights}).output.to_vector<float>();
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  for (const bool weights : {true, false}) {
    EXPECT_NE(run(weights), run(weights));
    lstm.eval();
    attention.eval();
    EXPECT_EQ(run(weights), run(weights));
    lstm.train();
    attention.train();
  }
  nn::Dropout2d channels(0.5);
  const auto kept = channels(ones({4, 6, 2, 2})).sum({2, 3}).to_vector<float>();
  for (const float v : kept) EXPECT_TRUE(v == 0.f || v == 8.f);
  EXPECT_NE(std::count(kept.begin(), kept.end(), 0.f), 0);
  channels.eval();
  EXPECT_EQ(channels(ones({1, 2, 2, 2})).sum().item(), 8);
}

TEST(Containers, ModuleDict) {
  struct Net : nn::Module {
    nn::ModuleDict heads{*this, "heads"};
    Net() {
      heads.add<nn::Linear>("a", 2, 3);
      heads.add<nn::Linear>("b", 2, 1, nn::LinearOptions{.bias = false});
    }
    std::unique_ptr<nn::Module> make_same() const override { return std::make_unique<Net>(); }
  } net;
  EXPECT_EQ(net.state_dict().keys(),
            (std::vector<std::string>{"heads.a.weight", "heads.a.bias", "heads.b.weight"}));
  EXPECT_TRUE(net.heads.contains("a"));
  EXPECT_FALSE(net.heads.contains("c"));
  EXPECT_EQ(net.heads.size(), 2u);
  EXPECT_EQ(net.heads["b"](zeros({1, 2})).shape(), (Shape{1, 1}));
  EXPECT_THROW(net.heads["c"], ValueError);
  EXPECT_THROW(net.heads.add<nn::ReLU>("a"), ValueError);
  EXPECT_EQ(net.clone()->state_dict().size(), 3u);
}

TEST(Containers, ParameterList) {
  nn::ParameterList list;
  list.append(zeros({2}));
  list.append(ones({3}));
  EXPECT_EQ(list.state_dict().keys(), (std::vector<std::string>{"0", "1"}));
  EXPECT_TRUE(list[1].requires_grad());
  EXPECT_EQ(list.parameters().size(), 2u);
  EXPECT_THROW(list[2], IndexError);
  EXPECT_THROW(list.append(Tensor()), ValueError);
  const auto copy = list.clone();
  EXPECT_EQ(copy->state_dict().at("1").sum().item(), 3);
  EXPECT_EQ(dynamic_cast<nn::ParameterList&>(*copy).size(), 2u);
}

// -- What constructors and calls refuse -------------------------------------------------------

TEST(Modules, ConstructorsRefuseImpossibleSizes) {
  EXPECT_THROW(nn::Conv1d(0, 1, 1), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 0), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 1, {.stride = 0}), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 1, {.padding = -1}), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 1, {.dilation = 0}), ValueError);
  EXPECT_THROW(nn::Conv1d(4, 4, 1, {.groups = 3}), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 1, {.padding_mode = "mirror"}), ValueError);
  EXPECT_THROW(nn::Conv1d(1, 1, 3, {.stride = 2, .padding = "same"}), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 1, {.padding_mode = ""}), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 3, {.padding = 4, .padding_mode = "reflect"})(zeros({1, 1, 4, 4})),
               ShapeError);
  EXPECT_THROW(nn::ConvTranspose1d(0, 1, 1), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 0), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 1, {.stride = 0}), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 1, {.padding = -1}), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 1, {.output_padding = 1}), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(2, 3, 1, {.groups = 2}), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 1, {.dilation = 0}), ValueError);
  EXPECT_THROW(nn::ConvTranspose1d(1, 1, 1, {.padding_mode = "reflect"}), ValueError);
  EXPECT_THROW(nn::Conv2d(1, 1, 3, {.stride = 2, .padding = "same"}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 0, 1), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 0), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.stride = 0}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.padding = -1}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.output_padding = 1}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.stride = 2, .output_padding = -1}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(2, 3, 1, {.groups = 2}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.dilation = 0}), ValueError);
  EXPECT_THROW(nn::ConvTranspose2d(1, 1, 1, {.padding_mode = "replicate"}), ValueError);
  EXPECT_THROW(nn::Embedding(0, 1), ValueError);
  EXPECT_THROW(nn::Embedding(1, 0), ValueError);
  EXPECT_THROW(nn::Embedding(3, 1, {.padding_idx = 3}), ValueError);
  EXPECT_THROW(nn::Embedding(3, 1, {.padding_idx = -4}), ValueError);
  EXPECT_THROW(nn::Embedding(3, 1, {.max_norm = 1.0}), ValueError);
  EXPECT_THROW(nn::LayerNorm(0), ValueError);
  EXPECT_THROW(nn::LayerNorm(Shape{}), ValueError);
  EXPECT_THROW(nn::LayerNorm(Shape{2, -1}), ValueError);
  EXPECT_THROW(nn::LayerNorm(1, {.eps = -1}), ValueError);
  EXPECT_THROW(nn::GroupNorm(0, 1), ValueError);
  EXPECT_THROW(nn::GroupNorm(2, 3), ValueError);
  EXPECT_THROW(nn::GroupNorm(1, 0), ValueError);
  EXPECT_THROW(nn::GroupNorm(1, 1, {.eps = -1}), ValueError);
  EXPECT_THROW(nn::InstanceNorm2d(0), ValueError);
  EXPECT_THROW(nn::InstanceNorm2d(1, {.eps = -1}), ValueError);
  EXPECT_THROW(nn::InstanceNorm1d(1, {.momentum = 2}), ValueError);
  EXPECT_THROW(nn::InstanceNorm1d(2)(zeros({1, 3, 4})), ShapeError);
  EXPECT_THROW(nn::InstanceNorm1d(2)(zeros({2})), ShapeError);
  EXPECT_THROW(nn::InstanceNorm1d(2)(zeros({1, 2, 1})), ValueError);
  EXPECT_THROW(nn::InstanceNorm2d(2)(zeros({1, 2, 2, 2, 2})), ShapeError);
  EXPECT_THROW(nn::AdaptiveMaxPool2d(0), ValueError);
  EXPECT_THROW(nn::AvgPool2d(2, {.divisor_override = 0}), ValueError);
  EXPECT_THROW(nn::Dropout2d(-0.5), ValueError);
  EXPECT_THROW(nn::Upsample({}), ValueError);
  EXPECT_THROW(nn::Upsample({.size = 0}), ValueError);
  EXPECT_THROW(nn::Upsample({.scale_factor = 0}), ValueError);
  EXPECT_THROW(nn::Unflatten(0, Shape{}), ValueError);
  EXPECT_THROW(nn::Unflatten(0, Shape{-1, -1}), ValueError);
  EXPECT_THROW(nn::Unflatten(0, Shape{-2}), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(0, 1), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(4, 0), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(4, 3), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(4, 2, {.dropout = 2}), ValueError);
  EXPECT_THROW(nn::MultiheadAttention(4, 2, {.kdim = 0}), ValueError);
  EXPECT_THROW(nn::TransformerEncoderLayer(4, 3), ValueError);
  EXPECT_THROW(nn::TransformerEncoderLayer(4, 2, {.dim_feedforward = 0}), ValueError);
  EXPECT_THROW(nn::TransformerEncoderLayer(4, 2, {.dropout = -1}), ValueError);
  EXPECT_THROW(nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2), 0), ValueError);
  EXPECT_THROW(nn::LSTM(0, 1), ValueError);
  EXPECT_THROW(nn::LSTM(1, 0), ValueError);
  EXPECT_THROW(nn::LSTM(1, 1, {.num_layers = 0}), ValueError);
  EXPECT_THROW(nn::GRU(1, 1, {.dropout = 1.5}), ValueError);
  EXPECT_THROW(nn::GRU(-1, 1), ValueError);
  EXPECT_THROW(nn::LSTMCell(0, 1), ValueError);
  EXPECT_THROW(nn::GRUCell(1, 0), ValueError);
}

TEST(Modules, CallsRefuseOperandsThatDoNotFit) {
  nn::LSTM lstm(3, 2);
  EXPECT_THROW(lstm(zeros({4, 2, 5})), ShapeError);
  EXPECT_THROW(lstm(zeros({3})), ShapeError);
  EXPECT_THROW(lstm(zeros({0, 2, 3})), ShapeError);
  EXPECT_THROW(lstm(zeros({4, 2, 3}), {.h = zeros({1, 3, 2})}), ShapeError);
  nn::GRU gru(3, 2);
  EXPECT_THROW(gru(zeros({4, 2, 3}), zeros({2, 2, 2})), ShapeError);
  nn::LSTMCell lstm_cell(3, 2);
  EXPECT_THROW(lstm_cell(zeros({2, 4})), ShapeError);
  EXPECT_THROW(lstm_cell(zeros({2, 3}), {.h = zeros({2, 3})}), ShapeError);
  nn::GRUCell gru_cell(3, 2);
  EXPECT_THROW(gru_cell(zeros({2, 3}), zeros({2})), ShapeError);
  nn::MultiheadAttention attention(4, 2);
  const Tensor x = zeros({3, 2, 4});
  EXPECT_THROW(attention(zeros({3, 2, 5}), x, x), ShapeError);
  EXPECT_THROW(attention(x, zeros({3, 4}), x), ShapeError);
  EXPECT_THROW(attention(x, zeros({5, 2, 4}), x), ShapeError);
  EXPECT_THROW(attention(x, x, x, {.key_padding_mask = ones({3, 2})}), ShapeError);
  EXPECT_THROW(attention(x, x, x, {.attn_mask = ones({2, 3, 3})}), ShapeError);
  EXPECT_THROW(attention(x, x, x, {.attn_mask = ones({3, 3}, {.dtype = int64})}), DTypeError);
  EXPECT_THROW(attention(x, x, x, {.attn_mask = ones({3, 3}), .is_causal = true}), ValueError);
  EXPECT_THROW(nn::GroupNorm(2, 4)(zeros({2, 3, 2})), ShapeError);
  EXPECT_THROW(nn::InstanceNorm2d(4)(zeros({2, 3, 2, 2})), ShapeError);
  EXPECT_THROW(nn::InstanceNorm2d(3)(zeros({2, 3, 1, 1})), ValueError);
  EXPECT_THROW(nn::Unflatten(1, Shape{2, 2})(zeros({2, 6})), ShapeError);
  EXPECT_THROW(nn::Unflatten(1, Shape{4, -1})(zeros({2, 6})), ShapeError);
  EXPECT_THROW(nn::Embedding(3, 2)(tensor({3})).eval(), IndexError);
}

}  // namespace
}  // namespace ingot
