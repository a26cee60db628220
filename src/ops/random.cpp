#include <ingot/ops/elementwise.h>
#include <ingot/ops/random.h>

#include <numeric>

#include <ingot/core/philox.h>

#include "core/buffer.h"
#include "core/random_math.h"
#include "ops/labels.h"
#include "ops/support.h"

namespace ingot::ops {
namespace {

void infer_random(InferContext& c) {
  const auto& a = c.as<CreateAttrs>();
  for (const std::int64_t d : a.shape)
    if (d < 0) c.shape_error(fmt::format("a shape cannot have negative sizes: {}", a.shape.str()));
  c.out(a.shape, a.dtype);
}

void infer_floating(InferContext& c) {
  if (const DType t = c.as<CreateAttrs>().dtype; !is_floating(t))
    c.dtype_error(fmt::format("draws floating-point numbers, not {}", name(t)));
  infer_random(c);
}

// Slots 0 and 1 of all of them: seed and offset.
constexpr OpDef kUniform{.name = "uniform", .infer = infer_floating, .traits = {.random = true}};
constexpr OpDef kNormal{.name = "normal", .infer = infer_floating, .traits = {.random = true}};
// Slot 2: the probability.
constexpr OpDef kBernoulli{.name = "bernoulli", .infer = infer_random, .traits = {.random = true}};
// Slots 2 and 3: the limits.
constexpr OpDef kRandint{.name = "randint", .infer = infer_random, .traits = {.random = true}};

Generator::State reserve(Generator* generator, const Shape& shape, std::uint64_t words_each = 1) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(shape.numel(), 0));
  return (generator ? *generator : default_generator()).reserve(count * words_each);
}

std::uint64_t words_of_each(const OpDef& op, DType t) {
  const bool is_real = &op == &kUniform || &op == &kNormal;
  return is_real && t == DType::Float64 ? kWordsPerReal<double> : 1;
}

template <class... More>
Tensor record_random(const OpDef& op, const Shape& shape, const TensorOptions& options,
                     Generator* generator, Site at, More... more) {
  check_available(op.name, options.device, at);
  const Generator::State range = reserve(generator, shape, words_of_each(op, options.dtype));
  const auto bits = [](std::uint64_t word) { return Scalar(static_cast<std::int64_t>(word)); };
  Tensor t = record(op, {}, CreateAttrs{shape, options.dtype, options.device}, at,
                    {bits(range.seed), bits(range.offset), more...});
  if (options.requires_grad) t.requires_grad_();
  return t;
}

TensorOptions options_like(const char* op, const Tensor& x, const Site& at) {
  const TensorSpec& s = spec_of(defined(op, x, at));
  return {.dtype = s.dtype, .device = s.device};
}

}  // namespace

INGOT_EXPORT_OPS(random, &kUniform, &kNormal, &kBernoulli, &kRandint)

}  // namespace ingot::ops

namespace ingot {

using namespace ops;  // the definitions above

Tensor rand(const Shape& shape, const TensorOptions& options, Generator* generator, Site at) {
  return record_random(kUniform, shape, options, generator, at);
}

Tensor randn(const Shape& shape, const TensorOptions& options, Generator* generator, Site at) {
  return record_random(kNormal, shape, options, generator, at);
}

Tensor bernoulli(const Shape& shape, double p, const TensorOptions& options, Generator* generator,
                 Site at) {
  if (!(p >= 0 && p <= 1))
    fail<ValueError>(kBernoulli.name, fmt::format("a probability lies in [0, 1], got {}", p), at);
  return record_random(kBernoulli, shape, options, generator, at, Scalar(p));
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const TensorOptions& options, Generator* generator, Site at) {
  const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  if (high <= low || range > kMaxRandintRange)
    fail<ValueError>(kRandint.name,
                     fmt::format("needs 1 to 2^32 different numbers, got [{}, {})", low, high), at);
  ops::require_fits(kRandint.name, low, options.dtype, at);
  ops::require_fits(kRandint.name, high - 1, options.dtype, at);
  return record_random(kRandint, shape, options, generator, at, Scalar(low), Scalar(high));
}

// Fisher-Yates on the host: the order of swaps is the result.
Tensor randperm(std::int64_t n, Generator* generator, Site at) {
  if (n < 0) fail<ValueError>("randperm", fmt::format("n must not be negative, got {}", n), at);
  const Shape shape{n};
  if (!shape.is_addressable(sizeof(std::int64_t)))
    fail<ShapeError>("randperm", fmt::format("{} has more elements than memory can have", n), at);
  const auto count = static_cast<std::size_t>(n);
  Ref<Buffer> buffer = host_allocator().allocate(count * sizeof(std::int64_t));
  // 64 bits a swap: of 32 the orders of long lists would not be equally likely.
  const Generator::State range = reserve(generator, {n}, 2);
  auto* order = reinterpret_cast<std::int64_t*>(buffer->host());
  std::iota(order, order + n, std::int64_t{0});
  for (std::size_t i = count; i > 1; --i) {
    // Ranges begin with a block, which holds the words of two swaps.
    const std::uint64_t first = range.offset + 2 * (i - 1);
    const PhiloxBlock block = philox4x32(range.seed, 0, first / 4);
    const std::size_t word = first % 4;
    std::swap(order[i - 1],
              order[static_cast<std::size_t>(scale_to_range(block[word], block[word + 1], i))]);
  }
  return from_buffer(std::move(buffer), shape, DType::Int64);
}

Tensor rand_like(const Tensor& x, Generator* generator, Site at) {
  const TensorOptions options = options_like("rand_like", x, at);
  return rand(x.shape(), options, generator, at);
}

Tensor randn_like(const Tensor& x, Generator* generator, Site at) {
  const TensorOptions options = options_like("randn_like", x, at);
  return randn(x.shape(), options, generator, at);
}

Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high, Generator* generator,
                    Site at) {
  defined("randint_like", x, at);
  return randint(low, high, x.shape(), {.dtype = x.dtype(), .device = x.device()}, generator, at);
}

Tensor bernoulli(const Tensor& p, Generator* generator, Site at) {
  if (!is_floating(defined("bernoulli", p, at).dtype()))
    fail<DTypeError>("bernoulli",
                     fmt::format("needs floating-point probabilities, got {}", spec_of(p).str()),
                     at);
  const NoGradGuard no_grad;  // a draw has no derivative
  // 16-bit numbers could not hold the draw.
  const DType wide = p.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor checked = check_unit(p, "bernoulli: the probability", at);
  const Tensor draw = rand(p.shape(), {.dtype = wide, .device = p.device()}, generator, at);
  return cast(Operand(draw, at) < checked, p.dtype(), at);
}

}  // namespace ingot
