// What this machine's kernels come from, for reports.
#include <ingot/core/version.h>

#include <fmt/format.h>

#include "backend/cpu/onednn_compat.h"
#include "backend/cpu/simd.h"
// After the settings.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace ingot {

std::vector<std::pair<std::string, std::string>> versions() {
  const dnnl_version_t* dnnl = dnnl_version();
#if defined(__clang__)
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  const std::string compiler =
      fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  // The best target has the lowest bit among those that were compiled and that the machine has.
  const auto targets = static_cast<std::int64_t>(hwy::SupportedTargets()) & (HWY_TARGETS);
  return {{"ingot", version()},
          {"compiler", compiler},
          {"onednn", fmt::format("{}.{}.{}", dnnl->major, dnnl->minor, dnnl->patch)},
          {"highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH)},
          {"simd", hwy::TargetName(targets & -targets)}};
}

}  // namespace ingot
