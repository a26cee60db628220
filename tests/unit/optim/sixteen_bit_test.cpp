// Parameters of 16 bits: every optimizer keeps float32 state and computes in float32; only the
// parameter is rounded, once a step.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/optim/optim.h>

namespace ingot {
namespace {

using Params = std::vector<Tensor>;
using Made = std::unique_ptr<optim::Optimizer>;

struct Kind {
  const char* name;
  std::function<Made(Params)> make;
};

const std::vector<Kind>& kinds() {
  using namespace optim;
  static const std::vector<Kind> all = {
      {"SGD", [](Params p) { return std::make_unique<SGD>(p, SGDOptions{.lr = 0.03}); }},
      {"SGD momentum",
       [](Params p) {
         return std::make_unique<SGD>(
             p, SGDOptions{.lr = 0.03, .momentum = 0.9, .dampening = 0.1, .weight_decay = 1e-3});
       }},
      {"SGD nesterov",
       [](Params p) {
         return std::make_unique<SGD>(
             p, SGDOptions{.lr = 0.03, .momentum = 0.9, .nesterov = true, .maximize = true});
       }},
      {"Adam", [](Params p) { return std::make_unique<Adam>(p, AdamOptions{.lr = 1e-2}); }},
      {"Adam amsgrad",
       [](Params p) {
         return std::make_unique<Adam>(
             p, AdamOptions{.lr = 1e-2, .weight_decay = 1e-2, .amsgrad = true});
       }},
      {"AdamW",
       [](Params p) {
         return std::make_unique<AdamW>(p, AdamWOptions{.lr = 1e-2, .weight_decay = 1e-2});
       }},
      {"RMSprop",
       [](Params p) { return std::make_unique<RMSprop>(p, RMSpropOptions{.lr = 1e-3}); }},
      {"RMSprop centered",
       [](Params p) {
         return std::make_unique<RMSprop>(
             p, RMSpropOptions{.lr = 1e-3, .momentum = 0.5, .centered = true});
       }},
      {"Adagrad",
       [](Params p) { return std::make_unique<Adagrad>(p, AdagradOptions{.lr = 1e-2}); }},
      {"Adagrad started", [](Params p) {
         return std::make_unique<Adagrad>(
             p, AdagradOptions{.lr = 1e-2, .lr_decay = 0.1, .initial_accumulator_value = 1e-6});
       }}};
  return all;
}

Tensor wave(std::int64_t n, double seed, double scale, DType dtype) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i)
    values.push_back(scale * std::sin(1.7 * static_cast<double>(i) + seed));
  return from_vector(values).to(dtype);
}

std::vector<double> numbers(const Tensor& t) { return t.to(float64).to_vector<double>(); }

// The same optimizer on float32 parameters that are rounded after each step.
TEST(SixteenBitOptimizers, StepIsFloat32RoundedOnce) {
  for (const DType dtype : {float16, bfloat16})
    for (const Kind& kind : kinds())
      // Squares of the smallest vanish in float16, those of the largest overflow.
      for (const double scale : {1e-4, 1.0, 1000.0}) {
        SCOPED_TRACE(std::string(kind.name) + " " + std::string(name(dtype)) + " " +
                     std::to_string(scale));
        constexpr std::int64_t kNumel = 37;
        Tensor narrow = wave(kNumel, 0.3, 1, dtype).detach(), wide = narrow.to(float32).clone();
        narrow.requires_grad_();
        wide.requires_grad_();
        const Made a = kind.make({narrow}), b = kind.make({wide});
        for (int step = 0; step < 4; ++step) {
          const Tensor g = wave(kNumel, step, scale, dtype);
          narrow.set_grad(g);
          wide.set_grad(g.to(float32));
          a->step();
          b->step();
          const NoGradGuard no_grad;
          wide.copy_(wide.to(dtype).to(float32));
          EXPECT_EQ(numbers(narrow), numbers(wide)) << "step " << step;
        }
        for (const auto& [key, t] : a->state_dict())
          if (t.dim() > 0) {
            EXPECT_EQ(t.dtype(), float32) << key;
            EXPECT_EQ(numbers(t), numbers(b->state_dict().at(key))) << key;
          }
      }
}

TEST(SixteenBitOptimizers, NoGradientNoChangeAndSmallOnesStayFinite) {
  for (const DType dtype : {float16, bfloat16})
    for (const Kind& kind : kinds()) {
      if (std::string(kind.name) == "SGD momentum" || std::string(kind.name) == "Adam amsgrad" ||
          std::string(kind.name) == "AdamW")
        continue;  // weight decay changes the parameter
      SCOPED_TRACE(std::string(kind.name) + " " + std::string(name(dtype)));
      Tensor p = ones({3}).to(dtype).detach();
      p.requires_grad_();
      const Made optimizer = kind.make({p});
      for (int step = 0; step < 3; ++step) {
        p.set_grad(zeros({3}).to(dtype));
        optimizer->step();
        EXPECT_EQ(numbers(p), (std::vector<double>{1, 1, 1}));
      }
      p.set_grad(full({3}, 1e-4).to(dtype));
      optimizer->step();
      for (const double x : numbers(p)) EXPECT_TRUE(std::isfinite(x) && std::abs(x - 1) < 0.5) << x;
    }
}

TEST(SixteenBitOptimizers, StateOf16BitsLoadsIntoFloat32) {
  for (const Kind& kind : kinds()) {
    SCOPED_TRACE(kind.name);
    Tensor p = wave(5, 0.3, 1, float16).detach(), q = p.clone().detach();
    p.requires_grad_();
    q.requires_grad_();
    const Made from = kind.make({p});
    p.set_grad(wave(5, 1, 1, float16));
    from->step();
    StateDict old;
    for (const auto& [key, t] : from->state_dict())
      old.insert(key, t.dim() > 0 ? t.to(float16) : t);
    const Made to = kind.make({q});
    to->load_state_dict(old);
    for (const auto& [key, t] : to->state_dict())
      if (t.dim() > 0) {
        EXPECT_EQ(t.dtype(), float32) << key;
        EXPECT_EQ(numbers(t), numbers(old.at(key))) << key;
      }
    q.set_grad(wave(5, 2, 1, float16));
    to->step();
    for (const double x : numbers(q)) EXPECT_TRUE(std::isfinite(x));
  }
}

}  // namespace
}  // namespace ingot
