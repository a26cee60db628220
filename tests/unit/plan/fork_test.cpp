// A process that is forked after a device was used has the device's tensors, but not its thread: it
// computes on the cpu, and is told so where it needs the device. It never hangs.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>
#include <ingot/core/stream.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/elementwise.h>
#include <ingot/ops/matmul.h>
#include <ingot/ops/reduction.h>

#include "core/sanitizers.h"
#include "support/twin_scope.h"

namespace ingot {
namespace {

using test::kOtherTwin;
using test::kTwin;
using test::TwinScope;
using V = std::vector<float>;

// ThreadSanitizer allows no threads in a process that was forked from one with threads.
#if !defined(INGOT_THREAD_SANITIZER)

// What `child` returns, from a process of its own; -1 when it did not end by itself in time.
int in_child(const std::function<int()>& child) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);  // kills a child that hangs
    int code = 99;
    try {
      code = child();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "in the child: %s\n", e.what());
    }
    std::_Exit(code);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// 0 when f() throws a DeviceLostError that says why.
template <class F>
int refused(F f) {
  try {
    f();
  } catch (const DeviceLostError& e) {
    const std::string text = e.what();
    return text.find("twin:0 cannot be used in a forked process") == std::string::npos ? 2 : 0;
  }
  return 1;
}

TEST(Fork, AChildComputesOnTheCpuAndIsToldOfTheDevice) {
  for (const bool in_flight : {false, true}) {
    SCOPED_TRACE(in_flight ? "with steps in flight" : "at rest");
    TwinOptions slow;
    slow.max_delay_us = 2000;
    const TwinScope twin(in_flight ? slow : TwinOptions{});
    const Tensor there = ones({64}).to(kTwin);
    const Tensor here = ones({64});
    eval({there, here});
    if (!in_flight) synchronize();
    Tensor y = there;
    for (int i = 0; in_flight && i < 8; ++i) y = (y + 1).eval();
    const Tensor back = (there * 2).cpu().eval();  // on its way to the host
    if (!in_flight) synchronize();
    EXPECT_EQ(in_child([&] {
                // The device first or the cpu first, what was recorded before or after.
                if ((here * 3).sum().item<float>() != 192.f) return 3;
                if (const int code = refused([&] { (there + 1).to_vector<float>(); })) return code;
                if (const int code = refused([&] { y.to_vector<float>(); })) return 10 + code;
                if (const int code = refused([&] { here.to(kTwin).eval(); })) return 20 + code;
                if (const int code = refused([&] { synchronize(kTwin); }); code > 1) return code;
                if ((here * 3).sum().item<float>() != 192.f) return 4;
                if (!in_flight && back.to_vector<float>() != V(64, 2.f)) return 5;
                return 0;
              }),
              0);
    EXPECT_EQ(in_child([&] { return refused([&] { y.to_vector<float>(); }); }), 0);
    EXPECT_EQ(in_child([&] {
                const Tensor lost = there + 1, fine = here + 1;
                const int code = refused([&] {
                  eval({lost, fine});  // submitted, as ever
                  lost.to_vector<float>();
                });
                return code ? code : fine.to_vector<float>() == V(64, 2.f) ? 0 : 6;
              }),
              0);
    // The parent goes on.
    EXPECT_EQ(back.to_vector<float>(), V(64, 2.f));
    EXPECT_EQ(y.to_vector<float>(), V(64, in_flight ? 9.f : 1.f));
  }
}

// The threads of the cpu's loops, and of the libraries that it calls, do not survive either.
TEST(Fork, TheCpuGoesOnWithItsThreads) {
  const Tensor x = ones({2, 8, 32, 32}), w = ones({8, 8, 3, 3}), m = ones({256, 256});
  const auto compute = [&] {
    return conv2d(x, w).sum().item<float>() + matmul(m, m).sum().item<float>() +
           ones({1 << 20}).exp().log().sum().item<float>();
  };
  const float expected = compute();
  EXPECT_EQ(in_child([&] { return compute() == expected ? 0 : 1; }), 0);
  EXPECT_EQ(in_child([&] { return in_child([&] { return compute() == expected ? 0 : 1; }); }), 0)
      << "a child's child";
  EXPECT_EQ(compute(), expected);
}

#endif

}  // namespace
}  // namespace ingot
