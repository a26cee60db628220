// The kernels' text for Metal, as far as a machine without Metal can check it: Clang's front end
// for C++ for OpenCL, with a <metal_stdlib> of our own (tests/msl/check), knows the address spaces
// and reads the same grammar; and the same text runs on the host driver's executor with another one
// (tests/msl/run). They tell what is not the dialect; they are not Metal's compiler.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "backend/gpu/drivers/host/compiler.h"
#include "backend/gpu/drivers/host/host_driver.h"
#include "support/kernel_texts.h"
#include "support/nightly.h"
#include "support/sanitized.h"
#include "support/source_dir.h"

namespace ingot {
namespace {

// The first of these that there is.
const std::string& clang() {
  static const std::string found = [] {
    std::string output;
    for (const char* name : {"clang", "clang-19", "clang-18", "clang-17", "clang-16"})
      if (gpu::run_program({name, "-x", "cl", "-cl-std=clc++2021", "-fsyntax-only", "/dev/null"},
                           output))
        return std::string(name);
    return std::string();
  }();
  return found;
}

// What Clang says of a text; empty when it says nothing.
std::string complaints(const std::string& text) {
  const gpu::ScratchFolder folder;
  const std::string file = folder.file("kernel.metal");
  std::ofstream(file) << text;
  std::string output;
  const bool fine = gpu::run_program(
      {clang(), "-x", "cl", "-cl-std=clc++2021", "--target=spir64", "-cl-no-stdinc", "-Xclang",
       "-cl-ext=-all,+cl_khr_fp16,+__opencl_c_generic_address_space", "-nostdinc", "-isystem",
       testing::source_dir() + "/tests/msl/check", "-Wno-unknown-pragmas",
       "-Werror=unknown-attributes", "-Werror=undefined-inline", "-fsyntax-only", file},
      output);
  return fine ? "" : output.empty() ? "clang does not run" : output;
}

TEST(GpuMsl, EveryKernelIsRead) {
  if (clang().empty()) GTEST_SKIP() << "no clang that reads C++ for OpenCL 2021";
  const std::size_t every = test::nightly() ? 1 : test::kSanitized ? 64 : 5;
  const std::vector<gpu::KernelSource> texts = test::kernel_texts("metal", false, every);
  EXPECT_GT(texts.size(), every == 64 ? 10u : 100u);
  for (const gpu::KernelSource& source : texts) {
    const std::string said = complaints(source.text);
    EXPECT_EQ(said, "") << source.name;
    if (!said.empty()) break;
  }
}

// What Metal refuses is refused here.
TEST(GpuMsl, WhatIsNotTheDialectIsRefused) {
  if (clang().empty()) GTEST_SKIP() << "no clang that reads C++ for OpenCL 2021";
  const std::string prelude(gpu::text_of("dialect/metal"));
  const auto kernel = [&](const std::string& body) {
    return prelude + "FN f32 twice(THREAD f32& x) { return x + x; }\n" +
           "kernel void k(device f32* a [[buffer(0)]], constant f32& p [[buffer(1)]]) {\n" + body +
           "\n}\n";
  };
  EXPECT_EQ(complaints(kernel("f32 x = p; a[0] = twice(x);")), "");
  for (const char* body : {
           "a[0] = twice(a[1]);",                     // a device's memory as a thread's
           "threadgroup f32* s = a; s[0] = 1;",       // a device's as a group's
           "p = 1;",                                  // constants are not written
           "a[0] = m_erfc(p);",                       // there is no such function
           "a[0] = printf(\"\");",                    //
           "const f32* x = a; constant f32* y = x;",  // lost on the way
       })
    EXPECT_NE(complaints(kernel(body)), "") << body;
  EXPECT_NE(complaints(prelude + "kernel void k(device f32* a [[bufer(0)]]) {}\n"), "");
}

// -- Running it -----------------------------------------------------------------------------------

class MslDriver final : public gpu::HostDriver {
 public:
  MslDriver() : HostDriver(gpu::kernel_cache_folder()) {
    std::ostringstream text;
    text << std::ifstream(testing::source_dir() + "/tests/msl/run/metal_stdlib.h").rdbuf();
    words_ = text.str();
  }
  std::string_view dialect() const override { return "metal"; }
  bool has_float64() const override { return false; }
  std::shared_ptr<const gpu::Pipeline> compile(const gpu::KernelSource& source) override {
    gpu::KernelSource run = source;
    const std::string shared = "  threadgroup G::Shared s;\n";
    const std::size_t at = run.text.find(shared);
    EXPECT_EQ(at != std::string::npos, source.synchronises);
    if (source.synchronises)
      run.text.replace(at, shared.size(), "  G::Shared& s = *(G::Shared*)host_shared;\n");
    std::string buffers;
    for (std::uint32_t i = 0; i < source.num_buffers; ++i)
      buffers += fmt::format("HostBuffer{{buffers[{}]}}, ", i);
    run.text += fmt::format(
        "#undef ingot_kernel\nHOST_EXPORT const u64 ingot_kernel_shared_nbytes;\n"
        "const u64 ingot_kernel_shared_nbytes = {};\n"
        "HOST_EXPORT void ingot_kernel(const host::Ctx* k, void* const* buffers, const void* "
        "parameters, void* shared) {{\n"
        "  host_now = k;\n  host_shared = shared;\n"
        "  msl_kernel({}*(Params*)parameters, uint3{{k->tid, 0, 0}}, uint3{{k->nthreads, 1, 1}},\n"
        "             uint3{{k->gx, k->gy, k->gz}}, uint3{{k->ngx, k->ngy, k->ngz}}, k->lane, "
        "k->warp);\n}}\n",
        source.synchronises ? "sizeof(G::Shared)" : "0", buffers);
    return HostDriver::compile(run);
  }

 protected:
  std::string prelude() const override {
    std::string metal(gpu::text_of("dialect/metal"));
    const std::string include = "#include <metal_stdlib>\n";
    metal.replace(metal.find(include), include.size(), "");
    return fmt::format("namespace host {{\n{}\n}}\n{}{}", gpu::text_of("dialect/host"), words_,
                       metal);
  }

 private:
  std::string words_;
};

// In the host's memory. What Metal has no kernel for the reference computes.
class MslBackend final : public gpu::GpuBackend {
 public:
  MslBackend() : GpuBackend(std::make_unique<MslDriver>()) {}
  std::string_view name() const override { return "msl"; }
  Allocator& allocator() override { return host_allocator(); }
  bool supports(const StepDesc& step) const override {
    return GpuBackend::supports(step) ||
           (step.op && !step.op->expand && reference_backend().supports(step));
  }
  void choose_layouts(StepDesc& step) const override {
    step.program || GpuBackend::supports(step) ? GpuBackend::choose_layouts(step)
                                               : reference_backend().choose_layouts(step);
  }
  std::unique_ptr<Kernel> lower(const StepDesc& step) const override {
    return step.program || GpuBackend::supports(step) ? GpuBackend::lower(step)
                                                      : reference_backend().lower(step);
  }
};

// Every 29th case in one dtype and layout; `nightly` takes all of them.
class GpuMslRun : public ::testing::TestWithParam<std::size_t> {};
TEST_P(GpuMslRun, AgreesWithReference) {
  using namespace optest;
  static MslBackend msl;
  const OpCase& op = all_op_cases()[GetParam()];
  std::vector<DType> dtypes = dtypes_of(op);
  std::erase(dtypes, DType::Float64);
  if (dtypes.empty()) return;
  const std::vector<Layout> layouts = layouts_of(op);
  const DType dtype = dtypes[GetParam() % dtypes.size()];
  const Layout layout = layouts[GetParam() % layouts.size()];
  SCOPED_TRACE(label(op, dtype, layout));
  const std::vector<HostValues> inputs = case_inputs(op, dtype, layout);
  const CaseResult expected =
      run_case_on(op, inputs, Layout::Contiguous, {.backend = &reference_backend(), .eager = true});
  const CaseResult got = run_case_on(op, inputs, layout, {.backend = &msl});
  EXPECT_PRED1(agrees, compare(op, dtype, got, expected));
}
std::string case_name(const ::testing::TestParamInfo<std::size_t>& info) {
  return optest::identifier(optest::all_op_cases()[info.param]);
}
INSTANTIATE_TEST_SUITE_P(Cases, GpuMslRun,
                         ::testing::Range<std::size_t>(0, optest::all_op_cases().size(),
                                                       test::nightly()    ? 1
                                                       : test::kSanitized ? 97
                                                                          : 29),
                         case_name);

}  // namespace
}  // namespace ingot
