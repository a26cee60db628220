// The attribute structs of all ops: shared by op definitions (which fill them), backends (which
// read them when they lower a step) and exporters. See attrs.h for the rules.
#pragma once

#include <cstdint>
#include <string>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>

namespace ingot {

/// full, arange, uniform, normal, …: what is created and where.
struct CreateAttrs {
  Shape shape;
  DType dtype = DType::Float32;
  Device device;
  bool operator==(const CreateAttrs&) const = default;
  void visit(auto& v) const {
    v.field("shape", shape);
    v.field("dtype", dtype);
    v.field("device", device);
  }
};

struct CastAttrs {
  DType dtype = DType::Float32;
  bool operator==(const CastAttrs&) const = default;
  void visit(auto& v) const { v.field("dtype", dtype); }
};

/// Copy to another device.
struct CopyAttrs {
  Device device;
  bool operator==(const CopyAttrs&) const = default;
  void visit(auto& v) const { v.field("device", device); }
};

/// clamp: which limits are given; their values are slots, min before max.
struct ClampAttrs {
  bool has_min = false;
  bool has_max = false;
  bool operator==(const ClampAttrs&) const = default;
  void visit(auto& v) const {
    v.field("has_min", has_min);
    v.field("has_max", has_max);
  }
};

/// Reductions. `dims` is sorted, non-negative and without repeats.
struct ReduceAttrs {
  Dims dims;
  bool keepdim = false;
  bool operator==(const ReduceAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dims", dims);
    v.field("keepdim", keepdim);
  }
};

/// var: a reduction whose sum of squares is divided by the element count less `correction`.
struct VarAttrs {
  Dims dims;
  bool keepdim = false;
  std::int64_t correction = 1;
  bool operator==(const VarAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dims", dims);
    v.field("keepdim", keepdim);
    v.field("correction", correction);
  }
};

/// softmax, log_softmax, gather, cat, argmax, …: one axis, non-negative.
struct AxisAttrs {
  std::int64_t dim = 0;
  bool keepdim = false;
  bool operator==(const AxisAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dim", dim);
    v.field("keepdim", keepdim);
  }
};

/// reshape and broadcast_to: the new shape, without -1.
struct ShapeAttrs {
  Shape shape;
  bool operator==(const ShapeAttrs&) const = default;
  void visit(auto& v) const { v.field("shape", shape); }
};

/// permute: output dimension i is input dimension dims[i].
struct PermuteAttrs {
  Dims dims;
  bool operator==(const PermuteAttrs&) const = default;
  void visit(auto& v) const { v.field("dims", dims); }
};

/// slice along one axis: `length` elements, `step` apart. The start is slot 0.
struct SliceAttrs {
  std::int64_t dim = 0;
  std::int64_t length = 0;
  std::int64_t step = 1;
  bool operator==(const SliceAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dim", dim);
    v.field("length", length);
    v.field("step", step);
  }
};

/// slice_backward, index_add, …: the shape of the tensor that is filled from zeros.
struct ScatterAttrs {
  std::int64_t dim = 0;
  std::int64_t step = 1;
  Shape shape;
  bool operator==(const ScatterAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dim", dim);
    v.field("step", step);
    v.field("shape", shape);
  }
};

/// check_divisor: the operation an error names.
struct NameAttrs {
  std::string name;
  bool operator==(const NameAttrs&) const = default;
  void visit(auto& v) const { v.field("name", name); }
};

/// nonzero, masked_select, masked_scatter, unique: how many there are, known when recorded.
struct CountAttrs {
  std::int64_t count = 0;
  bool operator==(const CountAttrs&) const = default;
  void visit(auto& v) const { v.field("count", count); }
};

/// index and index_put: which dimensions of x the index tensors name (ascending), and at which
/// position among the others their shape stands in the selection.
struct IndexAttrs {
  Dims dims;
  std::int64_t position = 0;
  bool accumulate = false;
  bool operator==(const IndexAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dims", dims);
    v.field("position", position);
    v.field("accumulate", accumulate);
  }
};

/// embedding: the row that gets no gradient, or -1.
struct EmbeddingAttrs {
  std::int64_t padding_idx = -1;
  bool operator==(const EmbeddingAttrs&) const = default;
  void visit(auto& v) const { v.field("padding_idx", padding_idx); }
};

/// check_labels: every label is in [0, classes) or, when `can_ignore`, the ignored one, which
/// becomes 0. `what` is the operation an error names.
struct LabelAttrs {
  std::string what;
  std::int64_t classes = 0;
  bool can_ignore = false;
  std::int64_t ignore_index = -100;
  bool operator==(const LabelAttrs&) const = default;
  void visit(auto& v) const {
    v.field("what", what);
    v.field("classes", classes);
    v.field("can_ignore", can_ignore);
    v.field("ignore_index", ignore_index);
  }
};

/// conv2d and its gradients. Lists have one entry per spatial dimension. `shape` is the shape of
/// the gradient's target (input or weight) in the backward ops and empty in conv2d itself.
struct ConvAttrs {
  Dims stride;
  Dims padding;
  Dims dilation;
  std::int64_t groups = 1;
  Shape shape;
  bool operator==(const ConvAttrs&) const = default;
  void visit(auto& v) const {
    v.field("stride", stride);
    v.field("padding", padding);
    v.field("dilation", dilation);
    v.field("groups", groups);
    v.field("shape", shape);
  }
};

/// max_pool2d, avg_pool2d and their gradients. `shape` is the input's shape in the backward ops.
/// Adaptive pools have the output's size as `kernel` and no stride.
struct PoolAttrs {
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::int64_t divisor_override = 0;  ///< what averages divide by, if not 0
  Shape shape;
  bool operator==(const PoolAttrs&) const = default;
  void visit(auto& v) const {
    v.field("kernel", kernel);
    v.field("stride", stride);
    v.field("padding", padding);
    v.field("dilation", dilation);
    v.field("ceil_mode", ceil_mode);
    v.field("count_include_pad", count_include_pad);
    v.field("divisor_override", divisor_override);
    v.field("shape", shape);
  }
};

/// interpolate and interpolate_backward. mode: "nearest", "nearest-exact", "bilinear", "bicubic".
/// A scale is the user's factor, or 0 where the sizes alone decide.
struct InterpolateAttrs {
  std::string mode = "nearest";
  Dims size;    ///< height and width of the result
  Dims source;  ///< height and width of what is resized
  double scale_height = 0;
  double scale_width = 0;
  bool align_corners = false;
  bool antialias = false;
  bool operator==(const InterpolateAttrs&) const = default;
  void visit(auto& v) const {
    v.field("mode", mode);
    v.field("size", size);
    v.field("source", source);
    v.field("scale_height", scale_height);
    v.field("scale_width", scale_width);
    v.field("align_corners", align_corners);
    v.field("antialias", antialias);
  }
};

/// scaled_dot_product_attention: queries see only keys that are not later than they are.
struct AttentionAttrs {
  bool causal = false;
  bool operator==(const AttentionAttrs&) const = default;
  void visit(auto& v) const { v.field("causal", causal); }
};

/// batch_norm, batch_norm_eval, batch_norm_backward.
struct NormAttrs {
  double eps = 1e-5;
  bool operator==(const NormAttrs&) const = default;
  void visit(auto& v) const { v.field("eps", eps); }
};

/// layer_norm and layer_norm_backward: over the last `dims` dimensions.
struct LayerNormAttrs {
  std::int64_t dims = 1;
  double eps = 1e-5;
  bool operator==(const LayerNormAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dims", dims);
    v.field("eps", eps);
  }
};

/// cross_entropy and nll_loss. reduction: "mean", "sum" or "none".
struct LossAttrs {
  std::string reduction = "mean";
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  bool operator==(const LossAttrs&) const = default;
  void visit(auto& v) const {
    v.field("reduction", reduction);
    v.field("ignore_index", ignore_index);
    v.field("label_smoothing", label_smoothing);
  }
};

/// hardtanh (and relu6): the limits.
struct HardtanhAttrs {
  double min = -1;
  double max = 1;
  bool operator==(const HardtanhAttrs&) const = default;
  void visit(auto& v) const {
    v.field("min", min);
    v.field("max", max);
  }
};

/// leaky_relu: the factor below zero.
struct LeakyReluAttrs {
  double negative_slope = 0.01;
  bool operator==(const LeakyReluAttrs&) const = default;
  void visit(auto& v) const { v.field("negative_slope", negative_slope); }
};

/// elu, selu and celu: scale * x above zero, scale * alpha * (exp(input_scale * x) - 1) below.
struct EluAttrs {
  double alpha = 1;
  double scale = 1;
  double input_scale = 1;
  bool operator==(const EluAttrs&) const = default;
  void visit(auto& v) const {
    v.field("alpha", alpha);
    v.field("scale", scale);
    v.field("input_scale", input_scale);
  }
};

/// gelu: with the normal distribution or with its approximation by tanh.
struct GeluAttrs {
  bool tanh = false;
  bool operator==(const GeluAttrs&) const = default;
  void visit(auto& v) const { v.field("tanh", tanh); }
};

struct SoftplusAttrs {
  double beta = 1;
  double threshold = 20;
  bool operator==(const SoftplusAttrs&) const = default;
  void visit(auto& v) const {
    v.field("beta", beta);
    v.field("threshold", threshold);
  }
};

/// smooth_l1 (divided by beta) and huber (not divided): quadratic below `beta`, linear above.
struct SmoothL1Attrs {
  double beta = 1;
  bool huber = false;
  bool operator==(const SmoothL1Attrs&) const = default;
  void visit(auto& v) const {
    v.field("beta", beta);
    v.field("huber", huber);
  }
};

/// sort and topk along one axis; `k` elements are kept.
struct SortAttrs {
  std::int64_t dim = 0;
  std::int64_t k = 0;
  bool descending = false;
  bool operator==(const SortAttrs&) const = default;
  void visit(auto& v) const {
    v.field("dim", dim);
    v.field("k", k);
    v.field("descending", descending);
  }
};

/// pad with a constant (slot 0): elements before and after, one entry per dimension.
struct PadAttrs {
  Dims before;
  Dims after;
  bool operator==(const PadAttrs&) const = default;
  void visit(auto& v) const {
    v.field("before", before);
    v.field("after", after);
  }
};

/// sgd_update, adam_update, rmsprop_update and adagrad_update: `count` parameters; flags choose the
/// variant. Operands and slots are listed in src/ops/update.cpp.
struct UpdateAttrs {
  std::int64_t count = 0;
  bool decoupled_decay = false;  ///< AdamW
  bool amsgrad = false;
  bool momentum = false;
  bool nesterov = false;
  bool maximize = false;
  bool centered = false;  ///< RMSprop
  bool operator==(const UpdateAttrs&) const = default;
  void visit(auto& v) const {
    v.field("count", count);
    v.field("decoupled_decay", decoupled_decay);
    v.field("amsgrad", amsgrad);
    v.field("momentum", momentum);
    v.field("nesterov", nesterov);
    v.field("maximize", maximize);
    v.field("centered", centered);
  }
};

}  // namespace ingot
