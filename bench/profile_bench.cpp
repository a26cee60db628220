// What the profiler costs: nothing when nobody watches but the question whether somebody does
// (BM_NobodyWatches: asked six times an evaluation), and what a step costs under a Profile.
#include <benchmark/benchmark.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>
#include <ingot/profile/profile.h>

#include <optional>

#include "core/observe.h"

namespace ingot {
namespace {

void BM_NobodyWatches(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(current_observer());
}
BENCHMARK(BM_NobodyWatches);

// Steps of almost no work; with `profile` somebody watches.
void BM_RunKnownPlan(benchmark::State& state) {
  constexpr std::int64_t kSteps = 300;
  const Tensor x = zeros({4, 4}).eval();
  std::optional<Profile> profile;
  if (state.range(0)) profile.emplace(ProfileOptions{.max_trace_events = 0});
  for (auto _ : state) {
    Tensor h = x;
    for (std::int64_t i = 0; i < kSteps; ++i) h = matmul(h, x);
    h.eval();
  }
  state.counters["per_step"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSteps,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RunKnownPlan)->ArgName("profile")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
