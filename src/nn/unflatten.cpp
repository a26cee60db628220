#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/activation.h>

namespace ingot::nn {

Unflatten::Unflatten(std::int64_t dim, const Shape& sizes) : dim_(dim), sizes_(sizes) {
  int open = 0;
  for (const std::int64_t size : sizes) {
    if (size < -1) throw ValueError("Unflatten: sizes must not be negative, got " + sizes.str());
    open += size == -1;
  }
  if (sizes.rank() == 0 || open > 1)
    throw ValueError("Unflatten: needs sizes, of which at most one is -1, got " + sizes.str());
}

Unflatten::Unflatten(Module& owner, std::string name, std::int64_t dim, const Shape& sizes)
    : Unflatten(dim, sizes) {
  attach_to(owner, std::move(name));
}

Tensor Unflatten::forward(const Tensor& x) {
  const int d = normalize_dim(dim_, x.dim(), "Unflatten");
  std::int64_t given = 1;
  for (const std::int64_t size : sizes_)
    if (size != -1) given *= size;
  const std::int64_t whole = x.shape()[d];
  const bool open = sizes_.contains(-1);
  if (open ? given == 0 || whole % given != 0 : whole != given)
    throw ShapeError(fmt::format("Unflatten: dimension {} of x{} cannot become {}", dim_,
                                 x.shape().str(), sizes_.str()));
  Shape shape;
  for (int i = 0; i < d; ++i) shape.push_back(x.shape()[i]);
  for (const std::int64_t size : sizes_) shape.push_back(size == -1 ? whole / given : size);
  for (int i = d + 1; i < x.dim(); ++i) shape.push_back(x.shape()[i]);
  return x.reshape(shape);
}

std::string Unflatten::description() const {
  return fmt::format("dim={}, unflattened_size={}", dim_, sizes_.str());
}

std::unique_ptr<Module> Unflatten::make_same() const {
  return std::make_unique<Unflatten>(dim_, sizes_);
}

}  // namespace ingot::nn
