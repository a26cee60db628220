// What no kernel may do is found on the host driver, with kernel, line and thread.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/gpu/drivers/host/host_driver.h"
#include "backend/gpu/source.h"
#include "backend/gpu/text.h"
#include "support/expect.h"

namespace ingot::gpu {
namespace {

using Order = Schedule::Order;
constexpr Order kOrders[] = {Order::Forward, Order::Reverse, Order::Random, Order::Greedy,
                             Order::GreedyReverse};

const char* kNoCache = "";

// A kernel `planted` of one group, with a buffer of 64 floats to read and one to write.
class Planted {
 public:
  explicit Planted(const std::string& body, bool shares = true) : source_("planted") {
    source_.threads(64);
    source_.parameter("i64", "n");
    source_.buffer("f32", "in", true);
    source_.buffer("f32", "out", false);
    if (shares) {
      source_.member("  struct Shared {\n    f32 x[64];\n  };\n");
      source_.shares();
    }
    source_.use_text("planted.h",
                     "template <class G>\nFN void planted(Ctx k, typename G::Buffers b, CONSTANT "
                     "const Params& p" +
                         std::string(shares ? ", SHARED typename G::Shared& s" : "") + ") {\n\n" +
                         body + "}\n");
  }

  // What the launch says, or nothing.
  std::string run(const HostDriverOptions& options, std::int64_t n = 64, Grid grid = {}) {
    HostDriver driver(kNoCache);
    driver.set(options);
    const auto pipeline = driver.compile(source_.finish("host"));
    in_.assign(64, 2.0f);
    out_.assign(64, -1.0f);
    const Argument arguments[] = {{in_.data(), 256}, {out_.data(), 256}};
    const std::uint64_t words[] = {static_cast<std::uint64_t>(n)};
    try {
      pipeline->launch(grid, arguments, words);
    } catch (const KernelFault& fault) {
      return fault.what();
    }
    return "";
  }
  const std::vector<float>& out() const { return out_; }

 private:
  SourceBuilder source_;
  std::vector<float> in_, out_;
};

HostDriverOptions checked(Order order = Order::Forward) { return {{order, 1}, true}; }
HostDriverOptions plain(Order order = Order::Forward) { return {{order, 1}, false}; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(PlantedFault, NoneIsFoundWhereThereIsNone) {
  Planted kernel(
      "  s.x[k.tid] = b.in[k.tid];\n  BARRIER(k);\n  b.out[k.tid] = s.x[63 - k.tid] + 1;\n");
  for (const Order order : kOrders) {
    EXPECT_EQ(kernel.run(plain(order)), "");
    EXPECT_EQ(kernel.out(), std::vector<float>(64, 3.0f));
    EXPECT_EQ(kernel.run(checked(order)), "");
    EXPECT_EQ(kernel.out(), std::vector<float>(64, 3.0f));
  }
}

TEST(PlantedFault, AMissingBarrier) {
  Planted kernel("  s.x[k.tid] = b.in[k.tid];\n  b.out[k.tid] = s.x[63 - k.tid] + 1;\n");
  for (const Order order : kOrders) {
    const std::string text = kernel.run(checked(order));
    EXPECT_TRUE(contains(text, "kernel planted, planted.h:")) << text;
    EXPECT_TRUE(contains(text, "of shared memory at ")) << text;
    EXPECT_TRUE(contains(text, "with no barrier between")) << text;
  }
  EXPECT_TRUE(contains(kernel.run(checked()), "planted.h:4: thread 0 of group (0, 0, 0) reads") ||
              contains(kernel.run(checked()), "thread 32 of group (0, 0, 0)"))
      << kernel.run(checked());
}

TEST(PlantedFault, SharedMemoryIsPoison) {
  Planted kernel("  b.out[k.tid] = s.x[k.tid];\n");
  EXPECT_EQ(kernel.run(plain()), "");
  for (const float x : kernel.out()) EXPECT_TRUE(std::isnan(x));
}

TEST(PlantedFault, AWriteBehindTheEnd) {
  Planted kernel("  for (Index i = (Index)k.tid; i < (Index)p.n; i += 64)\n    b.out[i] = 1;\n",
                 false);
  EXPECT_EQ(kernel.run(checked()), "");
  EXPECT_EQ(
      kernel.run(checked(), 65),
      "kernel planted, planted.h:5: thread 0 of group (0, 0, 0) writes 4 bytes 0 bytes behind "
      "the end of buffer 1");
}

TEST(PlantedFault, AWrongStride) {
  Planted kernel("  b.out[k.tid] = b.in[(Index)k.tid * (Index)p.n];\n", false);
  EXPECT_EQ(kernel.run(checked(), 1), "");
  EXPECT_EQ(
      kernel.run(checked(), 2),
      "kernel planted, planted.h:4: thread 32 of group (0, 0, 0) reads 4 bytes 0 bytes behind "
      "the end of buffer 0");
}

TEST(PlantedFault, GroupsThatTouchTheSame) {
  Planted kernel("  b.out[k.tid] = (f32)k.gx;\n", false);
  EXPECT_EQ(kernel.run(checked()), "");
  const std::string text = kernel.run(checked(), 64, {2});
  EXPECT_TRUE(contains(text,
                       "thread 0 of group (1, 0, 0) writes 4 bytes of buffer 1 at byte 0 of "
                       "256, which another group touches"))
      << text;
}

TEST(PlantedFault, ABarrierThatNotAllReach) {
  Planted kernel("  if (k.tid < 8) BARRIER(k);\n  b.out[k.tid] = 1;\n");
  for (const Order order : kOrders)
    EXPECT_EQ(
        kernel.run(plain(order)),
        "kernel planted: thread 8 of group (0, 0, 0) has returned, while thread 0 waits at the "
        "barrier planted.h:4");
}

TEST(PlantedFault, TwoBarriersAtOnce) {
  Planted kernel("  if (k.tid < 8)\n    BARRIER(k);\n  else\n    BARRIER(k);\n");
  EXPECT_EQ(kernel.run(plain()),
            "kernel planted: thread 8 of group (0, 0, 0) waits at the barrier planted.h:7, while "
            "thread 0 waits at the barrier planted.h:5");
}

TEST(PlantedFault, AnExchangeWithThreadsThatAreGone) {
  Planted kernel("  if (k.tid == 3) return;\n  b.out[k.tid] = SHUFFLE_XOR(k, b.in[k.tid], 1);\n");
  const std::string text = kernel.run(plain());
  EXPECT_TRUE(contains(text, "thread 3 of group (0, 0, 0) has returned")) << text;
}

TEST(PlantedFault, ABarrierInAKernelThatHasNone) {
  Planted kernel("  BARRIER(k);\n", false);
  EXPECT_EQ(kernel.run(plain()),
            "kernel planted: thread 0 of group (0, 0, 0) waits at planted.h:4, but was launched as "
            "waiting nowhere");
}

// Each barrier of the library's kernels is needed: without it the kernel is refused.

std::vector<std::string> without_each_barrier(std::string_view family) {
  const std::string text(text_of(family));
  std::vector<std::string> variants;
  for (std::size_t at = text.find("BARRIER(k);"); at != std::string::npos;
       at = text.find("BARRIER(k);", at + 1))
    variants.push_back(text.substr(0, at) + text.substr(at + 11));
  return variants;
}

std::string launch(const KernelSource& source, std::vector<std::vector<float>>& buffers,
                   const std::vector<std::uint64_t>& words, Order order) {
  HostDriver driver(kNoCache);
  driver.set(checked(order));
  std::vector<Argument> arguments;
  for (std::vector<float>& b : buffers) arguments.push_back({b.data(), b.size() * sizeof(float)});
  try {
    driver.compile(source)->launch({}, arguments, words);
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "";
}

TEST(PlantedFault, EachBarrierOfReduceIsNeeded) {
  const auto run = [](const std::string& text) {
    SourceBuilder source("reduce_group");
    source.threads(64);
    source.use("scalar");
    source.use("fold");
    source.use_text("reduce.h", text);
    source.parameter("i64", "n");
    source.parameter("i64", "count");
    source.buffer("f32", "in", true);
    source.buffer("f32", "out", false);
    source.member(
        "  typedef FloatSum<f32> Fold;\n  struct Shared {\n    Fold::Acc acc[64];\n  };\n"
        "  static FN Index kept_at(const Params& p, Index o) { return o * (Index)p.count; }\n"
        "  static FN Index reduced_at(const Params&, Index j) { return j; }\n"
        "  static FN f32 value(Buffers b, Index at) { return b.in[at]; }\n"
        "  static FN void store(Buffers b, const Params&, Index o, Fold::Acc a) {\n"
        "    b.out[o] = Fold::total(a);\n  }\n");
    source.shares();
    std::vector<std::vector<float>> buffers = {std::vector<float>(300, 1.0f),
                                               std::vector<float>(3)};
    const std::string fault = launch(source.finish("host"), buffers, {3, 100}, Order::Forward);
    if (fault.empty()) {
      EXPECT_EQ(buffers[1], std::vector<float>(3, 100.0f));
    }
    return fault;
  };
  EXPECT_EQ(run(std::string(text_of("reduce"))), "");
  const std::vector<std::string> variants = without_each_barrier("reduce");
  ASSERT_EQ(variants.size(), 2u);
  for (const std::string& text : variants)
    EXPECT_TRUE(contains(run(text), "with no barrier between"));
}

TEST(PlantedFault, EachBarrierOfMatmulIsNeeded) {
  const auto run = [](const std::string& text) {
    SourceBuilder source("matmul");
    source.use("scalar");
    source.use_text("matmul.h", text);
    for (const char* field :
         {"rows", "columns", "depth", "batches", "a_row", "a_column", "b_row", "b_column"})
      source.parameter("i64", field);
    source.buffer("f32", "a", true);
    source.buffer("f32", "b", true);
    source.buffer("f32", "out", false);
    source.member(
        "  typedef f32 T;\n  struct Shared {\n    f32 a[16 * 17], b[16 * 17];\n  };\n"
        "  static FN Index a_batch(const Params&, Index) { return 0; }\n"
        "  static FN Index b_batch(const Params&, Index) { return 0; }\n");
    source.shares();
    std::vector<std::vector<float>> buffers = {std::vector<float>(20 * 40, 1.0f),
                                               std::vector<float>(40 * 18, 2.0f),
                                               std::vector<float>(20 * 18)};
    const std::string fault =
        launch(source.finish("host"), buffers, {20, 18, 40, 1, 40, 1, 18, 1}, Order::Forward);
    if (fault.empty()) {
      EXPECT_EQ(buffers[2], std::vector<float>(20 * 18, 80.0f));
    }
    return fault;
  };
  EXPECT_EQ(run(std::string(text_of("matmul"))), "");
  const std::vector<std::string> variants = without_each_barrier("matmul");
  ASSERT_EQ(variants.size(), 2u);
  for (const std::string& text : variants)
    EXPECT_TRUE(contains(run(text), "with no barrier between"));
}

}  // namespace
}  // namespace ingot::gpu
