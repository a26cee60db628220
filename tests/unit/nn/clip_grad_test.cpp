// Clipping of gradients against PyTorch (tests/fixtures/optim/clip.json).
#include <gtest/gtest.h>
#include <ingot/nn/clip_grad.h>

#include <cmath>
#include <limits>
#include <string>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>

#include "support/json_tensor.h"
#include "support/lazy_scope.h"

namespace ingot {
namespace {

using nlohmann::json;
using testing_support::is_near;
using testing_support::read_json;
using testing_support::tensor_of;

TEST(ClipGrad, NormMatchesPyTorch) {
  const testing_support::LazyScope lazy;
  const json fixture = read_json("optim/clip.json");
  ASSERT_EQ(fixture.at("cases").size(), 15u);
  for (const json& c : fixture.at("cases")) {
    const double type = std::stod(c.at("norm_type").get<std::string>());
    SCOPED_TRACE(type);
    std::vector<Tensor> params = {ones({5})};  // without a gradient
    for (const json& g : c.at("grads")) {
      Tensor p = zeros(tensor_of(g).shape(), {.dtype = float64, .requires_grad = true});
      p.set_grad(tensor_of(g));
      params.push_back(p);
    }
    const Tensor total = nn::utils::clip_grad_norm_(params, c.at("max_norm"), type);
    EXPECT_FALSE(total.is_evaluated());
    EXPECT_FALSE(params[0].grad().defined());
    for (std::size_t i = 0; i < c.at("clipped").size(); ++i)
      EXPECT_TRUE(is_near(params[i + 1].grad(), c.at("clipped")[i], 1e-13)) << "gradient " << i;
    EXPECT_NEAR(total.item(), c.at("total").get<double>(), 1e-12);
  }
}

// The norm of all gradients together, whatever dtypes there are and in whatever order.
TEST(ClipGrad, MixedDtypesAreJoinedInTheWidest) {
  const std::vector<DType> orders[] = {
      {float16, float32}, {float32, float16},  {bfloat16, float16}, {float16, bfloat16},
      {float16, float64}, {float64, bfloat16}, {float16, float16},  {bfloat16, bfloat16}};
  for (const std::vector<DType>& order : orders)
    for (const double type : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
      SCOPED_TRACE(std::string(name(order[0])) + " " + std::string(name(order[1])) + " " +
                   std::to_string(type));
      std::vector<Tensor> params;
      DType widest = float32;
      for (const DType t : order) {
        params.push_back(zeros({3}, {.dtype = t, .requires_grad = true}));
        params.back().set_grad(full({3}, 400, {.dtype = t}));  // 400² is above all of float16
        widest = promote_types(widest, t);
      }
      params.push_back(zeros({}, {.dtype = order[0], .requires_grad = true}));
      params.back().set_grad(full({}, 400, {.dtype = order[0]}));
      const double expected = std::isinf(type) ? 400 : 400 * std::pow(7.0, 1 / type);
      const Tensor total = nn::utils::clip_grad_norm_(params, 100, type);
      EXPECT_EQ(total.dtype(), widest);
      EXPECT_NEAR(total.item(), expected, 1e-3 * expected / 400);
      for (const Tensor& p : params) {
        EXPECT_EQ(p.grad().dtype(), p.dtype());
        const double exact = 400 * 100 / (expected + 1e-6);
        EXPECT_NEAR(p.grad().to(float64).to_vector<double>()[0], exact,
                    exact * (p.dtype() == bfloat16 ? 0x1p-8 : 0x1p-11));
      }
    }
}

TEST(ClipGrad, Value) {
  Tensor p = zeros({3}, {.requires_grad = true}), none = zeros({1});
  p.set_grad(tensor({-3.0, 0.25, 3.0}));
  nn::utils::clip_grad_value_({none, p}, 0.5);
  EXPECT_EQ(p.grad().to_vector<float>(), (std::vector<float>{-0.5f, 0.25f, 0.5f}));
}

TEST(ClipGrad, EdgesAndBadInput) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Tensor p = zeros({2}, {.requires_grad = true});
  EXPECT_EQ(nn::utils::clip_grad_norm_({p}, 1).item(), 0) << "no gradient at all";
  p.set_grad(tensor({3.0, 4.0}));
  Tensor half = zeros({2}).to(float16), empty = zeros({0});
  half.set_grad(zeros({2}).to(float16));
  empty.set_grad(zeros({0}));
  EXPECT_EQ(nn::utils::clip_grad_norm_({p, half, empty}, 10, kInfinity).item(), 4);
  EXPECT_EQ(half.grad().dtype(), float16);
  EXPECT_THROW(nn::utils::clip_grad_norm_({p}, -1), ValueError);
  EXPECT_THROW(nn::utils::clip_grad_norm_({p}, 1, 0), ValueError);
  EXPECT_THROW(nn::utils::clip_grad_value_({p}, -1), ValueError);
  p.set_grad(tensor({kInfinity, 0.0}));
  EXPECT_THROW(nn::utils::clip_grad_norm_({p}, 1, 2, true), ValueError);
  EXPECT_EQ(p.grad().to_vector<float>()[1], 0) << "nothing was clipped";
}

}  // namespace
}  // namespace ingot
