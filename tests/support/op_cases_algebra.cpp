// Cases of include/ingot/ops/{attention,einsum}.h and of the products with a sum in matmul.h.
#include <ingot/ops/attention.h>
#include <ingot/ops/einsum.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/shape.h>

#include "support/op_cases.h"

namespace ingot::optest {
namespace {

using In = std::span<const Tensor>;

void add_einsum(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, const char* equation, const std::vector<Shape>& shapes,
                       bool numeric = true, DTypes dtypes = kNumbers) {
    std::vector<InputSpec> inputs;
    for (const Shape& s : shapes) inputs.push_back(in(s));
    cases.push_back({name, std::move(inputs), one([equation](In t) {
                       return einsum(equation, {t.begin(), t.end()});
                     }),
                     dtypes, Tolerance::Reduction, numeric, numeric});
  };
  add("einsum", "ij,jk->ik", {{2, 3}, {3, 4}});
  add("einsum/implicit", "ba,bc", {{2, 3}, {2, 4}});
  add("einsum/implicit_capitals", "bA,cA,B", {{2, 3}, {4, 3}, {2}});
  add("einsum/transpose", "ij->ji", {{2, 3}});
  add("einsum/implicit_transpose", "ba", {{2, 3}});
  add("einsum/sum", "ijk->j", {{2, 3, 4}});
  add("einsum/sum_all", "ij->", {{2, 3}});
  add("einsum/diagonal", "ii->i", {{3, 3}});
  add("einsum/trace", "ii", {{3, 3}});
  add("einsum/inner_diagonal", "iji->ij", {{3, 2, 3}});
  add("einsum/triple_diagonal", "iii->i", {{3, 3, 3}});
  add("einsum/two_diagonals", "iijj->ij", {{2, 2, 3, 3}});
  add("einsum/diagonal_product", "ii,ij->j", {{3, 3}, {3, 2}});
  add("einsum/elements", "ij,ij->ij", {{2, 3}, {2, 3}});
  add("einsum/elements_turned", "ij,ji->ij", {{2, 3}, {3, 2}});
  add("einsum/outer", "i,jk->kij", {{2}, {3, 4}});
  add("einsum/dot", "i,i->", {{5}, {5}});
  add("einsum/scalar", ",ij->ij", {{}, {2, 3}});
  add("einsum/batches", "bij,bjk->bik", {{2, 3, 4}, {2, 4, 2}});
  add("einsum/attention", "bhqd,bkhd->bhqk", {{2, 2, 3, 4}, {2, 5, 2, 4}});
  add("einsum/two_summed", "abcd,cde->bea", {{2, 3, 2, 2}, {2, 2, 3}});
  add("einsum/left_over", "ijk,jl->i", {{2, 3, 4}, {3, 2}});
  add("einsum/ellipsis", "...ij,...jk->...ik", {{2, 3, 4}, {2, 4, 2}});
  add("einsum/ellipsis_broadcast", "...ij,...jk->...ik", {{2, 1, 3, 4}, {3, 4, 2}});
  add("einsum/ellipsis_implicit", "i...,j...", {{2, 3}, {4, 3}});
  add("einsum/ellipsis_summed", "i...->i", {{2, 3, 2}});
  add("einsum/ellipsis_moved", "...i->i...", {{2, 3, 4}});
  add("einsum/ellipsis_of_nothing", "...i,i->...", {{3}, {3}});
  add("einsum/ones", "ij,jk->ik", {{2, 1}, {3, 4}});
  add("einsum/batch_of_one", "bij,bjk->bik", {{1, 3, 4}, {2, 4, 2}});
  add("einsum/three", "ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 4}});
  add("einsum/bilinear", "bn,anm,bm->ba", {{2, 3}, {4, 3, 2}, {2, 2}});
  add("einsum/spaces", " i j , j k -> i k ", {{2, 3}, {3, 2}});
  add("einsum/empty", "ij,jk->ik", {{2, 0}, {0, 3}}, false);
  add("einsum/large", "bij,kj->bik", {{3, 17, 65}, {33, 65}}, false);
}

void add_products(std::vector<OpCase>& cases) {
  using Add =
      Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&, Site);
  const auto add = [&](const char* name, Add f, const Shape& x, const Shape& a, const Shape& b,
                       Scalar beta = 1, Scalar alpha = 1) {
    cases.push_back({name,
                     {in(x), in(a), in(b)},
                     one([=](In t) { return f(t[0], t[1], t[2], beta, alpha, Site::current()); }),
                     kNumbers,
                     Tolerance::Reduction});
  };
  add("addmm", addmm, {2, 4}, {2, 3}, {3, 4});
  add("addmm/bias", addmm, {4}, {2, 3}, {3, 4});
  add("addmm/factors", addmm, {2, 1}, {2, 3}, {3, 4}, 3, -2);
  add("addmm/beta_zero", addmm, {2, 4}, {2, 3}, {3, 4}, 0, 2);
  add("baddbmm", baddbmm, {2, 3, 2}, {2, 3, 4}, {2, 4, 2});
  add("baddbmm/factors", baddbmm, {3, 1}, {2, 3, 4}, {2, 4, 2}, 2, 3);
}

void add_attention(std::vector<OpCase>& cases) {
  const auto add = [&](const char* name, std::vector<InputSpec> inputs,
                       const AttentionOptions& options, bool numeric = true,
                       DTypes dtypes = kFloats) {
    cases.push_back({name, std::move(inputs), one([options](In t) {
                       AttentionOptions o = options;
                       if (t.size() > 3) o.mask = t[3];
                       return scaled_dot_product_attention(t[0], t[1], t[2], o);
                     }),
                     dtypes, Tolerance::Reduction, numeric, numeric});
  };
  add("scaled_dot_product_attention", {in({2, 3, 4}), in({2, 5, 4}), in({2, 5, 3})}, {});
  add("scaled_dot_product_attention/heads", {in({2, 2, 3, 4}), in({2, 2, 3, 4}), in({2, 2, 3, 4})},
      {});
  add("scaled_dot_product_attention/matrices", {in({3, 4}), in({2, 4}), in({2, 4})}, {});
  add("scaled_dot_product_attention/scale", {in({1, 3, 4}), in({1, 3, 4}), in({1, 3, 4})},
      {.scale = 0.75});
  add("scaled_dot_product_attention/causal", {in({2, 4, 3}), in({2, 4, 3}), in({2, 4, 3})},
      {.is_causal = true});
  add("scaled_dot_product_attention/causal_uneven", {in({1, 3, 2}), in({1, 5, 2}), in({1, 5, 2})},
      {.is_causal = true});
  add("scaled_dot_product_attention/mask",
      {in({2, 3, 4}), in({2, 5, 4}), in({2, 5, 3}), mask({2, 3, 5})}, {});
  add("scaled_dot_product_attention/mask_broadcast",
      {in({2, 2, 3, 2}), in({2, 2, 4, 2}), in({2, 2, 4, 2}), mask({2, 1, 1, 4})}, {});
  // The last row sees nothing: cumulated masks of one key.
  add("scaled_dot_product_attention/blind_rows",
      {in({1, 6, 2}), in({1, 1, 2}), in({1, 1, 2}), mask({1, 6, 1})}, {});
  add("scaled_dot_product_attention/bias",
      {in({2, 3, 4}), in({2, 5, 4}), in({2, 5, 3}), in({3, 5})}, {});
  add("scaled_dot_product_attention/large",
      {in({2, 3, 33, 16}), in({2, 3, 65, 16}), in({2, 3, 65, 16})}, {}, false, kFull);
  // The sums keep the gradients of query and key away from 0 where all keys are equal.
  cases.push_back({"scaled_dot_product_attention/broadcast",
                   {in({2, 3, 4}), in({1, 5, 4}), in({5, 3})},
                   one([](In t) {
                     return scaled_dot_product_attention(t[0], t[1], t[2]) + t[0].sum() +
                            t[1].sum();
                   }),
                   kFull,
                   Tolerance::Reduction});
}

}  // namespace

void add_algebra_cases(std::vector<OpCase>& cases) {
  add_einsum(cases);
  add_products(cases);
  add_attention(cases);
}

}  // namespace ingot::optest
