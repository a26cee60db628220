// Joining tensors and taking them apart.
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include <numeric>

#include "core/checked.h"
#include "core/host_room.h"
#include "ops/flops.h"
#include "ops/slice.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_cat(InferContext& c) {
  c.require_same_dtype();
  const auto dim = static_cast<int>(c.as<AxisAttrs>().dim);
  Shape shape = c.shape(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    const Shape& next = c.shape(i);
    Shape expected = shape;
    if (next.rank() == shape.rank()) expected[dim] = next[dim];
    if (next != expected)
      c.shape_error(
          fmt::format("tensor {} is {} and tensor 0 is {}: all sizes but that of "
                      "dimension {} must agree",
                      i, c.in(i).str(), c.in(0).str(), dim));
    shape[dim] = (Size(shape[dim]) + next[dim]).value();
  }
  c.out(shape, c.dtype(0));
}

// A list longer than this is a mistake, not a wish.
constexpr std::int64_t kMaxEmptyChunks = std::int64_t{1} << 20;

void vjp_cat(VjpContext& c) {
  const auto dim = static_cast<int>(c.as<AxisAttrs>().dim);
  std::int64_t start = 0;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const std::int64_t length = c.in(i).shape[dim];
    if (c.needs(i)) c.set(i, record_slice(c.grad(), dim, start, length, 1));
    start += length;
  }
}

constexpr OpDef kCat{.name = "cat",
                     .infer = infer_cat,
                     .gradient = Gradient::Rule,
                     .vjp = vjp_cat,
                     .saves = save_nothing,
                     .traits = {.in_dtype = true},
                     .flops = no_flops};

// unbind(x): one output per entry of dimension `dim`.
void infer_unbind(InferContext& c) {
  const auto dim = static_cast<int>(c.as<AxisAttrs>().dim);
  Shape shape = c.shape(0);
  const std::int64_t entries = shape[dim];
  shape.erase(dim);
  for (std::int64_t i = 0; i < entries; ++i) c.out(shape, c.dtype(0));
}

void vjp_unbind(VjpContext& c) {
  const Site at = c.node.site();
  std::vector<Tensor> grads;
  for (int i = 0; i < static_cast<int>(c.node.outputs().size()); ++i) {
    const TensorSpec& spec = c.out(i);
    grads.push_back(c.grad(i).defined()
                        ? c.grad(i)
                        : zeros(spec.shape, {.dtype = spec.dtype, .device = spec.device}, at));
  }
  c.set(0, stack(grads, c.as<AxisAttrs>().dim, at));
}

constexpr OpDef kUnbind{.name = "unbind",
                        .infer = infer_unbind,
                        .gradient = Gradient::Rule,
                        .vjp = vjp_unbind,
                        .saves = save_nothing,
                        .traits = {.in_dtype = true},
                        .flops = no_flops};

}  // namespace

INGOT_EXPORT_OPS(join, &kCat, &kUnbind)

}  // namespace ingot::ops

namespace ingot {
namespace {
// About what one tensor of many takes on the host: its node's outputs, its Cell.
constexpr std::size_t kPartNbytes = 256;
}  // namespace

using namespace ops;  // the definitions above

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim, Site at) {
  if (tensors.empty()) fail<ValueError>("cat", "there is nothing to join: the list is empty", at);
  DType t = DType::Bool;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const DType next = defined("cat", tensors[i], at).dtype();
    if (tensors[i].dim() == 0)
      fail<ShapeError>("cat", "0-dim tensors cannot be joined; use stack", at);
    t = i == 0 ? next : promote_types(t, next);
  }
  std::vector<Tensor> parts;
  for (const Tensor& x : tensors)
    if (x.shape() != Shape{0}) parts.push_back(cast(x, t, at));
  if (parts.empty()) parts.push_back(cast(tensors[0], t, at));
  const int d = checked_dim("cat", parts[0], dim, at);
  std::vector<const Tensor*> inputs;
  for (const Tensor& x : parts) inputs.push_back(&x);
  return record_multi(kCat, inputs, AxisAttrs{d, false}, at)[0];
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim, Site at) {
  if (tensors.empty()) fail<ValueError>("stack", "there is nothing to join: the list is empty", at);
  std::vector<Tensor> rows;
  for (const Tensor& x : tensors) {
    if (defined("stack", x, at).shape() != tensors[0].shape())
      fail<ShapeError>("stack",
                       fmt::format("all shapes must be equal, got {} and {}",
                                   spec_of(tensors[0]).str(), spec_of(x).str()),
                       at);
    rows.push_back(unsqueeze(x, dim, at));
  }
  const int d = checked_dim("stack", rows[0], dim, at);
  return cat(rows, d, at);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, std::int64_t dim,
                          Site at) {
  const int d = checked_dim("split", x, dim, at);
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0)
      fail<ValueError>("split", fmt::format("sizes must not be negative, got {}", size), at);
    total = checked_sizes("split", at, [&] { return (Size(total) + size).value(); });
  }
  if (total != x.shape()[d])
    fail<ShapeError>("split",
                     fmt::format("the sizes add up to {}, dimension {} of {} has {}", total, d,
                                 spec_of(x).str(), x.shape()[d]),
                     at);
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(record_slice(x, d, start, size, 1, at));
    start += size;
  }
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim, Site at) {
  const int d = checked_dim("split", x, dim, at);
  // PyTorch splits nothing into parts of nothing.
  if (size < 0 || (size == 0 && x.shape()[d] > 0))
    fail<ValueError>("split", fmt::format("the size must be positive, got {}", size), at);
  check_host_room("split", size == 0 ? 1 : x.shape()[d] / size, kPartNbytes);
  std::vector<std::int64_t> sizes;
  // PyTorch gives one part of an empty dimension.
  std::int64_t left = x.shape()[d];
  do {
    sizes.push_back(std::min(size, left));
    left -= sizes.back();
  } while (left > 0);
  return split(x, sizes, dim, at);
}

std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim, Site at) {
  const int d = checked_dim("unbind", x, dim, at);
  if (x.shape()[d] == 0) return {};
  check_host_room("unbind", x.shape()[d], kPartNbytes);
  const Tensor* inputs[] = {&x};
  return record_multi(kUnbind, inputs, AxisAttrs{d, false}, at);
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim, Site at) {
  const int d = checked_dim("chunk", x, dim, at);
  if (chunks <= 0)
    fail<ValueError>("chunk", fmt::format("the number of chunks must be positive, got {}", chunks),
                     at);
  const std::int64_t size = x.shape()[d];
  // As many parts as asked for where all of them are empty, as in PyTorch.
  if (size == 0) {
    if (chunks > kMaxEmptyChunks)
      fail<ValueError>("chunk", fmt::format("{} empty chunks are too many", chunks), at);
    return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(chunks), 0), dim, at);
  }
  return split(x, std::max<std::int64_t>(1, divide_up(size, chunks)), dim, at);
}

std::vector<Tensor> Tensor::split(std::int64_t size, std::int64_t dim, Site at) const {
  return ingot::split(*this, size, dim, at);
}
std::vector<Tensor> Tensor::chunk(std::int64_t chunks, std::int64_t dim, Site at) const {
  return ingot::chunk(*this, chunks, dim, at);
}

}  // namespace ingot
