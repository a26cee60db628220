#include "backend/gpu/check_launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backend/gpu/collapse.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"

namespace ingot::gpu {
namespace {

constexpr std::uint32_t kThreads = 256;
constexpr std::size_t kReportNbytes = 16;

// An element of the work type as u64.
std::string bits_of(DType t) {
  return t == DType::Float64 ? "as_u64(x)" : is_floating(t) ? "(u64)as_u32(x)" : "(u64)x";
}

Launch launch_check(const StepDesc& step, Driver& driver, const Check& check, std::size_t report) {
  const TensorDesc& in = step.inputs[check.input];
  Launch launch;
  SourceBuilder source("check");
  launch.what = "check";
  const std::size_t extent = extent_nbytes(in) / nbytes_of(in.dtype);
  source.index_64(needs_index_64(std::max(extent, static_cast<std::size_t>(in.numel()))));
  for (const char* family : {"scalar", "check"}) source.use(family);
  source.threads(kThreads);
  source.buffer(type_name(in.dtype), "in", true);
  source.buffer("i64", "report", false);
  launch.operands = {{check.input, extent_nbytes(in), 0},
                     {step.inputs.size() + step.outputs.size(), kReportNbytes, report}};
  add_number(source, launch, "n", in.numel());
  for (const auto& [name, value] : check.numbers) add_number(source, launch, name, value);
  Walk walk;
  for (int d = 0; d < in.shape.rank(); ++d) walk.push(in.shape[d], in.strides[d]);
  add_walk(source, launch, "at", walk.sizes, walk.strides);
  source.member(
      fmt::format("  static FN bool fits(Buffers b, CONSTANT const Params& p, Index at) {{\n"
                  "    const {0} x = widen(b.in[at]);\n    (void)p;\n    return {1};\n  }}\n"
                  "  static FN i64 bits(Buffers b, Index at) {{\n"
                  "    const {0} x = widen(b.in[at]);\n    return (i64){2};\n  }}\n"
                  "  struct Shared {{\n    Index first[{3}];\n  }};\n",
                  work_name(in.dtype), check.fits, bits_of(in.dtype), kThreads));
  source.shares();
  launch.pipeline = driver.compile(source.finish(driver.dialect()));
  return launch;
}

}  // namespace

Check range_check(std::size_t input, std::int64_t low, std::int64_t high) {
  return {input, "x >= p.low && x < p.high", {{"low", low}, {"high", high}}};
}

void add_checks(const StepDesc& step, Driver& driver, const std::vector<Check>& checks,
                Workspace& workspace, std::vector<Launch>& launches,
                std::function<void(std::size_t, const Misfit&)> fail) {
  struct Report {
    std::size_t check, offset;
    std::int64_t n;
  };
  std::vector<Report> reports;
  for (std::size_t c = 0; c < checks.size(); ++c) {
    const std::int64_t n = step.inputs[checks[c].input].numel();
    if (n == 0) continue;
    reports.push_back({c, workspace.take(kReportNbytes), n});
    launches.push_back(launch_check(step, driver, checks[c], reports.back().offset));
  }
  if (reports.empty()) return;
  launches.back().verdict = [reports, fail = std::move(fail)](const std::byte* memory) {
    const Report* worst = nullptr;
    Misfit misfit;
    for (const Report& r : reports) {
      Misfit found;
      std::memcpy(&found, memory + r.offset, sizeof(found));
      if (found.number >= r.n || (worst && found.number >= misfit.number)) continue;
      worst = &r;
      misfit = found;
    }
    if (worst) fail(worst->check, misfit);
  };
}

}  // namespace ingot::gpu
