// The passes by themselves: traits (rule 5), merging, grouping, strides and memory.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>
#include <ingot/ops/update.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/memory.h"
#include "plan/passes.h"
#include "plan/plan.h"
#include "plan/strides.h"

namespace ingot::plan {
namespace {

void infer_same(InferContext& c) { c.out(c.shape(0), c.dtype(0)); }
const OpDef kPureTwin{.name = "pure_twin", .infer = infer_same};
const OpDef kRandomTwin{.name = "random_twin", .infer = infer_same, .traits = {.random = true}};
const OpDef kEffectTwin{.name = "effect_twin", .infer = infer_same, .traits = {.effect = true}};
const OpDef kBarrierTwin{.name = "barrier_twin", .infer = infer_same, .traits = {.barrier = true}};

// Collects what is pending, hands the grouped draft to `look`, and gives the batch back.
template <class F>
void with_draft(F look) {
  Batch batch;
  ASSERT_TRUE(collect(batch, record_state().pending, {}));
  Draft draft(batch, cpu_backend());
  run_passes(draft, "group");
  look(batch, draft);
  unclaim(batch);
  record_state().pending.clear();
}

int count_alive(const Draft& d, std::string_view op) {
  int n = 0;
  for (const DraftNode& node : d.nodes) n += !node.dead && node.op->name == op;
  return n;
}

int alive_after_recording_twice(const OpDef& op) {
  eval();
  const Tensor x = ones({4});
  x.eval();
  const Tensor a = record(op, {&x}, {}, Site::current());
  const Tensor b = record(op, {&x}, {}, Site::current());
  int alive = -1;
  with_draft([&](const Batch&, const Draft& d) { alive = count_alive(d, op.name); });
  return alive;
}

TEST(Rule5, EqualPureNodesMergeOthersDoNot) {
  EXPECT_EQ(alive_after_recording_twice(kPureTwin), 1);
  EXPECT_EQ(alive_after_recording_twice(kRandomTwin), 2);
  EXPECT_EQ(alive_after_recording_twice(kEffectTwin), 2);
  EXPECT_EQ(alive_after_recording_twice(kBarrierTwin), 2);
}

// Barriers of every kind: with a kernel, with a meaning in other ops, and one that is nothing else,
// which is what activation checkpointing puts in front of what it computes again.
void expand_to_itself(ExpandContext& c) { c.result(c.in(0)); }
const OpDef kExpandedBarrier{.name = "expanded_barrier",
                             .infer = infer_same,
                             .expand = expand_to_itself,
                             .traits = {.barrier = true}};
const OpDef kAliasBarrier{
    .name = "alias_barrier", .infer = infer_same, .traits = {.alias = true, .barrier = true}};

TEST(Rule5, NothingMergesAcrossABarrier) {
  for (const OpDef* barrier : {&kBarrierTwin, &kExpandedBarrier, &kAliasBarrier}) {
    SCOPED_TRACE(barrier->name);
    const auto behind = [&](const Tensor& t) {
      return record(*barrier, {&t}, {}, Site::current());
    };
    const auto exps = [&](auto make) {
      eval();
      const Tensor x = ones({4});
      x.eval();
      const std::vector<Tensor> results = make(x);
      int count = -1;
      with_draft([&](const Batch&, const Draft& d) { count = count_alive(d, "exp"); });
      return count;
    };
    using R = std::vector<Tensor>;
    // What reads the barrier, recorded after or before what does not.
    EXPECT_EQ(exps([&](const Tensor& x) {
                const Tensor a = exp(x), b = exp(behind(x));
                return R{a, b};
              }),
              2);
    EXPECT_EQ(exps([&](const Tensor& x) {
                const Tensor b = behind(x), a = exp(x);
                return R{a, exp(b)};
              }),
              2);
    // A barrier between them on something else.
    EXPECT_EQ(exps([&](const Tensor& x) {
                const Tensor a = exp(x), other = behind(x + 1), b = exp(x);
                return R{a, other, b};
              }),
              2);
    // A chain behind it, of which nothing is the chain before it.
    EXPECT_EQ(exps([&](const Tensor& x) {
                const Tensor a = exp(exp(x)), b = exp(exp(behind(x)));
                return R{a, b};
              }),
              4);
    // On one side equal nodes still become one.
    EXPECT_EQ(exps([&](const Tensor& x) {
                const Tensor b = behind(x);
                return R{exp(b), exp(b)};
              }),
              1);
  }
}

TEST(Rule5, ABarrierThatIsAnAliasCostsNothing) {
  eval();
  const Tensor x = arange(0, 4, 1, float32);
  x.eval();
  Tensor y = record(kAliasBarrier, {&x}, {}, Site::current());
  const Tensor held = y, z = record(kAliasBarrier, {&y}, {}, Site::current()) * 2;
  with_draft([](const Batch&, const Draft& d) { EXPECT_EQ(count_alive(d, "alias_barrier"), 0); });
  const Tensor first = x + 1, second = record(kAliasBarrier, {&first}, {}, Site::current());
  EXPECT_EQ((second * 2).to_vector<float>(), (std::vector<float>{2, 4, 6, 8}));
  EXPECT_EQ(second.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(first.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Rule5, EffectsAreNeverDroppedAndKeepTheirOrder) {
  eval();
  const Tensor x = ones({4});
  x.eval();
  for (int i = 0; i < 3; ++i) record(kEffectTwin, {&x}, {}, Site::current());  // nobody holds them
  const Tensor y = x + 1;
  with_draft([](const Batch& batch, const Draft& d) {
    EXPECT_EQ(count_alive(d, "effect_twin"), 3);
    std::int32_t last = -1;
    for (const Group& group : d.groups)
      for (const std::int32_t n : group.nodes)
        if (d.nodes[static_cast<std::size_t>(n)].op == &kEffectTwin) {
          EXPECT_GT(n, last);
          last = n;
        }
    EXPECT_EQ(batch.nodes.size(), 4u + 1);  // the number is a node, too
  });
}

TEST(Grouping, AChainOfElementwiseOpsIsOneStep) {
  eval();
  const Tensor x = arange(0, 100, 1, float32);
  x.eval();
  const Tensor y = relu(exp(x * 0.01f) - 1) + x;
  with_draft([](const Batch& batch, const Draft& d) {
    std::size_t with_work = 0;  // numbers form groups of their own, which every reader folds in
    for (const Group& group : d.groups)
      with_work += d.nodes[static_cast<std::size_t>(group.nodes[0])].op->name != "full";
    EXPECT_EQ(with_work, 1u);
    const auto plan = build_plan(batch, cpu_backend(), 1);
    EXPECT_EQ(plan->steps.size(), 1u) << "one program, its scalars folded in";
  });
}

// Adam: 15 nodes a parameter, of which a group cut at 32 nodes would leave the third in pieces.
std::size_t adam_steps(std::int64_t numel) {
  eval();
  std::vector<Tensor> lists[4];
  for (auto& list : lists)
    for (int i = 0; i < 3; ++i) list.push_back(ones({numel}));
  eval();
  std::size_t steps = 0;
  const AdamResult next = adam_update(lists[0], lists[1], lists[2], lists[3], {}, {.step = 1});
  with_draft([&](const Batch& batch, const Draft&) {
    steps = build_plan(batch, cpu_backend(), 1)->steps.size();
  });
  return steps;
}

TEST(Grouping, LargeUnrelatedWorkIsNotCutInTheMiddle) {
  EXPECT_EQ(adam_steps(10000), 3u) << "one for each parameter";
  EXPECT_EQ(adam_steps(10), 2u) << "as many nodes a step as fit";
}

TEST(Grouping, TheReferenceRunsOneOpAtATime) {
  eval();
  const Tensor x = arange(0, 100, 1, float32);
  x.eval();
  const Tensor y = relu(exp(x) - x) + x;
  with_draft([](const Batch& batch, const Draft&) {
    EXPECT_EQ(build_plan(batch, reference_backend(), 1)->steps.size(), 4u);
  });
}

TEST(Grouping, ReusesTemporariesMemory) {
  eval();
  const Tensor x = ones({1000});
  x.eval();
  Tensor y = x;
  for (int i = 0; i < 50; ++i) y = y.reshape({10, 100}).sum({0}).expand({10, 100}).reshape({1000});
  with_draft([](const Batch& batch, const Draft&) {
    const auto plan = build_plan(batch, cpu_backend(), 1);
    EXPECT_LE(plan->arena_nbytes(), 3u * 4096) << "fifty temporaries share a few places";
  });
}

RC_GTEST_PROP(Memory, BuffersThatLiveTogetherNeverOverlap, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 60);
  MemoryPlanner planner;
  std::vector<PlanBuffer> buffers(count);
  std::vector<std::pair<std::size_t, std::size_t>> life(count);
  for (std::size_t i = 0; i < count; ++i) {
    buffers[i].nbytes = *rc::gen::inRange<std::size_t>(0, 5000);
    const auto first = *rc::gen::inRange<std::size_t>(0, 40);
    life[i] = {first, first + *rc::gen::inRange<std::size_t>(0, 15)};
    planner.add(i, buffers[i].nbytes, life[i].first, life[i].second);
  }
  const std::size_t total = planner.assign(buffers);
  for (std::size_t i = 0; i < count; ++i) {
    RC_ASSERT(buffers[i].offset % 64 == 0);
    RC_ASSERT(buffers[i].offset + buffers[i].nbytes <= total);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = life[i].first <= life[j].second && life[j].first <= life[i].second;
      const bool apart = buffers[i].offset + buffers[i].nbytes <= buffers[j].offset ||
                         buffers[j].offset + buffers[j].nbytes <= buffers[i].offset;
      RC_ASSERT(!together || apart || buffers[i].nbytes == 0 || buffers[j].nbytes == 0);
    }
  }
}

// Element number `i` (row-major) of a strided tensor.
std::int64_t offset_of(const Shape& shape, const Dims& strides, std::int64_t i) {
  std::int64_t offset = 0;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    offset += i % shape[d] * strides[d];
    i /= shape[d];
  }
  return offset;
}

Shape random_factorisation(std::int64_t n) {
  Shape s;
  while (s.rank() < 5 && (n > 1 || *rc::gen::arbitrary<bool>())) {
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= n; ++d)
      if (n % d == 0) divisors.push_back(d);
    const std::int64_t d = s.rank() == 4 ? n : *rc::gen::elementOf(divisors);
    s.push_back(d);
    n /= d;
  }
  if (n > 1) s.push_back(n);
  return s;
}

RC_GTEST_PROP(Strides, ReshapeKeepsTheOrderOfElements, ()) {
  const std::int64_t n = *rc::gen::elementOf(std::vector<std::int64_t>{1, 2, 6, 12, 24, 60});
  const Shape from = random_factorisation(n), to = random_factorisation(n);
  // Some permuted order of dimensions in memory.
  std::vector<int> order(static_cast<std::size_t>(from.rank()));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
  Dims strides = Dims::filled(from.rank(), 0);
  std::int64_t step = 1;
  for (const int d : order) {
    strides[d] = step;
    step *= from[d];
  }
  const auto reshaped = reshape_strides(from, strides, to);
  bool row_major = true;
  for (std::int64_t i = 0; i < n; ++i) row_major &= offset_of(from, strides, i) == i;
  RC_ASSERT(!row_major || reshaped.has_value());
  if (!reshaped) return;
  for (std::int64_t i = 0; i < n; ++i)
    RC_ASSERT(offset_of(from, strides, i) == offset_of(to, *reshaped, i));
}

TEST(Rule17, ManyLengthsOfOneStructureEachPlanQuickly) {
  clear_plan_cache();
  const auto run = [](std::int64_t length) {
    const Tensor x = arange(0, length, 1, float32);
    Tensor h = x;
    for (int i = 0; i < 10; ++i) h = exp((h - h.sum() / static_cast<double>(length)) * 0.01f);
    return h.sum().item<float>();
  };
  const auto before = cache_figures();
  for (std::int64_t length = 1; length <= 64; ++length) run(length);
  const auto first = cache_figures();
  EXPECT_EQ(first.misses - before.misses, 64u);
  for (std::int64_t length = 1; length <= 64; ++length) run(length);
  EXPECT_EQ(cache_figures().misses, first.misses) << "all 64 lengths stay cached";
}

}  // namespace
}  // namespace ingot::plan
