// pad with a constant is an op; the rest is written in terms of slices, joins and selections.
#include <ingot/ops/arrange.h>

#include <fmt/format.h>

#include <ingot/core/site_scope.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "core/checked.h"
#include "core/fits.h"
#include "ops/at.h"
#include "ops/flops.h"
#include "ops/slice.h"

namespace ingot {
namespace ops {
namespace {

void infer_pad(InferContext& c) {
  const auto& a = c.as<PadAttrs>();
  Shape out = c.shape(0);
  for (int d = 0; d < out.rank(); ++d) out[d] = (Size(out[d]) + a.before[d] + a.after[d]).value();
  c.out(out, c.dtype(0));
}

void vjp_pad(VjpContext& c) {
  const SiteScope scope(c.node.site());
  const auto& a = c.as<PadAttrs>();
  const Shape& shape = c.in(0).shape;
  Tensor g = c.grad();
  for (int d = 0; d < shape.rank(); ++d)
    if (a.before[d] > 0 || a.after[d] > 0) g = g.narrow(d, a.before[d], shape[d]);
  c.set(0, g);
}

// The constant is slot 0.
constexpr OpDef kPad{.name = "pad",
                     .infer = infer_pad,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_pad,
                     .saves = save_nothing,
                     .traits = {.in_dtype = true},
                     .flops = no_flops};

Tensor pad_constant(const Tensor& x, const Dims& before, const Dims& after, const Scalar& value,
                    Site at) {
  PadAttrs attrs{before, after};
  Tensor kept = x;
  bool grows = false;
  for (int d = 0; d < x.dim(); ++d) {
    const std::int64_t size = x.shape()[d];
    const bool too_much = before[d] < -size || after[d] < -size;
    const std::int64_t cut_before = too_much ? 0 : std::max<std::int64_t>(-before[d], 0);
    const std::int64_t cut_after = too_much ? 0 : std::max<std::int64_t>(-after[d], 0);
    if (too_much ||
        checked_sizes("pad", at, [&] { return Size(size) + before[d] + after[d]; }) < Size(0))
      fail<ShapeError>("pad",
                       fmt::format("{} and {} take more from dimension {} of {} than there is",
                                   before[d], after[d], d, spec_of(x).str()),
                       at);
    if (cut_before + cut_after > 0)
      kept = kept.narrow(d, cut_before, size - cut_before - cut_after, at);
    attrs.before[d] = std::max<std::int64_t>(before[d], 0);
    attrs.after[d] = std::max<std::int64_t>(after[d], 0);
    grows |= attrs.before[d] > 0 || attrs.after[d] > 0;
  }
  if (!grows) return kept.is_same(x) ? clone(x, at) : kept;
  if (!fits(value, x.dtype()) || overflows_float32(value, x.dtype()))
    fail<ValueError>("pad", misfit_text(value, x.dtype()), at);
  return record(kPad, {&kept}, attrs, at, {value});
}

// Slices are parts of one expression, so none of them counts as a view.
Tensor part(const Tensor& x, int dim, std::int64_t start, std::int64_t length, Site at) {
  return record_slice(x, dim, start, length, 1, at);
}

Tensor pad_reflect(const Tensor& x, int d, std::int64_t before, std::int64_t after, Site at) {
  const std::int64_t n = x.shape()[d];
  if (before >= n || after >= n)
    fail<ShapeError>("pad",
                     fmt::format("reflecting {} and {} elements needs more than dimension {} of {} "
                                 "has",
                                 before, after, d, spec_of(x).str()),
                     at);
  std::vector<Tensor> parts;
  if (before > 0) parts.push_back(flip(part(x, d, 1, before, at), {d}, at));
  parts.push_back(x);
  if (after > 0) parts.push_back(flip(part(x, d, n - 1 - after, after, at), {d}, at));
  return cat(parts, d, at);
}

Tensor pad_replicate(const Tensor& x, int d, std::int64_t before, std::int64_t after, Site at) {
  const std::int64_t n = x.shape()[d];
  if (n == 0)
    fail<ShapeError>("pad", fmt::format("dimension {} of {} has no edge", d, spec_of(x).str()), at);
  const auto copies = [&](std::int64_t from, std::int64_t count) {
    Shape shape = x.shape();
    shape[d] = count;
    return broadcast_to(part(x, d, from, 1, at), shape, at);
  };
  std::vector<Tensor> parts;
  if (before > 0) parts.push_back(copies(0, before));
  parts.push_back(x);
  if (after > 0) parts.push_back(copies(n - 1, after));
  return cat(parts, d, at);
}

Tensor pad_circular(const Tensor& x, int d, std::int64_t before, std::int64_t after, Site at) {
  const std::int64_t n = x.shape()[d];
  if (before > n || after > n)
    fail<ShapeError>("pad",
                     fmt::format("{} and {} elements cannot come from the other end of dimension "
                                 "{} of {}",
                                 before, after, d, spec_of(x).str()),
                     at);
  std::vector<Tensor> parts;
  if (before > 0) parts.push_back(part(x, d, n - before, before, at));
  parts.push_back(x);
  if (after > 0) parts.push_back(part(x, d, 0, after, at));
  return cat(parts, d, at);
}

Tensor roll_one(const Tensor& x, int d, std::int64_t shift, Site at) {
  const std::int64_t n = x.shape()[d];
  const std::int64_t by = n == 0 ? 0 : ((shift % n) + n) % n;
  if (by == 0) return x;
  return cat({part(x, d, n - by, by, at), part(x, d, 0, n - by, at)}, d, at);
}

Tensor repeat_one(const Tensor& x, int d, std::int64_t times, Site at) {
  if (times == 1) return x;
  if (times == 0) return part(x, d, 0, 0, at);
  Shape joined = x.shape();
  joined[d] = checked_sizes("repeat", at, [&] { return (Size(joined[d]) * times).value(); });
  if (x.dim() == Shape::kMaxRank) {  // no room for a dimension more
    std::int64_t outer = 1, inner = 1;
    for (int i = 0; i < x.dim(); ++i) (i < d ? outer : inner) *= x.shape()[i];
    return broadcast_to(x.reshape({outer, 1, inner}, at), {outer, times, inner}, at)
        .reshape(joined, at);
  }
  Shape shape = x.shape();
  shape.insert(d, times);
  return broadcast_to(x.unsqueeze(d, at), shape, at).reshape(joined, at);
}

// How far to the right of the main diagonal the elements of the last two dimensions are.
Tensor diagonal_of(const char* op, const Tensor& x, Site at) {
  if (defined(op, x, at).dim() < 2)
    fail<ShapeError>(op, fmt::format("needs matrices [..., R, C], got {}", spec_of(x).str()), at);
  const At s{at};
  const auto count = [&](std::int64_t n) { return arange(0, n, 1, DType::Int64, x.device(), at); };
  const Tensor row = count(x.size(-2)).unsqueeze(1, at), column = count(x.size(-1));
  return s(column) - row;
}

}  // namespace

INGOT_EXPORT_OPS(arrange, &kPad)

}  // namespace ops

using namespace ops;  // the definitions above

Tensor pad(const Tensor& x, const std::vector<std::int64_t>& padding, std::string_view mode,
           const Scalar& value, Site at) {
  const int rank = defined("pad", x, at).dim();
  if (padding.size() % 2 != 0 || padding.size() / 2 > static_cast<std::size_t>(rank))
    fail<ValueError>("pad",
                     fmt::format("padding needs a pair for each of at most {} dimensions of {}, "
                                 "got {} numbers",
                                 rank, spec_of(x).str(), padding.size()),
                     at);
  Dims before = Dims::filled(rank, 0), after = before;
  for (std::size_t i = 0; i < padding.size(); i += 2) {
    const int d = rank - 1 - static_cast<int>(i / 2);
    before[d] = padding[i];
    after[d] = padding[i + 1];
  }
  if (mode == "constant") return pad_constant(x, before, after, value, at);
  // An element's gradient is the sum of those of its copies.
  if (const Widened w(at, {&x}); w && x.requires_grad())
    return w.rounded(pad(w[0], padding, mode, value, at));
  const auto pad_one = mode == "reflect"     ? pad_reflect
                       : mode == "replicate" ? pad_replicate
                       : mode == "circular"  ? pad_circular
                                             : nullptr;
  if (!pad_one)
    fail<ValueError>("pad",
                     fmt::format("mode must be \"constant\", \"reflect\", \"replicate\" or "
                                 "\"circular\", got \"{}\"",
                                 mode),
                     at);
  Tensor out = x;
  for (int d = rank - 1; d >= 0; --d) {
    if (before[d] < 0 || after[d] < 0)
      fail<ValueError>("pad",
                       fmt::format("only a constant can have negative padding, got {} and {}",
                                   before[d], after[d]),
                       at);
    if (before[d] > 0 || after[d] > 0) out = pad_one(out, d, before[d], after[d], at);
  }
  return out.is_same(x) ? clone(x, at) : out;
}

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims, Site at) {
  defined("roll", x, at);
  if (dims.empty()) {
    if (shifts.rank() != 1)
      fail<ValueError>("roll", fmt::format("{} shifts need as many dims", shifts.rank()), at);
    const Tensor flat = x.reshape({x.numel()}, at);
    return roll_one(flat, 0, shifts[0], at).reshape(x.shape(), at);
  }
  if (shifts.rank() != dims.rank())
    fail<ValueError>("roll",
                     fmt::format("{} shifts do not fit {} dims", shifts.rank(), dims.rank()), at);
  Tensor out = x;
  for (int i = 0; i < dims.rank(); ++i)
    out = roll_one(out, checked_dim("roll", x, dims[i], at), shifts[i], at);
  return out.is_same(x) ? clone(x, at) : out;
}

Tensor repeat(const Tensor& x, const Dims& sizes, Site at) {
  const int added = sizes.rank() - defined("repeat", x, at).dim();
  if (added < 0)
    fail<ValueError>("repeat",
                     fmt::format("{} numbers are fewer than the dimensions of {}; tile() fills up",
                                 sizes.rank(), spec_of(x).str()),
                     at);
  for (const std::int64_t n : sizes)
    if (n < 0) fail<ValueError>("repeat", fmt::format("cannot repeat {} times", n), at);
  Shape shape = Shape::filled(added, 1);
  for (const std::int64_t n : x.shape()) shape.push_back(n);
  Tensor out = added > 0 ? x.reshape(shape, at) : x;
  for (int d = 0; d < sizes.rank(); ++d) out = repeat_one(out, d, sizes[d], at);
  return out.is_same(x) ? clone(x, at) : out;
}

Tensor tile(const Tensor& x, const Dims& sizes, Site at) {
  Dims full = Dims::filled(std::max(0, defined("tile", x, at).dim() - sizes.rank()), 1);
  for (const std::int64_t n : sizes) full.push_back(n);
  return repeat(x, full, at);
}

Tensor tril(const Tensor& x, std::int64_t diagonal, Site at) {
  const Tensor kept = Operand(diagonal_of("tril", x, at), at) <= Operand(diagonal, at);
  return where(kept, Operand(x, at), Operand(false, at));
}

Tensor triu(const Tensor& x, std::int64_t diagonal, Site at) {
  const Tensor kept = Operand(diagonal_of("triu", x, at), at) >= Operand(diagonal, at);
  return where(kept, Operand(x, at), Operand(false, at));
}

Tensor Tensor::roll(const Dims& shifts, const Dims& dims, Site at) const {
  return ingot::roll(*this, shifts, dims, at);
}
Tensor Tensor::repeat(const Dims& sizes, Site at) const { return ingot::repeat(*this, sizes, at); }
Tensor Tensor::tile(const Dims& sizes, Site at) const { return ingot::tile(*this, sizes, at); }
Tensor Tensor::tril(std::int64_t diagonal, Site at) const {
  return ingot::tril(*this, diagonal, at);
}
Tensor Tensor::triu(std::int64_t diagonal, Site at) const {
  return ingot::triu(*this, diagonal, at);
}

}  // namespace ingot
