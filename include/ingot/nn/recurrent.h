// Recurrent networks: LSTM and GRU over sequences, and their single steps.
//
// Sequences are x[L, N, input_size] (with batch_first x[N, L, input_size]) or x[L, input_size];
// states are [num_layers · directions, N, hidden_size] or without N. As in PyTorch, the layers'
// parameters are weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, …, with "_reverse" for the
// backward direction, all from U(-k, k) with k = 1/sqrt(hidden_size).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ingot/nn/layer.h>

namespace ingot::nn {

struct RecurrentOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;  ///< between layers, in training
  bool bidirectional = false;
};

namespace detail {

/// The parameters of one layer in one direction.
struct RecurrentWeights {
  Tensor* ih;
  Tensor* hh;
  Tensor* bias_ih;
  Tensor* bias_hh;
};

/// What LSTM and GRU share. Throws ValueError for sizes below 1 and a dropout outside [0, 1].
class Recurrent : public Module {
 public:
  std::string description() const override;
  void reset_parameters();

  std::int64_t input_size() const { return input_size_; }
  std::int64_t hidden_size() const { return hidden_size_; }

 protected:
  /// `gates` times hidden_size rows per weight.
  Recurrent(std::int64_t gates, std::int64_t input_size, std::int64_t hidden_size,
            const RecurrentOptions& options);

  using States = std::vector<Tensor>;  ///< h, and for an LSTM c, of one step: [N, hidden_size]
  /// One step from x · weight_ihᵀ + bias_ih [N, gates · hidden_size] and the states before it.
  virtual States step(const Tensor& from_input, const States& before,
                      const RecurrentWeights& w) const = 0;

  struct Result {
    Tensor output;
    std::vector<Tensor> last;  ///< per kind of state: [layers · directions, (N,) hidden_size]
  };
  /// Runs all layers; `initial` has one tensor per kind of state, undefined ones are zeros.
  Result run(const Tensor& x, const std::vector<Tensor>& initial);

 private:
  Tensor run_layer(const Tensor& x, States& states, const RecurrentWeights& w, bool reverse) const;

  std::int64_t input_size_, hidden_size_;
  RecurrentOptions options_;
  std::vector<RecurrentWeights> weights_;  ///< per layer, forward and then backward
};

template <std::int64_t kGates>
class RecurrentOf : public Recurrent {
 protected:
  RecurrentOf(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options)
      : Recurrent(kGates, input_size, hidden_size, options) {}
};

template <class Self, std::int64_t kGates>
using RecurrentLayer =
    LayerOn<RecurrentOf<kGates>, Self, RecurrentOptions, std::int64_t, std::int64_t>;

}  // namespace detail

struct LstmState {
  Tensor h, c;  ///< undefined: zeros
};

/// output: h of the last layer at every step, both directions side by side; h and c: the states
/// after the last step.
struct LstmResult {
  Tensor output, h, c;
};

/// Long short-term memory:  i, f, g, o = x·W_ih + b_ih + h·W_hh + b_hh;
/// c = σ(f)·c + σ(i)·tanh(g);  h = σ(o)·tanh(c). Source: Hochreiter & Schmidhuber (1997).
///   auto [output, h, c] = lstm(x);
/// Called as a module of one tensor (in a Sequential) it gives the output alone.
class LSTM : public TakesOptional<detail::RecurrentLayer<LSTM, 4>, LstmResult, LstmState> {
 public:
  using TakesOptional::TakesOptional;
  Tensor forward(const Tensor& x) override;
  /// Throws ShapeError for operands that do not fit.
  LstmResult forward(const Tensor& x, const LstmState& initial) override;

 protected:
  States step(const Tensor& from_input, const States& before,
              const detail::RecurrentWeights& w) const override;
};

struct GruResult {
  Tensor output, h;
};

/// Gated recurrent unit:  r, z, n = x·W_ih + b_ih and s, u, m = h·W_hh + b_hh;
/// h = (1 − σ(z + u))·tanh(n + σ(r + s)·m) + σ(z + u)·h. Source: Cho et al. (2014), in the form of
/// PyTorch and cuDNN.
class GRU : public TakesOptional<detail::RecurrentLayer<GRU, 3>, GruResult, Tensor> {
 public:
  using TakesOptional::TakesOptional;
  Tensor forward(const Tensor& x) override;
  /// Throws ShapeError for operands that do not fit.
  GruResult forward(const Tensor& x, const Tensor& initial) override;

 protected:
  States step(const Tensor& from_input, const States& before,
              const detail::RecurrentWeights& w) const override;
};

struct RecurrentCellOptions {
  bool bias = true;
};

namespace detail {

void check_cell(const char* layer, std::int64_t input_size, std::int64_t hidden_size);
/// Drawn from U(-k, k) with k = 1/sqrt(hidden_size).
Tensor drawn_for_cell(std::int64_t hidden_size, const Shape& shape);
std::string describe_cell(std::int64_t input_size, std::int64_t hidden_size, bool bias);

/// What the cells share. Parameters: weight_ih, weight_hh, bias_ih, bias_hh, with `kGates` times
/// hidden_size rows. Throws ValueError for sizes below 1.
template <class Self, std::int64_t kGates>
class Cell : public Layer<Self, RecurrentCellOptions, std::int64_t, std::int64_t> {
 public:
  using Layer<Self, RecurrentCellOptions, std::int64_t, std::int64_t>::Layer;
  static void check(std::int64_t input_size, std::int64_t hidden_size,
                    const RecurrentCellOptions&) {
    check_cell(Self::kName, input_size, hidden_size);
  }
  std::string description() const override {
    return describe_cell(input_size(), hidden_size(), this->options().bias);
  }

  std::int64_t input_size() const { return this->template argument<0>(); }
  std::int64_t hidden_size() const { return this->template argument<1>(); }

 private:
  Tensor drawn(std::int64_t columns) const {
    return drawn_for_cell(hidden_size(), {kGates * hidden_size(), columns});
  }
  Tensor drawn_bias() const {
    return this->options().bias ? drawn_for_cell(hidden_size(), {kGates * hidden_size()})
                                : Tensor();
  }

 public:
  Tensor& weight_ih = this->register_parameter("weight_ih", drawn(input_size()));
  Tensor& weight_hh = this->register_parameter("weight_hh", drawn(hidden_size()));
  Tensor& bias_ih = this->register_parameter("bias_ih", drawn_bias());  ///< undefined without bias
  Tensor& bias_hh = this->register_parameter("bias_hh", drawn_bias());
};

}  // namespace detail

/// One step of an LSTM: x[N, input_size] (or [input_size]) and the states give the next states.
class LSTMCell : public TakesOptional<detail::Cell<LSTMCell, 4>, LstmState, LstmState> {
 public:
  using TakesOptional::TakesOptional;
  static constexpr char kName[] = "LSTMCell";
  Tensor forward(const Tensor& x) override;
  LstmState forward(const Tensor& x, const LstmState& before) override;
};

/// One step of a GRU.
class GRUCell : public TakesOptional<detail::Cell<GRUCell, 3>, Tensor, Tensor> {
 public:
  using TakesOptional::TakesOptional;
  static constexpr char kName[] = "GRUCell";
  Tensor forward(const Tensor& x) override;
  Tensor forward(const Tensor& x, const Tensor& before) override;
};

}  // namespace ingot::nn
