// LSTM, GRU and their cells. The products with the inputs of all steps are one; each step is then
// one product and elementwise operations, which fuse. A sequence of a length that was seen before
// finds its plan again.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/init.h>
#include <ingot/nn/recurrent.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dropout.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/shape.h>

#include <algorithm>
#include <cmath>

#include "nn/checks.h"

namespace ingot::nn {

namespace {

constexpr std::int64_t kLstmGates = 4, kGruGates = 3;

// [N, gates · H] as one tensor [N, H] per gate.
std::vector<Tensor> gates_of(const Tensor& x, std::int64_t gates) {
  return unbind(x.reshape({x.size(0), gates, x.size(1) / gates}), 1);
}

std::vector<Tensor> lstm_step(const Tensor& from_input, const Tensor& from_hidden,
                              const Tensor& c) {
  const auto g = gates_of(from_input + from_hidden, kLstmGates);
  const Tensor next = sigmoid(g[1]) * c + sigmoid(g[0]) * tanh(g[2]);
  return {sigmoid(g[3]) * tanh(next), next};
}

Tensor gru_step(const Tensor& from_input, const Tensor& from_hidden, const Tensor& h) {
  const auto x = gates_of(from_input, kGruGates), y = gates_of(from_hidden, kGruGates);
  const Tensor reset = sigmoid(x[0] + y[0]), keep = sigmoid(x[1] + y[1]);
  const Tensor fresh = tanh(x[2] + reset * y[2]);
  return fresh + keep * (h - fresh);
}

void draw(std::initializer_list<Tensor*> weights, std::int64_t hidden_size) {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  for (Tensor* w : weights)
    if (w->defined()) init::uniform_(*w, -bound, bound);
}

}  // namespace

// -- Sequences ----------------------------------------------------------------------------------

namespace detail {

Recurrent::Recurrent(std::int64_t gates, std::int64_t input_size, std::int64_t hidden_size,
                     const RecurrentOptions& options)
    : input_size_(input_size), hidden_size_(hidden_size), options_(options) {
  require_at_least("LSTM/GRU", "input_size", input_size, 1);
  require_at_least("LSTM/GRU", "hidden_size", hidden_size, 1);
  require_at_least("LSTM/GRU", "num_layers", options.num_layers, 1);
  require_probability("LSTM/GRU", options.dropout);
  const std::int64_t rows = gates * hidden_size, directions = options.bidirectional ? 2 : 1;
  for (std::int64_t layer = 0; layer < options.num_layers; ++layer)
    for (std::int64_t d = 0; d < directions; ++d) {
      const std::string suffix = fmt::format("_l{}{}", layer, d == 1 ? "_reverse" : "");
      const std::int64_t inputs = layer == 0 ? input_size : directions * hidden_size;
      const auto bias = [&] { return options.bias ? zeros({rows}) : Tensor(); };
      RecurrentWeights w{};
      w.ih = &register_parameter("weight_ih" + suffix, zeros({rows, inputs}));
      w.hh = &register_parameter("weight_hh" + suffix, zeros({rows, hidden_size}));
      w.bias_ih = &register_parameter("bias_ih" + suffix, bias());
      w.bias_hh = &register_parameter("bias_hh" + suffix, bias());
      weights_.push_back(w);
    }
  reset_parameters();
}

void Recurrent::reset_parameters() {
  for (const RecurrentWeights& w : weights_) draw({w.ih, w.hh, w.bias_ih, w.bias_hh}, hidden_size_);
}

std::string Recurrent::description() const {
  std::string text = fmt::format("{}, {}", input_size_, hidden_size_);
  if (options_.num_layers != 1) text += fmt::format(", num_layers={}", options_.num_layers);
  if (!options_.bias) text += ", bias=false";
  if (options_.batch_first) text += ", batch_first=true";
  if (options_.dropout != 0) text += fmt::format(", dropout={}", options_.dropout);
  if (options_.bidirectional) text += ", bidirectional=true";
  return text;
}

Tensor Recurrent::run_layer(const Tensor& x, States& states, const RecurrentWeights& w,
                            bool reverse) const {
  std::vector<Tensor> inputs = unbind(linear(x, *w.ih, *w.bias_ih), 0);
  if (reverse) std::reverse(inputs.begin(), inputs.end());
  std::vector<Tensor> outputs;
  outputs.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    states = step(input, states, w);
    outputs.push_back(states[0]);
  }
  if (reverse) std::reverse(outputs.begin(), outputs.end());
  return stack(outputs, 0);
}

Recurrent::Result Recurrent::run(const Tensor& x, const std::vector<Tensor>& initial) {
  const std::int64_t directions = options_.bidirectional ? 2 : 1;
  const std::int64_t all = options_.num_layers * directions;
  const bool batched = x.dim() == 3;
  if ((!batched && x.dim() != 2) || x.size(-1) != input_size_)
    throw ShapeError(fmt::format("{}: x must be {} or [L, {}], got {}", type_name(),
                                 options_.batch_first ? fmt::format("[N, L, {}]", input_size_)
                                                      : fmt::format("[L, N, {}]", input_size_),
                                 input_size_, x.shape().str()));
  Tensor y = !batched ? x.unsqueeze(1) : options_.batch_first ? x.transpose(0, 1) : x;
  if (y.size(0) == 0)
    throw ShapeError(
        fmt::format("{}: a sequence needs a step, got x{}", type_name(), x.shape().str()));
  const std::int64_t batch = y.size(1);

  // states[kind][layer and direction]
  std::vector<std::vector<Tensor>> states;
  for (const Tensor& given : initial) {
    if (!given.defined()) {
      const Tensor zero =
          zeros({batch, hidden_size_}, {.dtype = weights_[0].hh->dtype(), .device = x.device()});
      states.emplace_back(static_cast<std::size_t>(all), zero);
      continue;
    }
    const Shape expected = batched ? Shape{all, batch, hidden_size_} : Shape{all, hidden_size_};
    if (!(given.shape() == expected))
      throw ShapeError(fmt::format("{}: an initial state must be {} for x{}, got {}", type_name(),
                                   expected.str(), x.shape().str(), given.shape().str()));
    states.push_back(unbind(batched ? given : given.unsqueeze(1), 0));
  }

  for (std::int64_t layer = 0; layer < options_.num_layers; ++layer) {
    std::vector<Tensor> sides;
    for (std::int64_t d = 0; d < directions; ++d) {
      const auto k = static_cast<std::size_t>(layer * directions + d);
      States now;
      for (const auto& kind : states) now.push_back(kind[k]);
      sides.push_back(run_layer(y, now, weights_[k], d == 1));
      for (std::size_t s = 0; s < states.size(); ++s) states[s][k] = now[s];
    }
    y = sides.size() == 1 ? sides[0] : cat(sides, -1);
    if (layer + 1 < options_.num_layers) y = dropout(y, options_.dropout, is_training());
  }

  Result result;
  result.output = !batched ? y.squeeze(1) : options_.batch_first ? y.transpose(0, 1) : y;
  for (const auto& kind : states) {
    const Tensor last = stack(kind, 0);
    result.last.push_back(batched ? last : last.squeeze(1));
  }
  return result;
}

}  // namespace detail

detail::Recurrent::States LSTM::step(const Tensor& from_input, const States& before,
                                     const detail::RecurrentWeights& w) const {
  return lstm_step(from_input, linear(before[0], *w.hh, *w.bias_hh), before[1]);
}

LstmResult LSTM::forward(const Tensor& x, const LstmState& initial) {
  const Result r = run(x, {initial.h, initial.c});
  return {r.output, r.last[0], r.last[1]};
}

Tensor LSTM::forward(const Tensor& x) { return forward(x, {}).output; }

detail::Recurrent::States GRU::step(const Tensor& from_input, const States& before,
                                    const detail::RecurrentWeights& w) const {
  return {gru_step(from_input, linear(before[0], *w.hh, *w.bias_hh), before[0])};
}

GruResult GRU::forward(const Tensor& x, const Tensor& initial) {
  const Result r = run(x, {initial});
  return {r.output, r.last[0]};
}

Tensor GRU::forward(const Tensor& x) { return forward(x, {}).output; }

// -- Single steps -------------------------------------------------------------------------------

namespace detail {

void check_cell(const char* layer, std::int64_t input_size, std::int64_t hidden_size) {
  require_at_least(layer, "input_size", input_size, 1);
  require_at_least(layer, "hidden_size", hidden_size, 1);
}

Tensor drawn_for_cell(std::int64_t hidden_size, const Shape& shape) {
  Tensor w = zeros(shape);
  draw({&w}, hidden_size);
  return w;
}

std::string describe_cell(std::int64_t input_size, std::int64_t hidden_size, bool bias) {
  return fmt::format("{}, {}{}", input_size, hidden_size, bias ? "" : ", bias=false");
}

}  // namespace detail

namespace {

// x as a batch, after a look at its shape.
Tensor cell_input(const Module& cell, const Tensor& x, std::int64_t input_size) {
  if ((x.dim() != 1 && x.dim() != 2) || x.size(-1) != input_size)
    throw ShapeError(fmt::format("{}: x must be [N, {}] or [{}], got {}", cell.type_name(),
                                 input_size, input_size, x.shape().str()));
  return x.dim() == 1 ? x.unsqueeze(0) : x;
}

// A state as a batch; zeros where none is given.
Tensor cell_state(const Module& cell, const Tensor& state, const Tensor& x,
                  const Tensor& weight_hh) {
  Shape shape = x.shape();
  shape[shape.rank() - 1] = weight_hh.size(1);
  if (!state.defined())
    return zeros({x.dim() == 1 ? 1 : x.size(0), weight_hh.size(1)},
                 {.dtype = weight_hh.dtype(), .device = x.device()});
  if (!(state.shape() == shape))
    throw ShapeError(fmt::format("{}: a state must be {} for x{}, got {}", cell.type_name(),
                                 shape.str(), x.shape().str(), state.shape().str()));
  return x.dim() == 1 ? state.unsqueeze(0) : state;
}

}  // namespace

LstmState LSTMCell::forward(const Tensor& x, const LstmState& before) {
  const Tensor input = cell_input(*this, x, weight_ih.size(1));
  const Tensor h = cell_state(*this, before.h, x, weight_hh);
  const Tensor c = cell_state(*this, before.c, x, weight_hh);
  const auto next = lstm_step(linear(input, weight_ih, bias_ih), linear(h, weight_hh, bias_hh), c);
  if (x.dim() == 1) return {next[0].squeeze(0), next[1].squeeze(0)};
  return {next[0], next[1]};
}

Tensor LSTMCell::forward(const Tensor& x) { return forward(x, {}).h; }

Tensor GRUCell::forward(const Tensor& x, const Tensor& before) {
  const Tensor input = cell_input(*this, x, weight_ih.size(1));
  const Tensor h = cell_state(*this, before, x, weight_hh);
  const Tensor next = gru_step(linear(input, weight_ih, bias_ih), linear(h, weight_hh, bias_hh), h);
  return x.dim() == 1 ? next.squeeze(0) : next;
}

Tensor GRUCell::forward(const Tensor& x) { return forward(x, {}); }

}  // namespace ingot::nn
