// Random numbers of the cpu backend: nanoseconds an element of one draw, by op and dtype.
#include <benchmark/benchmark.h>

#include <string>

#include <ingot/core/parallel.h>

#include "backend/backend.h"
#include "core/op_attrs.h"
#include "core/op_def.h"

namespace ingot {
namespace {

void draw(benchmark::State& state, const char* op, DType t) {
  const std::int64_t numel = state.range(0);
  set_num_threads(1);
  StepDesc step;
  step.op = find_op(op);
  step.attrs = CreateAttrs{.shape = {numel}, .dtype = t, .device = {}};
  step.outputs = {TensorDesc::contiguous({numel}, t)};
  cpu_backend().choose_layouts(step);
  const auto kernel = cpu_backend().lower(step);
  const Ref<Buffer> buffer = host_allocator().allocate(step.outputs[0].nbytes());
  void* const outputs[] = {buffer->host()};
  std::vector<Scalar> slots = {Scalar(std::int64_t{42}), Scalar(std::int64_t{0})};
  if (std::string(op) == "bernoulli") slots.push_back(Scalar(0.3));
  if (std::string(op) == "randint") {
    slots.push_back(Scalar(std::int64_t{-7}));
    slots.push_back(Scalar(std::int64_t{90}));
  }
  const KernelArgs args{nullptr, outputs, slots.data(), nullptr};
  for (auto _ : state) kernel->run(args);
  state.SetItemsProcessed(state.iterations() * numel);
}

constexpr std::int64_t kLarge = 1 << 22;

#define INGOT_DRAW(op, type) BENCHMARK_CAPTURE(draw, op##_##type, #op, type)->Arg(kLarge)
INGOT_DRAW(uniform, float32);
INGOT_DRAW(uniform, float64);
INGOT_DRAW(uniform, float16);
INGOT_DRAW(uniform, bfloat16);
INGOT_DRAW(normal, float32);
INGOT_DRAW(normal, float64);
INGOT_DRAW(normal, float16);
INGOT_DRAW(normal, bfloat16);
INGOT_DRAW(bernoulli, boolean);
INGOT_DRAW(bernoulli, float32);
INGOT_DRAW(randint, int64);
#undef INGOT_DRAW

}  // namespace
}  // namespace ingot
