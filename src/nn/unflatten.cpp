#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/activation.h>

namespace ingot::nn {

void Unflatten::check(std::int64_t, const Shape& sizes, const NoOptions&) {
  int open = 0;
  for (const std::int64_t size : sizes) {
    if (size < -1) throw ValueError("Unflatten: sizes must not be negative, got " + sizes.str());
    open += size == -1;
  }
  if (sizes.rank() == 0 || open > 1)
    throw ValueError("Unflatten: needs sizes, of which at most one is -1, got " + sizes.str());
}

Tensor Unflatten::forward(const Tensor& x) {
  const std::int64_t dim = argument<0>();
  const Shape& sizes = argument<1>();
  const int d = normalize_dim(dim, x.dim(), "Unflatten");
  std::int64_t given = 1;
  for (const std::int64_t size : sizes)
    if (size != -1) given *= size;
  const std::int64_t whole = x.shape()[d];
  const bool open = sizes.contains(-1);
  if (open ? given == 0 || whole % given != 0 : whole != given)
    throw ShapeError(fmt::format("Unflatten: dimension {} of x{} cannot become {}", dim,
                                 x.shape().str(), sizes.str()));
  Shape shape;
  for (int i = 0; i < d; ++i) shape.push_back(x.shape()[i]);
  for (const std::int64_t size : sizes) shape.push_back(size == -1 ? whole / given : size);
  for (int i = d + 1; i < x.dim(); ++i) shape.push_back(x.shape()[i]);
  return x.reshape(shape);
}

std::string Unflatten::description() const {
  return fmt::format("dim={}, unflattened_size={}", argument<0>(), argument<1>().str());
}

}  // namespace ingot::nn
