// LaunchKernel: a step of a plan as a row of launches.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/gpu/driver.h"
#include "backend/step.h"

namespace ingot::gpu {

/// One launch, ready but for addresses and slots.
struct Launch {
  /// A buffer: the step's operand `number` (inputs, then outputs, then the workspace), from
  /// `offset` bytes on.
  struct Operand {
    std::size_t number = 0;
    std::size_t nbytes = 0;
    std::size_t offset = 0;
  };
  /// A parameter that is known when the step runs.
  struct SlotWord {
    std::size_t word = 0;
    std::function<std::uint64_t(const Scalar* slots)> encode;
  };
  std::shared_ptr<const Pipeline> pipeline;
  std::string what;
  Grid grid;
  std::vector<Operand> operands;
  std::vector<std::uint64_t> words;
  std::vector<SlotWord> slot_words;
  /// Throws what the launch has found wrong with the operands, by what it wrote into the workspace.
  /// Later launches do not depend on it to stay within their buffers.
  std::function<void(const std::byte* workspace)> verdict;

  std::size_t word(std::int64_t value) {
    words.push_back(static_cast<std::uint64_t>(value));
    return words.size() - 1;
  }
};

class LaunchKernel final : public Kernel {
 public:
  LaunchKernel(std::size_t num_inputs, std::size_t num_outputs, std::vector<Launch> launches,
               std::size_t workspace_nbytes = 0)
      : num_inputs_(num_inputs),
        num_outputs_(num_outputs),
        launches_(std::move(launches)),
        workspace_nbytes_(workspace_nbytes) {}

  void run(const KernelArgs& args) const override;
  std::size_t workspace_nbytes() const override { return workspace_nbytes_; }
  std::string describe() const override;

 private:
  std::size_t num_inputs_, num_outputs_;
  std::vector<Launch> launches_;
  std::size_t workspace_nbytes_;
};

/// A number as a register of dtype `t` holds it: for a parameter of 8 bytes.
std::uint64_t encode_slot(const Scalar& s, DType t);

}  // namespace ingot::gpu
