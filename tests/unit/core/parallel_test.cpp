#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

namespace ingot {
namespace {

class RestoreThreads {
 public:
  ~RestoreThreads() { set_num_threads(previous_); }

 private:
  int previous_ = num_threads();
};

std::vector<std::pair<std::int64_t, std::int64_t>> pieces_of(std::int64_t begin, std::int64_t end,
                                                             std::int64_t grain) {
  std::mutex mutex;
  std::set<std::pair<std::int64_t, std::int64_t>> pieces;
  parallel_for(begin, end, grain, [&](std::int64_t first, std::int64_t last) {
    const std::lock_guard lock(mutex);
    pieces.emplace(first, last);
  });
  return {pieces.begin(), pieces.end()};
}

TEST(ParallelFor, CoversTheRangeOnceAndSplitsBySizeAlone) {
  const RestoreThreads restore;
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    for (const std::int64_t count : {0, 1, 5, 10, 11, 100, 1001}) {
      const auto pieces = pieces_of(3, 3 + count, 10);
      std::int64_t next = 3;
      for (const auto& [first, last] : pieces) {
        EXPECT_EQ(first, next);
        EXPECT_LT(first, last);
        next = last;
      }
      EXPECT_EQ(next, 3 + count);
      EXPECT_LE(static_cast<std::int64_t>(pieces.size()), threads * kPiecesPerThread);
      if (count <= 10) {
        EXPECT_LE(pieces.size(), 1u);
      }
      EXPECT_EQ(pieces, pieces_of(3, 3 + count, 10));
    }
  }
}

TEST(ParallelFor, IsSerialBelowTheThresholdAndInsideAPiece) {
  const RestoreThreads restore;
  set_num_threads(4);
  const auto caller = std::this_thread::get_id();
  parallel_for(0, kParallelNumel, grain_for(1), [&](std::int64_t first, std::int64_t last) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(last - first, kParallelNumel);
  });
  std::atomic<int> calls{0};
  parallel_for(0, 4, 1, [&](std::int64_t, std::int64_t) {
    EXPECT_EQ(num_threads(), 1);
    parallel_for(0, 1000, 1, [&](std::int64_t first, std::int64_t last) {
      EXPECT_EQ(last - first, 1000);
      ++calls;
    });
  });
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(num_threads(), 4);
}

TEST(ParallelFor, RethrowsAnErrorOfAPiece) {
  const RestoreThreads restore;
  set_num_threads(3);
  EXPECT_THROW(parallel_for(0, 9, 1,
                            [](std::int64_t first, std::int64_t) {
                              if (first > 0) throw std::runtime_error("piece");
                            }),
               std::runtime_error);
  std::atomic<std::int64_t> sum{0};
  parallel_for(0, 9, 1, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
  EXPECT_EQ(sum, 9);
}

TEST(ParallelFor, WorksFromManyThreadsAtOnce) {
  const RestoreThreads restore;
  set_num_threads(3);
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> total{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k)
        parallel_for(0, 100, 1,
                     [&](std::int64_t first, std::int64_t last) { total += last - first; });
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(total, 4 * 50 * 100);
}

TEST(ThreadLimit, HoldsForItsThreadAndItsLife) {
  const RestoreThreads restore;
  set_num_threads(4);
  {
    const ThreadLimit one(1);
    EXPECT_EQ(num_threads(), 1);
    EXPECT_EQ(pieces_of(0, 100, 1).size(), 1u);
    const ThreadLimit two(2);
    EXPECT_EQ(num_threads(), 1);
    std::thread([] { EXPECT_EQ(num_threads(), 4); }).join();
  }
  EXPECT_EQ(num_threads(), 4);
  EXPECT_THROW(set_num_threads(0), ValueError);
  EXPECT_THROW(ThreadLimit(0), ValueError);
}

#if defined(__linux__)
// Ingot's loops and oneDNN's must share one OpenMP runtime: two of them would fight for the cores.
TEST(ParallelRuntime, AtMostOneOpenMpIsLoaded) {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> runtimes;
  for (std::string line; std::getline(maps, line);) {
    const std::string file = line.substr(line.rfind('/') + 1);
    for (const char* runtime : {"libgomp", "libomp", "libiomp5"})
      if (file.starts_with(runtime)) runtimes.insert(runtime);
  }
  EXPECT_LE(runtimes.size(), 1u) << *runtimes.begin() << " and " << *runtimes.rbegin();
}
#endif

}  // namespace
}  // namespace ingot
