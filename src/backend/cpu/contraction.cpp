#include "backend/cpu/contraction.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include <ingot/core/error.h>

namespace ingot::cpu {

std::span<const ContractionProvider* const> contraction_providers() {
  static const std::vector<const ContractionProvider*> chosen = [] {
    std::vector<const ContractionProvider*> all{&onednn_provider()};
#if defined(INGOT_HAVE_CBLAS)
    all.push_back(&cblas_provider());
#endif
    all.push_back(&own_provider());
    const char* text = std::getenv("INGOT_CPU_PROVIDER");  // NOLINT(concurrency-mt-unsafe)
    if (!text || !*text) return all;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i]->name() == text)
        return std::vector(all.begin() + static_cast<std::ptrdiff_t>(i), all.end());
    std::string names;
    for (const auto* p : all) names += fmt::format("{}{}", names.empty() ? "" : ", ", p->name());
    throw ValueError(fmt::format("INGOT_CPU_PROVIDER is '{}'; this build has {}", text, names));
  }();
  return chosen;
}

std::unique_ptr<Kernel> lower_matmul(const MatmulDesc& desc) {
  for (const auto* provider : contraction_providers())
    if (auto kernel = provider->matmul(desc)) return kernel;
  return nullptr;
}

std::unique_ptr<Kernel> lower_convolution(const ConvDesc& desc) {
  for (const auto* provider : contraction_providers())
    if (auto kernel = provider->convolution(desc)) return kernel;
  return nullptr;
}

}  // namespace ingot::cpu
