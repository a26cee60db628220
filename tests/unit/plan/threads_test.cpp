// Rule 20: values that another thread still needs are kept, whoever evaluates what, and nothing is
// kept that nobody needs. The tests that really run at once are for ThreadSanitizer as well.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/autograd/function.h>
#include <ingot/core/generator.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dropout.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/norm.h>
#include <ingot/ops/order.h>
#include <ingot/ops/pool.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/softmax.h>

#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"
#include "plan/batch.h"

namespace ingot {
namespace {

using V = std::vector<float>;

// A thread that does what it is told, one thing after the other, and keeps its pending list.
class Actor {
 public:
  Actor() : thread_([this] { run(); }) {}
  ~Actor() {
    post(nullptr);
    thread_.join();
  }
  // Returns when it is done.
  void operator()(const std::function<void()>& task) {
    bool done = false;
    std::exception_ptr error;
    post([&] {
      try {
        task();
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard lock(mutex_);
      done = true;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done; });
    if (error) std::rethrow_exception(error);
  }

 private:
  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void run() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !tasks_.empty(); });
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      if (!task) return;
      task();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::thread thread_;
};

Tensor ramp(const Shape& shape, double scale) {
  return (arange(0, static_cast<double>(shape.numel()), 1, float32) * scale - 0.4).reshape(shape);
}

// Several kinds of model, so that many ops' values are needed across: what a gradient reads, second
// outputs, views, functions with a gradient of their own.
struct Model {
  const char* name;
  std::vector<Tensor> params;
  // The loss, and something in the middle.
  std::function<std::pair<Tensor, Tensor>(const std::vector<Tensor>&)> forward;
};

std::vector<Model> models() {
  std::vector<Model> list;
  const auto add = [&](const char* name, std::vector<Shape> shapes, auto forward) {
    Model m{name, {}, forward};
    double scale = 0.01;
    for (const Shape& s : shapes) m.params.push_back(ramp(s, scale += 0.013).eval());
    for (Tensor& p : m.params) p.requires_grad_();
    list.push_back(std::move(m));
  };
  using P = const std::vector<Tensor>&;
  add("linear", {{5, 6}, {5}, {3, 5}, {3}}, [](P p) {
    const Tensor h = relu(linear(ramp({4, 6}, 0.05), p[0], p[1]));
    return std::pair(cross_entropy(linear(h, p[2], p[3]), tensor({0, 2, 1, 2})), h);
  });
  add("gelu and layer_norm", {{6, 6}, {6}, {6}}, [](P p) {
    const Tensor h = gelu(matmul(ramp({4, 6}, 0.05), p[0]));
    return std::pair(square(layer_norm(h, {6}, p[1], p[2])).mean(), h);
  });
  add("convolution", {{3, 2, 3, 3}, {3}, {3}}, [](P p) {
    const Tensor h = conv2d(ramp({2, 2, 8, 8}, 0.003), p[0]);
    const Tensor normed = batch_norm(h, Tensor(), Tensor(), p[1], p[2], true);
    return std::pair(square(max_pool2d(relu(normed), 2)).sum(), h);
  });
  add("sorted", {{4, 5}}, [](P p) {
    const auto [values, places] = sort(tanh(p[0] * 3), 1);
    const std::vector<Tensor> parts = chunk(values, 2, 1);
    return std::pair((parts[0].sum() * values.exp().mean() + parts[1].square().sum()), parts[1]);
  });
  add("own gradient", {{4}, {4}}, [](P p) {
    const Tensor h = custom_function(
        {p[0] * 2, p[1]}, [](std::span<const Tensor> in) { return std::vector{in[0] * in[1]}; },
        [](const FunctionContext& c, std::span<const Tensor> g) {
          return std::vector{g[0] * c.inputs[1], g[0] * c.inputs[0] * c.outputs[0]};
        })[0];
    return std::pair((h * h).sum(), h);
  });
  return list;
}

// What a step of gradient descent leaves, in the order of the parameters, with the loss in front.
V bits(const Tensor& loss, const std::vector<Tensor>& params) {
  V all = loss.to_vector<float>();
  for (const Tensor& p : params)
    for (const float v : p.to_vector<float>()) all.push_back(v);
  return all;
}

enum class Look { Loss, Middle, Gradient, Parameter };
enum class Moment { BeforeBackward, AfterBackward, AfterUpdate };

// A step during which `other`, if given, looks at something at that moment.
V step(Model& m, Actor* other, Look look, Moment moment) {
  for (Tensor& p : m.params) p.set_grad({});
  auto [loss, middle] = m.forward(m.params);
  const auto peek = [&](Moment now) {
    if (!other || now != moment) return;
    (*other)([&] {
      switch (look) {
        case Look::Loss:
          loss.item<float>();
          break;
        case Look::Middle:
          middle.eval();
          break;
        case Look::Gradient:
          if (m.params[0].grad().defined()) m.params[0].grad().eval();
          break;
        case Look::Parameter:
          m.params.back().eval();
          break;
      }
    });
  };
  if (look != Look::Middle) middle = {};
  peek(Moment::BeforeBackward);
  loss.backward();
  peek(Moment::AfterBackward);
  {
    const NoGradGuard off;
    for (Tensor& p : m.params) p.sub_(p.grad() * 0.1);
  }
  peek(Moment::AfterUpdate);
  eval();
  return bits(loss, m.params);
}

TEST(Rule20, WhatAnotherThreadLooksAtTakesNothingAwayFromTheStep) {
  const std::size_t count = models().size();
  Actor other;
  for (std::size_t k = 0; k < count; ++k)
    for (const Look look : {Look::Loss, Look::Middle, Look::Gradient, Look::Parameter})
      for (const Moment moment :
           {Moment::BeforeBackward, Moment::AfterBackward, Moment::AfterUpdate}) {
        Model alone = std::move(models()[k]), watched = std::move(models()[k]);
        SCOPED_TRACE(alone.name);
        SCOPED_TRACE(static_cast<int>(look) * 10 + static_cast<int>(moment));
        for (int i = 0; i < 2; ++i) {
          const V expected = step(alone, nullptr, look, moment);
          EXPECT_EQ(step(watched, &other, look, moment), expected);
        }
      }
}

// Random programs: three threads record on each other's tensors, let some of them go, change some
// in place and look at some. In the end all that is still held has the value it has when everything
// is evaluated at once, as soon as it is recorded.
struct Program {
  explicit Program(unsigned seed, bool eager, std::vector<Actor>* actors)
      : random_(seed), eager_(eager), actors_(actors) {}

  std::vector<V> run() {
    for (int i = 0; i < 3; ++i) held_.push_back(ramp({3, 4}, 0.1 + 0.1 * i).eval());
    for (int i = 0; i < 70; ++i) act();
    std::vector<V> results;
    for (const Tensor& t : held_) results.push_back(t.to_vector<float>());
    return results;
  }

 private:
  std::size_t pick(std::size_t n) { return random_() % n; }

  void act() {
    const std::size_t who = pick(3), what = pick(10), a = pick(held_.size()),
                      b = pick(held_.size());
    const auto task = [&] {
      switch (what) {
        case 0:
        case 1:
          held_.push_back(tanh(held_[a] * held_[b]));
          break;
        case 2:
          held_.push_back(held_[a] * 0.5 + held_[b]);
          break;
        case 3: {
          const auto [values, places] = sort(held_[a], 1);  // the second output is let go
          held_.push_back(values + 0.25);
          break;
        }
        case 4: {
          const std::vector<Tensor> rows = unbind(held_[a], 0);
          held_.push_back(stack({rows[2], rows[0], rows[0] * rows[1]}));
          break;
        }
        case 5:
          held_.push_back(softmax(matmul(held_[a], held_[b].t()), 1).matmul(held_[b]));
          break;
        case 6:
          held_[a].add_(held_[b] * 0.125);  // in place: an older value may be written over
          break;
        case 7:
        case 8:
          held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(a));
          if (held_.size() < 3) held_.push_back(ramp({3, 4}, 0.2));
          break;
        default:
          if (!eager_) held_[a].eval();
      }
      if (eager_) eval();
    };
    if (actors_ && who > 0)
      (*actors_)[who - 1](task);
    else
      task();
  }

  std::mt19937 random_;
  bool eager_;
  std::vector<Actor>* actors_;
  std::vector<Tensor> held_;
};

TEST(Rule20, RandomProgramsOverThreeThreadsGiveWhatOneGives) {
  std::vector<Actor> actors(2);
  for (unsigned seed = 0; seed < 300; ++seed) {
    const std::vector<V> expected = Program(seed, true, nullptr).run();
    ASSERT_EQ(Program(seed, false, nullptr).run(), expected) << "one thread, seed " << seed;
    ASSERT_EQ(Program(seed, false, &actors).run(), expected) << "seed " << seed;
  }
}

// Of a step on one thread nothing more is kept than what Cells hold, what was asked for, and what a
// backward that is still to come may read.
TEST(Rule20, NothingIsKeptThatNobodyNeeds) {
  for (const bool backward : {false, true})
    for (Model& m : models()) {
      SCOPED_TRACE(m.name);
      eval();
      const auto [loss, middle] = m.forward(m.params);
      Tensor watched = middle;
      HookHandle handle = watched.register_hook([](const Tensor&) { return Tensor(); });
      watched = {};
      if (backward) {
        loss.backward();
        const NoGradGuard off;
        for (Tensor& p : m.params) p.sub_(p.grad() * 0.1);
      }
      const ValueId root = loss.cell()->value();
      plan::Batch batch;
      ASSERT_TRUE(plan::collect(batch, record_state().pending, {&root, 1}));
      std::vector<std::uint8_t> expected(batch.live.size(), 0);
      for (std::size_t i = 0; i < batch.nodes.size(); ++i) {
        const Node& n = *batch.nodes[i];
        const Saved saved = n.keeps_history() && !n.released() ? saved_for_backward(n) : Saved{};
        for (std::size_t o = 0; o < n.outputs().size(); ++o)
          if (n.outputs()[o].cells.load() > 0 || saved.output(o))
            expected[batch.first_output[i] + o] = 1;
        for (std::size_t k = 0; k < n.inputs().size(); ++k)
          if (const ValueId& in = n.inputs()[k];
              saved.input(k) && in.node->claimed_by() == batch.token)
            expected[batch.first_output[in.node->position] + in.output] = 1;
      }
      EXPECT_EQ(batch.live, expected);
      plan::unclaim(batch);
    }
}

// -- Really at once -----------------------------------------------------------------------------

TEST(Rule20, ThreadsShareParameters) {
  for (int round = 0; round < 20; ++round) {
    Tensor w = ramp({4, 4}, 0.5), scale = tensor({2.f});
    if (round % 2) eval();  // else the first thread that comes by computes it
    w.requires_grad_();
    scale.requires_grad_();
    std::vector<std::thread> threads;
    std::vector<V> grads(4);
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const Tensor x = full({4, 4}, static_cast<double>(t + 1));
        for (int i = 0; i < 5; ++i) {
          const Tensor y = (matmul(x, w) * scale).sum();
          grads[t] = grad({y}, {w})[0].to_vector<float>();
          (w * x).sum().backward();
        }
      });
    for (std::thread& t : threads) t.join();
    for (std::size_t t = 0; t < 4; ++t) EXPECT_EQ(grads[t], V(16, 8.f * static_cast<float>(t + 1)));
    EXPECT_EQ(w.grad().to_vector<float>(), V(16, 5.f * (1 + 2 + 3 + 4)));
  }
}

TEST(Rule20, ALoggerLooksWhileTheTrainerGoesOn) {
  for (const bool early : {false, true}) {
    Model alone = std::move(models()[0]), watched = std::move(models()[0]);
    constexpr int kSteps = 40;
    V expected, logged, trained;
    for (int i = 0; i < kSteps; ++i)
      expected.push_back(step(alone, nullptr, Look::Loss, Moment::AfterUpdate)[0]);
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Tensor> losses;
    std::thread logger([&] {
      for (int i = 0; i < kSteps; ++i) {
        Tensor loss;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return !losses.empty(); });
          loss = std::move(losses.front());
          losses.pop_front();
        }
        logged.push_back(loss.item<float>());
      }
    });
    const auto log = [&](const Tensor& loss) {
      const std::lock_guard lock(mutex);
      losses.push_back(loss);
      changed.notify_all();
    };
    for (int i = 0; i < kSteps; ++i) {
      for (Tensor& p : watched.params) p.set_grad({});
      const Tensor loss = watched.forward(watched.params).first;
      if (early) log(loss);
      loss.backward();
      if (!early) log(loss);
      const NoGradGuard off;
      for (Tensor& p : watched.params) p.sub_(p.grad() * 0.1);
      eval();
      if (i % 3 == 0) trained.push_back(loss.item<float>());
    }
    logger.join();
    EXPECT_EQ(logged, expected);
    for (std::size_t i = 0; i < trained.size(); ++i) EXPECT_EQ(trained[i], expected[3 * i]);
    EXPECT_EQ(bits(tensor({0.f}), watched.params), bits(tensor({0.f}), alone.params));
  }
}

TEST(Rule20, RanksInOneProcess) {
  const auto train = [](Model m) {
    V all;
    for (int i = 0; i < 6; ++i) all = step(m, nullptr, Look::Loss, Moment::AfterUpdate);
    return all;
  };
  const std::size_t count = models().size();
  std::vector<V> expected(count), got(3 * count);
  for (std::size_t k = 0; k < count; ++k) expected[k] = train(std::move(models()[k]));
  std::vector<std::thread> ranks;
  for (std::size_t r = 0; r < got.size(); ++r)
    ranks.emplace_back([&, r] { got[r] = train(std::move(models()[r % count])); });
  for (std::thread& r : ranks) r.join();
  for (std::size_t r = 0; r < got.size(); ++r) EXPECT_EQ(got[r], expected[r % count]);
}

TEST(Rule20, WhatAReadMakesIsMadeOnce) {
  for (int round = 0; round < 50; ++round) {
    Tensor x = arange(0, 6, 1, float32).reshape({2, 3});
    if (round % 2) x.eval();
    x.requires_grad_();
    const auto part = x[1];  // recorded by whoever reads it first
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    std::vector<const Node*> nodes(4), variables(4);
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready < 4) std::this_thread::yield();
        variables[t] = x.cell()->read().node.get();
        nodes[t] = part.cell()->value().node.get();
        EXPECT_EQ((part * 2).to_vector<float>(), (V{6, 8, 10}));
      });
    for (std::thread& t : threads) t.join();
    for (std::size_t t = 1; t < 4; ++t) {
      EXPECT_EQ(variables[t], variables[0]);
      EXPECT_EQ(nodes[t], nodes[0]);
    }
  }
}

// Threads that want overlapping parts of one graph meet in the middle of each other's runs.
TEST(Rule20, ThreadsMeetInOneGraph) {
  for (int round = 0; round < 60; ++round) {
    std::vector<Tensor> chain{ramp({64}, 0.01)};
    for (int i = 0; i < 12; ++i) chain.push_back(tanh(chain.back() * 1.25));
    std::vector<std::thread> threads;
    std::vector<V> seen(4);
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back(
          [&, t, chain] { seen[t] = (chain[3 * t + 3] + chain[t]).to_vector<float>(); });
    std::vector<Tensor> kept{chain[12]};
    chain.clear();
    for (std::thread& t : threads) t.join();
    Tensor again = ramp({64}, 0.01);
    std::vector<Tensor> expected{again};
    for (int i = 0; i < 12; ++i) expected.push_back(tanh(expected.back() * 1.25));
    for (std::size_t t = 0; t < 4; ++t)
      EXPECT_EQ(seen[t], (expected[3 * t + 3] + expected[t]).to_vector<float>());
    EXPECT_EQ(kept[0].to_vector<float>(), expected[12].to_vector<float>());
  }
}

// A range of one seed never begins where a range of another ended.
TEST(Rule19, SeedAndPositionChangeTogether) {
  Generator generator(1);
  std::atomic<bool> stop = false;
  std::thread seeder([&] {
    for (std::uint64_t seed = 1; !stop; ++seed) generator.set_state({seed, seed << 32});
  });
  std::uint64_t wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    const Generator::State s = generator.reserve(4);
    if (s.seed != 1 || s.offset >> 32 != 0) wrong += s.offset >> 32 != s.seed;
  }
  stop = true;
  seeder.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace ingot
