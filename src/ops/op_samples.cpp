// One line an op: see core/op_samples.h. Sizes do not matter; ranks and numbers of operands are the
// usual ones.
#include "core/op_samples.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include <ingot/core/error.h>

#include "core/op_attrs.h"
#include "ops/at.h"

namespace ingot {
namespace {

/// The dtype and device at hand, and specs made of them.
struct On {
  const OpDef& op;
  DType dtype;
  Device device;

  TensorSpec x(const Shape& shape) const { return {shape, dtype, device}; }
  TensorSpec of(const Shape& shape, DType t) const { return {shape, t, device}; }
  /// Statistics and state of 16-bit tensors are float32.
  TensorSpec wide(const Shape& shape) const { return of(shape, ops::compute_dtype(dtype)); }
  TensorSpec places(const Shape& shape) const { return of(shape, DType::Int64); }
  TensorSpec mask(const Shape& shape) const { return of(shape, DType::Bool); }
  CreateAttrs create(const Shape& shape) const { return {shape, dtype, device}; }

  void only(bool recorded) const {
    if (!recorded) throw DTypeError(fmt::format("{}: is not recorded on {}", op.name, name(dtype)));
  }
  void floating() const { only(is_floating(dtype)); }
  void integers() const { only(!is_floating(dtype) && dtype != DType::Bool); }
  void numbers() const { only(dtype != DType::Bool); }
};

using Make = OpSample (*)(const On&);
using Table = std::unordered_map<std::string_view, Make>;

const Shape kMatrix{2, 3}, kImages{2, 4, 6, 6};

PoolAttrs pool(const Shape& input = {}) {
  return {
      .kernel = {2, 2}, .stride = {2, 2}, .padding = {0, 0}, .dilation = {1, 1}, .shape = input};
}
PoolAttrs adaptive(const Shape& input = {}) { return {.kernel = {3, 3}, .shape = input}; }
ConvAttrs conv(const Shape& target = {}) {
  return {.stride = {1, 1}, .padding = {1, 1}, .dilation = {1, 1}, .shape = target};
}
InterpolateAttrs resize() { return {.size = {12, 12}, .source = {6, 6}}; }

template <class A>
OpSample with_attrs(const On& on) {
  on.floating();
  return {{on.x(kMatrix)}, A{}, {}};
}
OpSample plain(const On& on) { return {{on.x(kMatrix)}, {}, {}}; }
OpSample reduced(const On& on) { return {{on.x(kMatrix)}, ReduceAttrs{.dims = {1}}, {}}; }
OpSample along_axis(const On& on) { return {{on.x(kMatrix)}, AxisAttrs{.dim = 1}, {}}; }
OpSample pair(const On& on) { return {{on.x(kMatrix), on.x(kMatrix)}, {}, {}}; }
OpSample spread(const On& on) { return {{on.x(kMatrix)}, VarAttrs{.dims = {1}}, {}}; }
// Recorded on float32 or float64: 16 bits are widened before.
OpSample spread_wide(const On& on) {
  on.only(on.dtype == DType::Float32 || on.dtype == DType::Float64);
  return spread(on);
}
OpSample scattered(const On& on) {
  return {{on.x(kMatrix), on.places(kMatrix), on.x(kMatrix)}, AxisAttrs{.dim = 1}, {}};
}
OpSample scattered_numbers(const On& on) {
  on.numbers();
  return scattered(on);
}

void add_shapes(Table& t) {
  t["reshape"] = [](const On& on) { return OpSample{{on.x(kMatrix)}, ShapeAttrs{{6}}, {}}; };
  t["permute"] = [](const On& on) { return OpSample{{on.x(kMatrix)}, PermuteAttrs{{1, 0}}, {}}; };
  t["broadcast_to"] = [](const On& on) { return OpSample{{on.x({3})}, ShapeAttrs{kMatrix}, {}}; };
  t["flip"] = [](const On& on) { return OpSample{{on.x(kMatrix)}, PermuteAttrs{{1}}, {}}; };
  t["clone"] = plain;
  t["copy_to"] = [](const On& on) { return OpSample{{on.x(kMatrix)}, CopyAttrs{on.device}, {}}; };
  t["cast"] = [](const On& on) {
    const DType to = on.dtype == DType::Float32 ? DType::Float64 : DType::Float32;
    return OpSample{{on.x(kMatrix)}, CastAttrs{to}, {}};
  };
  t["cat"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.x(kMatrix)}, AxisAttrs{.dim = 1}, {}};
  };
  t["unbind"] = along_axis;
  t["pad"] = [](const On& on) {
    return OpSample{{on.x(kMatrix)}, PadAttrs{{0, 1}, {1, 0}}, {Scalar(0)}};
  };
  t["slice"] = [](const On& on) {
    return OpSample{{on.x(kMatrix)}, SliceAttrs{.dim = 1, .length = 2}, {Scalar(1)}};
  };
  t["slice_backward"] = [](const On& on) {
    return OpSample{{on.x({2, 2})}, ScatterAttrs{.dim = 1, .shape = kMatrix}, {Scalar(1)}};
  };
  t["slice_scatter"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.x({2, 2})}, SliceAttrs{.dim = 1, .length = 2}, {Scalar(1)}};
  };
}

void add_places(Table& t) {
  t["gather"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.places({2, 2})}, AxisAttrs{.dim = 1}, {}};
  };
  t["scatter_add"] = [](const On& on) {
    on.numbers();
    return OpSample{
        {on.x({2, 2}), on.places({2, 2})}, ScatterAttrs{.dim = 1, .shape = kMatrix}, {}};
  };
  t["index_select"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.places({2})}, AxisAttrs{.dim = 1}, {}};
  };
  t["index_add"] = [](const On& on) {
    on.numbers();
    return OpSample{{on.x({2, 2}), on.places({2})}, ScatterAttrs{.dim = 1, .shape = kMatrix}, {}};
  };
  t["embedding"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.places({4})}, EmbeddingAttrs{}, {}};
  };
  t["index"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.places({4})}, IndexAttrs{.dims = {1}, .position = 1}, {}};
  };
  t["index_put"] = [](const On& on) {
    return OpSample{
        {on.x(kMatrix), on.places({4}), on.x({2, 4})}, IndexAttrs{.dims = {1}, .position = 1}, {}};
  };
  t["scatter"] = scattered;
  for (const char* op : {"scatter_prod", "scatter_amax", "scatter_amin"}) t[op] = scattered_numbers;
  t["nonzero"] = [](const On& on) {
    on.only(on.dtype == DType::Bool);
    return OpSample{{on.x(kMatrix)}, CountAttrs{2}, {}};
  };
  t["masked_select"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.mask(kMatrix)}, CountAttrs{2}, {}};
  };
  t["masked_scatter"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.mask(kMatrix), on.x({2})}, CountAttrs{2}, {}};
  };
  t["unique"] = [](const On& on) {
    return OpSample{{on.x(kMatrix)}, CountAttrs{2}, {}, /*two_rows=*/true};
  };
  t["sort"] = [](const On& on) {
    return OpSample{{on.x(kMatrix)}, SortAttrs{.dim = 1, .k = 3}, {}};
  };
}

void add_checks(Table& t) {
  t["check_labels"] = [](const On& on) {
    return OpSample{{on.x({2})}, LabelAttrs{.what = "cross_entropy", .classes = 3}, {}};
  };
  t["check_divisor"] = [](const On& on) {
    on.integers();
    return OpSample{{on.x(kMatrix)}, NameAttrs{"div"}, {}};
  };
  t["check_unit"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x(kMatrix)}, NameAttrs{"bce"}, {}};
  };
}

void add_reductions(Table& t) {
  for (const char* op : {"sum", "mean", "prod", "amax", "amin", "any", "all", "logsumexp"})
    t[op] = reduced;
  for (const char* op : {"argmax", "argmin", "softmax", "log_softmax"}) t[op] = along_axis;
  // Bools are counted as int64.
  for (const char* op : {"cumsum", "cumprod"})
    t[op] = [](const On& on) {
      on.numbers();
      return along_axis(on);
    };
  for (const char* op : {"cummax_index", "cummin_index"}) t[op] = along_axis;
  for (const char* op : {"var", "std"}) t[op] = spread_wide;
  t["norm"] = [](const On& on) {
    on.only(on.dtype == DType::Float32 || on.dtype == DType::Float64);
    return reduced(on);
  };
}

void add_elementwise(Table& t) {
  for (const char* op : {"mish", "hardsigmoid", "hardswish", "silu", "logsigmoid"}) t[op] = plain;
  t["where"] = [](const On& on) {
    return OpSample{{on.mask(kMatrix), on.x(kMatrix), on.x(kMatrix)}, {}, {}};
  };
  t["clamp"] = [](const On& on) {
    return OpSample{{on.x(kMatrix)}, ClampAttrs{true, true}, {Scalar(0), Scalar(1)}};
  };
  t["elu"] = with_attrs<EluAttrs>;
  t["gelu"] = with_attrs<GeluAttrs>;
  t["softplus"] = with_attrs<SoftplusAttrs>;
  t["hardtanh"] = with_attrs<HardtanhAttrs>;
  t["leaky_relu"] = with_attrs<LeakyReluAttrs>;
  t["smooth_l1"] = with_attrs<SmoothL1Attrs>;
  for (const char* op : {"prelu", "bce", "bce_with_logits"}) t[op] = pair;
}

void add_made(Table& t) {
  t["full"] = [](const On& on) { return OpSample{{}, on.create(kMatrix), {Scalar(1)}}; };
  t["eye"] = [](const On& on) { return OpSample{{}, on.create(kMatrix), {}}; };
  t["arange"] = t["linspace"] = [](const On& on) {
    return OpSample{{}, on.create({4}), {Scalar(1), Scalar(2)}};
  };
  t["randint"] = [](const On& on) {
    return OpSample{{}, on.create(kMatrix), {Scalar(1), Scalar(0), Scalar(0), Scalar(1)}};
  };
  t["uniform"] = t["normal"] = [](const On& on) {
    return OpSample{{}, on.create(kMatrix), {Scalar(1), Scalar(0)}};
  };
  t["bernoulli"] = [](const On& on) {
    return OpSample{{}, on.create(kMatrix), {Scalar(1), Scalar(0), Scalar(0.5)}};
  };
}

void add_contractions(Table& t) {
  t["matmul"] = [](const On& on) { return OpSample{{on.x({2, 3}), on.x({3, 4})}, {}, {}}; };
  t["linear"] = [](const On& on) {
    return OpSample{{on.x({2, 3}), on.x({4, 3}), on.x({4})}, {}, {}};
  };
  t["conv2d"] = [](const On& on) {
    return OpSample{{on.x(kImages), on.x({5, 4, 3, 3}), on.x({5})}, conv(), {}};
  };
  t["conv2d_backward_input"] = [](const On& on) {
    return OpSample{{on.x({2, 5, 6, 6}), on.x({5, 4, 3, 3})}, conv(kImages), {}};
  };
  t["conv2d_backward_weight"] = [](const On& on) {
    return OpSample{{on.x({2, 5, 6, 6}), on.x(kImages)}, conv({5, 4, 3, 3}), {}};
  };
  t["scaled_dot_product_attention"] = [](const On& on) {
    const TensorSpec s = on.x({2, 3, 4, 4});
    return OpSample{{s, s, s}, AttentionAttrs{}, {Scalar(0.5)}};
  };
}

void add_images(Table& t) {
  t["max_pool2d"] = [](const On& on) { return OpSample{{on.x(kImages)}, pool(), {}}; };
  t["max_pool2d_backward"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x({2, 4, 3, 3}), on.places({2, 4, 3, 3})}, pool(kImages), {}};
  };
  t["avg_pool2d"] = [](const On& on) { return OpSample{{on.x(kImages)}, pool(), {}}; };
  t["avg_pool2d_backward"] = [](const On& on) {
    return OpSample{{on.x({2, 4, 3, 3})}, pool(kImages), {}};
  };
  t["adaptive_avg_pool2d"] = [](const On& on) { return OpSample{{on.x(kImages)}, adaptive(), {}}; };
  t["adaptive_max_pool2d"] = t["adaptive_avg_pool2d"];
  t["adaptive_avg_pool2d_backward"] = [](const On& on) {
    return OpSample{{on.x({2, 4, 3, 3})}, adaptive(kImages), {}};
  };
  t["interpolate"] = [](const On& on) { return OpSample{{on.x(kImages)}, resize(), {}}; };
  t["interpolate_backward"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x({2, 4, 12, 12})}, resize(), {}};
  };
}

void add_norms_and_losses(Table& t) {
  t["batch_norm"] = [](const On& on) {
    return OpSample{{on.x(kImages), on.wide({4}), on.wide({4})}, NormAttrs{}, {}};
  };
  t["batch_norm_eval"] = [](const On& on) {
    const TensorSpec s = on.wide({4});
    return OpSample{{on.x(kImages), s, s, s, s}, NormAttrs{}, {}};
  };
  t["batch_norm_backward"] = [](const On& on) {
    const TensorSpec s = on.wide({4});
    return OpSample{{on.x(kImages), on.x(kImages), s, s, s}, NormAttrs{}, {}};
  };
  t["layer_norm"] = [](const On& on) {
    return OpSample{{on.x(kMatrix), on.x({3}), on.x({3})}, LayerNormAttrs{}, {}};
  };
  t["layer_norm_backward"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x(kMatrix), on.x(kMatrix), on.x({3}), on.wide({2}), on.wide({2})},
                    LayerNormAttrs{},
                    {}};
  };
  t["cross_entropy"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x(kMatrix), on.places({2})}, LossAttrs{}, {}};
  };
  t["cross_entropy_backward"] = [](const On& on) {
    on.floating();
    return OpSample{{on.x({}), on.x(kMatrix), on.places({2})}, LossAttrs{}, {}};
  };
}

// Parameter, gradient and state: the variants that have all of it.
OpSample update(const On& on, int states, const UpdateAttrs& attrs, std::size_t slots) {
  OpSample s{{on.x(kMatrix), on.x(kMatrix)}, attrs, std::vector<Scalar>(slots, Scalar(0.5))};
  for (int i = 0; i < states; ++i) s.inputs.push_back(on.wide(kMatrix));
  return s;
}

void add_updates(Table& t) {
  t["sgd_update"] = [](const On& on) {
    return update(on, 1, {.count = 1, .momentum = true, .nesterov = true}, 4);
  };
  t["adam_update"] = [](const On& on) { return update(on, 3, {.count = 1, .amsgrad = true}, 7); };
  t["rmsprop_update"] = [](const On& on) {
    return update(on, 3, {.count = 1, .momentum = true, .centered = true}, 6);
  };
  t["adagrad_update"] = [](const On& on) { return update(on, 1, {.count = 1}, 3); };
}

const Table& table() {
  static const Table all = [] {
    Table t;
    add_shapes(t);
    add_places(t);
    add_checks(t);
    add_reductions(t);
    add_elementwise(t);
    add_made(t);
    add_contractions(t);
    add_images(t);
    add_norms_and_losses(t);
    add_updates(t);
    return t;
  }();
  return all;
}

}  // namespace

OpSample sample_of(const OpDef& op, DType dtype, Device device) {
  const On on{op, dtype, device};
  if (const auto found = table().find(op.name); found != table().end()) return found->second(on);
  const int operands = arity(op.traits.scalar);
  if (operands == 0) throw InternalError(fmt::format("{}: has no sample; add one", op.name));
  return {std::vector<TensorSpec>(static_cast<std::size_t>(operands), on.x(kMatrix)), {}, {}};
}

}  // namespace ingot
