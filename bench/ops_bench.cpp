// Operations by themselves, through the public API: sums over large tensors, products with few
// results, contractions over many elements, 16-bit dtypes, and one training step in each of them.
#include <benchmark/benchmark.h>

#include <ingot/ingot.h>

namespace ingot {
namespace {

// Inputs are computed once, the operation in every iteration. The first one plans and makes the
// kernels.
template <class F>
void measure(benchmark::State& state, const F& f) {
  eval();
  f().eval();
  for (auto _ : state) f().eval();
}

void norm_of(benchmark::State& state) {
  const Tensor x = randn({state.range(0)});
  measure(state, [&] { return norm(x); });
}
BENCHMARK(norm_of)->Arg(1 << 14)->Arg(1 << 24)->Unit(benchmark::kMicrosecond);

void norm_of_rows(benchmark::State& state) {
  const Tensor x = randn({4096, 1024});
  measure(state, [&] { return norm(x, 2.0, {1}); });
}
BENCHMARK(norm_of_rows)->Unit(benchmark::kMicrosecond);

void var_of(benchmark::State& state) {
  const Tensor x = randn({state.range(0)});
  measure(state, [&] { return var(x); });
}
BENCHMARK(var_of)->Arg(1 << 14)->Arg(1 << 24)->Unit(benchmark::kMicrosecond);

void std_of_rows(benchmark::State& state) {
  const Tensor x = randn({4096, 1024});
  measure(state, [&] { return x.std({1}); });
}
BENCHMARK(std_of_rows)->Unit(benchmark::kMicrosecond);

void std_of_columns(benchmark::State& state) {
  const Tensor x = randn({4096, 1024});
  measure(state, [&] { return x.std({0}); });
}
BENCHMARK(std_of_columns)->Unit(benchmark::kMicrosecond);

void sum_of(benchmark::State& state) {
  const Tensor x = randn({1 << 24});
  measure(state, [&] { return x.sum(); });
}
BENCHMARK(sum_of)->Unit(benchmark::kMicrosecond);

// Rows, inner dimension, columns.
void product(benchmark::State& state) {
  const Tensor a = randn({state.range(0), state.range(1)});
  const Tensor b = randn({state.range(1), state.range(2)});
  measure(state, [&] { return matmul(a, b); });
}
BENCHMARK(product)
    ->Args({1, 4096, 1})
    ->Args({1, 1 << 24, 1})
    ->Args({1, 1024, 1024})
    ->Args({1024, 1024, 1})
    ->Args({4, 4096, 4096})
    ->Args({64, 1 << 18, 64})
    ->Args({8, 1 << 20, 8})
    ->Args({16, 9216, 4096})
    ->Unit(benchmark::kMicrosecond);

// What the gradient of a linear layer's weight is: a product over all rows of a batch.
void transposed_product(benchmark::State& state) {
  const Tensor a = randn({state.range(1), state.range(0)});
  const Tensor b = randn({state.range(1), state.range(2)});
  measure(state, [&] { return matmul(a.transpose(0, 1), b); });
}
BENCHMARK(transposed_product)
    ->Args({256, 1 << 14, 256})
    ->Args({64, 1 << 18, 64})
    ->Unit(benchmark::kMicrosecond);

void chain(benchmark::State& state, DType dtype) {
  const Tensor x = randn({1 << 20}).to(dtype), y = randn({1 << 20}).to(dtype);
  measure(state, [&] { return relu(x * y + x) * 0.5; });
}
BENCHMARK_CAPTURE(chain, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(chain, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(chain, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

void gelu_of(benchmark::State& state, DType dtype) {
  const Tensor x = randn({1 << 20}).to(dtype);
  measure(state, [&] { return gelu(x); });
}
BENCHMARK_CAPTURE(gelu_of, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(gelu_of, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(gelu_of, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

void softmax_of(benchmark::State& state, DType dtype) {
  const Tensor x = randn({1024, 1024}).to(dtype);
  measure(state, [&] { return softmax(x, 1); });
}
BENCHMARK_CAPTURE(softmax_of, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(softmax_of, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(softmax_of, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

void layer_norm_of(benchmark::State& state, DType dtype) {
  const Tensor x = randn({1024, 1024}).to(dtype);
  const Tensor weight = ones({1024}, {.dtype = dtype}), bias = zeros({1024}, {.dtype = dtype});
  measure(state, [&] { return layer_norm(x, {1024}, weight, bias); });
}
BENCHMARK_CAPTURE(layer_norm_of, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(layer_norm_of, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(layer_norm_of, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

void sum_of_rows(benchmark::State& state, DType dtype) {
  const Tensor x = randn({1024, 1024}).to(dtype);
  measure(state, [&] { return x.sum({1}); });
}
BENCHMARK_CAPTURE(sum_of_rows, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sum_of_rows, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(sum_of_rows, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

// Three linear layers with layer norms on 64 rows: forward, cross-entropy, backward, Adam.
void training_step(benchmark::State& state, DType dtype) {
  manual_seed(0);
  nn::Sequential net;
  for (const std::int64_t inputs : {784, 256}) {
    net.add<nn::Linear>(inputs, 256);
    net.add<nn::LayerNorm>(256);
    net.add<nn::GELU>();
  }
  net.add<nn::Linear>(256, 10);
  net.to(dtype);
  optim::Adam adam{net.parameters(), {.lr = 1e-3}};
  const Tensor images = randn({64, 784}).to(dtype), labels = randint(0, 10, {64});
  eval();
  for (auto _ : state) {
    adam.zero_grad();
    cross_entropy(net(images), labels).backward();
    adam.step();
  }
}
BENCHMARK_CAPTURE(training_step, float32, DType::Float32)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(training_step, float16, DType::Float16)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(training_step, bfloat16, DType::BFloat16)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingot

BENCHMARK_MAIN();
