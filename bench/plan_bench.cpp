// What planning costs per node when a structure is seen for the first time (rule 17: at most 50 µs
// a node for our own passes), what finding and running a known plan costs on top of its kernels,
// and what a batch size that was never seen costs a training step (rule 17: at most 0.3 s).
#include <benchmark/benchmark.h>

#include <chrono>

#include <ingot/ingot.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/batch.h"
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

// A model's training step with a new batch size: its first run less its second. The sizes fall from
// one that has run, so that memory is there already and only the plan and its primitives are new.
void BM_NewBatchSize(benchmark::State& state, const char* model) {
  const auto net = models::create(model);
  net->train();
  optim::Adam adam{net->parameters(), {.lr = 1e-3}};
  const auto step = [&](std::int64_t batch) {
    const Tensor images = ones({batch, 3, 224, 224});
    const Tensor labels = zeros({batch}, {.dtype = DType::Int64});
    eval();
    const auto start = std::chrono::steady_clock::now();
    adam.zero_grad();
    cross_entropy((*net)(images), labels).backward();
    adam.step();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::int64_t batch = 8;
  step(batch);
  for (auto _ : state) {
    const double first = step(--batch);
    state.SetIterationTime(first - step(batch));
  }
}
BENCHMARK_CAPTURE(BM_NewBatchSize, resnet18, "resnet18")
    ->Iterations(5)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_NewBatchSize, efficientnet_b0, "efficientnet_b0")
    ->Iterations(5)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
