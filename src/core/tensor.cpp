#include <ingot/core/tensor.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "core/buffer.h"
#include "core/cell.h"
#include "core/convert.h"
#include "core/fits.h"
#include "core/record.h"

namespace ingot {
namespace {

const TensorSpec& spec_of(const Tensor& t) {
  if (!t.defined())
    throw ValueError("the tensor is undefined (default-constructed and never assigned)");
  return t.cell()->spec();
}

}  // namespace

const Shape& Tensor::shape() const { return spec_of(*this).shape; }
DType Tensor::dtype() const { return spec_of(*this).dtype; }
Device Tensor::device() const { return spec_of(*this).device; }
std::size_t Tensor::nbytes() const { return spec_of(*this).nbytes(); }
std::int64_t Tensor::size(std::int64_t dim) const {
  const Shape& s = shape();
  if (s.rank() == 0) throw IndexError("size: a 0-dim tensor has no dimensions");
  return s[normalize_dim(dim, s.rank(), "size")];
}

bool Tensor::is_evaluated() const {
  spec_of(*this);
  return cell()->value().node->state() == NodeState::Done;
}

Site Tensor::site() const {
  spec_of(*this);
  return cell()->value().node->site();
}

bool Tensor::requires_grad() const {
  spec_of(*this);
  return cell()->requires_grad();
}

Tensor& Tensor::requires_grad_(bool on) {
  const TensorSpec& spec = spec_of(*this);
  if (on && !is_floating(spec.dtype))
    throw AutogradError(
        fmt::format("only floating-point tensors can require gradients, got {}", spec.str()));
  if (!is_leaf())
    throw AutogradError(
        "requires_grad can only be changed on leaf tensors; use .detach() to cut a computed tensor "
        "off its history");
  cell()->set_requires_grad(on);
  return *this;
}

bool Tensor::is_leaf() const {
  spec_of(*this);
  return cell()->is_leaf();
}

const std::string& Tensor::name() const {
  spec_of(*this);
  return cell()->name();
}

void Tensor::set_name(std::string name) {
  spec_of(*this);
  cell()->set_name(std::move(name));
}

namespace {
std::string wrong_element_type(DType held, DType wanted) {
  return fmt::format("the tensor holds {}, not {}; convert it first with .to({})",
                     ingot::name(held), ingot::name(wanted), ingot::name(wanted));
}
}  // namespace

void HostArray::check_dtype(DType wanted) const {
  if (wanted != dtype_) throw DTypeError(wrong_element_type(dtype_, wanted));
}

void Tensor::check_holds(DType wanted, Site at) const {
  if (!defined())
    throw ValueError(fmt::format("to_vector: the tensor is undefined{}", recorded_here(at)));
  if (wanted != dtype())
    throw DTypeError(
        fmt::format("to_vector: {}{}", wrong_element_type(dtype(), wanted), recorded_here(at)));
}

std::int64_t detail::integer_of(const Scalar& number, std::int64_t low, std::uint64_t high,
                                Site at) {
  bool fits = false;
  if (number.kind() == Scalar::Kind::Float) {
    // 2^63 and 2^64 are exact doubles; the largest integers below them are not.
    const double v = std::trunc(number.to_double());
    fits = v >= static_cast<double>(low) && v < std::ldexp(1.0, 63) &&
           (v < 0 || static_cast<std::uint64_t>(v) <= high);
  } else {
    const std::int64_t v = number.to_int64();
    fits = v >= low && (v < 0 || static_cast<std::uint64_t>(v) <= high);
  }
  if (!fits)
    throw ValueError(fmt::format("item: {} is not an integer from {} to {}; use item<double>(){}",
                                 number.str(), low, high, recorded_here(at)));
  return number.to_int64();
}

// -- Construction from host data
// --------------------------------------------------------------------

Tensor from_buffer(Ref<Buffer> buffer, const Shape& shape, DType dtype) {
  const TensorSpec spec{shape, dtype, Device{}};
  record_state().pinned_nbytes += spec.nbytes();
  auto value = make_ref<Value>(std::move(buffer), 0, shape.contiguous_strides());
  return Cell::create({make_constant(spec, std::move(value)), 0});
}

namespace detail {

Tensor from_host(const void* data, std::size_t count, const Shape& shape, DType dtype,
                 Device device) {
  for (const std::int64_t d : shape)
    if (d < 0) throw ShapeError(fmt::format("a shape cannot have negative sizes: {}", shape.str()));
  if (!shape.is_addressable(nbytes_of(dtype)))
    throw ShapeError(fmt::format("{} has more elements than memory can have", shape.str()));
  if (static_cast<std::int64_t>(count) != shape.numel())
    throw ShapeError(fmt::format("{} values do not fill shape {} ({} elements)", count, shape.str(),
                                 shape.numel()));
  const TensorSpec spec{shape, dtype, Device{}};
  Ref<Buffer> buffer = host_allocator().allocate(spec.nbytes());
  if (spec.nbytes() > 0) std::memcpy(buffer->host(), data, spec.nbytes());
  Tensor t = from_buffer(std::move(buffer), shape, dtype);
  return device == Device{} ? t : t.to(device);
}

}  // namespace detail

Tensor from_blob(const void* data, const Shape& shape, DType dtype, Device device) {
  return detail::from_host(data, static_cast<std::size_t>(shape.numel()), shape, dtype, device);
}

namespace {

void flatten_into(const NestedList& list, int depth, Shape& shape, std::vector<Scalar>& values) {
  if (list.is_leaf()) {
    if (depth != shape.rank()) throw ShapeError("tensor: the nested list mixes numbers and lists");
    values.push_back(list.value());
    return;
  }
  const auto size = static_cast<std::int64_t>(list.list().size());
  if (depth == shape.rank()) {
    if (!values.empty()) throw ShapeError("tensor: the nested list mixes numbers and lists");
    shape.push_back(size);
  } else if (shape[depth] != size) {
    throw ShapeError(
        fmt::format("tensor: the nested list is ragged: {} and {} entries in dimension {}",
                    shape[depth], size, depth));
  }
  for (const NestedList& entry : list.list()) flatten_into(entry, depth + 1, shape, values);
}

}  // namespace

Tensor tensor(const NestedList& values, std::optional<DType> dtype, Device device) {
  Shape shape;
  std::vector<Scalar> flat;
  flatten_into(values, 0, shape, flat);
  DType t = DType::Float32;
  if (dtype) {
    t = *dtype;
  } else if (!flat.empty()) {
    auto kind = Scalar::Kind::Bool;
    for (const Scalar& s : flat) kind = std::max(kind, s.kind());
    t = kind == Scalar::Kind::Bool  ? DType::Bool
        : kind == Scalar::Kind::Int ? DType::Int64
                                    : DType::Float32;
  }
  std::vector<std::byte> bytes(flat.size() * nbytes_of(t));
  visit_dtype(t, [&](auto type) {
    using T = decltype(type);
    auto* out = reinterpret_cast<T*>(bytes.data());
    for (std::size_t i = 0; i < flat.size(); ++i) {
      if (!fits(flat[i], t) || overflows_float32(flat[i], t))
        throw ValueError(fmt::format("tensor: {}", misfit_text(flat[i], t)));
      out[i] = convert_scalar<T>(flat[i]);
    }
  });
  return detail::from_host(bytes.data(), flat.size(), shape, t, device);
}

}  // namespace ingot
