// The ops index and index_put: reading and writing by index tensors, one for each dimension or
// mask. What stands in `x.index({…})` besides them is taken care of in indexing.cpp.
#include <ingot/ops/advanced_index.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/shape.h>

#include "ops/advanced_index.h"
#include "ops/at.h"
#include "ops/flops.h"
#include "ops/slice.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

// Inputs are x, the index tensors (int64, of one shape, one for each of the attributes' dims) and,
// for index_put, the values last.

extern const OpDef kIndex, kIndexPut;

// The shape of what is selected: x's other dimensions with the index tensors' shape among them.
Shape selection_shape(const Shape& x, const Shape& index, const IndexAttrs& a) {
  Shape shape;
  for (int d = 0; d < x.rank(); ++d)
    if (!a.dims.contains(d)) shape.push_back(x[d]);
  for (int d = 0; d < index.rank(); ++d) shape.insert(static_cast<int>(a.position) + d, index[d]);
  return shape;
}

Saved save_indices(int first, int count) {
  return {.inputs = ((std::uint32_t{1} << count) - 1) << first};
}

void infer_index(InferContext& c) {
  c.out(selection_shape(c.shape(0), c.shape(1), c.as<IndexAttrs>()), c.dtype(0));
}

std::vector<Tensor> index_inputs(const VjpContext& c, int count) {
  std::vector<Tensor> list;
  for (int i = 0; i < count; ++i) list.push_back(c.input(1 + i));
  return list;
}

Tensor record_index(const Tensor& x, const std::vector<Tensor>& indices, const IndexAttrs& attrs,
                    Site at) {
  std::vector<const Tensor*> inputs{&x};
  for (const Tensor& i : indices) inputs.push_back(&i);
  return record_multi(kIndex, inputs, attrs, at)[0];
}

Tensor record_index_put(const Tensor& x, const std::vector<Tensor>& indices, const Tensor& values,
                        const IndexAttrs& attrs, Site at) {
  std::vector<const Tensor*> inputs{&x};
  for (const Tensor& i : indices) inputs.push_back(&i);
  inputs.push_back(&values);
  return record_multi(kIndexPut, inputs, attrs, at)[0];
}

Tensor zeros_of(const TensorSpec& spec, Site at) {
  return zeros(spec.shape, {.dtype = spec.dtype, .device = spec.device}, at);
}

void vjp_index(VjpContext& c) {
  const Site at = c.node.site();
  IndexAttrs a = c.as<IndexAttrs>();
  a.accumulate = true;
  c.set(0, record_index_put(zeros_of(c.in(0), at), index_inputs(c, c.num_inputs() - 1), c.grad(), a,
                            at));
}

const OpDef kIndex{.name = "index",
                   .infer = infer_index,
                   .gradient = Gradient::Rule,
                   .vjp = vjp_index,
                   .saves =
                       [](const SavesContext& s) {
                         return save_indices(1, static_cast<int>(s.inputs.size()) - 1);
                       },
                   .traits = {.checks = true, .in_dtype = true, .selects = true},
                   .flops = no_flops};

void infer_index_put(InferContext& c) {
  const int last = c.num_inputs() - 1;
  const Shape expected = selection_shape(c.shape(0), c.shape(1), c.as<IndexAttrs>());
  if (!(c.shape(last) == expected))
    c.shape_error(fmt::format("the values must have the selection's shape {}, got {}",
                              expected.str(), c.in(last).str()));
  c.out(c.shape(0), c.dtype(0));
}

void vjp_index_put(VjpContext& c) {
  const Site at = c.node.site();
  const int last = c.num_inputs() - 1;
  IndexAttrs a = c.as<IndexAttrs>();
  const std::vector<Tensor> indices = index_inputs(c, last - 1);
  if (c.needs(0))
    c.set(0, a.accumulate ? c.grad()
                          : record_index_put(c.grad(), indices, zeros_of(c.in(last), at), a, at));
  if (!c.needs(last)) return;
  a.accumulate = false;
  c.set(last, record_index(c.grad(), indices, a, at));
}

double flops_index_put(const FlopsContext& c) {
  return c.as<IndexAttrs>().accumulate
             ? counts(c) * c.numel_in(static_cast<int>(c.inputs.size()) - 1)
             : 0;
}

const OpDef kIndexPut{.name = "index_put",
                      .infer = infer_index_put,
                      .gradient = Gradient::Rule,
                      .vjp = vjp_index_put,
                      .saves =
                          [](const SavesContext& s) {
                            return save_indices(1, static_cast<int>(s.inputs.size()) - 2);
                          },
                      .traits = {.checks = true, .in_dtype = true},
                      .flops = flops_index_put};

// -- What a list of indices means
// ------------------------------------------------------------------

struct Places {
  std::vector<Tensor> tensors;  // of one shape
  IndexAttrs attrs;
};

void check_mask(const char* op, const Tensor& x, int first, const Tensor& mask, std::size_t entry,
                Site at) {
  for (int d = 0; d < mask.dim(); ++d)
    if (first + d >= x.dim() || x.shape()[first + d] != mask.shape()[d])
      fail<IndexError>(op,
                       fmt::format("the mask {} at position {} does not have the sizes of x{} from "
                                   "dimension {} on",
                                   mask.shape().str(), entry, x.shape().str(), first),
                       at);
  if (mask.dim() == 0)
    fail<IndexError>(op, "a 0-dim mask selects no dimension; use where(mask, a, b)", at);
}

// Indices may be on the cpu wherever x is, as in PyTorch.
Tensor where_x_is(const Tensor& t, const Tensor& x, Site at) {
  return t.device() == Device{} && x.device() != Device{} ? t.to(x.device(), at) : t;
}

Places places_of(const char* op, const Tensor& x, const std::vector<Tensor>& indices, Site at) {
  Places p;
  int d = 0;
  const auto take = [&](const Tensor& index) {
    if (d >= x.dim())
      fail<IndexError>(
          op, fmt::format("more indices than x{} has dimensions ({})", x.shape().str(), x.dim()),
          at);
    if (index.defined()) {
      p.attrs.dims.push_back(d);
      p.tensors.push_back(where_x_is(index, x, at));
    }
    ++d;
  };
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const Tensor& index = indices[i];
    if (!index.defined() || index.dtype() == DType::Int64) {
      take(index);
    } else if (index.dtype() == DType::Int32) {
      take(index.to(DType::Int64, at));
    } else if (index.dtype() == DType::Bool) {
      check_mask(op, x, d, index, i, at);
      for (const Tensor& column : nonzero_as_tuple(index, at)) take(column);
    } else {
      fail<DTypeError>(op,
                       fmt::format("indices are int64, int32 or masks (bool), got {}; convert it "
                                   "with .to(int64), or compare it with != 0",
                                   spec_of(index).str()),
                       at);
    }
  }
  if (p.tensors.empty()) fail<ValueError>(op, "the list names no index", at);
  // Which dimensions decide where the selection stands: a 0-dim index is like a number, it takes
  // its dimension away and has no place of its own.
  Dims placed;
  for (std::size_t i = 0; i < p.tensors.size(); ++i)
    if (p.tensors[i].dim() > 0) placed.push_back(p.attrs.dims[static_cast<int>(i)]);
  try {
    Shape shape = p.tensors[0].shape();
    for (const Tensor& t : p.tensors) shape = broadcast_shapes(shape, t.shape(), op);
    for (Tensor& t : p.tensors) t = broadcast_to(t, shape, at);
  } catch (const ShapeError& e) {
    throw ShapeError(e.what() + recorded_here(at));
  }
  if (!placed.empty()) {
    std::int64_t before = 0, between = 0;  // dimensions that are kept
    for (int k = 0; k < placed.back(); ++k)
      if (!p.attrs.dims.contains(k)) ++(k < placed[0] ? before : between);
    p.attrs.position = between == 0 ? before : 0;
  }
  return p;
}

// The list is one mask over the whole of x.
bool is_whole_mask(const Tensor& x, const std::vector<Tensor>& indices) {
  return indices.size() == 1 && indices[0].defined() && indices[0].dtype() == DType::Bool &&
         indices[0].shape() == x.shape();
}

// The list is one mask, and the value a number: then nothing need be evaluated.
bool is_fill(const std::vector<Tensor>& indices, const Operand& values, bool accumulate) {
  return !accumulate && indices.size() == 1 && indices[0].defined() &&
         indices[0].dtype() == DType::Bool && (!values.is_tensor() || values.tensor().dim() == 0);
}

Tensor fill(const char* op, const Tensor& x, const Tensor& mask, const Operand& value) {
  if (!is_whole_mask(x, {mask})) check_mask(op, x, 0, mask, 0, value.site());
  Shape shape = mask.shape();
  while (shape.rank() < x.dim()) shape.push_back(1);
  return masked_fill(x, where_x_is(mask, x, value.site()).reshape(shape, value.site()), value);
}

}  // namespace

Tensor put(const char* op, const Tensor& x, const std::vector<Tensor>& indices,
           const Operand& values, bool accumulate) {
  const Site at = values.site();
  if (is_fill(indices, values, accumulate)) return fill(op, x, indices[0], values);
  if (const Widened w(at, {&x}); w && accumulate)
    return w.rounded(put(op, w[0], indices, values, accumulate));
  const Places p = places_of(op, x, indices, at);
  const Shape shape = selection_shape(x.shape(), p.tensors[0].shape(), p.attrs);
  Tensor given = to_tensor(values, x.dtype(), x.device(), op);
  if (given.dim() == 0) given = where_x_is(given, x, at);  // before it is given another shape
  const auto fits = [&] {
    try {
      return broadcast_shapes(given.shape(), shape) == shape;
    } catch (const ShapeError&) {
      return false;
    }
  };
  if (!fits())
    fail<ShapeError>(op,
                     fmt::format("values of shape {} do not fit the selection, which has shape {}",
                                 given.shape().str(), shape.str()),
                     at);
  IndexAttrs attrs = p.attrs;
  attrs.accumulate = accumulate;
  return record_index_put(x, p.tensors, broadcast_to(given, shape, at), attrs, at);
}

Tensor select_by(const Tensor& x, const std::vector<Tensor>& indices, Site at) {
  if (is_whole_mask(x, indices)) return masked_select(x, where_x_is(indices[0], x, at), at);
  const Places p = places_of("index", x, indices, at);
  return record_index(x, p.tensors, p.attrs, at);
}

INGOT_EXPORT_OPS(advanced_index, &kIndex, &kIndexPut)

}  // namespace ingot::ops
