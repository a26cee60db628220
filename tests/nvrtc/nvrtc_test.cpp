// The kernels' text for CUDA through NVRTC to PTX and through ptxas, without a GPU. NVRTC is
// $INGOT_NVRTC (the library's file) or found by the loader; ptxas is on the PATH or beside a CUDA
// toolkit. By hand (ctest -C ByHand): few machines have them, and it takes minutes.
#include <gtest/gtest.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>
#include <vector>

#include "backend/gpu/drivers/host/compiler.h"
#include "support/kernel_texts.h"

namespace ingot {
namespace {

// The few functions of NVRTC that are needed, by the types of its documentation.
class Nvrtc {
 public:
  Nvrtc() {
    const char* given = std::getenv("INGOT_NVRTC");  // NOLINT(concurrency-mt-unsafe)
    for (const char* file : {given, "libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
                             "/usr/local/cuda/lib64/libnvrtc.so"})
      if (file && !library_) library_ = dlopen(file, RTLD_NOW);
    if (!library_) return;
    create_ = find<Create>("nvrtcCreateProgram");
    compile_ = find<Compile>("nvrtcCompileProgram");
    log_size_ = find<Size>("nvrtcGetProgramLogSize");
    log_ = find<Text>("nvrtcGetProgramLog");
    ptx_size_ = find<Size>("nvrtcGetPTXSize");
    ptx_ = find<Text>("nvrtcGetPTX");
    destroy_ = find<Destroy>("nvrtcDestroyProgram");
  }
  bool is_there() const { return library_ != nullptr; }

  /// The PTX, or what the compiler says.
  bool compile(const std::string& text, const std::string& architecture,
               std::string& result) const {
    void* program = nullptr;
    create_(&program, text.c_str(), "kernel.cu", 0, nullptr, nullptr);
    const std::string target = "--gpu-architecture=compute_" + architecture;
    const std::vector<const char*> flags = {target.c_str(), "--std=c++17",     "--fmad=false",
                                            "--ftz=false",  "--prec-div=true", "--prec-sqrt=true"};
    const bool fine = compile_(program, static_cast<int>(flags.size()), flags.data()) == 0;
    std::size_t size = 0;
    (fine ? ptx_size_ : log_size_)(program, &size);
    result.resize(size);
    (fine ? ptx_ : log_)(program, result.data());
    while (!result.empty() && result.back() == '\0') result.pop_back();
    destroy_(&program);
    return fine;
  }

 private:
  using Create = int (*)(void**, const char*, const char*, int, const char* const*,
                         const char* const*);
  using Compile = int (*)(void*, int, const char* const*);
  using Size = int (*)(void*, std::size_t*);
  using Text = int (*)(void*, char*);
  using Destroy = int (*)(void**);

  template <class F>
  F find(const char* name) const {
    return reinterpret_cast<F>(dlsym(library_, name));
  }

  void* library_ = nullptr;
  Create create_ = nullptr;
  Compile compile_ = nullptr;
  Size log_size_ = nullptr, ptx_size_ = nullptr;
  Text log_ = nullptr, ptx_ = nullptr;
  Destroy destroy_ = nullptr;
};

std::string ptxas() {
  std::string output;
  for (const char* program : {"ptxas", "/usr/local/cuda/bin/ptxas"})
    if (gpu::run_program({program, "--version"}, output)) return program;
  return {};
}

int number_in(const std::string& text, const char* pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? std::stoi(match[1]) : 0;
}

TEST(Nvrtc, EveryKernelCompilesAndSpillsNothing) {
  const Nvrtc nvrtc;
  ASSERT_TRUE(nvrtc.is_there()) << "no NVRTC: say where it is in INGOT_NVRTC";
  const std::string assembler = ptxas();
  ASSERT_FALSE(assembler.empty()) << "no ptxas on the PATH or in /usr/local/cuda/bin";
  const std::vector<gpu::KernelSource> texts = test::kernel_texts("cuda", true, 1);
  EXPECT_GT(texts.size(), 300u);
  int most_registers = 0, compiled = 0;
  std::string where;
  for (const gpu::KernelSource& source : texts)
    for (const std::string architecture : {"80", "90"}) {
      std::string ptx;
      ASSERT_TRUE(nvrtc.compile(source.text, architecture, ptx)) << source.name << ":\n" << ptx;
      const gpu::ScratchFolder folder;
      const std::string file = folder.file("kernel.ptx");
      std::ofstream(file) << ptx;
      std::string said;
      ASSERT_TRUE(gpu::run_program(
          {assembler, "-v", "-arch=sm_" + architecture, file, "-o", folder.file("kernel.cubin")},
          said))
          << source.name << ":\n"
          << said;
      EXPECT_EQ(number_in(said, "(\\d+) bytes spill stores"), 0) << source.name << ":\n" << said;
      const int registers = number_in(said, "Used (\\d+) registers");
      if (registers > most_registers) {
        most_registers = registers;
        where = source.name + " on sm_" + architecture;
      }
      ++compiled;
    }
  std::cout << compiled << " kernels; most registers: " << most_registers << " (" << where << ")\n";
}

}  // namespace
}  // namespace ingot
