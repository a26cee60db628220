// matmul (batches of matrices of one rank) and linear; everything else is these two and views.
#include <ingot/ops/matmul.h>

#include <fmt/format.h>

#include <algorithm>

#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>

#include "core/op_def.h"
#include "core/record.h"
#include "ops/at.h"
#include "ops/flops.h"

namespace ingot {
namespace ops {
namespace {

Shape matrix_shape(const Shape& batch, std::int64_t rows, std::int64_t columns) {
  Shape s = batch;
  s.push_back(rows);
  s.push_back(columns);
  return s;
}

Shape batch_of(const Shape& s) {
  return Shape(s.data(), static_cast<std::size_t>(std::max(s.rank() - 2, 0)));
}

// -- matmul: a[..., M, K] · b[..., K, N], equal batches
// --------------------------------------------

void infer_matmul(InferContext& c) {
  const Shape &a = c.shape(0), &b = c.shape(1);
  if (a.rank() < 2 || a.rank() != b.rank() || !(batch_of(a) == batch_of(b)))
    c.shape_error(fmt::format("batches differ: a{} · b{}", a.str(), b.str()));
  const std::int64_t k = a.back(), kb = b[b.rank() - 2];
  if (k != kb)
    c.shape_error(
        fmt::format("inner dimensions differ: a{} · b{} ({} ≠ {})", a.str(), b.str(), k, kb));
  c.require_same_dtype();
  if (c.dtype(0) == DType::Bool)
    c.dtype_error("there is no product of bool matrices; convert them with .to(int64)");
  c.out(matrix_shape(batch_of(a), a[a.rank() - 2], b.back()), c.dtype(0));
}

void vjp_matmul(VjpContext& c) {
  const Site at = c.node.site();
  if (c.needs(0)) c.set(0, matmul(c.grad(), c.input(1).transpose(-2, -1, at), at));
  if (c.needs(1)) c.set(1, matmul(c.input(0).transpose(-2, -1, at), c.grad(), at));
}

// Each factor's gradient reads the other factor.
Saved saves_matmul(const SavesContext& c) {
  return {.inputs = (c.needs(0) ? 2u : 0u) | (c.needs(1) ? 1u : 0u)};
}

// A product and a sum for each of the K terms of each element.
double flops_matmul(const FlopsContext& c) {
  return flops_of_products(c, c.numel_out(), static_cast<double>(c.in(0).back()));
}

const OpDef kMatmul{.name = "matmul",
                    .infer = infer_matmul,
                    .gradient = Gradient::Rule,
                    .vjp = vjp_matmul,
                    .saves = saves_matmul,
                    .traits = {.in_dtype = true},
                    .flops = flops_matmul};

// -- linear
// ----------------------------------------------------------------------------------------

void infer_linear(InferContext& c) {
  const Shape &x = c.shape(0), &w = c.shape(1);
  c.require_rank(1, 2, "weight");
  if (x.rank() < 1) c.shape_error("x must have at least one dimension");
  if (x.back() != w[1])
    c.shape_error(fmt::format("inner dimensions differ: x{} · weight{}ᵀ ({} ≠ {})", x.str(),
                              w.str(), x.back(), w[1]));
  if (c.num_inputs() == 3 && !(c.shape(2) == Shape{w[0]}))
    c.shape_error(fmt::format("bias must have shape [{}] for weight{}, got {}", w[0], w.str(),
                              c.shape(2).str()));
  c.require_same_dtype();
  if (c.dtype(0) == DType::Bool)
    c.dtype_error("there is no product of bool matrices; convert them with .to(int64)");
  Shape out = x;
  out[out.rank() - 1] = w[0];
  c.out(out, c.dtype(0));
}

// Leading dimensions as one: a matrix with rows of the last dimension.
Tensor as_rows(const Tensor& x, Site at) {
  const std::int64_t columns = x.shape().back();
  std::int64_t rows = 1;
  for (int i = 0; i + 1 < x.dim(); ++i) rows *= x.shape()[i];
  return x.reshape({rows, columns}, at);
}

void expand_linear(ExpandContext& c) {
  const Site at = Site::current();
  const DType dtype = c.out(0).dtype;
  // Without a bias the product rounds once by itself.
  const DType wide = c.num_inputs() == 3 ? compute_dtype(dtype) : dtype;
  const Tensor x = as_rows(c.in(0), at).to(wide, at), weight = c.in(1).to(wide, at);
  const Tensor product = matmul(x, weight.transpose(0, 1, at), at);
  const Tensor y = c.num_inputs() == 3 ? product + c.in(2).to(wide, at) : product;
  c.result(y.to(dtype, at).reshape(c.out(0).shape, at));
}

void vjp_linear(VjpContext& c) {
  const Site at = c.node.site();
  const Tensor g = as_rows(c.grad(), at);
  if (c.needs(0)) c.set(0, matmul(g, c.input(1), at).reshape(c.in(0).shape, at));
  if (c.needs(1)) c.set(1, matmul(g.transpose(0, 1, at), as_rows(c.input(0), at), at));
  if (c.num_inputs() == 3 && c.needs(2)) c.set(2, g.sum({0}, false, at));
}

double flops_linear(const FlopsContext& c) {
  const double bias = c.inputs.size() == 3 ? counts(c) * c.numel_out() : 0;
  return flops_of_products(c, c.numel_out(), static_cast<double>(c.in(1)[1])) + bias;
}

const OpDef kLinear{.name = "linear",
                    .infer = infer_linear,
                    .gradient = Gradient::Rule,
                    .vjp = vjp_linear,
                    .saves = saves_matmul,
                    .expand = expand_linear,
                    .traits = {.in_dtype = true},
                    .flops = flops_linear};

void require_vector(const char* op, const char* operand, const Tensor& t, Site at) {
  if (t.dim() != 1)
    fail<ShapeError>(op, fmt::format("{} must be a vector, got {}", operand, t.shape().str()), at);
}

bool is_number(const Scalar& s, std::int64_t n) { return s.to_double() == static_cast<double>(n); }

// beta · x + alpha · product; a factor of 1 is no operation, one of 0 drops its term.
Tensor add_product(const char* op, const Tensor& x, const Tensor& product, const Scalar& beta,
                   const Scalar& alpha, Site at) {
  const Shape& shape = product.shape();
  bool fits = x.dim() <= shape.rank();
  for (int i = 1; fits && i <= x.dim(); ++i)
    fits = x.size(-i) == 1 || x.size(-i) == shape[shape.rank() - i];
  if (!fits)
    fail<ShapeError>(op,
                     fmt::format("x{} does not broadcast to the product's shape {}",
                                 x.shape().str(), shape.str()),
                     at);
  if (x.dtype() != product.dtype())
    fail<DTypeError>(op,
                     fmt::format("x is {} but the matrices are {}; convert one with .to(dtype)",
                                 name(x.dtype()), name(product.dtype())),
                     at);
  for (const auto& [what, factor] : {std::pair("beta", beta), std::pair("alpha", alpha)})
    if (factor.kind() == Scalar::Kind::Float && !is_floating(x.dtype()))
      fail<DTypeError>(op,
                       fmt::format("{} must be an integer for {} matrices, got {}", what,
                                   name(x.dtype()), factor.str()),
                       at);
  const Tensor scaled = is_number(alpha, 1) ? product : Operand(product, at) * alpha;
  if (is_number(beta, 0)) {
    if (!x.requires_grad()) return scaled;
    // A gradient of zeros, as in PyTorch, and nothing of x's values.
    const Tensor never = full({}, false, {.dtype = DType::Bool, .device = x.device()}, at);
    return Operand(scaled, at) +
           where(never, Operand(x, at),
                 Operand(zeros({}, {.dtype = x.dtype(), .device = x.device()}, at), at));
  }
  return Operand(is_number(beta, 1) ? x : Operand(x, at) * beta, at) + scaled;
}

}  // namespace

INGOT_EXPORT_OPS(matmul, &kMatmul, &kLinear)

}  // namespace ops

Tensor matmul(const Tensor& a, const Tensor& b, Site at) {
  const Shape &sa = a.shape(), &sb = b.shape();
  const int ra = sa.rank(), rb = sb.rank();
  if (ra == 0 || rb == 0)
    ops::fail<ShapeError>("matmul",
                          fmt::format("both operands need at least one dimension: a{} · b{}; "
                                      "use * to multiply by a number",
                                      sa.str(), sb.str()),
                          at);
  const std::int64_t k = sa.back(), kb = rb == 1 ? sb[0] : sb[rb - 2];
  if (k != kb)
    ops::fail<ShapeError>(
        "matmul",
        fmt::format("inner dimensions differ: a{} · b{} ({} ≠ {})", sa.str(), sb.str(), k, kb), at);
  if (ra == 2 && rb == 2) return record(ops::kMatmul, {&a, &b}, {}, at);

  // Vectors become matrices with one row or column, which the result loses again.
  const std::int64_t m = ra == 1 ? 1 : sa[ra - 2], n = rb == 1 ? 1 : sb.back();
  Shape batch;
  try {
    batch = broadcast_shapes(ops::batch_of(sa), ops::batch_of(sb), "batches");
  } catch (const ShapeError&) {
    ops::fail<ShapeError>(
        "matmul", fmt::format("batches do not broadcast: a{} · b{}", sa.str(), sb.str()), at);
  }
  Shape result = batch;
  if (ra > 1) result.push_back(m);
  if (rb > 1) result.push_back(n);

  if (rb <= 2) {  // one matrix for all of a's batches: a single tall product
    const Tensor rows = a.reshape({batch.numel() * m, k}, at);
    const Tensor columns = rb == 1 ? b.reshape({k, 1}, at) : b;
    return record(ops::kMatmul, {&rows, &columns}, {}, at).reshape(result, at);
  }
  const Tensor row = ra == 1 ? a.reshape({1, k}, at) : a;
  const Shape full_a = ops::matrix_shape(batch, m, k), full_b = ops::matrix_shape(batch, k, n);
  // The gradient of what is repeated is a sum of products: none of them is rounded by itself.
  if (const ops::Widened w(at, {&a, &b}); w && !(row.shape() == full_a && sb == full_b))
    return w.rounded(matmul(w[0], w[1], at));
  const Tensor left = row.shape() == full_a ? row : row.expand(full_a, at);
  const Tensor right = sb == full_b ? b : b.expand(full_b, at);
  const Tensor product = record(ops::kMatmul, {&left, &right}, {}, at);
  return product.shape() == result ? product : product.reshape(result, at);
}

Tensor mm(const Tensor& a, const Tensor& b, Site at) {
  if (a.dim() != 2 || b.dim() != 2)
    ops::fail<ShapeError>("mm",
                          fmt::format("both operands must be matrices: a{} · b{}; matmul takes "
                                      "vectors and batches",
                                      a.shape().str(), b.shape().str()),
                          at);
  return matmul(a, b, at);
}

Tensor bmm(const Tensor& a, const Tensor& b, Site at) {
  if (a.dim() != 3 || b.dim() != 3 || a.shape()[0] != b.shape()[0])
    ops::fail<ShapeError>("bmm",
                          fmt::format("both operands must be equally large batches of matrices: "
                                      "a{} · b{}; matmul broadcasts batches",
                                      a.shape().str(), b.shape().str()),
                          at);
  return matmul(a, b, at);
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
             const Scalar& alpha, Site at) {
  if (const ops::Widened w(at, {&x, &a, &b}); w)
    return w.rounded(addmm(w[0], w[1], w[2], beta, alpha, at));
  return ops::add_product("addmm", x, mm(a, b, at), beta, alpha, at);
}

Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& beta,
               const Scalar& alpha, Site at) {
  if (const ops::Widened w(at, {&x, &a, &b}); w)
    return w.rounded(baddbmm(w[0], w[1], w[2], beta, alpha, at));
  return ops::add_product("baddbmm", x, bmm(a, b, at), beta, alpha, at);
}

Tensor dot(const Tensor& a, const Tensor& b, Site at) {
  ops::require_vector("dot", "a", a, at);
  ops::require_vector("dot", "b", b, at);
  return matmul(a, b, at);
}

Tensor outer(const Tensor& a, const Tensor& b, Site at) {
  ops::require_vector("outer", "a", a, at);
  ops::require_vector("outer", "b", b, at);
  return Operand(a.unsqueeze(1, at), at) * b;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Site at) {
  if (!bias.defined()) return record(ops::kLinear, {&x, &weight}, {}, at);
  return record(ops::kLinear, {&x, &weight, &bias}, {}, at);
}

Tensor Tensor::matmul(const Tensor& other, Site at) const {
  return ingot::matmul(*this, other, at);
}

Tensor Tensor::t(Site at) const {
  if (dim() > 2)
    ops::fail<ShapeError>(
        "t", "needs at most 2 dimensions, got " + shape().str() + "; use transpose(a, b)", at);
  return dim() < 2 ? *this : transpose(0, 1, at);
}

}  // namespace ingot
