// full, arange, linspace, eye, nonzero and unique where the cpu backend works in several pieces:
// the op cases are too small for that. Every bit is the reference's.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <ingot/core/parallel.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/dynamic.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/shape.h>

#include "backend/backend.h"
#include "support/op_values.h"

namespace ingot {
namespace {

class Threads {
 public:
  explicit Threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

using Make = std::function<std::vector<Tensor>()>;

std::vector<optest::HostValues> values_of(const Make& make) {
  std::vector<optest::HostValues> values;
  for (const Tensor& t : make()) values.push_back(optest::to_values(t));
  return values;
}

void expect_reference(const std::string& name, const Make& make) {
  std::vector<optest::HostValues> expected;
  {
    const BackendOverride reference(reference_backend());
    expected = values_of(make);
  }
  for (const int n : {1, 2, 3}) {
    const Threads threads(n);
    const std::vector<optest::HostValues> got = values_of(make);
    ASSERT_EQ(got.size(), expected.size()) << name;
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(got[i].equal(expected[i])) << name << ", result " << i << ", " << n << " threads";
  }
}

constexpr std::int64_t kNumel = 3 * kParallelNumel + 17;

TEST(Pieces, OfWhatIsCreated) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    const std::string name(ingot::name(t));
    const auto one = [](auto f) { return [f] { return std::vector<Tensor>{f()}; }; };
    expect_reference("full " + name, one([t] { return full({kNumel}, 3.7, {.dtype = t}); }));
    // Wide and tall: the diagonal ends before the rows, or before the columns.
    for (const Shape& s : {Shape{300, 301}, Shape{150, 900}, Shape{900, 150}, Shape{40000, 3}})
      expect_reference("eye " + s.str() + name, one([=] { return eye(s[0], s[1], {.dtype = t}); }));
    if (t == DType::Bool) continue;
    // 98,320 is no 16-bit integer.
    if (is_floating(t) || nbytes_of(t) > 2)
      expect_reference("arange " + name, one([t] { return arange(0, kNumel, 1, t); }));
    expect_reference("arange by " + name,
                     one([t] { return arange(0.1, 0.001 * kNumel, 0.001, t); }));
    if (!is_floating(t)) continue;
    expect_reference("linspace " + name,
                     one([t] { return linspace(-1, 0.7, kNumel, {.dtype = t}); }));
    expect_reference("negative zero " + name,
                     one([t] { return full({kNumel}, -0.0, {.dtype = t}); }));
    expect_reference("nan " + name, one([t] {
                       return full({kNumel}, std::numeric_limits<double>::quiet_NaN(),
                                   {.dtype = t});
                     }));
  }
}

TEST(Pieces, OfWhatIsFound) {
  const Tensor numbers = (arange(0, kNumel, 1, int64) * 7919 % 10007).eval();
  for (const Shape& s : {Shape{kNumel}, Shape{kNumel, 1}, Shape{1, kNumel}})
    expect_reference("nonzero " + s.str(),
                     [&] { return std::vector<Tensor>{nonzero(numbers.reshape(s) < 2500)}; });
  const Tensor block = numbers.narrow(0, 0, 98304).eval();
  expect_reference("nonzero of a block", [&] {
    return std::vector<Tensor>{nonzero(block.reshape({12, 8, 32, 32}) > 9000)};
  });
  expect_reference("nonzero of columns", [&] {
    return std::vector<Tensor>{nonzero((block.reshape({384, 256}) > 9000).transpose(0, 1))};
  });
  const auto parts = [](const UniqueResult& r) {
    return std::vector<Tensor>{r.values, r.inverse, r.counts};
  };
  const UniqueOptions all{.return_inverse = true, .return_counts = true};
  expect_reference("unique", [&] { return parts(unique(numbers * 3, all)); });
  expect_reference("unique rows", [&] {
    const UniqueOptions rows{.return_inverse = true, .return_counts = true, .dim = 0};
    return parts(unique((block % 2).reshape({-1, 4}), rows));
  });
  expect_reference("unique columns", [&] {
    const UniqueOptions columns{.return_inverse = true, .return_counts = true, .dim = 1};
    return parts(unique(block.reshape({32, 3072}), columns));
  });
}

}  // namespace
}  // namespace ingot
