// Labels and indices that do not exist: the same error on every backend, whatever it computes next
// to them, and nothing is written. Each call says "index 7" or "label -1" and where it stands.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/optim/optim.h>

#include "backend/backend.h"
#include "support/op_run.h"

namespace ingot {
namespace {

struct Wrong {
  const char* name;
  std::function<Tensor(const Tensor& x, const Tensor& bad)> call;
};

/// x is [3, 4]; `bad` holds the indices 0 and one that neither dimension has.
const std::vector<Wrong>& wrong_calls() {
  static const std::vector<Wrong> all = {
      {"gather",
       [](auto& x, auto& bad) {
         return gather(x, 1, bad.reshape({1, 2}));
       }},
      {"scatter",
       [](auto& x, auto& bad) {
         return scatter(x, 1, bad.reshape({1, 2}), Operand(1.0));
       }},
      {"scatter",
       [](auto& x, auto& bad) {
         return scatter(x, 1, bad.reshape({1, 2}), ones({1, 2}));
       }},
      {"scatter_amax",
       [](auto& x, auto& bad) {
         return scatter_reduce(x, 1, bad.reshape({1, 2}), ones({1, 2}), "amax");
       }},
      {"scatter",  // what a mean without x's elements begins with
       [](auto& x, auto& bad) {
         return scatter_reduce(x, 1, bad.reshape({1, 2}), ones({1, 2}), "mean", false);
       }},
      {"scatter_add",
       [](auto& x, auto& bad) {
         return scatter_add(x, 1, bad.reshape({1, 2}), x);
       }},
      {"index_select", [](auto& x, auto& bad) { return index_select(x, 0, bad); }},
      {"index_add",
       [](auto& x, auto& bad) {
         return index_add(x, 1, bad, ones({3, 2}));
       }},
      {"embedding", [](auto& x, auto& bad) { return embedding(x, bad); }},
      {"index",
       [](auto& x, auto& bad) {
         return index(x, {bad, bad});
       }},
      {"index_put", [](auto& x, auto& bad) { return index_put(x, {bad}, 1.0); }},
      {"index_put",
       [](auto& x, auto& bad) {
         return index_put(x, {bad}, ones({2, 4}), true);
       }},
      {"one_hot", [](auto&, auto& bad) { return one_hot(bad, 3); }},
      {"cross_entropy", [](auto& x, auto& bad) { return cross_entropy(x.narrow(0, 0, 2), bad); }},
      {"cross_entropy",
       [](auto& x, auto& bad) {
         return cross_entropy(x.narrow(0, 0, 2), bad,
                              {.weight = ones({4}), .label_smoothing = 0.1});
       }},
      {"nll_loss", [](auto& x, auto& bad) { return nll_loss(x.narrow(0, 0, 2), bad); }},
      // Classes of every place of an image.
      {"cross_entropy",
       [](auto& x, auto& bad) {
         return cross_entropy(x.reshape({1, 3, 2, 2}),
                              cat({bad, zeros_like(bad)}).reshape({1, 2, 2}));
       }},
      {"nll_loss",
       [](auto& x, auto& bad) {
         return nll_loss(x.reshape({1, 3, 2, 2}), cat({zeros_like(bad), bad}).reshape({1, 2, 2}));
       }},
  };
  return all;
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const IndexError& e) {
    const std::string text = e.what();
    return text.substr(0, text.find('\n'));
  }
  return "nothing was thrown";
}

TEST(OutOfRange, IsNamedAlikeOnEveryBackend) {
  for (const std::int64_t wrong :
       {std::int64_t{7}, std::int64_t{-9}, std::int64_t{4},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()})
    for (const Wrong& w : wrong_calls())
      for (const bool eager : {false, true}) {
        SCOPED_TRACE(std::string(w.name) + " of " + std::to_string(wrong));
        const optest::EagerScope scope(eager);
        const auto run = [&] {
          return error_of([&] {
            const Tensor x = (rand({3, 4}) + 1).eval();
            // A run of elementwise operations before and after: the check is in the same plan.
            w.call(x * 2 - 1, tensor({std::int64_t{0}, wrong})).to(float32).mul(2).sum().item();
          });
        };
        const std::string on_cpu = run();
        std::string on_reference;
        {
          const BackendOverride reference(reference_backend());
          on_reference = run();
        }
        EXPECT_EQ(on_cpu, on_reference);
        EXPECT_EQ(on_cpu.rfind(std::string(w.name) + ": ", 0), 0u) << on_cpu;
        EXPECT_NE(on_cpu.find(std::to_string(wrong) + " at position "), std::string::npos)
            << on_cpu;
      }
}

TEST(OutOfRange, LeavesTheTensorAsItWas) {
  const auto check = [] {
    Tensor x = zeros({3, 4});
    const Tensor before = x;
    EXPECT_THROW(index_put(x, {tensor({0, 9})}, 1.0).eval(), IndexError);
    EXPECT_EQ(before.sum().item(), 0);
    EXPECT_EQ((before + 1).sum().item(), 12) << "other evaluations go on";
  };
  check();
  const BackendOverride reference(reference_backend());
  check();
}

TEST(OutOfRange, AStepThatFailsLeavesWeightsAndMomentum) {
  const auto check = [] {
    Tensor w = ones({4, 3}).requires_grad_();
    optim::SGD sgd({w}, {.lr = 0.5, .momentum = 0.9});
    const auto step = [&](const Tensor& labels) {
      sgd.zero_grad();
      cross_entropy(w.exp(), labels).backward();
      sgd.step();
    };
    step(tensor({0, 1, 2, 0}));
    const std::vector<float> before = w.to_vector<float>();
    EXPECT_THROW(step(tensor({0, 1, 2, 3})), IndexError);
    EXPECT_EQ(w.to_vector<float>(), before);
  };
  check();
  const BackendOverride reference(reference_backend());
  check();
}

}  // namespace
}  // namespace ingot
