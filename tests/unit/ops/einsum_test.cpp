// einsum: what equations it refuses, and that products go to the matrix product. Values are in the
// op cases.
#include <ingot/ops/einsum.h>

#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>

#include "unit/ops/expect.h"

namespace ingot {
namespace {

using test::doubles;
using test::expect_error;
using test::expect_values;
using test::waves;

TEST(Einsum, IsWhatTheEquationSays) {
  const Tensor a = waves({3, 4}, 1), b = waves({4, 5}, 2);
  expect_values(einsum("ik,kj->ij", {a, b}), {3, 5}, doubles(matmul(a, b)), 1e-12);
  expect_values(einsum("ik,kj", {a, b}), {3, 5}, doubles(matmul(a, b)), 1e-12);
  expect_values(einsum("ij->ji", {a}), {4, 3}, doubles(a.t()), 0);
  expect_values(einsum("ii", {tensor({{1., 2.}, {3., 4.}})}), {}, {5});
  expect_values(einsum("i,i", {tensor({1, 2, 3}), tensor({4, 5, 6})}), {}, {32});
}

TEST(Einsum, Gradients) {
  test::expect_gradients(
      [](const std::vector<Tensor>& in) {
        return std::vector<Tensor>{einsum("bij,kj,bi->bk", in)};
      },
      {waves({2, 3, 2}, 1), waves({2, 2}, 2), waves({2, 3}, 3)});
}

TEST(Einsum, Errors) {
  const Tensor a = waves({2, 3}, 1), b = waves({3, 4}, 2);
  expect_error<ValueError>(
      [&] {
        einsum("ij->ij", {a, b});
      },
      "einsum: \"ij->ij\": names 1 operands, but there are 2");
  expect_error<ValueError>([&] { einsum("ij,jk->ik", {a}); }, "names 2 operands, but there is 1");
  expect_error<ValueError>([&] { einsum("i1->i", {a}); }, "'1' is not a letter");
  expect_error<ValueError>([&] { einsum("i.j->i", {a}); }, "'.' is not a letter");
  expect_error<ValueError>([&] { einsum("...i...->i", {a}); }, "'.' is not a letter");
  expect_error<ValueError>([&] { einsum("ij->i->j", {a}); }, "'-' is not a letter");
  expect_error<ValueError>([&] { einsum("ij->ii", {a}); }, "the output names 'i' twice");
  expect_error<ValueError>([&] { einsum("ij->ik", {a}); },
                           "the output names 'k', which no operand has");
  expect_error<ShapeError>([&] { einsum("ijk->i", {a}); },
                           "names 3 dimensions of operand 0, which has 2: [2, 3]");
  expect_error<ShapeError>([&] { einsum("...ijk->i", {a}); }, "names at least 3 dimensions");
  expect_error<ShapeError>(
      [&] {
        einsum("ij,jk->ik", {a, a});
      },
      "'j' has size 3 in operand 0 and 2 in operand 1");
  expect_error<ShapeError>([&] { einsum("ii->i", {a}); },
                           "names two dimensions of operand 0 'i', but their sizes are 2 and 3");
  expect_error<ShapeError>([&] { einsum("...,...->...", {a, b}); }, "'...' has size");
  expect_error<DTypeError>(
      [&] {
        einsum("ij,jk->ik", {a, b.to(float32)});
      },
      "operand 1 is float32 and operand 0 is float64");
  expect_error<ValueError>([&] { einsum("ij->ij", {Tensor()}); }, "undefined tensor");
  expect_error<ValueError>([&] { einsum("i1->i", {a}); }, "einsum_test.cpp:");
}

}  // namespace
}  // namespace ingot
