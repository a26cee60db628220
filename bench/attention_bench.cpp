// scaled_dot_product_attention, timed on request: the Ingot half of scripts/bench_attention.py,
// which runs PyTorch and this program in turn.
//
//   attention_bench OPERANDS.safetensors CAUSAL THREADS
//
// OPERANDS holds query, key, value and grad, float32 [B, H, L, D]; CAUSAL is 0 or 1. Reads lines
// from stdin: "save PATH" writes the output and the three gradients, "forward N" and "both N" run N
// forwards, or forwards and backwards, and print the milliseconds of each.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include <ingot/ingot.h>

namespace {

class Attention {
 public:
  Attention(const std::string& path, bool causal) : operands_(ingot::load(path)) {
    options_.is_causal = causal;
    for (const char* name : {"query", "key", "value"}) operands_.at(name).requires_grad_();
  }

  void forward() const {
    const ingot::NoGradGuard off;
    output().eval();
  }

  ingot::StateDict both() {
    for (const char* name : {"query", "key", "value"}) operands_.at(name).set_grad({});
    const ingot::Tensor out = output();
    out.backward(operands_.at("grad"));
    ingot::StateDict results{{"out", out.detach()}};
    for (const char* name : {"query", "key", "value"})
      results.insert(name, operands_.at(name).grad());
    ingot::eval({results.at("out"), results.at("query"), results.at("key"), results.at("value")});
    return results;
  }

 private:
  ingot::Tensor output() const {
    return ingot::scaled_dot_product_attention(operands_.at("query"), operands_.at("key"),
                                               operands_.at("value"), options_);
  }

  ingot::StateDict operands_;
  ingot::AttentionOptions options_;
};

template <class F>
void time_steps(int steps, F f) {
  for (int i = 0; i < steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::printf("%s%.4f", i ? " " : "", took.count());
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: attention_bench OPERANDS CAUSAL THREADS\n");
    return 2;
  }
  ingot::set_num_threads(std::stoi(argv[3]));
  Attention attention{argv[1], std::string(argv[2]) == "1"};
  std::string command;
  while (std::cin >> command) {
    if (command == "save") {
      std::string path;
      std::cin >> path;
      ingot::save(attention.both(), path);
      std::printf("saved\n");
    } else {
      int steps = 0;
      std::cin >> steps;
      if (command == "forward") time_steps(steps, [&] { attention.forward(); });
      if (command == "both") time_steps(steps, [&] { attention.both(); });
    }
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "attention_bench: %s\n", e.what());
  return 1;
}
