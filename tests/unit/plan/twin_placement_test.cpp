// Several devices in one plan: transfers, fallback, the order of steps, mixed operands.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/memory.h>
#include <ingot/ops/activation.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/softmax.h>

#include "backend/backend.h"
#include "core/record.h"
#include "plan/passes.h"
#include "support/expect.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::message_of;
using test::TwinScope;
using V = std::vector<float>;

enum class Kind { Sync, Async, Unified, Reference };

class TwinPlacement : public testing::TestWithParam<Kind> {
 protected:
  TwinOptions options() const {
    TwinOptions o;
    o.async = GetParam() != Kind::Sync;
    o.unified = GetParam() == Kind::Unified;
    o.reference = GetParam() == Kind::Reference;
    if (o.async) o.max_delay_us = 20;
    return o;
  }
};
std::string kind_name(const testing::TestParamInfo<Kind>& test) {
  constexpr const char* kNames[] = {"Sync", "Async", "Unified", "Reference"};
  return kNames[static_cast<int>(test.param)];
}
INSTANTIATE_TEST_SUITE_P(Kinds, TwinPlacement,
                         testing::Values(Kind::Sync, Kind::Async, Kind::Unified, Kind::Reference),
                         kind_name);

std::vector<float> counted(std::int64_t n) {
  std::vector<float> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(static_cast<float>(i));
  return v;
}

TEST_P(TwinPlacement, ATensorGoesThereAndBack) {
  const TwinScope twin(options());
  const Tensor x = from_vector(counted(24), Shape{2, 3, 4});
  const Tensor there = x.to(kTwin);
  EXPECT_EQ(there.device(), kTwin);
  EXPECT_EQ(there.to_vector<float>(), counted(24));
  EXPECT_EQ(there.cpu().to_vector<float>(), counted(24));
  EXPECT_EQ(there.cpu().device(), Device{});
  // Views and orders of memory survive the way.
  const Tensor turned = there.permute({2, 0, 1});
  EXPECT_EQ(turned.to_vector<float>(), x.permute({2, 0, 1}).to_vector<float>());
  EXPECT_EQ(x.permute({2, 0, 1}).to(kTwin).to_vector<float>(),
            x.permute({2, 0, 1}).to_vector<float>());
  EXPECT_EQ(x.expand({2, 2, 3, 4}).to(kTwin).to_vector<float>(),
            x.expand({2, 2, 3, 4}).to_vector<float>());
  EXPECT_EQ(zeros({0, 3}).to(kTwin).to_vector<float>(), V{});
  EXPECT_EQ(tensor(3.f).to(kTwin).item<float>(), 3.f);
}

TEST_P(TwinPlacement, ItComputesWhatTheCpuComputes) {
  const TwinScope twin(options());
  const Tensor x = from_vector(counted(12), Shape{3, 4}) / 7,
               w = from_vector(counted(8), Shape{4, 2}) / 3;
  const auto compute = [](const Tensor& a, const Tensor& b) {
    return softmax(matmul(a, b).relu() + 1, -1).sum(0);
  };
  const std::uint64_t before = twin->steps_run();
  const Tensor there = compute(x.to(kTwin), w.to(kTwin));
  EXPECT_EQ(there.device(), kTwin);
  const bool reference = GetParam() == Kind::Reference;
  const BackendOverride same_kernels(reference ? reference_backend() : cpu_backend());
  EXPECT_EQ(there.to_vector<float>(), compute(x, w).to_vector<float>());
  EXPECT_GT(twin->steps_run(), before);
}

TEST_P(TwinPlacement, GradientsFlowAcrossDevices) {
  const TwinScope twin(options());
  const Tensor x = from_vector(V{1, 2, 3}, {3}).requires_grad_();
  const Tensor there = (x * 2).to(kTwin);
  const Tensor back = (there * there).cpu();
  back.sum().backward();
  EXPECT_EQ(x.grad().device(), Device{});
  EXPECT_EQ(x.grad().to_vector<float>(), (V{8, 16, 24}));
}

TEST_P(TwinPlacement, TwoDevicesInOneEvaluation) {
  const TwinScope twin(options());
  const TwinScope other(options(), 1);
  const Tensor x = from_vector(counted(6), Shape{6});
  const Tensor a = x.to(kTwin) * 2;
  const Tensor b = a.to(kOtherTwin) + 1;
  const Tensor c = b.cpu() * x;
  EXPECT_EQ(b.device(), kOtherTwin);
  EXPECT_EQ(c.to_vector<float>(), (V{0, 3, 10, 21, 36, 55}));
  EXPECT_EQ(a.to_vector<float>(), (V{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(b.to(kTwin).to_vector<float>(), (V{1, 3, 5, 7, 9, 11}));
}

TEST_P(TwinPlacement, TheCpuComputesWhatTheDeviceCannot) {
  TwinOptions lacking = options();
  lacking.refuse = {"matmul", "exp"};
  const TwinScope twin(lacking);
  plan::set_fallback("warn");
  const Tensor x = (from_vector(counted(9), Shape{3, 3}) / 9).to(kTwin);
  testing::internal::CaptureStderr();
  const Tensor y = matmul(x + 1, x).exp() * 2;
  EXPECT_EQ(y.device(), kTwin);
  const V got = y.to_vector<float>();
  const Tensor again = (matmul(x, x).exp() + matmul(x, x + 2)).eval();
  const std::string told = testing::internal::GetCapturedStderr();
  const Tensor h = from_vector(counted(9), Shape{3, 3}) / 9;
  EXPECT_EQ(got, (matmul(h + 1, h).exp() * 2).to_vector<float>());
  EXPECT_EQ(again.to_vector<float>(), (matmul(h, h).exp() + matmul(h, h + 2)).to_vector<float>());
  for (const char* op : {"matmul", "exp"}) {
    const std::string warning = std::string("twin:0 has no kernel for ") + op;
    const std::size_t first = told.find(warning);
    ASSERT_NE(first, std::string::npos) << told;
    EXPECT_EQ(told.find(warning, first + 1), std::string::npos) << "told twice: " << told;
  }
}

TEST_P(TwinPlacement, FallbackIsSilentOrAnErrorWhereThatIsAskedFor) {
  TwinOptions lacking = options();
  lacking.refuse = {"exp"};
  const TwinScope twin(lacking);
  const Tensor x = ones({2}).to(kTwin).eval();
  plan::set_fallback("silent");
  testing::internal::CaptureStderr();
  EXPECT_EQ((x.exp() * 0).to_vector<float>(), (V{0, 0}));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

  plan::set_fallback("error");
  plan::clear_plan_cache();
  const std::string text = message_of<DeviceError>([&] { x.exp().eval(); });
  EXPECT_NE(text.find("exp: twin:0 has no kernel for it on float32[2]"), std::string::npos) << text;
  EXPECT_NE(text.find("INGOT_FALLBACK"), std::string::npos) << text;
  EXPECT_NE(text.find("twin_placement_test.cpp:"), std::string::npos) << text;
  EXPECT_EQ((x + 1).to_vector<float>(), (V{2, 2}));  // everything else goes on

  plan::set_fallback("sometimes");
  EXPECT_NE(message_of<ValueError>([] { plan::fallback_for(kTwin); }).find("warn, silent or error"),
            std::string::npos);
}

// PyTorch's variable speaks of mps alone, and only where ours is not set.
TEST(Fallback, PyTorchsVariableIsUnderstood) {
  const Device mps{DeviceType::MPS, 0};
  const char* const name = "PYTORCH_ENABLE_MPS_FALLBACK";
  struct Case {
    const char *pytorch, *own;
    plan::Fallback on_mps, elsewhere;
  };
  using plan::Fallback;
  for (const Case& c : {Case{nullptr, "", Fallback::Warn, Fallback::Warn},
                        Case{"1", "", Fallback::Warn, Fallback::Warn},
                        Case{"0", "", Fallback::Error, Fallback::Warn},
                        Case{"0", "warn", Fallback::Warn, Fallback::Warn},
                        Case{"0", "silent", Fallback::Silent, Fallback::Silent},
                        Case{"1", "error", Fallback::Error, Fallback::Error}}) {
    SCOPED_TRACE(std::string(c.pytorch ? c.pytorch : "(not set)") + ", " + c.own);
    if (c.pytorch)
      setenv(name, c.pytorch, 1);
    else
      unsetenv(name);
    plan::set_fallback(c.own);
    EXPECT_EQ(plan::fallback_for(mps), c.on_mps);
    EXPECT_EQ(plan::fallback_for(kTwin), c.elsewhere);
    EXPECT_EQ(plan::fallback_for(Device{DeviceType::CUDA, 0}), c.elsewhere);
  }
  unsetenv(name);
  plan::set_fallback("");
}

// Every op refused: the whole program runs on the cpu, the tensors still live on the device.
TEST_P(TwinPlacement, EverythingMayFallBack) {
  TwinOptions lacking = options();
  lacking.refuse = {"*"};
  const TwinScope twin(lacking);
  plan::set_fallback("silent");
  const Tensor w = ones({2, 2}).to(kTwin).requires_grad_();
  const Tensor x = from_vector(counted(4), Shape{2, 2}).to(kTwin);
  const Tensor loss = softmax(matmul(x, w).tanh(), -1).select(1, 0).sum();
  loss.backward();
  EXPECT_EQ(w.grad().device(), kTwin);
  const Tensor hw = ones({2, 2}).requires_grad_(), hx = from_vector(counted(4), Shape{2, 2});
  softmax(matmul(hx, hw).tanh(), -1).select(1, 0).sum().backward();
  EXPECT_EQ(w.grad().to_vector<float>(), hw.grad().to_vector<float>());
}

TEST_P(TwinPlacement, ZeroDimCpuTensorsMix) {
  const TwinScope twin(options());
  const Tensor there = from_vector(V{1, 2}, {2}).to(kTwin);
  const Tensor number = tensor(2.f), pending = tensor({1.f, 2.f}).sum();
  EXPECT_EQ((there * number).to_vector<float>(), (V{2, 4}));
  EXPECT_EQ((pending - there).to_vector<float>(), (V{2, 1}));
  EXPECT_EQ((there * 5 + number).to_vector<float>(), (V{7, 12}));
  EXPECT_EQ((there * number).device(), kTwin);
  const std::string text = message_of<DeviceError>([&] { there + ones({2}); });
  EXPECT_NE(text.find("twin_placement_test.cpp:"), std::string::npos) << text;
}

// What is refused between two elementwise chains makes three segments, not one per node.
TEST(TwinOrder, SegmentsAreFew) {
  TwinOptions lacking;
  lacking.refuse = {"matmul"};
  const TwinScope twin(lacking);
  plan::set_fallback("silent");
  const Tensor x = ones({8, 8}).to(kTwin).eval();
  std::vector<Tensor> results;
  for (int i = 0; i < 6; ++i) results.push_back(matmul((x + i).exp(), x).relu() * 2);
  plan::Batch batch;
  ASSERT_TRUE(plan::collect(batch, record_state().pending, {}));
  const auto plan = plan::build_plan(batch, backend_for(Device{}), 1);
  plan::unclaim(batch);
  EXPECT_EQ(plan->devices.size(), 2u);
  EXPECT_EQ(plan->segments.size(), 3u);
  for (const Tensor& r : results) EXPECT_EQ(r.device(), kTwin);
}

TEST(TwinOrder, ADraftNamesItsDevices) {
  const TwinScope twin;
  const Tensor y = (ones({4}).to(kTwin) * 3).cpu() + 1;
  plan::Batch batch;
  ASSERT_TRUE(plan::collect(batch, record_state().pending, {}));
  plan::Draft draft(batch, backend_for(Device{}));
  plan::run_passes(draft);
  plan::unclaim(batch);
  const std::string text = draft.str();
  for (const char* part : {"backend cpu+twin", "twin:0: ", "cpu: ", "copy from cpu", "copy to cpu"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(TwinMemoryOfItsOwn, TheHostCannotReadIt) {
  const TwinScope twin;
  const Tensor there = ones({4}).to(kTwin).eval();
  const Buffer& buffer =
      *there.cell()->value().node->outputs()[there.cell()->value().output].value->buffer;
  EXPECT_EQ(buffer.space(), MemorySpace::Device);
  EXPECT_THROW(buffer.host(), InternalError);
  EXPECT_DEATH(static_cast<void>(*static_cast<volatile float*>(buffer.handle())), "");
}

}  // namespace
}  // namespace ingot
