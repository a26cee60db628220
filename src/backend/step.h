// What a plan asks of a backend: one step (an op on tensors of known shape, dtype and strides) and
// the kernel it becomes. A kernel is made once per plan and run many times; it keeps no state
// between runs, so several threads may run it at once with workspaces of their own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/scalar.h>

#include "backend/program.h"
#include "core/attrs.h"
#include "core/buffer.h"
#include "core/op_def.h"

namespace ingot {

/// A tensor as a kernel sees it. Strides are in elements; 0 for broadcast dimensions.
struct TensorDesc {
  Shape shape;
  DType dtype = DType::Float32;
  Dims strides;

  std::int64_t numel() const { return shape.numel(); }
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * nbytes_of(dtype); }
  /// Row-major without gaps (dimensions of size 1 do not count).
  bool is_contiguous() const;
  /// The elements fill one block without gaps or overlap, in some order of the dimensions.
  bool is_dense() const;
  static TensorDesc contiguous(const Shape& shape, DType dtype) {
    return {shape, dtype, shape.contiguous_strides()};
  }
};

struct StepDesc {
  const OpDef* op = nullptr;
  Attrs attrs;
  std::vector<TensorDesc> inputs;
  std::vector<TensorDesc> outputs;
  std::vector<Scalar::Kind> slots;
  /// Set for elementwise steps: what is computed per element.
  std::shared_ptr<const Program> program;

  template <class T>
  const T& as() const {
    return attrs.as<T>();
  }
};

/// Pointers to the first element [0, 0, …] of every operand.
struct KernelArgs {
  void* const* inputs = nullptr;
  void* const* outputs = nullptr;
  const Scalar* slots = nullptr;
  void* workspace = nullptr;

  template <class T>
  const T* in(int i) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <class T>
  T* out(int i) const {
    return static_cast<T*>(outputs[i]);
  }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  /// May throw IndexError only if the op's traits say `checks`.
  virtual void run(const KernelArgs& args) const = 0;
  /// Scratch memory for one run; products of sizes by times_nbytes, which throws.
  virtual std::size_t workspace_nbytes() const { return 0; }
  /// Output `o` may be written into input `i`'s memory (same size and strides) while it is read.
  virtual bool can_overwrite(int /*i*/, int /*o*/) const { return false; }
  /// run() throws nothing and allocates nothing large: it may come after a step that wrote over
  /// memory which outlives the plan.
  virtual bool cannot_fail() const { return false; }
  /// About what the kernel itself takes: its tables, generated code.
  virtual std::size_t nbytes() const { return 1024; }
  /// For profiles: "onednn:jit:avx512", "tile program, 7 instructions".
  virtual std::string describe() const { return {}; }
};

/// A kernel from a callable `void(const KernelArgs&)`.
template <class F>
std::unique_ptr<Kernel> make_kernel(F run, std::size_t workspace_nbytes = 0) {
  class FromCallable final : public Kernel {
   public:
    FromCallable(F f, std::size_t w) : run_(std::move(f)), workspace_nbytes_(w) {}
    void run(const KernelArgs& args) const override { run_(args); }
    std::size_t workspace_nbytes() const override { return workspace_nbytes_; }

   private:
    F run_;
    std::size_t workspace_nbytes_;
  };
  return std::make_unique<FromCallable>(std::move(run), workspace_nbytes);
}

}  // namespace ingot
