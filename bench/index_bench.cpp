// Indexing, joining and sorting at the sizes of a transformer: BERT's vocabulary and width.
#include <benchmark/benchmark.h>

#include <ingot/ingot.h>

namespace ingot {
namespace {

constexpr std::int64_t kVocabulary = 30522, kWidth = 768, kTokens = 4096;

// Inputs are computed once, the operation in every iteration.
template <class F>
void measure(benchmark::State& state, const F& f) {
  eval();
  for (auto _ : state) f().eval();
}

template <class F>
void measure_gradient(benchmark::State& state, Tensor x, const F& f) {
  x.requires_grad_();
  eval();
  for (auto _ : state) {
    x.set_grad({});
    f(x).sum().backward();
    x.grad().eval();
  }
}

Tensor tokens() { return randint(0, kVocabulary, {kTokens}); }

void embedding_forward(benchmark::State& state) {
  const Tensor weight = randn({kVocabulary, kWidth}), index = tokens();
  measure(state, [&] { return embedding(weight, index); });
}
BENCHMARK(embedding_forward)->Unit(benchmark::kMicrosecond);

void embedding_backward(benchmark::State& state) {
  const Tensor index = tokens();
  measure_gradient(state, randn({kVocabulary, kWidth}),
                   [&](const Tensor& w) { return embedding(w, index); });
}
BENCHMARK(embedding_backward)->Unit(benchmark::kMicrosecond);

void index_select_columns(benchmark::State& state) {
  const Tensor x = randn({kTokens, kWidth}), index = randint(0, kWidth, {512});
  measure(state, [&] { return index_select(x, 1, index); });
}
BENCHMARK(index_select_columns)->Unit(benchmark::kMicrosecond);

void gather_rows(benchmark::State& state) {
  const Tensor x = randn({kTokens, kWidth}), index = randint(0, kWidth, {kTokens, 256});
  measure(state, [&] { return gather(x, 1, index); });
}
BENCHMARK(gather_rows)->Unit(benchmark::kMicrosecond);

void gather_backward(benchmark::State& state) {
  const Tensor index = randint(0, kWidth, {kTokens, 256});
  measure_gradient(state, randn({kTokens, kWidth}),
                   [&](const Tensor& x) { return gather(x, 1, index); });
}
BENCHMARK(gather_backward)->Unit(benchmark::kMicrosecond);

void slice_middle(benchmark::State& state) {
  const Tensor x = randn({32, 128, kWidth});
  measure(state, [&] { return x.slice(1, 16, 112); });
}
BENCHMARK(slice_middle)->Unit(benchmark::kMicrosecond);

void slice_backward(benchmark::State& state) {
  measure_gradient(state, randn({32, 128, kWidth}),
                   [&](const Tensor& x) { return x.slice(1, 16, 112); });
}
BENCHMARK(slice_backward)->Unit(benchmark::kMicrosecond);

void slice_steps(benchmark::State& state) {
  const Tensor x = randn({32, 128, kWidth});
  measure(state, [&] { return x.slice(2, 0, {}, 2); });
}
BENCHMARK(slice_steps)->Unit(benchmark::kMicrosecond);

void cat_channels(benchmark::State& state) {
  const Tensor a = randn({32, 64, 28, 28}), b = randn({32, 64, 28, 28});
  measure(state, [&] { return cat({a, b}, 1); });
}
BENCHMARK(cat_channels)->Unit(benchmark::kMicrosecond);

void flip_images(benchmark::State& state) {
  const Tensor x = randn({32, 3, 224, 224});
  measure(state, [&] { return flip(x, {3}); });
}
BENCHMARK(flip_images)->Unit(benchmark::kMicrosecond);

void argmax_rows(benchmark::State& state) {
  const Tensor x = randn({256, kVocabulary});
  measure(state, [&] { return argmax(x, 1); });
}
BENCHMARK(argmax_rows)->Unit(benchmark::kMicrosecond);

void argmax_columns(benchmark::State& state) {
  const Tensor x = randn({kTokens, kWidth});
  measure(state, [&] { return argmax(x, 0); });
}
BENCHMARK(argmax_columns)->Unit(benchmark::kMicrosecond);

void any_rows(benchmark::State& state) {
  const Tensor x = zeros({kTokens, kWidth});
  measure(state, [&] { return any(x, {1}); });
}
BENCHMARK(any_rows)->Unit(benchmark::kMicrosecond);

void one_hot_labels(benchmark::State& state) {
  const Tensor labels = randint(0, 1000, {kTokens});
  measure(state, [&] { return one_hot(labels, 1000); });
}
BENCHMARK(one_hot_labels)->Unit(benchmark::kMicrosecond);

void cross_entropy_step(benchmark::State& state) {
  const Tensor labels = randint(0, 1000, {kTokens});
  measure_gradient(state, randn({kTokens, 1000}),
                   [&](const Tensor& x) { return cross_entropy(x, labels); });
}
BENCHMARK(cross_entropy_step)->Unit(benchmark::kMicrosecond);

void sort_rows(benchmark::State& state) {
  const Tensor x = randn({512, 4096});
  measure(state, [&] { return sort(x).values; });
}
BENCHMARK(sort_rows)->Unit(benchmark::kMicrosecond);

void topk_rows(benchmark::State& state) {
  const Tensor x = randn({256, kVocabulary});
  measure(state, [&] { return topk(x, 5).values; });
}
BENCHMARK(topk_rows)->Unit(benchmark::kMicrosecond);

void cumsum_rows(benchmark::State& state) {
  const Tensor x = randn({kTokens, kWidth});
  measure(state, [&] { return cumsum(x, 1); });
}
BENCHMARK(cumsum_rows)->Unit(benchmark::kMicrosecond);

void pad_images(benchmark::State& state) {
  const Tensor x = randn({32, 3, 224, 224});
  measure(state, [&] { return pad(x, {4, 4, 4, 4}); });
}
BENCHMARK(pad_images)->Unit(benchmark::kMicrosecond);

void gelu_step(benchmark::State& state) {
  measure_gradient(state, randn({kTokens, kWidth}), [&](const Tensor& x) { return gelu(x); });
}
BENCHMARK(gelu_step)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingot
