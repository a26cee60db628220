// Sizes that no machine has: whatever public function is asked for them, the error is one of
// Ingot's, and what there was is still there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include <ingot/autograd/autograd.h>
#include <ingot/core/error.h>
#include <ingot/core/generator.h>
#include <ingot/core/memory.h>
#include <ingot/ops/arrange.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/index.h>
#include <ingot/ops/interpolate.h>
#include <ingot/ops/order.h>
#include <ingot/ops/random.h>
#include <ingot/ops/reduction.h>
#include <ingot/ops/shape.h>

#include "support/allocation_hook.h"
#include "support/op_cases.h"

namespace ingot {
namespace {

// No memory beyond what there is and a little, so that nothing here really takes terabytes.
class NoRoom {
 public:
  explicit NoRoom(std::size_t room = std::size_t{256} << 10) : largest_(room) {
    empty_cache();
    before_ = set_memory_limit(memory_allocated() + room);
  }
  ~NoRoom() { set_memory_limit(before_); }

 private:
  std::size_t before_ = 0;
  optest::LargestAllocation largest_;
};

enum class End { Value, Error };

// Runs f with no room. Fails for what is no error of Ingot's.
End outcome(const std::string& what, const std::function<void()>& f) {
  std::string foreign;
  End end = End::Value;
  {
    const NoRoom no_room;
    try {
      f();
    } catch (const Error&) {
      end = End::Error;
    } catch (const std::exception& e) {
      foreign = e.what();
      end = End::Error;
    }
  }
  EXPECT_TRUE(foreign.empty()) << what << " throws no error of Ingot's: " << foreign;
  // The thread can go on.
  EXPECT_EQ((ones({3}) + 1).sum().item<float>(), 6) << "after " << what;
  return end;
}

// The case's shapes with every size multiplied, so that what belongs together still does.
std::vector<Shape> scaled(const optest::OpCase& c) {
  int rank = 1;
  for (const auto& in : c.inputs) rank = std::max(rank, in.shape.rank());
  const std::int64_t factor =
      std::max<std::int64_t>(4, std::llround(std::pow(1e6, 1.0 / rank)) / 3);
  std::vector<Shape> shapes;
  for (const auto& in : c.inputs) {
    Shape shape = in.shape;
    for (int d = 0; d < shape.rank(); ++d)
      if (shape[d] > 1) shape[d] *= factor;
    shapes.push_back(shape);
  }
  return shapes;
}

// Every public operation on inputs that take no memory themselves, but whose results would.
TEST(AbsurdSizes, EveryOperationThrowsIngotsErrors) {
  int errors = 0, values = 0;
  for (const optest::OpCase& c : optest::all_op_cases()) {
    if (c.inputs.empty()) continue;
    const std::vector<Shape> shapes = scaled(c);
    for (const bool backward : {false, true}) {
      const DType dtype = c.dtypes & optest::bit(DType::Float32) ? DType::Float32 : DType::Int64;
      const End end = outcome(c.name + (backward ? " backward" : ""), [&] {
        std::vector<Tensor> inputs;
        bool any = false;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
          Tensor one = zeros(Shape(), {.dtype = c.inputs[i].fixed.value_or(dtype)});
          if (backward && is_floating(one.dtype()) && c.inputs[i].differentiable) {
            one.requires_grad_();
            any = true;
          }
          inputs.push_back(one.expand(shapes[i]));
        }
        if (backward && !any) return;
        std::vector<Tensor> outputs = c.call(inputs);
        if (!backward) {
          for (const Tensor& t : outputs)
            if (t.defined()) t.to_host();
          return;
        }
        Tensor sum;
        for (const Tensor& t : outputs)
          if (t.defined() && t.requires_grad()) sum = sum.defined() ? sum + t.sum() : t.sum();
        if (sum.defined()) sum.backward();
        eval();
      });
      (end == End::Error ? errors : values) += 1;
    }
  }
  EXPECT_GT(errors, 300);
  EXPECT_GT(values, 50);
}

// Functions to which the caller says a size.
TEST(AbsurdSizes, EverySizeThatACallerMayName) {
  const Tensor x = arange(0, 6, 1, float32).reshape({2, 3});
  const Tensor image = ones({1, 1, 4, 4});
  const Tensor numbers = arange(0, 4, 1);
  eval();
  const auto huge_of = [](std::int64_t n, DType t = DType::Float32) {
    return zeros({1}, {.dtype = t}).expand({n});
  };
  struct Named {
    const char* name;
    std::function<void(std::int64_t)> call;
  };
  const std::vector<Named> table = {
      {"zeros", [](std::int64_t n) { zeros({n}).eval(); }},
      {"ones",
       [](std::int64_t n) {
         ones({2, n}).to_vector<float>();
       }},
      {"full", [](std::int64_t n) { full({n}, 1).eval(); }},
      {"eye", [](std::int64_t n) { eye(n).eval(); }},
      {"arange", [](std::int64_t n) { arange(0, n, 1).eval(); }},
      {"linspace", [](std::int64_t n) { linspace(0, 1, n).eval(); }},
      {"rand", [](std::int64_t n) { rand({n}).eval(); }},
      {"randn", [](std::int64_t n) { randn({n}).eval(); }},
      {"randint", [](std::int64_t n) { randint(0, 5, {n}).eval(); }},
      {"randperm", [](std::int64_t n) { randperm(n).eval(); }},
      {"to_vector", [&](std::int64_t n) { huge_of(n).to_vector<float>(); }},
      {"to_host", [&](std::int64_t n) { huge_of(n).to_host(); }},
      {"str", [&](std::int64_t n) { huge_of(n).str(); }},
      {"<<", [&](std::int64_t n) { std::ostringstream() << huge_of(n); }},
      {"from_blob",
       [](std::int64_t n) {
         const float number = 1;
         from_blob(&number, {n}, float32);
       }},
      {"to", [&](std::int64_t n) { huge_of(n).to(float64).eval(); }},
      {"unique", [&](std::int64_t n) { unique(huge_of(n)); }},
      {"nonzero", [&](std::int64_t n) { nonzero(huge_of(n).contiguous()); }},
      {"sort",
       [&](std::int64_t n) {
         const auto [values, places] = huge_of(n).sort(0);
         values.eval();
       }},
      {"cumsum", [&](std::int64_t n) { huge_of(n).cumsum(0).eval(); }},
      {"flip", [&](std::int64_t n) { huge_of(n).flip({0}).eval(); }},
      {"unbind", [&](std::int64_t n) { huge_of(n).unbind(0); }},
      {"split", [&](std::int64_t n) { huge_of(n).split(1, 0); }},
      {"chunk", [&](std::int64_t n) { huge_of(n).chunk(n, 0); }},
      {"repeat",
       [&](std::int64_t n) {
         x.repeat({n, 1}).eval();
       }},
      {"tile", [&](std::int64_t n) { tile(x, {n}).eval(); }},
      {"expand and add",
       [&](std::int64_t n) {
         (x.reshape({2, 3, 1}).expand({2, 3, n}) + 1).eval();
       }},
      {"interpolate",
       [&](std::int64_t n) {
         interpolate(image, {.size = Pair{n, 1}}).eval();
       }},
      {"one_hot", [&](std::int64_t n) { one_hot(numbers, n).eval(); }},
      {"roll", [&](std::int64_t n) { huge_of(n).roll({1}, {0}).eval(); }},
      {"item", [&](std::int64_t n) { huge_of(n).item<float>(); }},
      {"backward",
       [&](std::int64_t n) {
         Tensor leaf = ones({1});
         leaf.requires_grad_();
         leaf.expand({n}).clone().sum().backward();
         eval();
       }},
  };
  for (const Named& f : table)
    for (const std::int64_t n :
         {std::int64_t{1} << 28, std::int64_t{1} << 42, (std::int64_t{1} << 61) - 1,
          std::int64_t{1} << 62, std::numeric_limits<std::int64_t>::max()})
      EXPECT_EQ(outcome(fmt::format("{} of {}", f.name, n), [&] { f.call(n); }), End::Error)
          << f.name << " of " << n;
  EXPECT_EQ(x.to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST(AbsurdSizes, TheErrorNamesWhatWasAskedFor) {
  try {
    randperm(std::int64_t{1} << 42);
    FAIL();
  } catch (const OutOfMemoryError& e) {
    EXPECT_NE(std::string(e.what()).find("35184372088832"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace ingot
