// What stands in `x[…]` and `x.index({…})`, and what `x[…]` gives.
//
//   x[0]   x[-1][2]   x[mask]   x[rows]   x[Slice(1, 5, 2)]   x[None]   x[Ellipsis]
//   x.index({Slice(), 0})   x.index({"...", Slice(None, -1)})   x.index({rows, columns})
//   x[0] = 1   x[0][1] += y   x[mask] = 0   x[Slice(1, 5)] = y   x.index({Slice(), 0}) = y
//
// The entries of a list name x's dimensions from the first on; how they combine is PyTorch's:
// ops/advanced_index.h says it.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ingot/core/methods.h>
#include <ingot/core/tensor_ref.h>

namespace ingot {

struct EllipsisType {};

/// As in libtorch: `using namespace ingot::indexing;`.
namespace indexing {
/// An open end of a Slice; as an index of its own, a new dimension of size 1.
inline constexpr std::nullopt_t None = std::nullopt;
/// As many whole dimensions as the other indices leave over; "..." is the same.
inline constexpr EllipsisType Ellipsis{};
}  // namespace indexing

/// Python's start:stop:step. `Slice()` is ":", `Slice(1)` "1:" and `Slice(None, -1)` ":-1".
/// Negative ends count from the end, and both are clipped; the step is positive.
class Slice {
 public:
  constexpr Slice(std::optional<std::int64_t> start = {}, std::optional<std::int64_t> stop = {},
                  std::int64_t step = 1)
      : start_(start), stop_(stop), step_(step) {}
  constexpr std::optional<std::int64_t> start() const { return start_; }
  constexpr std::optional<std::int64_t> stop() const { return stop_; }
  constexpr std::int64_t step() const { return step_; }

 private:
  std::optional<std::int64_t> start_, stop_;
  std::int64_t step_;
};

/// One index, with the place in the user's program.
class TensorIndex {
 public:
  enum class Kind : std::uint8_t { Whole, Number, Range, NewDim, Rest, Tensor };

  /// `{}`: a dimension that is kept whole, as Slice() does.
  TensorIndex(Site at = Site::current()) : site_(at) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  TensorIndex(T i, Site at = Site::current())
      : kind_(Kind::Number), number_(static_cast<std::int64_t>(i)), site_(at) {}
  TensorIndex(const Slice& slice, Site at = Site::current())
      : kind_(Kind::Range), slice_(slice), site_(at) {}
  TensorIndex(std::nullopt_t, Site at = Site::current()) : kind_(Kind::NewDim), site_(at) {}
  TensorIndex(EllipsisType, Site at = Site::current()) : kind_(Kind::Rest), site_(at) {}
  /// "..."; throws ValueError for another text.
  TensorIndex(const char* dots, Site at = Site::current());
  /// Indices or a mask; an undefined tensor keeps a dimension whole.
  TensorIndex(const Tensor& index, Site at = Site::current())
      : kind_(index.defined() ? Kind::Tensor : Kind::Whole), tensor_(index), site_(at) {}

  Kind kind() const { return kind_; }
  std::int64_t number() const { return number_; }
  const Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return tensor_; }
  const Site& site() const { return site_; }

 private:
  Kind kind_ = Kind::Whole;
  std::int64_t number_ = 0;
  Slice slice_;
  Tensor tensor_;
  Site site_;
};

/// The list of `x.index({…})`; a vector of tensors is one as well.
class IndexList {
 public:
  IndexList(std::initializer_list<TensorIndex> items) : items_(items) {}
  IndexList(std::vector<TensorIndex> items) : items_(std::move(items)) {}
  IndexList(const std::vector<Tensor>& tensors) : items_(tensors.begin(), tensors.end()) {}
  const std::vector<TensorIndex>& items() const { return items_; }

 private:
  std::vector<TensorIndex> items_;
};

/// `x[…]` and `x.index({…})` of a named tensor: the part as a tensor, and the assignments that
/// change x.
///
/// As everywhere in Ingot the part is a value of its own: `auto row = x[0]` stays what it was when
/// x changes. It is recorded when it is first read, so that `x[mask] = 0` need not count the mask.
class IndexProxy : public Tensor {
 public:
  IndexProxy(const Tensor& base, const TensorIndex& index);
  IndexProxy(const Tensor& base, const IndexList& indices, const Site& at);
  IndexProxy(const IndexProxy& other) = default;

  /// A part of the part: `x[0][1] = y` changes x. Of what a mask or a tensor of indices selects,
  /// which is a copy in PyTorch as well, a part can be read; assigning to it throws ViewError.
  IndexProxy operator[](const TensorIndex& i) const;
  IndexProxy index(const IndexList& indices, Site at = Site::current()) const;

  /// The part becomes `value`, broadcast and converted to the tensor's dtype. Where a tensor of
  /// indices names a place twice, the last value stays.
  IndexProxy& operator=(const Operand& value);
  IndexProxy& operator=(const IndexProxy& other);
  IndexProxy& operator=(const Tensor& value);
  IndexProxy& operator+=(const Operand& value);
  IndexProxy& operator-=(const Operand& value);
  IndexProxy& operator*=(const Operand& value);
  IndexProxy& operator/=(const Operand& value);
  IndexProxy& operator%=(const Operand& value);
  IndexProxy& operator&=(const Operand& value);
  IndexProxy& operator|=(const Operand& value);
  IndexProxy& operator^=(const Operand& value);

  // In-place methods of a row or slice change x, as those of PyTorch's views do. What a mask or a
  // tensor of indices selects is a copy: there they throw ViewError.
  IndexProxy& copy_(const Tensor& source, Site at = Site::current());
  template <std::same_as<bool> Flag>
  IndexProxy& copy_(const Tensor& source, Flag non_blocking, Site at = Site::current()) {
    return copy_from(source, non_blocking, at);
  }
  IndexProxy& fill_(const Scalar& value, Site at = Site::current());
  IndexProxy& zero_(Site at = Site::current()) { return fill_(0, at); }
  IndexProxy& add_(const Operand& other);
  IndexProxy& sub_(const Operand& other);
  IndexProxy& mul_(const Operand& other);
  IndexProxy& div_(const Operand& other);

 private:
  IndexProxy(const IndexProxy& outer, const IndexList& indices, const Site& at);
  /// The part of x as it is now.
  Tensor current() const;
  void assign(const Operand& value);
  void refuse_copies(const char* op, const Site& at) const;
  IndexProxy& copy_from(const Tensor& source, bool non_blocking, Site at);

  Tensor base_;  ///< undefined when this is a part of `outer_`
  IndexList indices_;
  Site site_;
  std::shared_ptr<const IndexProxy> outer_;
};

}  // namespace ingot
