// Kernels of the cpu backend by themselves: programs, copies, reductions, products, convolutions.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/contraction.h"
#include "backend/layouts.h"
#include "core/op_attrs.h"
#include "core/op_def.h"

namespace ingot {
namespace {

// Operands of a kernel, filled with a small number.
class Bench {
 public:
  explicit Bench(StepDesc step) : step_(std::move(step)) {
    cpu_backend().choose_layouts(step_);
    kernel_ = cpu_backend().lower(step_);
    for (const TensorDesc& t : step_.inputs) inputs_.push_back(block(t.nbytes()));
    for (const TensorDesc& t : step_.outputs) outputs_.push_back(block(t.nbytes()));
    workspace_ = block(kernel_->workspace_nbytes());
  }

  void run(benchmark::State& state) const {
    const KernelArgs args{inputs_.data(), outputs_.data(), nullptr, workspace_};
    for (auto _ : state) kernel_->run(args);
    state.SetLabel(kernel_->describe());
  }

 private:
  void* block(std::size_t nbytes) {
    buffers_.push_back(host_allocator().allocate(nbytes));
    auto* data = reinterpret_cast<float*>(buffers_.back()->host());
    std::fill_n(data, nbytes / sizeof(float), 0.5f);
    return data;
  }

  StepDesc step_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<Ref<Buffer>> buffers_;
  std::vector<void*> inputs_, outputs_;
  void* workspace_ = nullptr;
};

TensorDesc tensor(const Shape& shape) { return TensorDesc::contiguous(shape, DType::Float32); }

void count_flops(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void count_bytes(benchmark::State& state, std::int64_t nbytes) {
  state.SetBytesProcessed(state.iterations() * nbytes);
}

// `length` additions and multiplications in a row.
void chain_program(benchmark::State& state) {
  const std::int64_t numel = state.range(0);
  StepDesc step;
  step.inputs = {tensor({numel}), tensor({numel})};
  step.outputs = {tensor({numel})};
  auto program = std::make_shared<Program>();
  program->code = {{.kind = Program::Kind::Load, .index = 0},
                   {.kind = Program::Kind::Load, .index = 1}};
  for (std::uint16_t k = 0; k < state.range(1); ++k)
    program->code.push_back({.kind = Program::Kind::Compute,
                             .op = k % 2 ? ScalarOp::Mul : ScalarOp::Add,
                             .a = static_cast<std::uint16_t>(k + 1),
                             .b = 0});
  program->stores = {static_cast<std::uint16_t>(program->code.size() - 1)};
  step.program = program;
  Bench(step).run(state);
  count_bytes(state, 3 * numel * 4);
}
BENCHMARK(chain_program)->Args({1 << 20, 1})->Args({1 << 20, 7})->Args({2000, 7});

void unary_program(benchmark::State& state, ScalarOp op) {
  const std::int64_t numel = 1 << 20;
  StepDesc step;
  step.inputs = {tensor({numel})};
  step.outputs = {tensor({numel})};
  auto program = std::make_shared<Program>();
  program->code = {{.kind = Program::Kind::Load}, {.kind = Program::Kind::Compute, .op = op}};
  program->stores = {1};
  step.program = program;
  Bench(step).run(state);
  state.SetItemsProcessed(state.iterations() * numel);
}
BENCHMARK_CAPTURE(unary_program, exp, ScalarOp::Exp);
BENCHMARK_CAPTURE(unary_program, tanh, ScalarOp::Tanh);
BENCHMARK_CAPTURE(unary_program, erf, ScalarOp::Erf);

// Row-major images to channels-last ones.
void to_channels_last(benchmark::State& state) {
  const Shape shape{8, state.range(0), 56, 56};
  StepDesc step;
  step.inputs = {tensor(shape)};
  step.outputs = {tensor(shape)};
  step.outputs[0].strides = channels_last_strides(shape);
  auto program = std::make_shared<Program>();
  program->code = {{.kind = Program::Kind::Load}};
  program->stores = {0};
  step.program = program;
  Bench(step).run(state);
  count_bytes(state, 2 * shape.numel() * 4);
}
BENCHMARK(to_channels_last)->Arg(3)->Arg(64);

void channel_sum(benchmark::State& state, bool channels_last) {
  const Shape shape{8, 64, 56, 56};
  StepDesc step;
  step.op = find_op("sum");
  step.attrs = ReduceAttrs{{0, 2, 3}, false};
  step.inputs = {tensor(shape)};
  if (channels_last) step.inputs[0].strides = channels_last_strides(shape);
  step.outputs = {tensor({64})};
  Bench(step).run(state);
  count_bytes(state, shape.numel() * 4);
}
BENCHMARK_CAPTURE(channel_sum, row_major, false);
BENCHMARK_CAPTURE(channel_sum, channels_last, true);

void product(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  StepDesc step;
  step.op = find_op("matmul");
  step.inputs = {tensor({n, n}), tensor({n, n})};
  step.outputs = {tensor({n, n})};
  Bench(step).run(state);
  count_flops(state, 2.0 * static_cast<double>(n * n * n));
}
BENCHMARK(product)->Arg(64)->Arg(512)->Arg(1024);

// 3×3 convolutions of ResNet-18: channels and image size.
void convolution(benchmark::State& state, cpu::ConvKind kind) {
  const std::int64_t c = state.range(0), size = state.range(1);
  const Shape image{4, c, size, size}, weight{c, c, 3, 3};
  ConvAttrs attrs{{1, 1}, {1, 1}, {1, 1}, 1, {}};
  StepDesc step;
  switch (kind) {
    case cpu::ConvKind::Forward:
      step.op = find_op("conv2d");
      step.inputs = {tensor(image), tensor(weight)};
      step.outputs = {tensor(image)};
      break;
    case cpu::ConvKind::BackwardInput:
      step.op = find_op("conv2d_backward_input");
      step.inputs = {tensor(image), tensor(weight)};
      step.outputs = {tensor(attrs.shape = image)};
      break;
    case cpu::ConvKind::BackwardWeight:
      step.op = find_op("conv2d_backward_weight");
      step.inputs = {tensor(image), tensor(image)};
      step.outputs = {tensor(attrs.shape = weight)};
      break;
  }
  step.attrs = attrs;
  Bench(step).run(state);
  count_flops(state, 2.0 * 9 * static_cast<double>(image.numel() * c));
}
BENCHMARK_CAPTURE(convolution, forward, cpu::ConvKind::Forward)
    ->Args({64, 56})
    ->Args({128, 28})
    ->Args({256, 14})
    ->Args({512, 7});
BENCHMARK_CAPTURE(convolution, backward_input, cpu::ConvKind::BackwardInput)
    ->Args({64, 56})
    ->Args({512, 7});
BENCHMARK_CAPTURE(convolution, backward_weight, cpu::ConvKind::BackwardWeight)
    ->Args({64, 56})
    ->Args({512, 7});

}  // namespace
}  // namespace ingot
