// What the host pays to give a known plan to a device that runs it later: at most 0.2 µs a step.
// The device is the twin, whose thread is held back meanwhile, as one that is busy with something
// else: only the host's part is in the time. BM_Submit is binding memory and numbers, submitting
// the steps one by one and handing out the values to come; BM_Evaluate has collecting the nodes and
// finding the plan before it, which machines without a device pay as well.
#include <benchmark/benchmark.h>

#include <chrono>

#include <ingot/core/stream.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>

#include "backend/twin/twin.h"
#include "core/record.h"
#include "plan/batch.h"
#include "plan/in_flight.h"
#include "plan/plan.h"

namespace ingot {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A step each: matrix products are joined with nothing.
Tensor record_chain(const Tensor& x, std::int64_t steps) {
  Tensor h = x;
  for (std::int64_t i = 0; i < steps; ++i) h = matmul(h, x);
  return h;
}

// `timed` makes the tensor's value be submitted and returns the seconds that took.
template <class F>
void on_a_busy_twin(benchmark::State& state, F timed) {
  const Device device{DeviceType::Twin, 0};
  Twin& device_twin = twin(0);
  const Tensor x = zeros({4, 4}, {.device = device}).eval();
  for (auto _ : state) {
    const Tensor y = record_chain(x, state.range(0));
    device_twin.hold(true);
    state.SetIterationTime(timed(y));
    device_twin.hold(false);
    synchronize(device);
  }
  state.counters["per_step"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_Submit(benchmark::State& state) {
  plan::Batch batch;
  on_a_busy_twin(state, [&](const Tensor& y) {
    const plan::ValuesStay stay;
    const ValueId root = y.cell()->value();
    plan::collect(batch, record_state().pending, {&root, 1});
    const auto plan = plan::plan_for(batch, cpu_backend());
    const auto begin = Clock::now();
    plan::execute(plan, batch, cpu_backend());
    for (Node* n : batch.nodes) {
      n->set_claimed_by(0);
      n->set_state(NodeState::Done);
    }
    const double time = seconds_since(begin);
    batch.clear();
    return time;
  });
}
BENCHMARK(BM_Submit)->Arg(100)->Arg(1000)->UseManualTime()->Unit(benchmark::kMicrosecond);

void BM_Evaluate(benchmark::State& state) {
  on_a_busy_twin(state, [](const Tensor& y) {
    const auto begin = Clock::now();
    y.eval();
    return seconds_since(begin);
  });
}
BENCHMARK(BM_Evaluate)->Arg(100)->Arg(1000)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
