// What planning costs per node when a structure is seen for the first time (rule 17: at most 50 µs
// a node for our own passes), and what finding and running a known plan costs on top of its
// kernels.
#include <benchmark/benchmark.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/reduction.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/batch.h"
#include "plan/graph.h"
#include "plan/plan.h"

namespace ingot {
namespace {

Tensor record_mixed(const Tensor& x, std::int64_t nodes) {
  Tensor h = x;
  for (std::int64_t i = 0; i < nodes / 5; ++i) h = relu(h * x + x) - h.sum({1}, true);
  return h;
}

void BM_BuildPlan(benchmark::State& state) {
  const Tensor x = ones({8, 16});
  eval();
  const Tensor y = record_mixed(x, state.range(0));
  plan::Batch batch;
  plan::collect(batch, record_state().pending, {});
  for (auto _ : state) benchmark::DoNotOptimize(plan::build_plan(batch, cpu_backend(), 1));
  plan::unclaim(batch);
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations() * batch.nodes.size()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_BuildPlan)->Arg(50)->Arg(500)->Arg(5000)->Unit(benchmark::kMillisecond);

void BM_RunKnownPlan(benchmark::State& state) {
  const Tensor x = ones({8, 16});
  for (auto _ : state) {
    const Tensor y = record_mixed(x, state.range(0));
    y.eval();
  }
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RunKnownPlan)->Arg(50)->Arg(500)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
