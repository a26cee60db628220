// Recording: the one way by which nodes come to be, and this thread's set of pending nodes.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include <ingot/core/site_scope.h>
#include <ingot/core/tensor.h>

#include "core/cell.h"
#include "core/node.h"
#include "core/op_def.h"

namespace ingot {

using TensorList = std::span<const Tensor* const>;

/// Records `op` on the inputs, checks them, and returns the single output.
/// Throws what the op's `infer` throws, with the recording site appended; DeviceError when inputs
/// live on different devices (0-dim cpu tensors mix with any).
Tensor record(const OpDef& op, std::initializer_list<const Tensor*> inputs, Attrs attrs, Site at,
              std::initializer_list<Scalar> slots = {});
/// The same for any number of inputs and outputs.
std::vector<Tensor> record_multi(const OpDef& op, TensorList inputs, Attrs attrs, Site at,
                                 std::span<const Scalar> slots = {});
/// Marks `view` as a view of `base` (rule 3) and returns it.
Tensor as_view(Tensor view, const Tensor& base);

/// Throws the error an in-place operation on `t` deserves, if any: ViewError, AutogradError.
void check_in_place(const Tensor& t, const char* op, Site at);
/// Rebinds `t` to what `value` holds; shapes, dtypes and devices must agree.
void rebind(const Tensor& t, const Tensor& value);

/// A tensor of the row-major elements in `buffer` (host memory), which is taken over, not copied.
/// Counts as host data taken in by this thread.
Tensor from_buffer(Ref<Buffer> buffer, const Shape& shape, DType dtype);

/// Collects nodes recorded while it lives instead of the thread's pending set, with gradients off:
/// how a plan expands an op, and how export traces.
class CaptureScope {
 public:
  CaptureScope();
  ~CaptureScope();
  CaptureScope(const CaptureScope&) = delete;
  CaptureScope& operator=(const CaptureScope&) = delete;
  std::vector<NodeRef>& nodes() { return nodes_; }
  /// A tensor without a value that stands for an input.
  static Tensor placeholder(const TensorSpec& spec);

 private:
  std::vector<NodeRef> nodes_;
  std::vector<NodeRef>* previous_;
  bool previous_grad_;
};

/// "  recorded at examples/mlp.cpp:41" (and the outer place when it differs).
std::string recorded_at(const Site& site, const Site& outer);
/// The line of the user's that recorded the node: the outer one, if there is one.
inline const Site& users_site(const Node& n) {
  return n.outer_site().line() != 0 ? n.outer_site() : n.site();
}
/// The same for what is called now: with the outer place of this thread.
std::string recorded_here(const Site& site);

/// Throws the exception that is being handled again, with `place` behind its text: of the same type
/// if it is one of Ingot's, else as an InternalError.
[[noreturn]] void rethrow_with(const std::string& place);

/// This thread's recording state.
struct RecordState {
  bool grad_enabled = true;
  bool eager = false;       ///< INGOT_EAGER=1: evaluate every node when recorded
  bool evaluating = false;  ///< no eager evaluation or flush inside one
  std::vector<NodeRef>* capture = nullptr;
  std::vector<NodeRef> pending;   ///< in recording order, hence topologically sorted
  std::size_t pinned_nbytes = 0;  ///< host data taken in since the last evaluation
  bool has_outer_site = false;
  Site outer_site;

  RecordState();
  ~RecordState();
  RecordState(const RecordState&) = delete;
  RecordState& operator=(const RecordState&) = delete;
  void add_pending(NodeRef node);
};
RecordState& record_state();

/// Rule 9: limits on what may be pending. At the soft limits the next boundary (rebind, backward,
/// step) evaluates; at eight times that, recording itself does.
struct FlushLimits {
  std::size_t nodes = 16384;
  std::size_t pinned_nbytes = std::size_t{256} << 20;
  static constexpr std::size_t kHardFactor = 8;
};
FlushLimits& flush_limits();
/// A boundary: evaluates if a soft limit is reached.
void flush_at_boundary();

/// Defined in plan/: computes everything pending of this thread that a Cell holds, and `extra`.
/// A check that fails (a label out of range) is thrown when one of `extra` needs its result, or
/// with `all_asked_for`; else it waits for whoever asks, and the rest is computed.
void evaluate_pending(std::span<const ValueId> extra = {}, bool all_asked_for = false);

/// Defined in plan/: evaluates this tensor and what it needs, without anything else that is
/// pending; does nothing inside a capture or an evaluation. On a device it is submitted then.
void evaluate_alone(const Tensor& t);

}  // namespace ingot
