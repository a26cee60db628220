// Every optimizer, with all the state that it can have.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <ingot/optim/optim.h>

namespace ingot::test {

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>;

struct OptimizerKind {
  const char* name;
  MakeOptimizer make;
};

inline std::vector<OptimizerKind> optimizer_kinds() {
  const auto make = []<class O, class Options>(Options options) -> MakeOptimizer {
    return [options](std::vector<Tensor> params) {
      return std::make_unique<O>(std::move(params), options);
    };
  };
  using namespace optim;
  return {
      {"SGD", make.operator()<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true})},
      {"PlainSGD", make.operator()<SGD>(SGDOptions{.lr = 0.1})},
      {"Adam",
       make.operator()<Adam>(AdamOptions{.lr = 0.01, .weight_decay = 0.1, .amsgrad = true})},
      {"AdamW", make.operator()<AdamW>(AdamWOptions{.lr = 0.01})},
      {"RMSprop",
       make.operator()<RMSprop>(RMSpropOptions{.lr = 0.01, .momentum = 0.9, .centered = true})},
      {"Adagrad",
       make.operator()<Adagrad>(AdagradOptions{.lr = 0.1, .initial_accumulator_value = 0.1})},
  };
}

}  // namespace ingot::test
