// What a recorded node costs before any kernel runs: recording and hashing (BM_Record), and that
// plus finding the plan in the cache (BM_RecordAndMatch). Rule 4: at most 0.4 µs a node.
#include <benchmark/benchmark.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/batch.h"
#include "plan/plan.h"

namespace ingot {
namespace {

constexpr int kNodes = 300;  // about a ResNet18 step

// Unary, binary and broadcasting ops, with temporaries dying as in real code.
Tensor record_step(const Tensor& x, const Tensor& w, const Tensor& bias) {
  Tensor h = x;
  for (int i = 0; i < kNodes / 3; ++i) h = relu(h * w + bias);
  return h;
}

void BM_Record(benchmark::State& state) {
  const Tensor x = ones({8, 16}), w = ones({8, 16}), bias = ones({16});
  eval();
  if (state.range(0)) w.cell()->set_requires_grad(true);
  for (auto _ : state) {
    Tensor y = record_step(x, w, bias);
    benchmark::DoNotOptimize(y);
    y = Tensor();
    auto& pending = record_state().pending;
    while (!pending.empty()) pending.pop_back();
  }
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kNodes,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Record)->ArgName("grad")->Arg(0)->Arg(1);

void BM_RecordAndMatch(benchmark::State& state) {
  const Tensor x = ones({8, 16}), w = ones({8, 16}), bias = ones({16});
  eval();
  if (state.range(0)) w.cell()->set_requires_grad(true);
  plan::Batch batch;
  for (auto _ : state) {
    Tensor y = record_step(x, w, bias);
    plan::collect(batch, record_state().pending, {});
    benchmark::DoNotOptimize(plan::plan_for(batch, cpu_backend()));
    plan::unclaim(batch);
    batch.clear();
    y = Tensor();
    auto& pending = record_state().pending;
    while (!pending.empty()) pending.pop_back();
  }
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kNodes,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RecordAndMatch)->ArgName("grad")->Arg(0)->Arg(1);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
