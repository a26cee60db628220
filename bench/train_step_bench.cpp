// One training step (forward, cross-entropy, backward, Adam), timed on request: the Ingot half of
// scripts/bench_train_step.py, which runs PyTorch and this program in turn.
//
//   train_step_bench MODEL WEIGHTS.safetensors BATCH.safetensors THREADS
//
// Reads lines from stdin: "loss" prints the loss in evaluation mode, "run N" runs N training steps
// and prints the milliseconds of each.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include <ingot/ingot.h>

int main(int argc, char** argv) try {
  if (argc != 5) {
    std::fprintf(stderr, "usage: train_step_bench MODEL WEIGHTS BATCH THREADS\n");
    return 2;
  }
  ingot::set_num_threads(std::stoi(argv[4]));
  const auto net = ingot::models::create(argv[1]);
  net->load_state_dict(ingot::load(argv[2]));
  net->train();
  const ingot::StateDict batch = ingot::load(argv[3]);
  const ingot::Tensor images = batch.at("images"), labels = batch.at("labels");
  ingot::optim::Adam adam{net->parameters(), {.lr = 1e-3}};

  std::string command;
  while (std::cin >> command) {
    if (command == "loss") {
      const ingot::NoGradGuard off;
      net->eval();
      std::printf("%.9g\n", ingot::cross_entropy((*net)(images), labels).item<double>());
      net->train();
    } else if (command == "run") {
      int steps = 0;
      std::cin >> steps;
      for (int i = 0; i < steps; ++i) {
        const auto start = std::chrono::steady_clock::now();
        adam.zero_grad();
        const ingot::Tensor loss = ingot::cross_entropy((*net)(images), labels);
        loss.backward();
        adam.step();
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        std::printf("%s%.4f", i ? " " : "", took.count());
      }
      std::printf("\n");
    }
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "train_step_bench: %s\n", e.what());
  return 1;
}
