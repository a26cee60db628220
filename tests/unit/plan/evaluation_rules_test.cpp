// The rules of tensors, cells and evaluation (rules 1 to 9 and 11), each by its number.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <ingot/autograd/autograd.h>
#include <ingot/core/memory.h>
#include <ingot/core/parallel.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "backend/backend.h"
#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"

namespace ingot {
namespace {

using V = std::vector<float>;

class RestoreLimits {
 public:
  ~RestoreLimits() { flush_limits() = saved_; }

 private:
  FlushLimits saved_ = flush_limits();
};

const Node& node_of(const Tensor& t) { return *t.cell()->value().node; }

TEST(Rule1, CopiesShareTheCellSoInPlaceIsSeenByAll) {
  Tensor a = tensor({1.f, 2.f});
  Tensor b = a;
  b.add_(1);
  EXPECT_EQ(a.to_vector<float>(), (V{2, 3}));
  EXPECT_TRUE(a.is_same(b));
  Tensor c = a.clone();
  c.mul_(10);
  EXPECT_EQ(a.to_vector<float>(), (V{2, 3}));
}

TEST(Rule1, NodesReferToNodesSoAnEarlierResultKeepsTheOldValue) {
  Tensor a = tensor({1.f, 2.f});
  const Tensor doubled = a * 2;
  a.add_(100);
  EXPECT_EQ(doubled.to_vector<float>(), (V{2, 4}));
}

TEST(Rule2, LeafInPlaceNeedsNoGrad) {
  Tensor w = tensor({1.f, 2.f});
  w.requires_grad_();
  EXPECT_THROW(w.add_(1), AutogradError);
  {
    const NoGradGuard off;
    w.add_(1);
  }
  EXPECT_EQ(w.to_vector<float>(), (V{2, 3}));
  EXPECT_TRUE(w.requires_grad());
  EXPECT_TRUE(w.is_leaf());
}

TEST(Rule2, RebindingMakesANewVariable) {
  Tensor w = tensor({3.f});
  w.requires_grad_();
  const Tensor y = w * w;
  {
    const NoGradGuard off;
    w.fill_(100);
  }
  y.backward(tensor({1.f}));  // differentiates at the old value
  EXPECT_EQ(w.grad().to_vector<float>(), (V{6}));
}

TEST(Rule3, InPlaceOnAViewThrowsWhileItsBaseLives) {
  Tensor x = zeros({2, 3});
  Tensor row = x.reshape({3, 2});
  try {
    row.add_(1);
    FAIL() << "in-place on a view went through";
  } catch (const ViewError& e) {
    EXPECT_NE(std::string(e.what()).find("clone"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("base["), std::string::npos) << e.what();
  }
  Tensor free_view = zeros({2, 3}).reshape({3, 2});  // its base is gone
  free_view.add_(1);
  EXPECT_EQ(free_view.to_vector<float>(), V(6, 1.f));
}

template <class T>
concept TakesInPlace = requires(T&& t) { std::forward<T>(t).add_(1); };
static_assert(TakesInPlace<Tensor&>);
static_assert(!TakesInPlace<Tensor>, "a temporary would be changed and thrown away");

TEST(Rule3, IndexAssignmentRebindsTheBase) {
  Tensor x = zeros({2, 2});
  x[1] = tensor({5.f, 6.f});
  x[0] = 7;
  EXPECT_EQ(x.to_vector<float>(), (V{7, 7, 5, 6}));
  x[1] += 1;
  x[1] *= tensor({2.f, 3.f});
  EXPECT_EQ(x.to_vector<float>(), (V{7, 7, 12, 21}));
  EXPECT_THROW(x[2] = 1, IndexError);
  for (const bool write : {false, true}) try {
      if (write)
        x[0] = ones({5});
      else [[maybe_unused]]
        const Tensor row = x[5];
      FAIL();
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("evaluation_rules_test.cpp:"), std::string::npos)
          << e.what();
    }
}

TEST(Rule4, StructuralHashIsAboutStructureNotValues) {
  const Tensor a = zeros({4}), b = ones({4});
  const Tensor p = a + b, q = b + a, r = a * b;
  EXPECT_EQ(node_of(p).local_hash(), node_of(q).local_hash());
  EXPECT_NE(node_of(p).local_hash(), node_of(r).local_hash());
}

TEST(Rule4, AMillionNodesRecordEvaluateAndDieWithoutTheStack) {
  const FlushLimits saved = flush_limits();
  flush_limits().nodes = 10'000'000;
  {
    Tensor x = tensor({1.f});
    for (int i = 0; i < 1'000'000; ++i) x = x + tensor({0.f});
    x = Tensor();  // dies unevaluated
    Tensor y = tensor({1.f}).requires_grad_();
    Tensor z = y;
    for (int i = 0; i < 200'000; ++i) z = -z;
    EXPECT_EQ(z.item<float>(), 1.f);
  }
  eval();
  flush_limits() = saved;
}

TEST(Rule4, AMillionOperationsInARowAreComputed) {
  const RestoreLimits restore;
  flush_limits().nodes = 10'000'000;
  Tensor z = tensor({1.f, -2.f, 0.25f});
  for (int i = 0; i < 1'000'000; ++i) z = -z;
  ASSERT_GE(record_state().pending.size(), 1'000'000u) << "flushed before anybody looked";
  EXPECT_EQ(z.to_vector<float>(), (V{1, -2, 0.25f}));
  z = -z;
  EXPECT_EQ(z.to_vector<float>(), (V{-1, 2, -0.25f}));
}

TEST(Rule6, LookingAtOneTensorEvaluatesEverythingHeld) {
  const Tensor a = ones({3});
  const Tensor b = a + 1;
  const Tensor c = b * 2;
  const Tensor other = a - 5;
  EXPECT_FALSE(other.is_evaluated());
  c.to_host();
  EXPECT_TRUE(b.is_evaluated());
  EXPECT_TRUE(other.is_evaluated());
  EXPECT_EQ(other.to_vector<float>(), V(3, -4.f));
}

TEST(Rule6, EvaluatedNodesDropTheirInputsUnlessABackwardNeedsThem) {
  const Tensor a = ones({3});
  const Tensor b = a + 1;
  b.eval();
  EXPECT_TRUE(node_of(b).inputs().empty());
  Tensor w = ones({3}).requires_grad_();
  const Tensor loss = (w * 2).sum();
  loss.eval();
  EXPECT_FALSE(node_of(loss).inputs().empty());
  loss.backward();
  EXPECT_TRUE(node_of(loss).inputs().empty());
}

TEST(Rule6, UnheldTensorsAreNotComputed) {
  const std::uint64_t before = plan::cache_figures().misses + plan::cache_figures().hits;
  { const Tensor a = ones({7}) * 3; }
  eval();
  EXPECT_EQ(plan::cache_figures().misses + plan::cache_figures().hits, before);
}

TEST(Rule7, EvaluationBeforeBackwardKeepsWhatTheGradientReads) {
  Tensor w = tensor({1.f, -2.f, 3.f}).requires_grad_();
  const Tensor hidden = relu(w * w * w);
  const Tensor loss = (hidden * hidden).sum();
  const float value = loss.item<float>();
  EXPECT_FLOAT_EQ(value, 1 + 729.f);
  loss.backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{6, 0, 6 * 243.f}));
}

TEST(Rule7, IntermediatesNobodyReadsAreNotKept) {
  Tensor w = ones({1000}).requires_grad_();
  const auto bytes_of_loss = [&](bool evaluate_first) {
    w.set_grad({});
    Tensor x = w;
    for (int i = 0; i < 20; ++i) x = x + 1;  // addition saves nothing
    const Tensor loss = x.sum();
    x = Tensor();
    if (evaluate_first) loss.eval();
    std::size_t kept = 0;
    for (const Node* n = &node_of(loss); !n->inputs().empty(); n = n->inputs()[0].node.get())
      if (n->outputs()[0].value) kept += n->outputs()[0].spec.nbytes();
    return kept;
  };
  EXPECT_LE(bytes_of_loss(true), sizeof(float));
}

TEST(Rule7, SecondBackwardThrows) {
  Tensor w = tensor({2.f}).requires_grad_();
  const Tensor y = (w * w).sum();
  y.backward();
  EXPECT_THROW(y.backward(), AutogradError);
  const Tensor z = (w * w).sum();
  z.backward({}, true);
  z.backward();
  EXPECT_EQ(w.grad().to_vector<float>(), (V{12}));
}

TEST(Rule9, PendingWorkIsBoundedWhenNobodyLooks) {
  const FlushLimits saved = flush_limits();
  flush_limits().nodes = 64;
  Tensor x = ones({8});
  std::vector<Tensor> predictions;
  std::size_t most = 0;
  for (int i = 0; i < 5000; ++i) {
    predictions.push_back(x * i);
    most = std::max(most, record_state().pending.size());
  }
  EXPECT_LE(most, 64 * FlushLimits::kHardFactor + 8);
  EXPECT_EQ(predictions[4999].to_vector<float>(), V(8, 4999.f));
  // A boundary (here: rebinding) evaluates at the soft limit.
  eval();
  for (int i = 0; i < 100; ++i) x.add_(1);
  EXPECT_LE(record_state().pending.size(), 64u + 8);
  EXPECT_EQ(x.to_vector<float>(), V(8, 101.f));
  flush_limits() = saved;
}

TEST(Rule9, CollectingPredictionsKeepsNoInputs) {
  constexpr std::size_t kBatches = 4000, kNumel = 1024, kInputNbytes = kNumel * sizeof(float);
  const RestoreLimits restore;
  flush_limits().pinned_nbytes = 16 * kInputNbytes;
  const std::size_t pinned_bound = FlushLimits::kHardFactor * flush_limits().pinned_nbytes;
  const NoGradGuard off;
  eval();
  empty_cache();
  const Tensor w = full({kNumel}, 0.5);
  std::vector<Tensor> predictions;
  std::size_t most_pinned = 0, most_allocated = 0;
  const std::size_t before = memory_allocated();
  for (std::size_t i = 0; i < kBatches; ++i) {
    predictions.push_back((from_vector(V(kNumel, static_cast<float>(i))) * w).sum());
    most_pinned = std::max(most_pinned, record_state().pinned_nbytes);
    most_allocated = std::max(most_allocated, memory_allocated());
  }
  EXPECT_LE(most_pinned, pinned_bound + kInputNbytes);
  EXPECT_GE(most_pinned, flush_limits().pinned_nbytes) << "nothing was ever pending";
  // A prediction may take up a cache line or two; a flush works on one bound's worth of inputs.
  constexpr std::size_t kPredictionNbytes = 128;
  ASSERT_LT(4 * pinned_bound + kBatches * kPredictionNbytes, kBatches * kInputNbytes / 2);
  EXPECT_GT(most_allocated, before);
  EXPECT_LE(most_allocated - before, 2 * pinned_bound + kBatches * kPredictionNbytes);
  for (const std::size_t i : {std::size_t{0}, std::size_t{777}, kBatches - 1})
    EXPECT_EQ(predictions[i].item<float>(), 512.f * static_cast<float>(i));
}

TEST(Rule11, EagerGivesTheSameBits) {
  const auto compute = [] {
    Tensor x = arange(0, 4096, 1, float32) * 0.37f - 700;
    x = exp(sin(x) * 0.1f) / (x * x + 1.5f) + tanh(x);
    return x.to_vector<float>();
  };
  const V lazy = compute();
  record_state().eager = true;
  const V eager = compute();
  record_state().eager = false;
  EXPECT_EQ(std::memcmp(lazy.data(), eager.data(), lazy.size() * sizeof(float)), 0);
}

TEST(Rule11, TheEnvironmentVariableMakesThreadsEager) {
  const auto evaluated_at_once = [](const char* value) {
    setenv("INGOT_EAGER", value, 1);
    bool evaluated = false;
    std::thread([&] { evaluated = (ones({2}) * 3).is_evaluated(); }).join();
    return evaluated;
  };
  const char* const inherited = std::getenv("INGOT_EAGER");
  const std::string saved = inherited ? inherited : "0";
  EXPECT_TRUE(evaluated_at_once("1"));
  EXPECT_FALSE(evaluated_at_once("0"));
  setenv("INGOT_EAGER", saved.c_str(), 1);
}

TEST(Rule12, PlansAreFoundByStructureNotByValueOrPlace) {
  const auto run = [](const V& data, double scale) {
    const Tensor x = from_vector(data);
    return (x * scale + 1).to_vector<float>();
  };
  run({1, 2, 3}, 2.0);
  const auto before = plan::cache_figures();
  EXPECT_EQ(run({4, 5, 6}, 3.0), (V{13, 16, 19}));
  const auto after = plan::cache_figures();
  EXPECT_EQ(after.misses, before.misses);
  EXPECT_EQ(after.hits, before.hits + 1);
  run({4, 5, 6, 7}, 3.0);
  EXPECT_EQ(plan::cache_figures().misses, before.misses + 1);
}

TEST(Rule12, AliasPatternAndLayoutArePartOfTheKey) {
  const Tensor a = from_vector(V{1, 2, 3, 4}, Shape{2, 2}),
               b = from_vector(V{5, 6, 7, 8}, Shape{2, 2});
  EXPECT_EQ((a + b).to_vector<float>(), (V{6, 8, 10, 12}));
  EXPECT_EQ((a + a).to_vector<float>(), (V{2, 4, 6, 8}));
  const Tensor t = a.t();
  t.eval();
  EXPECT_EQ((t + b).to_vector<float>(), (V{6, 9, 9, 12}));
}

TEST(Rule12, TheThreadCountIsPartOfTheKey) {
  const auto run = [] {
    const Tensor x = tensor({1.f, 2.f, 3.f, 4.f, 5.f});
    return (x * 7 - 11).to_vector<float>();
  };
  const auto misses = [] { return plan::cache_figures().misses; };
  const int threads = num_threads();
  const V expected = run();
  const std::uint64_t first = misses();
  set_num_threads(threads + 1);
  EXPECT_EQ(run(), expected);
  const std::uint64_t second = misses();
  EXPECT_EQ(run(), expected);
  const std::uint64_t again = misses();
  set_num_threads(threads);
  EXPECT_EQ(run(), expected);
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(again, second);
  EXPECT_EQ(misses(), again) << "the plan of the first thread count is still there";
}

TEST(Rule12, LiveOutputsArePartOfTheKey) {
  const auto run = [](bool keep) {
    const Tensor x = tensor({1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
    Tensor inner = x * 3;
    const Tensor outer = inner + 13;
    if (!keep) inner = Tensor();
    EXPECT_EQ(outer.to_vector<float>(), (V{16, 19, 22, 25, 28, 31}));
    if (!keep) return V{};
    EXPECT_TRUE(inner.is_evaluated());
    return inner.to_vector<float>();
  };
  run(false);
  const std::uint64_t first = plan::cache_figures().misses;
  EXPECT_EQ(run(true), (V{3, 6, 9, 12, 15, 18}));
  EXPECT_EQ(plan::cache_figures().misses, first + 1);
  run(false);
  run(true);
  EXPECT_EQ(plan::cache_figures().misses, first + 1);
}

TEST(Rule13, EqualScalarsAreNotMerged) {
  const auto run = [](double p, double q) {
    const Tensor x = tensor({1.f, 2.f});
    return (x * p + x * q).to_vector<float>();
  };
  EXPECT_EQ(run(2, 2), (V{4, 8}));
  EXPECT_EQ(run(2, 5), (V{7, 14}));  // a merged slot would give 4 or 10
}

TEST(Rule13, SliceStartsAreSlots) {
  const Tensor x = arange(0, 10, 1, float32);
  x.eval();
  EXPECT_EQ(x.narrow(0, 2, 3).to_vector<float>(), (V{2, 3, 4}));
  const auto before = plan::cache_figures();
  EXPECT_EQ(x.narrow(0, 6, 3).to_vector<float>(), (V{6, 7, 8}));
  EXPECT_EQ(plan::cache_figures().misses, before.misses);
}

TEST(Rule14, DonationFollowsActualReferences) {
  Tensor w = ones({1024});
  w.eval();
  const void* before = w.to_host().data();
  w.add_(1);
  w.eval();
  EXPECT_EQ(w.to_host().data(), before) << "nobody else held the old value: it is updated in place";
  const Tensor kept = w.detach();
  const HostArray host = kept.to_host();
  w.add_(1);
  w.eval();
  EXPECT_NE(w.to_host().data(), host.data());
  EXPECT_EQ(host.as<float>()[0], 2.f);
  EXPECT_EQ(w.to_vector<float>()[0], 3.f);
}

TEST(Rule20, ThreadsEvaluateTheirOwnAndShareDoneValues) {
  const Tensor shared = arange(0, 1000, 1, float32);
  std::vector<std::thread> threads;
  std::vector<float> results(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        results[static_cast<std::size_t>(t)] = (shared * (t + 1)).sum().item<float>();
    });
  for (std::thread& t : threads) t.join();
  for (int t = 0; t < 4; ++t)
    EXPECT_EQ(results[static_cast<std::size_t>(t)], 499500.f * static_cast<float>(t + 1));
}

TEST(Rule20, AnotherThreadMayNeedWhatThisOneRecorded) {
  for (int round = 0; round < 50; ++round) {
    const Tensor a = ones({100}) * round;
    const Tensor b = a + 1;
    float seen = 0;
    std::thread other([&] { seen = (b * 2).sum().item<float>(); });
    const float mine = (a * 3).sum().item<float>();
    other.join();
    EXPECT_EQ(seen, 200.f * static_cast<float>(round + 1));
    EXPECT_EQ(mine, 300.f * static_cast<float>(round));
  }
}

}  // namespace
}  // namespace ingot
