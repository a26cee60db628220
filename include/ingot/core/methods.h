// class Tensor and its methods.
//
// They are declared here and defined next to their operation's family; each is the same as the free
// function of that name, whose docstring gives shapes, dtypes and errors.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/core/dtype.h>
#include <ingot/core/handle.h>
#include <ingot/core/host_array.h>
#include <ingot/core/operand.h>
#include <ingot/core/own_errors.h>
#include <ingot/core/scalar.h>
#include <ingot/core/shape.h>
#include <ingot/core/site.h>

namespace ingot {

class IndexList;
class IndexProxy;
class StateEntry;
class Tensor;
class TensorIndex;
class TensorRef;
struct TensorSpec;
struct ValuesAndIndices;

namespace detail {
/// The number as an integer, fractions cut off; throws ValueError, naming `at`, for one that is not
/// finite or outside [low, high].
std::int64_t integer_of(const Scalar& number, std::int64_t low, std::uint64_t high, Site at);
}  // namespace detail

/// What Tensor::to() changes: `x.to({.device = "cuda", .non_blocking = true})`.
struct ToOptions {
  std::optional<DType> dtype = {};    ///< as it is when not given
  std::optional<Device> device = {};  ///< likewise
  /// A copy to another device begins now, where the source has its value already; the call does not
  /// wait for it.
  bool non_blocking = false;
  bool copy = false;  ///< a tensor of its own, also where nothing changes
};

class Tensor {
 public:
  /// An undefined tensor: holds nothing; only defined() and assignment are allowed.
  Tensor() noexcept = default;
  Tensor(const Tensor& other) noexcept = default;
  Tensor(Tensor&& other) noexcept = default;
  /// The part itself, recorded now: `Tensor row = x[0]`.
  Tensor(const IndexProxy& part);
  /// The entry's tensor: `Tensor w = dict["w"]`; throws ValueError when there is none.
  Tensor(const StateEntry& entry);
  // Assigning to a temporary, `x.select(0, 1) = y`, would change nothing: it does not compile.
  Tensor& operator=(const Tensor& other) & noexcept = default;
  Tensor& operator=(Tensor&& other) & noexcept = default;
  Tensor& operator=(const IndexProxy& part) &;
  // A template, so that `x = {}` stays clear where StateEntry is only declared.
  template <std::same_as<StateEntry> Entry>
  Tensor& operator=(const Entry& entry) &;
  ~Tensor() = default;

  bool defined() const { return handle_.get() != nullptr; }
  explicit operator bool() const = delete;  // ambiguous: defined() or item<bool>()?

  // -- What is known without computing -----------------------------------------------------------
  const Shape& shape() const;
  const Shape& sizes() const { return shape(); }
  std::int64_t size(std::int64_t dim) const;
  int dim() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  std::size_t nbytes() const;
  DType dtype() const;
  Device device() const;
  bool is_floating_point() const { return is_floating(dtype()); }
  /// True when the value is already computed.
  bool is_evaluated() const;
  /// The file:line that recorded the current value.
  Site site() const;
  /// True when both are copies of one tensor (share the cell).
  bool is_same(const Tensor& other) const { return cell() == other.cell(); }

  // -- Looking at values (these evaluate) --------------------------------------------------------
  /// Computes this tensor (with everything else that is pending) and returns it.
  const Tensor& eval() const;
  /// The single element as T. Throws ShapeError when numel() != 1; ValueError when T is an integer
  /// type and the element is not finite or outside its range (fractions are cut off, and bool asks
  /// whether it is not 0).
  template <class T = double>
  T item(Site at = Site::current()) const {
    const Scalar s = item_scalar(at);
    using Limits = std::numeric_limits<T>;
    if constexpr (std::floating_point<T>)
      return static_cast<T>(s.to_double());
    else if constexpr (std::same_as<T, bool>)
      return s.to_double() != 0;
    else
      return static_cast<T>(detail::integer_of(s, static_cast<std::int64_t>(Limits::min()),
                                               static_cast<std::uint64_t>(Limits::max()), at));
  }
  Scalar item_scalar(Site at = Site::current()) const;
  HostArray to_host(Site at = Site::current()) const;
  /// Row-major elements; throws DTypeError unless T stores dtype().
  template <class T>
  std::vector<T> to_vector(Site at = Site::current()) const {
    check_holds(dtype_of<T>, at);
    const HostArray host = to_host(at);
    const auto s = host.as<T>();
    return detail::own_errors("to_vector", at, [&] { return std::vector<T>(s.begin(), s.end()); });
  }
  /// As PyTorch prints it: "tensor([[1., 2.]])".
  std::string str() const;

  // -- Autograd -----------------------------------------------------------------------------------
  bool requires_grad() const;
  /// Leaves only; floating dtypes only. Throws AutogradError otherwise.
  Tensor& requires_grad_(bool on = true);
  bool is_leaf() const;
  /// Accumulated gradient; undefined before the first backward. Shares its cell with the tensor
  /// that is kept here, so that `p.grad().zero_()` and `p.grad() *= 0.5` change it.
  TensorRef grad() const;
  void set_grad(Tensor grad);
  /// Gradients of this scalar (or of this tensor weighted by `gradient`) into the leaves' grad().
  void backward(const Tensor& gradient = {}, bool retain_graph = false, bool create_graph = false,
                Site at = Site::current()) const;
  /// Asks that grad() of this non-leaf be kept by backward.
  void retain_grad();
  /// Called with the gradient when it is computed; a defined result replaces it.
  HookHandle register_hook(std::function<Tensor(const Tensor&)> hook);
  Tensor detach(Site at = Site::current()) const;
  const std::string& name() const;
  void set_name(std::string name);

  // -- Device and dtype ---------------------------------------------------------------------------
  // A copy to another device is recorded like any operation. Whatever becomes of the source after
  // the call, also in place, the copy has what it held at the call; whoever looks at it waits.
  // `non_blocking` only decides when the copy begins: see ToOptions. All throw DeviceError for a
  // device that is not there; with `non_blocking` also OutOfMemoryError, and what is found to have
  // failed on a device meanwhile.
  Tensor to(Device device, Site at = Site::current()) const;
  Tensor to(DType dtype, Site at = Site::current()) const;
  Tensor to(const char* device, Site at = Site::current()) const { return to(Device(device), at); }
  // A template, so that nothing in braces is taken for a text: `x.to({.device = "cuda", …})`.
  template <std::same_as<std::string> Text>
  Tensor to(const Text& device, Site at = Site::current()) const {
    return to(Device(device), at);
  }
  Tensor to(Device device, DType dtype, Site at = Site::current()) const;
  /// To the dtype and device of `other`.
  Tensor to(const Tensor& other, Site at = Site::current()) const;
  Tensor to(const ToOptions& options, Site at = Site::current()) const;
  template <std::same_as<bool> Flag>
  Tensor to(Device device, Flag non_blocking, Site at = Site::current()) const {
    return to(ToOptions{.device = device, .non_blocking = non_blocking}, at);
  }
  template <std::same_as<bool> Flag>
  Tensor to(Device device, DType dtype, Flag non_blocking, Site at = Site::current()) const {
    return to(ToOptions{.dtype = dtype, .device = device, .non_blocking = non_blocking}, at);
  }
  template <std::same_as<bool> Flag>
  Tensor to(const Tensor& other, Flag non_blocking, Site at = Site::current()) const {
    return to(
        ToOptions{.dtype = other.dtype(), .device = other.device(), .non_blocking = non_blocking},
        at);
  }
  /// A copy in memory from which a device copies by itself, or this tensor if it is there already.
  /// Evaluates. Throws DeviceError where there is no such device or the tensor is not on the cpu,
  /// AutogradError for one that requires grad (call it on detach()), OutOfMemoryError.
  Tensor pin_memory(Site at = Site::current()) const;
  /// Whether its value is in such memory. What is not evaluated is not.
  bool is_pinned() const;
  Tensor cpu(Site at = Site::current()) const { return to(Device(DeviceType::CPU), at); }
  // The conversions by the dtype's own name; PyTorch's float(), double() and long() are words that
  // C++ keeps for itself.
  Tensor float32(Site at = Site::current()) const { return to(DType::Float32, at); }
  Tensor float64(Site at = Site::current()) const { return to(DType::Float64, at); }
  Tensor float16(Site at = Site::current()) const { return to(DType::Float16, at); }
  Tensor half(Site at = Site::current()) const { return to(DType::Float16, at); }
  Tensor bfloat16(Site at = Site::current()) const { return to(DType::BFloat16, at); }
  Tensor uint8(Site at = Site::current()) const { return to(DType::UInt8, at); }
  Tensor int8(Site at = Site::current()) const { return to(DType::Int8, at); }
  Tensor int16(Site at = Site::current()) const { return to(DType::Int16, at); }
  Tensor int32(Site at = Site::current()) const { return to(DType::Int32, at); }
  Tensor int64(Site at = Site::current()) const { return to(DType::Int64, at); }
  Tensor clone(Site at = Site::current()) const;
  Tensor contiguous(Site at = Site::current()) const;

  // -- In place: these rebind the cell ------------------------------------------------------------
  Tensor& copy_(const Tensor& source, Site at = Site::current()) &;
  template <std::same_as<bool> Flag>
  Tensor& copy_(const Tensor& source, Flag non_blocking, Site at = Site::current()) & {
    return copy_from(source, non_blocking, at);
  }
  Tensor& fill_(const Scalar& value, Site at = Site::current()) &;
  Tensor& zero_(Site at = Site::current()) &;
  Tensor& add_(const Operand& other) &;
  Tensor& sub_(const Operand& other) &;
  Tensor& mul_(const Operand& other) &;
  Tensor& div_(const Operand& other) &;
  Tensor& pow_(const Operand& exponent) &;
  Tensor& clamp_(std::optional<Scalar> min, std::optional<Scalar> max, Site at = Site::current()) &;
  Tensor& abs_(Site at = Site::current()) &;
  Tensor& neg_(Site at = Site::current()) &;
  Tensor& exp_(Site at = Site::current()) &;
  Tensor& log_(Site at = Site::current()) &;
  Tensor& sqrt_(Site at = Site::current()) &;
  Tensor& relu_(Site at = Site::current()) &;
  Tensor& sigmoid_(Site at = Site::current()) &;
  Tensor& tanh_(Site at = Site::current()) &;
  Tensor& masked_fill_(const Tensor& mask, const Operand& value) &;
  Tensor& scatter_(std::int64_t dim, const Tensor& index, const Operand& source) &;
  Tensor& scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                       Site at = Site::current()) &;
  Tensor& index_add_(std::int64_t dim, const Tensor& index, const Tensor& source,
                     const Scalar& alpha = 1, Site at = Site::current()) &;
  Tensor& uniform_(double low = 0, double high = 1, Site at = Site::current()) &;
  Tensor& normal_(double mean = 0, double std = 1, Site at = Site::current()) &;
  Tensor& operator+=(const Operand& other) & { return add_(other); }
  Tensor& operator-=(const Operand& other) & { return sub_(other); }
  Tensor& operator*=(const Operand& other) & { return mul_(other); }
  Tensor& operator/=(const Operand& other) & { return div_(other); }
  Tensor& operator%=(const Operand& other) &;
  Tensor& operator&=(const Operand& other) &;
  Tensor& operator|=(const Operand& other) &;
  Tensor& operator^=(const Operand& other) &;
  Tensor& operator<<=(const Operand& other) &;
  Tensor& operator>>=(const Operand& other) &;

  // -- Elementwise --------------------------------------------------------------------------------
  Tensor neg(Site at = Site::current()) const;
  Tensor abs(Site at = Site::current()) const;
  Tensor exp(Site at = Site::current()) const;
  Tensor log(Site at = Site::current()) const;
  Tensor sqrt(Site at = Site::current()) const;
  Tensor rsqrt(Site at = Site::current()) const;
  Tensor square(Site at = Site::current()) const;
  Tensor sin(Site at = Site::current()) const;
  Tensor cos(Site at = Site::current()) const;
  Tensor tanh(Site at = Site::current()) const;
  Tensor sigmoid(Site at = Site::current()) const;
  Tensor relu(Site at = Site::current()) const;
  Tensor sign(Site at = Site::current()) const;
  Tensor floor(Site at = Site::current()) const;
  Tensor ceil(Site at = Site::current()) const;
  Tensor round(Site at = Site::current()) const;
  Tensor trunc(Site at = Site::current()) const;
  Tensor reciprocal(Site at = Site::current()) const;
  Tensor expm1(Site at = Site::current()) const;
  Tensor log1p(Site at = Site::current()) const;
  Tensor log2(Site at = Site::current()) const;
  Tensor log10(Site at = Site::current()) const;
  Tensor tan(Site at = Site::current()) const;
  Tensor asin(Site at = Site::current()) const;
  Tensor acos(Site at = Site::current()) const;
  Tensor atan(Site at = Site::current()) const;
  Tensor sinh(Site at = Site::current()) const;
  Tensor cosh(Site at = Site::current()) const;
  Tensor erf(Site at = Site::current()) const;
  Tensor isnan(Site at = Site::current()) const;
  Tensor isinf(Site at = Site::current()) const;
  Tensor isfinite(Site at = Site::current()) const;
  Tensor logical_not(Site at = Site::current()) const;
  Tensor bitwise_not(Site at = Site::current()) const;
  Tensor pow(const Operand& exponent) const;
  Tensor clamp(std::optional<Scalar> min, std::optional<Scalar> max,
               Site at = Site::current()) const;
  Tensor add(const Operand& other) const;
  Tensor sub(const Operand& other) const;
  Tensor mul(const Operand& other) const;
  Tensor div(const Operand& other) const;
  Tensor floor_divide(const Operand& other) const;
  Tensor remainder(const Operand& other) const;
  Tensor fmod(const Operand& other) const;
  Tensor maximum(const Operand& other) const;
  Tensor minimum(const Operand& other) const;
  Tensor atan2(const Operand& other) const;
  Tensor logical_and(const Operand& other) const;
  Tensor logical_or(const Operand& other) const;
  Tensor logical_xor(const Operand& other) const;
  Tensor bitwise_and(const Operand& other) const;
  Tensor bitwise_or(const Operand& other) const;
  Tensor bitwise_xor(const Operand& other) const;
  Tensor eq(const Operand& other) const;
  Tensor ne(const Operand& other) const;
  Tensor lt(const Operand& other) const;
  Tensor le(const Operand& other) const;
  Tensor gt(const Operand& other) const;
  Tensor ge(const Operand& other) const;

  // -- Reductions: an empty list means all dimensions --------------------------------------------
  Tensor sum(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor mean(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor var(const Dims& dims = {}, bool unbiased = true, bool keepdim = false,
             Site at = Site::current()) const;
  Tensor amax(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor amin(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor argmax(std::optional<std::int64_t> dim = {}, bool keepdim = false,
                Site at = Site::current()) const;
  Tensor argmin(std::optional<std::int64_t> dim = {}, bool keepdim = false,
                Site at = Site::current()) const;
  Tensor std(const Dims& dims = {}, bool unbiased = true, bool keepdim = false,
             Site at = Site::current()) const;
  Tensor prod(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor logsumexp(const Dims& dims, bool keepdim = false, Site at = Site::current()) const;
  Tensor any(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  Tensor all(const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const;
  template <class List = Dims>
    requires(!std::is_arithmetic_v<List> && std::convertible_to<const List&, Dims>)
  Tensor norm(const List& dims = {}, bool keepdim = false, Site at = Site::current()) const {
    return norm_of({}, dims, keepdim, at);
  }
  /// The p-norm: `x.norm(1)`, `x.norm(INFINITY, {0})`.
  template <class T>
    requires std::is_arithmetic_v<T>
  Tensor norm(T p, const Dims& dims = {}, bool keepdim = false, Site at = Site::current()) const {
    return norm_of(static_cast<double>(p), dims, keepdim, at);
  }
  /// The largest (smallest) element; along `dim` also where it is.
  Tensor max(Site at = Site::current()) const;
  Tensor min(Site at = Site::current()) const;
  ValuesAndIndices max(std::int64_t dim, bool keepdim = false, Site at = Site::current()) const;
  ValuesAndIndices min(std::int64_t dim, bool keepdim = false, Site at = Site::current()) const;
  Tensor softmax(std::int64_t dim, Site at = Site::current()) const;
  Tensor log_softmax(std::int64_t dim, Site at = Site::current()) const;

  // -- Order --------------------------------------------------------------------------------------
  ValuesAndIndices sort(std::int64_t dim = -1, bool descending = false,
                        Site at = Site::current()) const;
  Tensor argsort(std::int64_t dim = -1, bool descending = false, Site at = Site::current()) const;
  ValuesAndIndices topk(std::int64_t k, std::int64_t dim = -1, bool largest = true,
                        Site at = Site::current()) const;
  Tensor cumsum(std::int64_t dim, Site at = Site::current()) const;
  Tensor cumprod(std::int64_t dim, Site at = Site::current()) const;
  ValuesAndIndices cummax(std::int64_t dim, Site at = Site::current()) const;
  ValuesAndIndices cummin(std::int64_t dim, Site at = Site::current()) const;

  // -- Linear algebra -----------------------------------------------------------------------------
  Tensor matmul(const Tensor& other, Site at = Site::current()) const;
  Tensor mm(const Tensor& other, Site at = Site::current()) const { return matmul(other, at); }
  /// Swaps the two dimensions of a matrix.
  Tensor t(Site at = Site::current()) const;

  // -- Shape --------------------------------------------------------------------------------------
  Tensor reshape(const Shape& shape, Site at = Site::current()) const;
  Tensor view(const Shape& shape, Site at = Site::current()) const { return reshape(shape, at); }
  Tensor flatten(std::int64_t start = 0, std::int64_t end = -1, Site at = Site::current()) const;
  Tensor permute(const Dims& dims, Site at = Site::current()) const;
  Tensor transpose(std::int64_t a, std::int64_t b, Site at = Site::current()) const;
  Tensor expand(const Shape& shape, Site at = Site::current()) const;
  Tensor squeeze(std::optional<std::int64_t> dim = {}, Site at = Site::current()) const;
  Tensor unsqueeze(std::int64_t dim, Site at = Site::current()) const;
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length,
                Site at = Site::current()) const;
  /// x[dim][start:end:step] as in Python; negative start and end count from the end.
  Tensor slice(std::int64_t dim, std::int64_t start = 0, std::optional<std::int64_t> end = {},
               std::int64_t step = 1, Site at = Site::current()) const;
  Tensor select(std::int64_t dim, std::int64_t index, Site at = Site::current()) const;
  Tensor index_select(std::int64_t dim, const Tensor& index, Site at = Site::current()) const;
  Tensor gather(std::int64_t dim, const Tensor& index, Site at = Site::current()) const;
  Tensor masked_fill(const Tensor& mask, const Operand& value) const;
  Tensor scatter(std::int64_t dim, const Tensor& index, const Operand& source) const;
  Tensor scatter(std::int64_t dim, const Tensor& index, const Operand& source,
                 std::string_view reduce) const;
  Tensor scatter_reduce(std::int64_t dim, const Tensor& index, const Tensor& source,
                        std::string_view reduce, bool include_self = true,
                        Site at = Site::current()) const;
  Tensor scatter_add(std::int64_t dim, const Tensor& index, const Tensor& source,
                     Site at = Site::current()) const;
  Tensor index_add(std::int64_t dim, const Tensor& index, const Tensor& source,
                   const Scalar& alpha = 1, Site at = Site::current()) const;
  Tensor flip(const Dims& dims, Site at = Site::current()) const;
  Tensor roll(const Dims& shifts, const Dims& dims = {}, Site at = Site::current()) const;
  Tensor repeat(const Dims& sizes, Site at = Site::current()) const;
  Tensor tile(const Dims& sizes, Site at = Site::current()) const;
  Tensor tril(std::int64_t diagonal = 0, Site at = Site::current()) const;
  Tensor triu(std::int64_t diagonal = 0, Site at = Site::current()) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0,
                            Site at = Site::current()) const;
  std::vector<Tensor> unbind(std::int64_t dim = 0, Site at = Site::current()) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0,
                            Site at = Site::current()) const;
  Tensor masked_select(const Tensor& mask, Site at = Site::current()) const;
  Tensor nonzero(Site at = Site::current()) const;
  /// x[i, j, …]: numbers, Slice(), None, Ellipsis, tensors of indices and masks (indexing.h).
  /// Of a named tensor it can be assigned to, as `x[…]` can: `x.index({Slice(), 0}) = y`.
  IndexProxy index(const IndexList& indices, Site at = Site::current()) &;
  Tensor index(const IndexList& indices, Site at = Site::current()) const&;
  Tensor index(const IndexList& indices, Site at = Site::current()) &&;
  Tensor& index_put_(const IndexList& indices, const Operand& values, bool accumulate = false) &;

  /// One row, a slice, or what a mask (bool) or a tensor of indices selects. Assigning to it
  /// rebinds this tensor: `x[2] = y`, `x[Slice(1, 5)] += 1`, `x[x < 0] = 0`.
  IndexProxy operator[](const TensorIndex& i) &;
  Tensor operator[](const TensorIndex& i) const&;
  Tensor operator[](const TensorIndex& i) &&;

  /// Internal: the shared cell.
  Cell* cell() const { return handle_.get(); }
  /// Internal: takes over one strong reference.
  static Tensor adopt(Cell* strong) { return Tensor(detail::Handle(strong)); }
  static Tensor adopt(detail::Handle handle) { return Tensor(std::move(handle)); }

 private:
  explicit Tensor(detail::Handle handle) noexcept : handle_(std::move(handle)) {}
  void check_holds(DType wanted, Site at) const;
  Tensor& copy_from(const Tensor& source, bool non_blocking, Site at) &;
  Tensor norm_of(std::optional<double> p, const Dims& dims, bool keepdim, Site at) const;

  detail::Handle handle_;
};

/// What max, sort and their like give: `x.max(1).values`, `auto [values, indices] = x.max(1)`.
struct ValuesAndIndices {
  Tensor values;
  Tensor indices;  ///< int64
};

/// A reference that does not keep the tensor alive.
class WeakCell {
 public:
  WeakCell() = default;
  explicit WeakCell(const Tensor& t) : handle_(t.cell()) {}
  /// The tensor, or an undefined one when it is gone.
  Tensor lock() const { return Tensor::adopt(handle_.lock()); }

 private:
  detail::WeakHandle handle_;
};

/// Writes str().
std::ostream& operator<<(std::ostream& out, const Tensor& t);

}  // namespace ingot
