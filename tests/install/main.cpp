// What a user's first program does: train a small network, save it, load it, look at it.
#include <ingot/ingot.h>

#include <cstdio>
#include <filesystem>

namespace nn = ingot::nn;
using ingot::Tensor;

namespace {

struct Net : nn::Module {
  nn::Linear hidden{*this, "hidden", 2, 16};
  nn::Linear out{*this, "out", 16, 1};
  Tensor forward(const Tensor& x) override { return out(hidden(x).tanh()); }
};

int failed(const char* what) {
  std::fprintf(stderr, "failed: %s\n", what);
  return 1;
}

}  // namespace

int main() {
  // Operations, and a gradient known beforehand: d(sum of x^2)/dx = 2x.
  const Tensor a = ingot::tensor({{1.f, 2.f}, {3.f, 4.f}}).requires_grad_();
  if ((a * 2 + 1).str() != "tensor([[3., 5.],\n        [7., 9.]], grad_fn=<add>)")
    return failed("printing");
  (a * a).sum().backward();
  if (a.grad().to_vector<float>() != std::vector<float>{2, 4, 6, 8}) return failed("gradient");

  // The exclusive or, which no linear map can do.
  ingot::manual_seed(3);
  const Tensor x = ingot::tensor({{0.f, 0.f}, {0.f, 1.f}, {1.f, 0.f}, {1.f, 1.f}});
  const Tensor y = ingot::tensor({{0.f}, {1.f}, {1.f}, {0.f}});
  Net net;
  ingot::optim::Adam optimizer(net.parameters(), {.lr = 0.05});
  for (int step = 0; step < 300; ++step) {
    const Tensor loss = (net(x) - y).square().mean();
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  const Tensor trained = net(x);
  if (!((trained - y).abs().amax().item() < 0.1)) return failed("training");

  // The weights of a file are the weights that were saved.
  const char* const path = "consumer.safetensors";
  ingot::save(net.state_dict(), path);
  Net loaded;
  if (loaded(x).to_vector<float>() == trained.to_vector<float>()) return failed("fresh weights");
  loaded.load_state_dict(ingot::load(path));
  if (loaded(x).to_vector<float>() != trained.to_vector<float>()) return failed("save and load");
  std::filesystem::remove(path);

  std::printf("ingot %s\n", ingot::version());
  return 0;
}
