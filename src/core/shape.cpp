#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ostream>

#include <ingot/core/error.h>
#include <ingot/core/shape.h>

namespace ingot {
namespace {
[[noreturn]] void too_many_dimensions() {
  throw ShapeError(fmt::format("a tensor has at most {} dimensions", Shape::kMaxRank));
}
}  // namespace

Shape::Shape(const std::int64_t* dims, std::size_t count) {
  if (count > kMaxRank) too_many_dimensions();
  std::copy_n(dims, count, dims_.begin());
  rank_ = static_cast<std::int32_t>(count);
}

Shape Shape::filled(int count, std::int64_t value) {
  Shape s;
  for (int i = 0; i < count; ++i) s.push_back(value);
  return s;
}

void Shape::push_back(std::int64_t value) {
  if (rank_ == kMaxRank) too_many_dimensions();
  dims_[static_cast<std::size_t>(rank_++)] = value;
}

void Shape::insert(int position, std::int64_t value) {
  push_back(value);
  std::rotate(begin() + position, end() - 1, end());
}

void Shape::erase(int position) {
  std::copy(begin() + position + 1, end(), begin() + position);
  --rank_;
  dims_[static_cast<std::size_t>(rank_)] = 0;
}

bool Shape::contains(std::int64_t value) const { return std::find(begin(), end(), value) != end(); }

bool Shape::is_addressable(std::size_t element_nbytes) const {
  // Sizes of 0 count as 1, so that the product of any of a tensor's sizes is a number. (PyTorch
  // refuses such shapes, too.)
  auto room = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(element_nbytes);
  for (const std::int64_t d : *this) {
    if (d > room) return false;
    room /= std::max<std::int64_t>(d, 1);
  }
  return true;
}

Shape Shape::contiguous_strides() const {
  Shape strides = filled(rank_, 1);
  std::uint64_t step = 1;  // unsigned: see numel()
  for (int i = rank_ - 1; i >= 0; --i) {
    strides[i] = static_cast<std::int64_t>(step);
    step *= static_cast<std::uint64_t>(std::max<std::int64_t>(1, (*this)[i]));
  }
  return strides;
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* what) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  Shape result = Shape::filled(rank, 1);
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const std::int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1)
      throw ShapeError(
          fmt::format("{}: shapes {} and {} do not broadcast ({} ≠ {} in dimension {})", what,
                      a.str(), b.str(), da, db, i - rank));
    result[i] = da == 1 ? db : da;
  }
  return result;
}

int normalize_dim(std::int64_t dim, int rank, const char* what) {
  // PyTorch lets a 0-dim tensor be reduced over dim 0 or -1.
  const int limit = rank == 0 ? 1 : rank;
  if (dim < -limit || dim >= limit)
    throw IndexError(fmt::format("{}: dimension {} is out of range for a tensor of {} dimensions",
                                 what, dim, rank));
  return static_cast<int>(dim < 0 ? dim + limit : dim);
}

}  // namespace ingot
