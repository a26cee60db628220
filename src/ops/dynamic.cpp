// nonzero, masked_select, masked_scatter and unique: their functions evaluate what decides the
// shape, and put it into the attributes.
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/shape.h>

#include <algorithm>

#include "core/distinct.h"
#include "ops/flops.h"
#include "ops/slice.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

extern const OpDef kMaskedScatter;

// -- nonzero(mask)
// ---------------------------------------------------------------------------------

void infer_nonzero(InferContext& c) {
  c.out({c.as<CountAttrs>().count, c.shape(0).rank()}, DType::Int64);
}

const OpDef kNonzero{.name = "nonzero", .infer = infer_nonzero, .flops = no_flops};

// -- masked_select(x, mask) and masked_scatter(x, mask, source), all of one shape
// ------------------

void infer_masked_select(InferContext& c) { c.out({c.as<CountAttrs>().count}, c.dtype(0)); }

void vjp_masked_select(VjpContext& c) {
  const Site at = c.node.site();
  const Tensor mask = c.input(1);
  const Tensor base = zeros(c.in(0).shape, {.dtype = c.in(0).dtype, .device = c.in(0).device}, at);
  c.set(0, record(kMaskedScatter, {&base, &mask, &c.grad()}, c.node.attrs(), at));
}

const OpDef kMaskedSelect{.name = "masked_select",
                          .infer = infer_masked_select,
                          .gradient = Gradient::Rule,
                          .vjp = vjp_masked_select,
                          .saves = [](const SavesContext&) -> Saved { return {.inputs = 2}; },
                          .traits = {.in_dtype = true},
                          .flops = no_flops};

void infer_masked_scatter(InferContext& c) { c.out(c.shape(0), c.dtype(0)); }

void vjp_masked_scatter(VjpContext& c) {
  const Site at = c.node.site();
  const Tensor mask = c.input(1);
  if (c.needs(0)) c.set(0, masked_fill(c.grad(), mask, Operand(0, at)));
  if (!c.needs(2)) return;
  const std::int64_t count = c.as<CountAttrs>().count, given = c.in(2).shape[0];
  Tensor grad = record(kMaskedSelect, {&c.grad(), &mask}, c.node.attrs(), at);
  if (given > count)  // what was not used
    grad =
        cat({grad, zeros({given - count}, {.dtype = c.in(2).dtype, .device = c.in(2).device}, at)},
            0, at);
  c.set(2, grad);
}

const OpDef kMaskedScatter{.name = "masked_scatter",
                           .infer = infer_masked_scatter,
                           .gradient = Gradient::Rule,
                           .vjp = vjp_masked_scatter,
                           .saves = [](const SavesContext&) -> Saved { return {.inputs = 2}; },
                           .traits = {.in_dtype = true},
                           .flops = no_flops};

// -- unique(table): values[count, width], inverse[rows], counts[count]
// ------------------------------

void infer_unique(InferContext& c) {
  const std::int64_t count = c.as<CountAttrs>().count;
  c.out({count, c.shape(0)[1]}, c.dtype(0));
  c.out({c.shape(0)[0]}, DType::Int64);
  c.out({count}, DType::Int64);
}

const OpDef kUnique{.name = "unique", .infer = infer_unique};

// -- What the shapes are decided by
// ----------------------------------------------------------------

void require_mask(const char* op, const Tensor& mask, Site at) {
  if (defined(op, mask, at).dtype() != DType::Bool)
    fail<DTypeError>(
        op, fmt::format("the mask must be bool, got {}; compare it with != 0", spec_of(mask).str()),
        at);
}

// Elements that are true. Evaluates.
std::int64_t count_true(const Tensor& mask, Site at) {
  const HostArray host = mask.to_host(at);
  const auto values = host.as<bool>();
  return std::count(values.begin(), values.end(), true);
}

// x and mask of one shape, and how many places of it the mask has.
struct Masked {
  Tensor x, mask;
  std::int64_t count;
};

Masked masked(const char* op, const Tensor& x, const Tensor& mask, Site at) {
  defined(op, x, at);
  require_mask(op, mask, at);
  Shape shape;
  try {
    shape = broadcast_shapes(x.shape(), mask.shape(), op);
  } catch (const ShapeError& e) {
    throw ShapeError(e.what() + recorded_here(at));
  }
  // A dimension of x or mask may be 0: then there is no place at all.
  const std::int64_t repeats = shape.numel() == 0 ? 0 : shape.numel() / mask.numel();
  const std::int64_t count = repeats * count_true(mask, at);
  return {broadcast_to(x, shape, at), broadcast_to(mask, shape, at), count};
}

}  // namespace

INGOT_EXPORT_OPS(dynamic, &kNonzero, &kMaskedSelect, &kMaskedScatter, &kUnique)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor nonzero(const Tensor& x, Site at) {
  const Tensor mask =
      defined("nonzero", x, at).dtype() == DType::Bool ? x : ne(Operand(x, at), Operand(0, at));
  return record(kNonzero, {&mask}, CountAttrs{count_true(mask, at)}, at);
}

std::vector<Tensor> nonzero_as_tuple(const Tensor& x, Site at) {
  const bool is_number = defined("nonzero_as_tuple", x, at).dim() == 0;
  const Tensor places = nonzero(is_number ? x.reshape({1}, at) : x, at);
  std::vector<Tensor> columns;
  for (std::int64_t d = 0; d < places.shape()[1]; ++d) columns.push_back(places.select(1, d, at));
  return columns;
}

Tensor masked_select(const Tensor& x, const Tensor& mask, Site at) {
  const Masked m = masked("masked_select", x, mask, at);
  return record(kMaskedSelect, {&m.x, &m.mask}, CountAttrs{m.count}, at);
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source, Site at) {
  constexpr const char* kOp = "masked_scatter";
  const Masked m = masked(kOp, x, mask, at);
  if (defined(kOp, source, at).dtype() != x.dtype())
    fail<DTypeError>(kOp,
                     fmt::format("x is {} but source is {}; convert one with .to(dtype)",
                                 name(x.dtype()), name(source.dtype())),
                     at);
  if (source.numel() < m.count)
    fail<ShapeError>(kOp,
                     fmt::format("the mask has {} places, the source {} has only {} elements",
                                 m.count, source.shape().str(), source.numel()),
                     at);
  const Tensor values = source.reshape({source.numel()}, at);
  return record(kMaskedScatter, {&m.x, &m.mask, &values}, CountAttrs{m.count}, at);
}

UniqueResult unique(const Tensor& x, const UniqueOptions& options, Site at) {
  defined("unique", x, at);
  Tensor table;
  Shape kept;  // of a slice, with the dimension in front
  if (options.dim) {
    const int d = checked_dim("unique", x, *options.dim, at);
    const Tensor front = x.transpose(0, d, at);
    kept = front.shape();
    const std::int64_t rows = kept[0];
    kept[0] = 1;
    if (kept.numel() == 0)
      fail<ShapeError>(
          "unique",
          fmt::format("the slices of {} along dimension {} have no elements", spec_of(x).str(), d),
          at);
    table = front.reshape({rows, kept.numel()}, at);
  } else {
    table = x.reshape({x.numel(), 1}, at);
  }
  const HostArray host = table.to_host(at);
  const Distinct distinct =
      find_distinct(host.data(), host.dtype(), table.shape()[0], table.shape()[1]);
  const auto count = static_cast<std::int64_t>(distinct.first.size());
  const Tensor* const input = &table;
  std::vector<Tensor> out = record_multi(kUnique, {&input, 1}, CountAttrs{count}, at);

  UniqueResult result;
  if (options.dim) {
    kept[0] = count;
    result.values = out[0].reshape(kept, at).transpose(0, *options.dim, at);
  } else {
    result.values = out[0].reshape({count}, at);
  }
  if (options.return_inverse) result.inverse = options.dim ? out[1] : out[1].reshape(x.shape(), at);
  if (options.return_counts) result.counts = out[2];
  return result;
}

Tensor Tensor::nonzero(Site at) const { return ingot::nonzero(*this, at); }
Tensor Tensor::masked_select(const Tensor& mask, Site at) const {
  return ingot::masked_select(*this, mask, at);
}

}  // namespace ingot
