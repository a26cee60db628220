// Bringing values to the host: item, to_host.
#include <cstring>

#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/device_allocator.h"
#include "backend/registry.h"
#include "core/cell.h"
#include "core/record.h"
#include "plan/dry_run.h"
#include "plan/in_flight.h"

namespace ingot {
namespace {

// Copies strided elements of `size` bytes in row-major order.
void copy_elements(const std::byte* from, const Shape& shape, const Dims& strides, std::size_t size,
                   std::byte* to) {
  const int rank = shape.rank();
  Dims index = Dims::filled(rank, 0);
  const std::int64_t count = shape.numel();
  const std::int64_t inner = rank > 0 ? shape[rank - 1] : 1;
  const std::int64_t inner_stride = rank > 0 ? strides[rank - 1] : 0;
  for (std::int64_t done = 0; done < count; done += inner) {
    std::int64_t offset = 0;
    for (int d = 0; d < rank - 1; ++d) offset += index[d] * strides[d];
    for (std::int64_t k = 0; k < inner; ++k, to += size)
      std::memcpy(to, from + (offset + k * inner_stride) * static_cast<std::int64_t>(size), size);
    for (int d = rank - 2; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
  }
}

bool is_row_major(const Shape& shape, const Dims& strides) {
  std::int64_t expected = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

// The value as it is in the node, or null when the node has been given back (plan/in_flight.h).
Ref<Value> value_now(const ValueId& id) {
  const plan::ValuesStay stay;
  if (id.node->state() != NodeState::Done) return nullptr;
  const Ref<Value>& value = id.node->outputs()[id.output].value;
  if (!value) throw InternalError("to_host: the value was not kept");
  return value;
}

// Evaluates, and waits until the elements are there. A device's failure makes the tensor pending
// again: then evaluating it anew gives it, or throws what is wrong with it.
Ref<Value> ready_value(const Tensor& t) {
  plan::DryRun::refuse_to_look();
  while (true) {
    t.eval();
    const ValueId id = t.cell()->value();
    const Ref<Value> value = value_now(id);
    if (!value) continue;
    if (!value->ready.stream) return value;
    const bool fine = plan::wait_ready(value->ready);
    if (fine && value_now(id) == value) {
      plan::finish_runs();
      return value;
    }
    if (const std::exception_ptr other = plan::settle_failures()) std::rethrow_exception(other);
  }
}

// The elements of a tensor in the host's memory: shared where they lie in row-major order, else
// copied.
HostArray host_array(const Tensor& t) {
  const ValueId id = t.cell()->value();
  const TensorSpec& spec = id.spec();
  const Ref<Value> value = ready_value(t);
  const std::byte* from = value->host(nbytes_of(spec.dtype));
  if (spec.shape.numel() == 0 || is_row_major(spec.shape, value->strides)) {
    // Holding the value keeps plans from writing over it.
    const std::shared_ptr<const void> keep(value.get(), [value](const void*) {});
    return HostArray(keep, from, spec.shape, spec.dtype);
  }
  const Ref<Buffer> copy = host_allocator().allocate(spec.nbytes());
  copy_elements(from, spec.shape, value->strides, nbytes_of(spec.dtype), copy->host());
  const std::shared_ptr<const void> keep(copy->host(), [copy](const void*) {});
  return HostArray(keep, copy->host(), spec.shape, spec.dtype);
}

}  // namespace

HostArray Tensor::to_host(Site at) const {
  if (!defined())
    throw ValueError(fmt::format("to_host: the tensor is undefined{}", recorded_here(at)));
  if (device() != Device{}) {
    // The copy is a node like any other, and evaluated with what is pending.
    const NoGradGuard no_grad;
    const Tensor here = to(Device{}, at);
    return here.to_host(at);
  }
  ready_value(*this);  // its errors are the recorded ops'
  return detail::own_errors("to_host", at, [&] { return host_array(*this); });
}

Tensor Tensor::pin_memory(Site at) const {
  const auto refuse = [&](std::string_view why) {
    return fmt::format("pin_memory: {}{}", why, recorded_here(at));
  };
  if (!defined()) throw ValueError(refuse("the tensor is undefined"));
  if (device() != Device{})
    throw DeviceError(refuse(
        fmt::format("the tensor is on {}; only what is on the cpu can be pinned", device().str())));
  if (requires_grad() && record_state().grad_enabled)
    throw AutogradError(refuse("no gradient goes through it; call it on detach()"));
  Backend* backend = pinning_backend();
  if (!backend) throw DeviceError(refuse("there is no device that copies from pinned memory"));
  ready_value(*this);  // its errors are the recorded ops'
  if (is_pinned()) return *this;
  return detail::own_errors("pin_memory", at, [&] {
    const HostArray here = host_array(*this);
    plan::finish_runs();  // what has arrived needs its pinned memory no more
    Ref<Buffer> buffer = backend->pinned_memory()->allocate(nbytes());
    if (nbytes() > 0) std::memcpy(buffer->host(), here.data(), nbytes());
    return from_buffer(std::move(buffer), shape(), dtype());
  });
}

bool Tensor::is_pinned() const {
  if (!defined()) throw ValueError("is_pinned: the tensor is undefined");
  const ValueId id = cell()->value();
  const plan::ValuesStay stay;
  if (id.node->state() != NodeState::Done) return false;
  const Ref<Value>& value = id.node->outputs()[id.output].value;
  return value && id.spec().device == Device{} && value->buffer->is_pinned();
}

Scalar Tensor::item_scalar(Site at) const {
  if (!defined())
    throw ValueError(fmt::format("item: the tensor is undefined{}", recorded_here(at)));
  if (numel() != 1)
    throw ShapeError(fmt::format("item: needs a tensor with one element, got {}{}",
                                 cell()->spec().str(), recorded_here(at)));
  const HostArray host = to_host(at);
  return visit_dtype(host.dtype(), [&](auto type) -> Scalar {
    using T = decltype(type);
    const T v = host.as<T>()[0];
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      return Scalar(static_cast<double>(static_cast<float>(v)));
    else
      return Scalar(v);
  });
}

}  // namespace ingot
