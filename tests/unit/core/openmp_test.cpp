// Rule 22: one OpenMP runtime in the process, however many libraries use one. Two of them would
// each keep a pool of threads and fight over the cores.
#include <gtest/gtest.h>

#ifdef __linux__
#include <dlfcn.h>
#include <link.h>

#include <set>
#include <string>

#include <ingot/core/parallel.h>
#include <ingot/ops/conv.h>
#include <ingot/ops/creation.h>
#include <ingot/ops/matmul.h>

namespace ingot {
namespace {

std::set<std::string> loaded_libraries() {
  std::set<std::string> names;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        static_cast<std::set<std::string>*>(context)->insert(info->dlpi_name);
        return 0;
      },
      &names);
  return names;
}

std::set<std::string> openmp_runtimes(const std::set<std::string>& libraries) {
  std::set<std::string> found;
  for (const std::string& path : libraries) {
    const std::string file = path.substr(path.rfind('/') + 1);
    for (const char* runtime : {"libgomp.", "libomp.", "libomp5.", "libiomp5."})
      if (file.rfind(runtime, 0) == 0) found.insert(file);
  }
  return found;
}

TEST(Rule22, KnowsTheRuntimesByName) {
  const std::set<std::string> libraries{"",
                                        "/usr/lib/libgomp.so.1",
                                        "/opt/llvm/libomp.so.5",
                                        "libiomp5.so",
                                        "/usr/lib/libgompx.so",
                                        "/lib/libc.so.6"};
  EXPECT_EQ(openmp_runtimes(libraries),
            (std::set<std::string>{"libgomp.so.1", "libomp.so.5", "libiomp5.so"}));
}

TEST(Rule22, OnlyOneOpenMPRuntimeIsLoaded) {
  // Whatever a kernel provider loads late is loaded after these.
  const Tensor product = matmul(ones({256, 256}), ones({256, 256}));
  EXPECT_EQ(product.to_vector<float>(), std::vector<float>(256 * 256, 256.f));
  const Tensor image = conv2d(ones({4, 8, 32, 32}), ones({16, 8, 3, 3}));
  EXPECT_EQ(image.to_vector<float>(), std::vector<float>(4 * 16 * 30 * 30, 72.f));

  const std::set<std::string> libraries = loaded_libraries();
  ASSERT_GE(libraries.size(), 3u) << "this program and at least the C and C++ libraries";
  const std::set<std::string> runtimes = openmp_runtimes(libraries);
  EXPECT_LE(runtimes.size(), 1u) << testing::PrintToString(runtimes);
}

// A program's own `#pragma omp` loops have as many threads after a computation as before it.
TEST(Rule22, TheProgramsLoopsKeepTheirThreads) {
  (matmul(ones({256, 256}), ones({256, 256}))).eval();  // by now the runtime is loaded
  const auto get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  ASSERT_EQ(get != nullptr, !openmp_runtimes(loaded_libraries()).empty());
  if (!get) return;  // a oneDNN with threads of its own
  const int before = get();
  for (const int threads : {1, 3, 7}) {
    set(threads);
    for (const std::int64_t batch : {1, 4, 5, 16}) {
      conv2d(ones({batch, 8, 32, 32}), ones({16, 8, 3, 3})).eval();
      EXPECT_EQ(get(), threads) << "a convolution of batch " << batch;
      const Tensor x = ones({64 * batch + 1, 300}), w = ones({300, 200});
      matmul(x, w).eval();
      EXPECT_EQ(get(), threads) << "a product of " << x.size(0) << " rows";
    }
  }
  set(before);
}

}  // namespace
}  // namespace ingot
#endif
