// Rule 8: one tensor that cannot be computed fails those who ask for it, and nobody else.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/order.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/softmax.h>

#include "backend/backend.h"
#include "core/cell.h"
#include "core/op_def.h"
#include "core/record.h"
#include "plan/plan.h"
#include "support/gate_backend.h"

namespace ingot {
namespace {

// The cpu backend; for steps of one op something goes wrong, and memory may be short.
class Faulty final : public Backend {
 public:
  enum class Where { Supports, Layouts, Lower, Run };

  explicit Faulty(
      std::string op = {}, Where where = Where::Lower,
      std::function<void()> fault = [] { throw DTypeError("no kernel, says the test"); })
      : op_(std::move(op)), where_(where), fault_(std::move(fault)) {}
  ~Faulty() override { plan::clear_plan_cache(); }
  std::size_t largest_nbytes = ~std::size_t{0};

  std::string_view name() const override { return "faulty"; }
  Allocator& allocator() override { return allocator_; }
  bool fuses() const override { return cpu_backend().fuses(); }
  bool supports(const StepDesc& step) const override {
    meet(step, Where::Supports);
    return cpu_backend().supports(step);
  }
  void choose_layouts(StepDesc& step) const override {
    meet(step, Where::Layouts);
    cpu_backend().choose_layouts(step);
  }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    meet(step, Where::Lower);
    std::unique_ptr<Kernel> kernel = cpu_backend().lower(step);
    if (where_ != Where::Run || step.op->name != op_) return kernel;
    return std::make_unique<Failing>(*this, std::move(kernel));
  }

 private:
  class Limited final : public Allocator {
   public:
    explicit Limited(const Faulty& owner) : owner_(owner) {}
    Ref<Buffer> allocate(std::size_t nbytes) override {
      if (nbytes > owner_.largest_nbytes) throw OutOfMemoryError("too much, says the test");
      return host_allocator().allocate(nbytes);
    }
    void recycle(Buffer*) noexcept override {}

   private:
    const Faulty& owner_;
  };
  class Failing final : public Kernel {
   public:
    Failing(const Faulty& owner, std::unique_ptr<Kernel> inner)
        : owner_(owner), inner_(std::move(inner)) {}
    void run(const KernelArgs&) const override { owner_.fault_(); }
    std::size_t workspace_nbytes() const override { return inner_->workspace_nbytes(); }

   private:
    const Faulty& owner_;
    std::unique_ptr<Kernel> inner_;
  };

  void meet(const StepDesc& step, Where where) const {
    if (where == where_ && step.op->name == op_) fault_();
  }

  std::string op_;
  Where where_;
  std::function<void()> fault_;
  Limited allocator_{*this};
};

bool is_done(const Tensor& t) { return t.is_evaluated(); }

template <class E, class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  ADD_FAILURE() << "not thrown";
  return {};
}

class OneTensorThatCannotBeComputed
    : public testing::TestWithParam<std::tuple<const char*, Faulty::Where>> {};

Tensor made_by(const std::string& op, const Tensor& x) {
  if (op == "sort") return sort(x, 0).values;
  if (op == "matmul") return matmul(x, x);
  return x.sum({0});
}

TEST_P(OneTensorThatCannotBeComputed, FailsOnlyWhoAsks) {
  const auto [op, where] = GetParam();
  eval();
  const Tensor x = ones({3, 3}).eval();
  {
    Faulty backend(op, where);
    const BackendOverride use(backend);
    const Tensor before = x * 2, bad = made_by(op, x + 1), needs_bad = bad + 1;
    for (int i = 0; i < 3; ++i) {
      const Tensor other = x * (i + 3);
      EXPECT_EQ(other.to_vector<float>()[0], static_cast<float>(i + 3));
      EXPECT_TRUE(is_done(before));
      EXPECT_FALSE(is_done(bad));
      EXPECT_FALSE(is_done(needs_bad));
    }
    for (const Tensor& asked : {bad, needs_bad}) {
      const std::string text = thrown<DTypeError>([&] { asked.eval(); });
      EXPECT_NE(text.find("no kernel, says the test"), std::string::npos) << text;
      EXPECT_NE(text.find("isolation_test.cpp:"), std::string::npos) << text;
    }
    // A plain eval() asks for everything: it computes the rest, and tells.
    const Tensor late = x * 9;
    thrown<DTypeError>([&] { eval(); });
    EXPECT_TRUE(is_done(late));
    thrown<DTypeError>([&] { eval({late, bad}); });
    // What could not be computed here can be computed where there is a kernel.
    const BackendOverride real(cpu_backend());
    EXPECT_EQ(needs_bad.to_vector<float>(), (made_by(op, x + 1) + 1).to_vector<float>());
  }
}

std::string test_name(const testing::TestParamInfo<std::tuple<const char*, Faulty::Where>>& info) {
  const char* const names[] = {"Supports", "Layouts", "Lower", "Run"};
  return std::string(std::get<0>(info.param)) + names[static_cast<int>(std::get<1>(info.param))];
}
INSTANTIATE_TEST_SUITE_P(Rule8, OneTensorThatCannotBeComputed,
                         testing::Combine(testing::Values("sort", "matmul", "sum"),
                                          testing::Values(Faulty::Where::Layouts,
                                                          Faulty::Where::Lower,
                                                          Faulty::Where::Run)),
                         test_name);

TEST(Rule8, ALibraryThatThrowsFailsOnlyWhoAsks) {
  Faulty backend("sort", Faulty::Where::Run, [] { throw std::runtime_error("out of luck"); });
  const BackendOverride use(backend);
  const Tensor x = ones({3}), bad = sort(x, 0).values, good = x + 1;
  EXPECT_EQ(good.to_vector<float>()[0], 2.f);
  const std::string text = thrown<InternalError>([&] { bad.eval(); });
  EXPECT_NE(text.find("out of luck"), std::string::npos) << text;
  EXPECT_NE(text.find("isolation_test.cpp:"), std::string::npos) << text;
}

TEST(Rule8, ShortMemoryIsForThoseWhoAskForMuch) {
  Faulty backend;
  const BackendOverride use(backend);
  backend.largest_nbytes = 1 << 16;
  plan::drop_instances();
  const Tensor x = ones({16}).eval();
  const Tensor huge = full({1 << 20}, 2.0) * 3, reduced = huge.sum();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ((x * (i + 1)).sum().item<float>(), 16.f * static_cast<float>(i + 1));
  EXPECT_FALSE(is_done(huge));
  thrown<OutOfMemoryError>([&] { huge.eval(); });
  thrown<OutOfMemoryError>([&] { reduced.item<float>(); });
  EXPECT_EQ((x + 1).sum().item<float>(), 32.f);
  backend.largest_nbytes = ~std::size_t{0};
  EXPECT_EQ(reduced.item<float>(), 6.f * (1 << 20));
}

TEST(Rule8, ManyBadTensorsAndGoodOnesBetweenThem) {
  Faulty backend("sort");
  const BackendOverride use(backend);
  std::vector<Tensor> good, bad;
  for (int i = 0; i < 12; ++i) {
    good.push_back(full({3}, i) + 1);
    bad.push_back(sort(good.back(), 0).values);
    good.push_back(good.back() * 2);
  }
  good[5].eval();
  for (const Tensor& t : good) EXPECT_TRUE(is_done(t));
  for (const Tensor& t : bad) thrown<DTypeError>([&] { t.eval(); });
}

// An evaluation that is asked for by what runs in one (a kernel that calls back) must not wait for
// its own thread.
TEST(Rule20, AnEvaluationInsideAnEvaluation) {
  Tensor running, independent;
  std::string text;
  float value = 0;
  optest::GateBackend gate("sort", [&] {
    text = thrown<InternalError>([&] { running.item<float>(); });
    const Tensor inner = independent * 3;
    value = inner.item<float>();
  });
  gate.open();
  const BackendOverride use(gate);
  independent = full({1}, 7.0).eval();
  running = sort(ones({1}), 0).values;
  EXPECT_EQ(running.item<float>(), 1.f);
  EXPECT_NE(text.find("this thread is computing"), std::string::npos) << text;
  EXPECT_NE(text.find("isolation_test.cpp:"), std::string::npos) << text;
  EXPECT_EQ(value, 21.f);
}

}  // namespace
}  // namespace ingot
