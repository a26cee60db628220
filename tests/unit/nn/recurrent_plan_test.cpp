// A training step over a sequence finds its plan again: recurrent modules record the same program
// for the same length, whatever the values.
#include <gtest/gtest.h>

#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/random.h>
#include <ingot/optim/optim.h>

#include "plan/plan.h"
#include "support/lazy_scope.h"

namespace ingot {
namespace {

template <class Rnn>
void expect_one_plan(std::int64_t length) {
  Rnn rnn(3, 4, {.num_layers = 2, .bidirectional = true});
  optim::SGD optimizer(rnn.parameters(), {.lr = 0.1});
  const auto train = [&] {
    const Tensor x = randn({length, 2, 3}).eval();
    rnn(x).output.square().mean().backward();
    optimizer.step();
    optimizer.zero_grad();
  };
  for (int i = 0; i < 3; ++i) train();
  const plan::CacheFigures before = plan::cache_figures();
  for (int i = 0; i < 4; ++i) train();
  const plan::CacheFigures after = plan::cache_figures();
  EXPECT_EQ(after.misses, before.misses);
  EXPECT_GE(after.hits, before.hits + 4);
}

TEST(RecurrentPlans, AreFoundAgain) {
  const testing_support::LazyScope lazy;
  expect_one_plan<nn::LSTM>(64);
  expect_one_plan<nn::GRU>(64);
  expect_one_plan<nn::LSTM>(5);
}

}  // namespace
}  // namespace ingot
