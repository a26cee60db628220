// Rule 8: a failed evaluation loses nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <ingot/autograd/autograd.h>
#include <ingot/core/memory.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/loss.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/update.h>

#include "backend/backend.h"
#include "core/block_pool.h"
#include "core/cell.h"
#include "core/record.h"
#include "plan/plan.h"
#include "support/allocation_hook.h"

namespace ingot {
namespace {

using plan::FaultInjection;

// A two-layer classifier with Adam, small enough to fail at every step in turn.
struct Training {
  Tensor x = (arange(0, 24, 1, float32).reshape({4, 6}) * 0.05);
  Tensor labels = tensor({0, 2, 1, 2});
  std::vector<Tensor> params{ones({5, 6}) * 0.1, zeros({5}), ones({3, 5}) * 0.2, zeros({3})};
  std::vector<Tensor> exp_avg, exp_avg_sq;
  std::int64_t steps = 0;

  Training() {
    for (Tensor& p : params) {
      exp_avg.push_back(zeros_like(p));
      exp_avg_sq.push_back(zeros_like(p));
    }
    eval();
    for (Tensor& p : params) p.requires_grad_();
  }

  // Records forward, backward and update; evaluates nothing.
  Tensor record() {
    const Tensor loss =
        cross_entropy(linear(relu(linear(x, params[0], params[1])), params[2], params[3]), labels);
    for (Tensor& p : params) p.set_grad({});
    loss.backward();
    std::vector<Tensor> grads;
    for (Tensor& p : params) grads.push_back(p.grad());
    const NoGradGuard off;
    const AdamResult next =
        adam_update(params, grads, exp_avg, exp_avg_sq, {}, {.step = ++steps, .lr = 0.01});
    for (std::size_t i = 0; i < params.size(); ++i) {
      rebind(params[i], next.params[i]);
      rebind(exp_avg[i], next.exp_avg[i]);
      rebind(exp_avg_sq[i], next.exp_avg_sq[i]);
    }
    return loss;
  }

  std::vector<float> bits() const {
    std::vector<float> all;
    for (const auto* list : {&params, &exp_avg, &exp_avg_sq})
      for (const Tensor& t : *list)
        for (const float v : t.to_vector<float>()) all.push_back(v);
    return all;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

struct FaultScope {
  explicit FaultScope(std::int64_t place) { FaultInjection::fail_at(place); }
  ~FaultScope() { FaultInjection::fail_at(FaultInjection::kOff); }
};

// Evaluates with a fault at that place; true when it came so far.
bool fails(std::int64_t place) {
  const FaultScope fault(place);
  try {
    eval();
  } catch (const InternalError& e) {
    EXPECT_NE(std::string(e.what()).find("injected"), std::string::npos) << e.what();
    return true;
  }
  return false;
}

TEST(Rule8, AFailureAtAnyPlaceLosesNothingAndTheNextTryWorks) {
  Training untouched;
  for (int i = 0; i < 4; ++i) {
    untouched.record();
    eval();
  }
  const std::vector<float> expected = untouched.bits();

  // All places of the plans, in the order they come by: finding the plan, the arena, each output's
  // memory, each step up to the one that first writes over a parameter.
  int failures = 0, last = 1;
  for (std::int64_t at = 0; last > 0; ++at) {
    ASSERT_LT(at, 1000);
    empty_cache();  // so that memory must be taken
    Training t;
    last = 0;
    for (int i = 0; i < 4; ++i) {
      const Tensor loss = t.record();
      if (!fails(at)) continue;
      ++last;
      EXPECT_FALSE(loss.is_evaluated());
      eval();  // what was recorded is still there
    }
    failures += last;
    ASSERT_TRUE(same_bits(t.bits(), expected)) << "failing at place " << at;
  }
  EXPECT_GT(failures, 20);
}

// Why the places above are all there are: from the first write over memory that outlives the run
// on, kernels neither throw nor take memory, and what the nodes will hold has been made before.
TEST(Rule8, NothingThatMayFailFollowsTheFirstWriteOverAParameter) {
  Training t;
  t.record();
  eval();
  for (Tensor& p : t.params) p.set_grad({});
  t.record();
  plan::Batch batch;
  ASSERT_TRUE(plan::collect(batch, record_state().pending, {}));
  const auto plan = plan::plan_for(batch, cpu_backend());
  plan::unclaim(batch);
  ASSERT_LT(plan->commit_step, plan->steps.size()) << "parameters are not written over";
  ASSERT_GT(plan->commit_step, 0u);
  for (std::size_t i = plan->commit_step; i < plan->steps.size(); ++i) {
    EXPECT_TRUE(plan->steps[i].kernel->cannot_fail()) << plan->steps[i].what;
    EXPECT_FALSE(plan->steps[i].op->traits.checks) << plan->steps[i].what;
  }
  // And the test before comes to all the others: each is a place, the one at the commit included.
  const FaultScope count(1'000'000);
  eval();
  EXPECT_GE(FaultInjection::passed(), static_cast<std::int64_t>(plan->commit_step + 2));
}

// Memory that runs out in the middle of binding, and kernels that fail after they have written a
// part of their result, as a library may.
class Unreliable final : public Backend {
 public:
  ~Unreliable() override { plan::clear_plan_cache(); }  // plans hold kernels that count here
  std::int64_t fail_allocation = -1, fail_kernel = -1;

  std::string_view name() const override { return "unreliable"; }
  Allocator& allocator() override { return allocator_; }
  bool fuses() const override { return cpu_backend().fuses(); }
  bool supports(const StepDesc& step) const override { return cpu_backend().supports(step); }
  void choose_layouts(StepDesc& step) const override { cpu_backend().choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    return std::make_unique<Failing>(*this, cpu_backend().lower(step));
  }

 private:
  class CountingAllocator final : public Allocator {
   public:
    explicit CountingAllocator(Unreliable& owner) : owner_(owner) {}
    Ref<Buffer> allocate(std::size_t nbytes) override {
      if (owner_.fail_allocation-- == 0) throw OutOfMemoryError("no memory left, says the test");
      return host_allocator().allocate(nbytes);
    }
    void recycle(Buffer*) noexcept override {}  // the host's buffers go back to the host

   private:
    Unreliable& owner_;
  };

  class Failing final : public Kernel {
   public:
    Failing(const Unreliable& owner, std::unique_ptr<Kernel> inner)
        : owner_(owner), inner_(std::move(inner)) {}
    void run(const KernelArgs& args) const override {
      inner_->run(args);
      if (!cannot_fail() && owner_.count_kernel()) throw std::runtime_error("halfway");
    }
    std::size_t workspace_nbytes() const override { return inner_->workspace_nbytes(); }
    bool can_overwrite(int i, int o) const override { return inner_->can_overwrite(i, o); }
    bool cannot_fail() const override { return inner_->cannot_fail(); }

   private:
    const Unreliable& owner_;
    std::unique_ptr<Kernel> inner_;
  };

  bool count_kernel() const { return kernels_++ == fail_kernel; }

 public:
  void restart() { kernels_ = 0; }

 private:
  CountingAllocator allocator_{*this};
  mutable std::int64_t kernels_ = 0;
};

TEST(Rule8, MemoryThatRunsOutAndKernelsThatThrowLoseNothing) {
  Training untouched;
  for (int i = 0; i < 2; ++i) {
    untouched.record();
    eval();
  }
  const std::vector<float> expected = untouched.bits();
  Unreliable backend;
  const BackendOverride use(backend);
  for (const bool memory : {true, false}) {
    int failures = 0;
    for (std::int64_t at = 0, last = 1; last > 0; ++at) {
      ASSERT_LT(at, 1000);
      empty_cache();
      Training t;
      last = 0;
      for (int i = 0; i < 2; ++i) {
        t.record();
        backend.restart();
        (memory ? backend.fail_allocation : backend.fail_kernel) = at;
        try {
          eval();
        } catch (const OutOfMemoryError&) {
          ++last;
        } catch (const InternalError&) {
          ++last;
        }
        backend.fail_allocation = backend.fail_kernel = -1;
        eval();
      }
      failures += static_cast<int>(last);
      ASSERT_TRUE(same_bits(t.bits(), expected)) << "failing at " << at;
    }
    EXPECT_GT(failures, 5) << (memory ? "memory" : "kernels");
  }
}

// Passes everything on; from the first kernel on that writes over one of its inputs, which comes
// when all that may fail is done, nothing can be allocated any more.
class NoMemoryAfterCommit final : public Backend {
 public:
  ~NoMemoryAfterCommit() override { plan::clear_plan_cache(); }
  std::atomic<bool> armed{false}, reached{false};
  std::atomic<std::uint64_t> blocks{0};  ///< taken from the system when it was reached

  std::string_view name() const override { return "no memory after commit"; }
  Allocator& allocator() override { return host_allocator(); }
  bool fuses() const override { return cpu_backend().fuses(); }
  bool supports(const StepDesc& step) const override { return cpu_backend().supports(step); }
  void choose_layouts(StepDesc& step) const override { cpu_backend().choose_layouts(step); }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    return std::make_unique<Watched>(*this, step, cpu_backend().lower(step));
  }

 private:
  class Watched final : public Kernel {
   public:
    Watched(const NoMemoryAfterCommit& owner, const StepDesc& step, std::unique_ptr<Kernel> inner)
        : owner_(const_cast<NoMemoryAfterCommit&>(owner)),
          num_inputs_(step.inputs.size()),
          num_outputs_(step.outputs.size()),
          inner_(std::move(inner)) {}
    void run(const KernelArgs& args) const override {
      if (owner_.armed && cannot_fail() && overwrites(args)) {
        owner_.reached = true;
        owner_.blocks = host_memory_figures().fresh_blocks;
        optest::refuse_allocations(true);
      }
      inner_->run(args);
    }
    std::size_t workspace_nbytes() const override { return inner_->workspace_nbytes(); }
    bool can_overwrite(int i, int o) const override { return inner_->can_overwrite(i, o); }
    bool cannot_fail() const override { return inner_->cannot_fail(); }

   private:
    // Several outputs in the place of inputs: an update, not a temporary.
    bool overwrites(const KernelArgs& args) const {
      int count = 0;
      for (std::size_t o = 0; o < num_outputs_; ++o)
        count += std::find(args.inputs, args.inputs + num_inputs_, args.outputs[o]) !=
                 args.inputs + num_inputs_;
      return count >= 2;
    }
    NoMemoryAfterCommit& owner_;
    std::size_t num_inputs_, num_outputs_;
    std::unique_ptr<Kernel> inner_;
  };
};

TEST(Rule8, NothingAllocatesAfterTheFirstWriteOverAParameter) {
  NoMemoryAfterCommit backend;
  const BackendOverride use(backend);
  for (const std::int64_t size : {6, 60'000}) {  // one piece, and one for every thread
    std::vector<Tensor> params{ones({size})}, first{zeros({size})}, second{zeros({size})};
    const std::vector<Tensor> grads{ones({size}) * 0.5};
    eval();
    for (std::int64_t step = 1; step <= 3; ++step) {
      {
        const AdamResult next =
            adam_update(params, grads, first, second, {}, {.step = step, .lr = 0.5});
        rebind(params[0], next.params[0]);
        rebind(first[0], next.exp_avg[0]);
        rebind(second[0], next.exp_avg_sq[0]);
      }
      backend.armed = step > 1;
      backend.reached = false;
      empty_cache();  // scratch of threads and idle instances as well
      std::exception_ptr failure;
      try {
        eval();
      } catch (...) {
        failure = std::current_exception();
      }
      optest::refuse_allocations(false);
      EXPECT_FALSE(failure) << "size " << size << ", step " << step;
      EXPECT_EQ(backend.reached, step > 1) << "size " << size << ", step " << step;
      if (step > 1) {
        EXPECT_EQ(host_memory_figures().fresh_blocks, backend.blocks);
      }
    }
    EXPECT_LT(params[0].to_vector<float>()[0], 0.0F);  // three steps of 0.5 from 1
  }
}

// What a run needs stays from the last one.
TEST(PlanInstance, AKnownPlanRunsWithoutAllocating) {
  const Tensor x = ones({8, 16}), w = ones({8, 16}), bias = ones({16});
  Tensor state = zeros({8, 16});
  eval();
  for (int i = 0; i < 5; ++i) {
    const Tensor h = relu(x * w + bias), y = h - h.sum({1}, true) * 0.5;
    rebind(state, state + y);
    const std::uint64_t before = optest::allocations();
    eval();
    // One list keeps the nodes while edges are dropped; under sanitizers values come from the heap.
    const std::uint64_t allowed = pool_is_heap() ? 7 : 1;
    if (i >= 3) {
      EXPECT_LE(optest::allocations() - before, allowed);
    }
  }
  EXPECT_NE(state.to_vector<float>()[0], 0.0F);
}

TEST(Rule8, AWrongLabelFailsBeforeTheUpdateAndNamesTheLine) {
  Training t;
  t.record();
  eval();
  const std::vector<float> before = t.bits();
  std::vector<Tensor> held = t.params;
  const Tensor good = t.labels;
  t.labels = tensor({0, 2, 7, 1});
  Tensor loss;
  {
    // Recorded, then thrown away: the failing loss must not poison what is left.
    Training copy = t;
    EXPECT_THROW(
        {
          const Tensor bad = cross_entropy(
              linear(relu(linear(t.x, t.params[0], t.params[1])), t.params[2], t.params[3]),
              t.labels);
          bad.item<float>();
        },
        IndexError);
  }
  EXPECT_TRUE(same_bits(t.bits(), before));
  t.labels = good;
  t.record();
  eval();
  EXPECT_FALSE(same_bits(t.bits(), before));
  try {
    cross_entropy(zeros({2, 3}), tensor({0, 3})).item<float>();
    FAIL();
  } catch (const IndexError& e) {
    EXPECT_NE(std::string(e.what()).find("failure_test.cpp:"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("3"), std::string::npos) << e.what();
  }
}

TEST(Rule4, AnUpdateIsOneNodeForAllParameters) {
  Training t;
  t.record();
  const Node* node = t.params[0].cell()->value().node.get();
  EXPECT_EQ(node->op().name, "adam_update");
  for (const auto* list : {&t.params, &t.exp_avg, &t.exp_avg_sq})
    for (const Tensor& x : *list) EXPECT_EQ(x.cell()->value().node.get(), node);
}

TEST(Rule14, AnOptimizerStepReusesTheParametersMemory) {
  Training t;
  t.record();
  eval();
  const void* before = t.exp_avg[0].to_host().data();
  for (Tensor& p : t.params) p.set_grad({});
  t.record();
  eval();
  const void* after = t.exp_avg[0].to_host().data();
  EXPECT_EQ(before, after);
}

TEST(Rule6, ATrainingStepIsOnePlanAndIsFoundAgain) {
  Training t;
  t.record();
  eval();
  for (Tensor& p : t.params) p.set_grad({});
  t.record();
  eval();
  for (Tensor& p : t.params) p.set_grad({});
  const auto before = plan::cache_figures();
  for (int i = 0; i < 3; ++i) {
    t.record();
    eval();
  }
  const auto after = plan::cache_figures();
  EXPECT_EQ(after.misses, before.misses);
  EXPECT_EQ(after.hits, before.hits + 3);
}

}  // namespace
}  // namespace ingot
