// Shape: up to eight dimension sizes held inline, so that recording allocates nothing for them.
// Dims is the same type used for any short list of integers (axes, strides, paddings).
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace ingot {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  constexpr Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(dims.begin(), dims.size()) {}
  Shape(std::span<const std::int64_t> dims) : Shape(dims.data(), dims.size()) {}
  Shape(const std::vector<std::int64_t>& dims) : Shape(dims.data(), dims.size()) {}
  /// One number alone: `zeros(3)`, `x.sum(-1)`, `x.view(-1)`.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Shape(T only) : dims_{static_cast<std::int64_t>(only)}, rank_(1) {}
  /// Throws ShapeError above kMaxRank dimensions.
  Shape(const std::int64_t* dims, std::size_t count);

  /// `count` entries, all `value`.
  static Shape filled(int count, std::int64_t value);

  int rank() const { return rank_; }
  int size() const { return rank_; }
  bool empty() const { return rank_ == 0; }

  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](int i) { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t back() const { return dims_[static_cast<std::size_t>(rank_ - 1)]; }

  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::int64_t* begin() { return dims_.data(); }
  std::int64_t* end() { return dims_.data() + rank_; }
  const std::int64_t* data() const { return dims_.data(); }

  /// Throws ShapeError above kMaxRank dimensions.
  void push_back(std::int64_t value);
  void insert(int position, std::int64_t value);
  void erase(int position);
  bool contains(std::int64_t value) const;

  /// Number of elements: the product of all entries, 1 for rank 0.
  std::int64_t numel() const {
    // Unsigned, so that a product that is 0 in the end may exceed the range on its way.
    std::uint64_t n = 1;
    for (int i = 0; i < rank_; ++i)
      n *= static_cast<std::uint64_t>(dims_[static_cast<std::size_t>(i)]);
    return static_cast<std::int64_t>(n);
  }

  /// True when that many elements of `element_nbytes` bytes can be counted and addressed. Tensors
  /// of other shapes are refused when they are recorded, so that numel() never overflows.
  bool is_addressable(std::size_t element_nbytes) const;

  /// Row-major strides in elements.
  Shape contiguous_strides() const;

  std::vector<std::int64_t> vector() const { return {begin(), end()}; }
  /// "[2, 3]"
  std::string str() const;
  /// Writes str().
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape);

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  std::int32_t rank_ = 0;
};

using Dims = Shape;

/// The shape both broadcast to by NumPy's rule; throws ShapeError naming `what` otherwise.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* what = "broadcast");

/// `dim` counted from the front; accepts negatives. Throws IndexError naming `what`.
int normalize_dim(std::int64_t dim, int rank, const char* what);

}  // namespace ingot
