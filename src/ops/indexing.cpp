// x.index({…}), x[…] and the assignments to them. Numbers, slices, None and "..." are taken one
// after the other, as select, slice and unsqueeze; what is left are tensors, which index and
// index_put take together.
#include <ingot/ops/advanced_index.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "ops/advanced_index.h"
#include "ops/in_place.h"
#include "ops/support.h"

namespace ingot {

TensorIndex::TensorIndex(const char* dots, Site at) : kind_(Kind::Rest), site_(at) {
  if (!dots || std::strcmp(dots, "...") != 0)
    ops::fail<ValueError>("index", "the only text that is an index is \"...\"", at);
}

namespace ops {
namespace {

using Kind = TensorIndex::Kind;

// What numbers, slices, None and Ellipsis make of x, and how to bring a changed part back into it.
struct Part {
  Tensor tensor;
  std::vector<std::function<Tensor(const Tensor&)>> put_back;  // the last one first
  std::vector<Tensor> indices;  // for the part's dimensions; undefined ones are whole
  bool by_tensors = false;

  Tensor in_x(Tensor changed) const {
    for (auto i = put_back.rbegin(); i != put_back.rend(); ++i) changed = (*i)(changed);
    return changed;
  }
};

int dims_of(const TensorIndex& i) {
  if (i.kind() == Kind::NewDim || i.kind() == Kind::Rest) return 0;
  return i.kind() == Kind::Tensor && i.tensor().dtype() == DType::Bool ? i.tensor().dim() : 1;
}

Part part_of(const char* op, const Tensor& x, const IndexList& list, Site at) {
  int named = 0, dots = 0;
  for (const TensorIndex& i : list.items()) {
    named += dims_of(i);
    dots += i.kind() == Kind::Rest;
  }
  if (list.items().empty()) fail<ValueError>(op, "the list names no index", at);
  if (dots > 1) fail<IndexError>(op, "\"...\" stands for one thing only: give it once", at);
  if (named > x.dim())
    fail<IndexError>(
        op, fmt::format("more indices than x{} has dimensions ({})", x.shape().str(), x.dim()), at);
  Part p{.tensor = x, .put_back = {}, .indices = {}};
  int dim = 0;
  for (const TensorIndex& i : list.items()) {
    const Tensor before = p.tensor;
    switch (i.kind()) {
      case Kind::Number: {
        const std::int64_t n = i.number(), size = before.shape()[dim];
        p.tensor = select(before, dim, n, at);
        p.put_back.push_back([=](const Tensor& changed) {
          const std::int64_t first = n < 0 ? n + size : n;
          return slice_scatter(before, unsqueeze(changed, dim, at), dim, first, first + 1, 1, at);
        });
        continue;
      }
      case Kind::Range: {
        const Slice s = i.slice();
        if (s.start() || s.stop() || s.step() != 1) {
          const std::int64_t start = s.start().value_or(0);
          p.tensor = slice(before, dim, start, s.stop(), s.step(), at);
          p.put_back.push_back([=](const Tensor& changed) {
            return slice_scatter(before, changed, dim, start, s.stop(), s.step(), at);
          });
        }
        break;
      }
      case Kind::NewDim:
        p.tensor = unsqueeze(before, dim, at);
        p.put_back.push_back([=](const Tensor& changed) { return squeeze(changed, dim, at); });
        break;
      case Kind::Rest:
        for (int k = named; k < x.dim(); ++k, ++dim) p.indices.emplace_back();
        continue;
      case Kind::Tensor:
        p.indices.push_back(i.tensor());
        p.by_tensors = true;
        dim += dims_of(i);
        continue;
      case Kind::Whole:
        break;
    }
    p.indices.emplace_back();
    ++dim;
  }
  while (!p.indices.empty() && !p.indices.back().defined()) p.indices.pop_back();
  return p;
}

// x with the values in the part's place.
Tensor with_values(const char* op, const Tensor& x, const IndexList& list, const Operand& values,
                   bool accumulate) {
  const Site at = values.site();
  const Part p = part_of(op, x, list, at);
  if (p.by_tensors) return p.in_x(put(op, p.tensor, p.indices, values, accumulate));
  Tensor given = accumulate ? to_operand(values, x.dtype(), x.device(), op)
                            : to_tensor(values, x.dtype(), x.device(), op);
  // What ranges name is copied into, which a copy from another device may be, as in PyTorch.
  // A sum takes the cpu's numbers only.
  const bool comes_along = !accumulate || (given.dim() == 0 && given.device() == Device{});
  if (comes_along && given.device() != x.device()) given = given.to(x.device(), at);
  while (given.dim() > p.tensor.dim() && given.size(0) == 1) given = squeeze(given, 0, at);
  const Tensor fitted = broadcast_to(given, p.tensor.shape(), at);
  return p.in_x(accumulate ? cast(Operand(p.tensor, at) + fitted, x.dtype(), at) : fitted);
}

void check_values(const char* op, const Tensor& x, const Operand& values) {
  if (!values.is_tensor()) {
    if (promote_with_scalar(x.dtype(), values.scalar().kind()) != x.dtype() &&
        x.dtype() != DType::Bool)
      fail<DTypeError>(op,
                       fmt::format("{} does not fit into {}; convert x first with .to(dtype)",
                                   values.scalar().str(), spec_of(x).str()),
                       values.site());
    return;
  }
  if (defined(op, values.tensor(), values.site()).dtype() != x.dtype())
    fail<DTypeError>(op,
                     fmt::format("x is {} but the values are {}; convert one with .to(dtype)",
                                 name(x.dtype()), name(values.tensor().dtype())),
                     values.site());
}

const TensorIndex& given(const TensorIndex& i) {
  if (i.kind() == Kind::Whole)
    fail<ValueError>("operator[]", "the index is an undefined tensor", i.site());
  return i;
}

Tensor part_now(const Tensor& x, const TensorIndex& i) { return index(x, {given(i)}, i.site()); }

bool selects(const TensorIndex& i) { return i.kind() == Kind::Tensor; }
bool is_mask(const TensorIndex& i) {
  return selects(i) && (i.tensor().dtype() == DType::Bool || i.tensor().dtype() == DType::UInt8);
}

// What `x[i]` and `x.index({…})` read. A part that nobody has changed yet is that of x as it was
// when this was written.
Tensor deferred_part(const Tensor& x, const IndexList& list, const Site& at) {
  defined("operator[]", x, at);
  const Tensor then = Cell::create(x.cell()->read());
  return Cell::create_deferred([then, base = WeakCell(x), list, at] {
    Tensor part = index(then, list, at);
    const Tensor x_now = base.lock();
    if (!part.is_same(then) && part.cell()->view_base().defined() && x_now.defined())
      return as_view(part, x_now);
    return part;
  });
}

}  // namespace
}  // namespace ops

using namespace ops;  // the definitions above

Tensor index(const Tensor& x, const IndexList& indices, Site at) {
  const Part p = part_of("index", defined("index", x, at), indices, at);
  return p.by_tensors ? select_by(p.tensor, p.indices, at) : p.tensor;
}

Tensor index_put(const Tensor& x, const IndexList& indices, const Operand& values,
                 bool accumulate) {
  check_values("index_put", defined("index_put", x, values.site()), values);
  return with_values("index_put", x, indices, values, accumulate);
}

Tensor Tensor::index(const IndexList& indices, Site at) const& {
  return ingot::index(*this, indices, at);
}
Tensor Tensor::index(const IndexList& indices, Site at) && {
  return ingot::index(*this, indices, at);
}
IndexProxy Tensor::index(const IndexList& indices, Site at) & { return {*this, indices, at}; }
IndexProxy TensorRef::index(const IndexList& indices, Site at) && { return {*this, indices, at}; }

Tensor& Tensor::index_put_(const IndexList& indices, const Operand& values, bool accumulate) & {
  check_in_place(*this, "index_put_", values.site());
  check_values("index_put_", *this, values);
  rebind(*this, with_values("index_put_", *this, indices, values, accumulate));
  return *this;
}

IndexProxy Tensor::operator[](const TensorIndex& i) & { return {*this, i}; }
IndexProxy TensorRef::operator[](const TensorIndex& i) && { return {*this, i}; }
Tensor Tensor::operator[](const TensorIndex& i) const& { return part_now(*this, i); }
Tensor Tensor::operator[](const TensorIndex& i) && { return part_now(*this, i); }

Tensor::Tensor(const IndexProxy& part) : Tensor(static_cast<const Tensor&>(part)) {
  if (cell()) cell()->value();
}
Tensor& Tensor::operator=(const IndexProxy& part) & { return *this = Tensor(part); }

// -- IndexProxy ------------------------------------------------------------------------------------

IndexProxy::IndexProxy(const Tensor& base, const TensorIndex& index)
    : Tensor(deferred_part(base, {given(index)}, index.site())),
      base_(base),
      indices_{index},
      site_(index.site()) {}

// Wrong indices are told of at once. What a mask selects is counted when it is read.
IndexProxy::IndexProxy(const Tensor& base, const IndexList& indices, const Site& at)
    : Tensor(deferred_part(base, indices, at)), base_(base), indices_(indices), site_(at) {
  if (std::none_of(indices.items().begin(), indices.items().end(), is_mask)) cell()->value();
}

IndexProxy::IndexProxy(const IndexProxy& outer, const IndexList& indices, const Site& at)
    : Tensor(deferred_part(outer, indices, at)),
      indices_(indices),
      site_(at),
      outer_(std::make_shared<IndexProxy>(outer)) {}

IndexProxy IndexProxy::operator[](const TensorIndex& i) const {
  return {*this, {given(i)}, i.site()};
}
IndexProxy IndexProxy::index(const IndexList& indices, Site at) const {
  return {*this, indices, at};
}

void IndexProxy::refuse_copies(const char* op, const Site& at) const {
  if (std::any_of(indices_.items().begin(), indices_.items().end(), selects))
    fail<ViewError>(op,
                    "what a mask or a tensor of indices selects is a copy; to change x write "
                    "`x[mask] = value`, `x[mask] += value` or x.index_put_({…}, value)",
                    at);
  if (outer_) outer_->refuse_copies(op, at);
}

Tensor IndexProxy::current() const {
  return ingot::index(outer_ ? outer_->current() : base_, indices_, site_);
}

void IndexProxy::assign(const Operand& value) {
  const char* const op = "operator[]";
  const Site at = value.site();
  if (outer_) {
    outer_->refuse_copies(op, at);
    const Tensor part = outer_->current();
    const Tensor converted = to_tensor(value, part.dtype(), part.device(), op);
    const Tensor whole = with_values(op, part, indices_, Operand(converted, at), false);
    const auto outer = std::make_shared<IndexProxy>(*outer_);
    outer->assign(Operand(whole, at));
    static_cast<Tensor&>(*this) = deferred_part(*outer, indices_, site_);
    outer_ = outer;
    return;
  }
  check_in_place(base_, "x[i] = value", at);
  const Tensor converted = to_tensor(value, base_.dtype(), base_.device(), op);
  rebind(base_, with_values(op, base_, indices_, Operand(converted, at), false));
  static_cast<Tensor&>(*this) = deferred_part(base_, indices_, site_);
}

IndexProxy& IndexProxy::operator=(const Operand& value) {
  assign(value);
  return *this;
}
IndexProxy& IndexProxy::operator=(const IndexProxy& other) { return *this = Operand(other, site_); }
IndexProxy& IndexProxy::operator=(const Tensor& value) { return *this = Operand(value, site_); }
namespace {

// The new values of a part, where its dtype can take them: as for a whole tensor in place.
const Tensor& storable(const char* op, const Tensor& part, const Tensor& result, const Site& at) {
  ops::check_storable(op, part, result, at);
  return result;
}

}  // namespace

IndexProxy& IndexProxy::operator+=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("add_", now, Operand(now, v.site()) + v, v.site());
}
IndexProxy& IndexProxy::operator-=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("sub_", now, Operand(now, v.site()) - v, v.site());
}
IndexProxy& IndexProxy::operator*=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("mul_", now, Operand(now, v.site()) * v, v.site());
}
IndexProxy& IndexProxy::operator/=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("div_", now, Operand(now, v.site()) / v, v.site());
}
IndexProxy& IndexProxy::operator%=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("remainder_", now, Operand(now, v.site()) % v, v.site());
}
IndexProxy& IndexProxy::operator&=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("bitwise_and_", now, Operand(now, v.site()) & v, v.site());
}
IndexProxy& IndexProxy::operator|=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("bitwise_or_", now, Operand(now, v.site()) | v, v.site());
}
IndexProxy& IndexProxy::operator^=(const Operand& v) {
  const Tensor now = current();
  return *this = storable("bitwise_xor_", now, Operand(now, v.site()) ^ v, v.site());
}

IndexProxy& IndexProxy::copy_(const Tensor& source, Site at) {
  return copy_from(source, false, at);
}
IndexProxy& IndexProxy::copy_from(const Tensor& source, bool non_blocking, Site at) {
  refuse_copies("copy_", at);
  const Tensor here = ops::defined("copy_", source, at).to(device(), non_blocking, at);
  return *this = Operand(here, at);
}
IndexProxy& IndexProxy::fill_(const Scalar& value, Site at) {
  refuse_copies("fill_", at);
  return *this = Operand(value, at);
}
IndexProxy& IndexProxy::add_(const Operand& other) {
  refuse_copies("add_", other.site());
  return *this += other;
}
IndexProxy& IndexProxy::sub_(const Operand& other) {
  refuse_copies("sub_", other.site());
  return *this -= other;
}
IndexProxy& IndexProxy::mul_(const Operand& other) {
  refuse_copies("mul_", other.site());
  return *this *= other;
}
IndexProxy& IndexProxy::div_(const Operand& other) {
  refuse_copies("div_", other.site());
  return *this /= other;
}

}  // namespace ingot
