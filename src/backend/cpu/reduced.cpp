#include "backend/cpu/reduced.h"

#include <ingot/core/parallel.h>

#include "backend/cpu/scratch.h"
#include "backend/cpu/tile_ops.h"

namespace ingot::cpu {
namespace {

class FloatKernel final : public Kernel {
 public:
  FloatKernel(std::unique_ptr<Kernel> inner, DType dtype, std::vector<std::int64_t> input_numels,
              std::vector<std::int64_t> output_numels)
      : inner_(std::move(inner)),
        dtype_(dtype),
        input_numels_(std::move(input_numels)),
        output_numels_(std::move(output_numels)) {}

  std::size_t workspace_nbytes() const override {
    std::size_t total = aligned_nbytes(inner_->workspace_nbytes());
    for (const auto n : input_numels_) total = plus_nbytes(total, float_nbytes(n));
    for (const auto n : output_numels_) total = plus_nbytes(total, float_nbytes(n));
    return total;
  }

  void run(const KernelArgs& args) const override {
    auto* next = static_cast<std::byte*>(args.workspace) + align64(inner_->workspace_nbytes());
    std::vector<void*> inputs, outputs;
    for (std::size_t i = 0; i < input_numels_.size(); ++i) {
      convert(find_unpack(dtype_), args.inputs[i], 2, next, 4, input_numels_[i]);
      inputs.push_back(next);
      next += float_nbytes(input_numels_[i]);
    }
    for (const auto n : output_numels_) {
      outputs.push_back(next);
      next += float_nbytes(n);
    }
    inner_->run({inputs.data(), outputs.data(), args.slots, args.workspace});
    for (std::size_t o = 0; o < output_numels_.size(); ++o)
      convert(find_pack(dtype_), outputs[o], 4, args.outputs[o], 2, output_numels_[o]);
  }

  std::string describe() const override { return inner_->describe() + " in float32"; }

 private:
  static std::size_t float_nbytes(std::int64_t numel) {
    return aligned_nbytes(times_nbytes(static_cast<std::size_t>(numel), sizeof(float)));
  }

  static void convert(TileFunction f, const void* from, std::int64_t from_size, void* to,
                      std::int64_t to_size, std::int64_t numel) {
    parallel_for(0, numel, kParallelNumel, [&](std::int64_t first, std::int64_t last) {
      f(static_cast<const std::byte*>(from) + first * from_size, nullptr, nullptr,
        static_cast<std::byte*>(to) + first * to_size, static_cast<std::size_t>(last - first));
    });
  }

  std::unique_ptr<Kernel> inner_;
  DType dtype_;
  std::vector<std::int64_t> input_numels_, output_numels_;
};

}  // namespace

std::unique_ptr<Kernel> run_in_float(std::unique_ptr<Kernel> inner, DType dtype,
                                     std::vector<std::int64_t> input_numels,
                                     std::vector<std::int64_t> output_numels) {
  if (!inner) return nullptr;
  return std::make_unique<FloatKernel>(std::move(inner), dtype, std::move(input_numels),
                                       std::move(output_numels));
}

}  // namespace ingot::cpu
