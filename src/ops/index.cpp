// gather, index_select and embedding with their reverses, which add into zeros, and check_labels,
// the range check that losses and one_hot share.
#include <ingot/ops/index.h>

#include <fmt/format.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "core/checked.h"
#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"
#include "ops/flops.h"
#include "ops/labels.h"

namespace ingot {
namespace ops {
namespace {

extern const OpDef kGather, kScatterAdd, kIndexSelect, kIndexAdd, kEmbedding, kCheckLabels;

Saved saves_index(const SavesContext&) { return {.inputs = 2}; }

void require_int64(const InferContext& c, int i, const char* operand) {
  if (c.dtype(i) != DType::Int64)
    c.dtype_error(fmt::format("{} must be int64, got {}; convert it with .to(int64)", operand,
                              c.in(i).str()));
}

int axis_of(std::string_view op, std::int64_t dim, const Shape& shape, Site at) {
  try {
    return normalize_dim(dim, std::max(shape.rank(), 1), "dim");
  } catch (const IndexError& e) {
    fail<IndexError>(op, e.what(), at);
  }
}

// -- gather(x, index) and scatter_add(source, index)
// -----------------------------------------------

// Index shapes fit when they lie within `x` in every dimension but the indexed one.
void require_within(const InferContext& c, const Shape& index, const Shape& x, std::int64_t dim) {
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == dim || index[i] <= x[i];
  if (!fits)
    c.shape_error(
        fmt::format("index{} does not lie within x{} outside of dimension {}; both need the same "
                    "number of dimensions",
                    index.str(), x.str(), dim));
}

void infer_gather(InferContext& c) {
  require_int64(c, 1, "index");
  require_within(c, c.shape(1), c.shape(0), c.as<AxisAttrs>().dim);
  c.out(c.shape(1), c.dtype(0));
}

void vjp_gather(VjpContext& c) {
  const Tensor index = c.input(1);
  c.set(0, record(kScatterAdd, {&c.grad(), &index},
                  ScatterAttrs{.dim = c.as<AxisAttrs>().dim, .step = 1, .shape = c.in(0).shape},
                  c.node.site()));
}

const OpDef kGather{.name = "gather",
                    .infer = infer_gather,
                    .gradient = Gradient::Rule,
                    .vjp = vjp_gather,
                    .saves = saves_index,
                    .traits = {.checks = true, .in_dtype = true, .selects = true},
                    .flops = no_flops};

void infer_scatter_add(InferContext& c) {
  const auto& a = c.as<ScatterAttrs>();
  require_int64(c, 1, "index");
  if (!(c.shape(0) == c.shape(1)))
    c.shape_error(fmt::format("source{} and index{} must have the same shape", c.shape(0).str(),
                              c.shape(1).str()));
  require_within(c, c.shape(1), a.shape, a.dim);
  c.out(a.shape, c.dtype(0));
}

void vjp_scatter_add(VjpContext& c) {
  c.set(0, gather(c.grad(), c.as<ScatterAttrs>().dim, c.input(1), c.node.site()));
}

const OpDef kScatterAdd{.name = "scatter_add",
                        .infer = infer_scatter_add,
                        .gradient = Gradient::Rule,
                        .vjp = vjp_scatter_add,
                        .saves = saves_index,
                        .traits = {.checks = true, .in_dtype = true},
                        .flops = flops_into<0>};

// -- index_select(x, index) and index_add(source, index)
// -------------------------------------------

void infer_index_select(InferContext& c) {
  require_int64(c, 1, "index");
  c.require_rank(1, 1, "index");
  Shape out = c.shape(0);
  out[static_cast<int>(c.as<AxisAttrs>().dim)] = c.shape(1)[0];
  c.out(out, c.dtype(0));
}

void vjp_index_select(VjpContext& c) {
  const Tensor index = c.input(1);
  c.set(0, record(kIndexAdd, {&c.grad(), &index},
                  ScatterAttrs{.dim = c.as<AxisAttrs>().dim, .step = 1, .shape = c.in(0).shape},
                  c.node.site()));
}

const OpDef kIndexSelect{.name = "index_select",
                         .infer = infer_index_select,
                         .gradient = Gradient::Rule,
                         .vjp = vjp_index_select,
                         .saves = saves_index,
                         .traits = {.checks = true, .in_dtype = true, .selects = true},
                         .flops = no_flops};

void infer_index_add(InferContext& c) {
  const auto& a = c.as<ScatterAttrs>();
  require_int64(c, 1, "index");
  c.require_rank(1, 1, "index");
  Shape expected = a.shape;
  expected[static_cast<int>(a.dim)] = c.shape(1)[0];
  if (!(c.shape(0) == expected))
    c.shape_error(fmt::format("adding {} slices along dimension {} of x{} needs source{}, got {}",
                              c.shape(1)[0], a.dim, a.shape.str(), expected.str(),
                              c.shape(0).str()));
  c.out(a.shape, c.dtype(0));
}

void vjp_index_add(VjpContext& c) {
  c.set(0, index_select(c.grad(), c.as<ScatterAttrs>().dim, c.input(1), c.node.site()));
}

const OpDef kIndexAdd{.name = "index_add",
                      .infer = infer_index_add,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_index_add,
                      .saves = saves_index,
                      .traits = {.checks = true, .in_dtype = true},
                      .flops = flops_into<0>};

// -- embedding(weight, indices)
// --------------------------------------------------------------------

void infer_embedding(InferContext& c) {
  c.require_rank(0, 2, "weight");
  require_int64(c, 1, "indices");
  Shape out = c.shape(1);
  out.push_back(c.shape(0)[1]);
  c.out(out, c.dtype(0));
}

void vjp_embedding(VjpContext& c) {
  const At at{c.node.site()};
  const Shape& weight = c.in(0).shape;
  const Tensor indices = c.input(1).reshape({c.in(1).shape.numel()}, at.site);
  Tensor rows = c.grad().reshape({indices.numel(), weight[1]}, at.site);
  if (const std::int64_t padding = c.as<EmbeddingAttrs>().padding_idx; padding >= 0) {
    const Tensor is_padding = at(indices.unsqueeze(1, at.site)) == padding;
    rows = where(is_padding, at(0), rows);
  }
  c.set(0, record(kIndexAdd, {&rows, &indices}, ScatterAttrs{.dim = 0, .step = 1, .shape = weight},
                  at.site));
}

const OpDef kEmbedding{.name = "embedding",
                       .infer = infer_embedding,
                       .gradient = Gradient::Rule,
                       .vjp = vjp_embedding,
                       .saves = saves_index,
                       .traits = {.checks = true, .in_dtype = true, .selects = true},
                       .flops = no_flops};

// -- check_labels(labels)
// --------------------------------------------------------------------------

void infer_check_labels(InferContext& c) {
  if (c.dtype(0) != DType::Int64)
    throw DTypeError(fmt::format("{}: labels must be int64, got {}; convert them with .to(int64)",
                                 c.as<LabelAttrs>().what, c.in(0).str()));
  c.out(c.shape(0), DType::Int64);
}

const OpDef kCheckLabels{.name = "check_labels",
                         .infer = infer_check_labels,
                         .traits = {.checks = true},
                         .flops = no_flops};

// A 0-dim tensor is indexed as one with a single element.
Tensor as_vector(const Tensor& x, Site at) { return x.dim() == 0 ? x.reshape({1}, at) : x; }

}  // namespace

Tensor check_labels(const Tensor& labels, const LabelAttrs& attrs, Site at) {
  return record(kCheckLabels, {&labels}, attrs, at);
}

INGOT_EXPORT_OPS(index, &kGather, &kScatterAdd, &kIndexSelect, &kIndexAdd, &kEmbedding,
                 &kCheckLabels)

}  // namespace ops

Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index, Site at) {
  const int axis = ops::axis_of("gather", dim, x.shape(), at);
  if (x.dim() == 0 && index.dim() <= 1) {
    const Tensor vector = ops::as_vector(x, at), places = ops::as_vector(index, at);
    return record(ops::kGather, {&vector, &places}, AxisAttrs{.dim = 0}, at)
        .reshape(index.shape(), at);
  }
  return record(ops::kGather, {&x, &index}, AxisAttrs{.dim = axis}, at);
}

Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                   Site at) {
  const int axis = ops::axis_of("scatter_add", dim, x.shape(), at);
  if (x.dtype() != source.dtype())
    ops::fail<DTypeError>("scatter_add",
                          fmt::format("x is {} but source is {}; convert one with .to(dtype)",
                                      name(x.dtype()), name(source.dtype())),
                          at);
  if (const ops::Widened w(at, {&x, &source}); w)
    return w.rounded(scatter_add(w[0], dim, index, w[1], at));
  if (source.dim() != index.dim())
    ops::fail<ShapeError>("scatter_add",
                          fmt::format("index{} and source{} need the same number of dimensions",
                                      index.shape().str(), source.shape().str()),
                          at);
  Tensor used = source;
  for (int i = 0; i < index.dim(); ++i) {
    if (index.shape()[i] > source.shape()[i])
      ops::fail<ShapeError>("scatter_add",
                            fmt::format("index{} is larger than source{} in dimension {}",
                                        index.shape().str(), source.shape().str(), i),
                            at);
    if (index.shape()[i] < source.shape()[i]) used = used.narrow(i, 0, index.shape()[i], at);
  }
  const Tensor places = ops::as_vector(index, at), values = ops::as_vector(used, at);
  const Shape shape = x.dim() == 0 ? Shape{1} : x.shape();
  const Tensor sums = record(ops::kScatterAdd, {&values, &places},
                             ScatterAttrs{.dim = axis, .step = 1, .shape = shape}, at);
  return Operand(x, at) + (x.dim() == 0 ? sums.reshape({}, at) : sums);
}

Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index, Site at) {
  const int axis = ops::axis_of("index_select", dim, x.shape(), at);
  Tensor places = ops::as_vector(index, at);
  if (places.dtype() == DType::Int32) places = places.to(DType::Int64, at);
  if (x.dim() > 0) return record(ops::kIndexSelect, {&x, &places}, AxisAttrs{.dim = axis}, at);
  if (places.numel() != 1)
    ops::fail<ShapeError>("index_select", "a 0-dim tensor takes exactly one index", at);
  const Tensor vector = ops::as_vector(x, at);
  return record(ops::kIndexSelect, {&vector, &places}, AxisAttrs{.dim = 0}, at).reshape({}, at);
}

Tensor index_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha, Site at) {
  const int axis = ops::axis_of("index_add", dim, x.shape(), at);
  if (x.dtype() != source.dtype())
    ops::fail<DTypeError>("index_add",
                          fmt::format("x is {} but source is {}; convert one with .to(dtype)",
                                      name(x.dtype()), name(source.dtype())),
                          at);
  if (alpha.kind() == Scalar::Kind::Float && !is_floating(x.dtype()))
    ops::fail<DTypeError>("index_add",
                          fmt::format("alpha must be an integer for {} tensors, got {}",
                                      name(x.dtype()), alpha.str()),
                          at);
  if (const ops::Widened w(at, {&x, &source}); w)
    return w.rounded(index_add(w[0], dim, index, w[1], alpha, at));
  Tensor places = ops::as_vector(index, at);
  if (places.dtype() == DType::Int32) places = places.to(DType::Int64, at);
  const Tensor values = ops::as_vector(source, at);
  const Shape shape = x.dim() == 0 ? Shape{1} : x.shape();
  const bool scaled = alpha.kind() == Scalar::Kind::Float || alpha.to_int64() != 1;
  const Tensor added = scaled ? Operand(values, at) * alpha : values;
  const Tensor sums = record(ops::kIndexAdd, {&added, &places},
                             ScatterAttrs{.dim = axis, .step = 1, .shape = shape}, at);
  return Operand(x, at) + (x.dim() == 0 ? sums.reshape({}, at) : sums);
}

Tensor embedding(const Tensor& weight, const Tensor& indices, std::int64_t padding_idx, Site at) {
  if (weight.dim() == 2 && padding_idx >= weight.shape()[0])
    ops::fail<ValueError>(
        "embedding",
        fmt::format("padding_idx {} is not a row of weight{}", padding_idx, weight.shape().str()),
        at);
  const Tensor places = indices.dtype() == DType::Int32 ? indices.to(DType::Int64, at) : indices;
  return record(ops::kEmbedding, {&weight, &places},
                EmbeddingAttrs{.padding_idx = padding_idx < 0 ? -1 : padding_idx}, at);
}

Tensor one_hot(const Tensor& indices, std::int64_t classes, Site at) {
  if (classes < 0) {
    if (indices.numel() == 0)
      ops::fail<ValueError>("one_hot", "the number of classes of an empty tensor must be given",
                            at);
    const Size largest = indices.amax({}, false, at).item<std::int64_t>();
    classes = ops::checked_sizes("one_hot", at, [&] { return (largest + 1).value(); });
  }
  if (classes == 0 && indices.numel() > 0)
    ops::fail<ValueError>("one_hot", "the number of classes must be positive", at);
  const LabelAttrs attrs{
      .what = "one_hot", .classes = classes, .can_ignore = false, .ignore_index = -100};
  const Tensor labels = ops::check_labels(indices, attrs, at);
  const Tensor all = arange(0, classes, 1, DType::Int64, indices.device(), at);
  return (Operand(labels.unsqueeze(-1, at), at) == all).to(DType::Int64, at);
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value) {
  const Site& at = value.site();
  if (mask.dtype() != DType::Bool)
    ops::fail<DTypeError>("masked_fill",
                          fmt::format("the mask must be bool, got {}; compare it with != 0",
                                      mask.cell()->spec().str()),
                          at);
  if (value.is_tensor() && value.tensor().dim() != 0)
    ops::fail<ShapeError>("masked_fill",
                          fmt::format("the value must be a number or a 0-dim tensor, got {}; use "
                                      "where(mask, value, x)",
                                      value.tensor().shape().str()),
                          at);
  if (!value.is_tensor()) ops::require_fits("masked_fill", value.scalar(), x.dtype(), at);
  const Shape shape = broadcast_shapes(x.shape(), mask.shape(), "masked_fill");
  const Tensor base = x.shape() == shape ? x : x.expand(shape, at);
  const Tensor filler = value.is_tensor()
                            ? value.tensor().to(x.dtype(), at)
                            : scalar_tensor(value.scalar(), x.dtype(), x.device(), at);
  return where(mask, Operand(filler, at), base);
}

Tensor Tensor::index_select(std::int64_t dim, const Tensor& index, Site at) const {
  return ingot::index_select(*this, dim, index, at);
}
Tensor Tensor::gather(std::int64_t dim, const Tensor& index, Site at) const {
  return ingot::gather(*this, dim, index, at);
}
Tensor Tensor::masked_fill(const Tensor& mask, const Operand& value) const {
  return ingot::masked_fill(*this, mask, value);
}

Tensor Tensor::scatter_add(std::int64_t dim, const Tensor& index, const Tensor& source,
                           Site at) const {
  return ingot::scatter_add(*this, dim, index, source, at);
}

}  // namespace ingot
