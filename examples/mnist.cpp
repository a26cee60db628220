// The whole of a training program: a module of your own, a loop of your own, real digits.
//
//   mnist [FOLDER]     the folder with MNIST's four files; the embedded 1,000 images by default
#include <cstdio>

#include <ingot/ingot.h>

namespace nn = ingot::nn;

struct Net : nn::Module {                    // a plain class, no macros
  nn::Conv2d conv{*this, "conv", 1, 32, 3};  // name = the state_dict key
  nn::Linear head{*this, "head", 32 * 13 * 13, 10};
  ingot::Tensor forward(const ingot::Tensor& x) override {
    return head(ingot::max_pool2d(ingot::relu(conv(x)), 2).flatten(1));
  }
};

int main(int argc, char** argv) try {
  const auto device = ingot::best_device();  // cuda, else mps, else cpu
  const char* folder = argc > 1 ? argv[1] : "embedded";
  ingot::manual_seed(1);
  Net net;
  net.to(device);
  ingot::optim::Adam adam{net.parameters(), {.lr = 1e-3}};
  ingot::data::DataLoader loader{ingot::data::mnist(folder),
                                 {.batch_size = 64, .shuffle = true, .workers = 2}};
  for (int epoch = 1; epoch <= 3; ++epoch) {
    double total = 0;
    std::int64_t batches = 0;
    for (auto [images, labels] : loader) {
      auto loss = ingot::cross_entropy(net(images.to(device)), labels.to(device));
      adam.zero_grad();
      loss.backward();
      adam.step();
      total += loss.item();
      ++batches;
    }
    std::printf("epoch %d  loss %.4f\n", epoch, total / static_cast<double>(batches));
  }
  ingot::save(net.state_dict(), "net.safetensors");
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "mnist: %s\n", e.what());
  return 1;
}
