// Sizes that no machine has, said to layers, initialisers, models, optimizers and files: an error
// of Ingot's. Large requests to the heap are refused, so that a vector beside the memory limit
// shows.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/models.h>
#include <ingot/nn/nn.h>
#include <ingot/ops/creation.h>
#include <ingot/optim/optim.h>

#include "support/allocation_hook.h"
#include "support/scratch_folder.h"

namespace ingot {
namespace {

constexpr std::int64_t kSizes[] = {std::int64_t{1} << 28, std::int64_t{1} << 42,
                                   std::int64_t{1} << 61, std::numeric_limits<std::int64_t>::max()};

struct Tight {
  optest::LargestAllocation limit{std::size_t{1} << 20};
  std::size_t before = set_memory_limit(memory_allocated() + (std::size_t{1} << 20));
  ~Tight() { set_memory_limit(before); }
};

void refuses(const std::string& what, const std::function<void()>& f) {
  try {
    f();
  } catch (const Error&) {
    return;
  } catch (const std::exception& e) {
    ADD_FAILURE() << what << ": not Ingot's: " << e.what();
    return;
  }
  ADD_FAILURE() << what << ": nothing was thrown";
}

template <class M>
void evaluate(const M& module) {
  for (const Tensor& p : module.parameters()) p.eval();
}

TEST(AbsurdSizes, OfLayers) {
  const std::pair<const char*, std::function<void(std::int64_t)>> layers[] = {
      {"Linear in", [](std::int64_t n) { evaluate(nn::Linear(n, 2)); }},
      {"Linear out", [](std::int64_t n) { evaluate(nn::Linear(2, n)); }},
      {"Linear both", [](std::int64_t n) { evaluate(nn::Linear(n, n)); }},
      {"Embedding", [](std::int64_t n) { evaluate(nn::Embedding(n, 8)); }},
      {"Embedding width", [](std::int64_t n) { evaluate(nn::Embedding(8, n)); }},
      {"Conv2d", [](std::int64_t n) { evaluate(nn::Conv2d(1, n, 3)); }},
      {"Conv2d kernel", [](std::int64_t n) { evaluate(nn::Conv2d(1, 1, Pair(n, 3))); }},
      {"Conv1d", [](std::int64_t n) { evaluate(nn::Conv1d(n, 2, 3)); }},
      {"BatchNorm2d", [](std::int64_t n) { evaluate(nn::BatchNorm2d(n)); }},
      {"LayerNorm", [](std::int64_t n) { evaluate(nn::LayerNorm(Shape{n})); }},
      {"GroupNorm", [](std::int64_t n) { evaluate(nn::GroupNorm(1, n)); }},
      {"LSTM", [](std::int64_t n) { evaluate(nn::LSTM(n, 8)); }},
      {"LSTM hidden", [](std::int64_t n) { evaluate(nn::LSTM(2, n)); }},
      {"GRU", [](std::int64_t n) { evaluate(nn::GRU(2, n)); }},
      {"MultiheadAttention", [](std::int64_t n) { evaluate(nn::MultiheadAttention(n, 1)); }},
  };
  const Tight tight;
  for (const auto& [name, make] : layers)
    for (const std::int64_t n : kSizes)
      refuses(std::string(name) + " " + std::to_string(n), [&] { make(n); });
}

TEST(AbsurdSizes, OfInitialisers) {
  const std::pair<const char*, std::function<void(Tensor&)>> all[] = {
      {"zeros_", [](Tensor& t) { nn::init::zeros_(t); }},
      {"normal_", [](Tensor& t) { nn::init::normal_(t); }},
      {"uniform_", [](Tensor& t) { nn::init::uniform_(t); }},
      {"trunc_normal_", [](Tensor& t) { nn::init::trunc_normal_(t); }},
      {"orthogonal_", [](Tensor& t) { nn::init::orthogonal_(t); }},
      {"xavier_uniform_", [](Tensor& t) { nn::init::xavier_uniform_(t); }},
      {"kaiming_normal_", [](Tensor& t) { nn::init::kaiming_normal_(t); }},
  };
  const Tight tight;
  for (const auto& [name, init] : all)
    for (const Shape& shape : {Shape{1 << 14, 1 << 14}, Shape{1 << 20, 1 << 22},
                               Shape{std::int64_t{1} << 30, std::int64_t{1} << 30}})
      refuses(std::string(name) + " " + shape.str(), [&] {
        Tensor t = zeros({1}).expand(shape);
        init(t);
        t.eval();
      });
}

TEST(AbsurdSizes, OfModels) {
  const Tight tight;
  for (const char* name : {"mlp", "lenet5", "resnet18"})
    for (const std::int64_t n : kSizes)
      refuses(std::string(name) + " " + std::to_string(n),
              [&] { evaluate(*models::create(name, {.num_classes = n})); });
}

TEST(AbsurdSizes, OfOptimizersAndFiles) {
  const testing::ScratchFolder folder;
  const Tight tight;
  for (const std::int64_t n : {std::int64_t{1} << 28, std::int64_t{1} << 42}) {
    refuses("save", [&] {
      save({{"w", zeros({1}).expand({n})}}, (folder / "huge.safetensors").string());
    });
    refuses("Adam", [&] {
      Tensor p = zeros({1}).expand({n}).detach();
      p.requires_grad_();
      optim::Adam adam({p}, {.lr = 1e-3});
      p.set_grad(zeros({1}).expand({n}));
      adam.step();
      eval();
    });
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace ingot
