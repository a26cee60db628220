#include "backend/cpu/contraction.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include <ingot/core/error.h>

#include "backend/cpu/depthwise_weight.h"
#include "backend/cpu/direct_conv.h"
#include "backend/cpu/split_contraction.h"

namespace ingot::cpu {

std::span<const ContractionProvider* const> contraction_providers() {
  static const auto* const chosen = new std::vector(  // outlives every thread
      [] {
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
        for (const auto* p : all)
          names += fmt::format("{}{}", names.empty() ? "" : ", ", p->name());
        throw ValueError(fmt::format("INGOT_CPU_PROVIDER is '{}'; this build has {}", text, names));
      }());
  return *chosen;
}

namespace {

std::unique_ptr<Kernel> lower_whole_matmul(const MatmulDesc& desc) {
  for (const auto* provider : contraction_providers())
    if (auto kernel = provider->matmul(desc)) return kernel;
  return nullptr;
}

// oneDNN's channels-last convolutions add up all products of an output in one chain, our direct one
// in chains of 144. Relative error of y against float64, normal weights, 3×3 kernels: with 64 input
// channels 3.1e-7 against 1.5e-7, with 512 channels 6.8e-7 against 1.8e-7. An error in y that turns
// the sign of a value just before a ReLU turns up a thousand times larger in a gradient, so forward
// convolutions with long sums are ours; in the gradients there is nothing to turn.
constexpr std::int64_t kLongSum = 128;

bool wants_short_chains(const ConvDesc& desc) {
  const Shape& w = desc.weight.shape;
  return desc.kind == ConvKind::Forward && w[1] * w[2] * w[3] > kLongSum &&
         contraction_providers().front() == &onednn_provider();
}

std::unique_ptr<Kernel> lower_whole_convolution(const ConvDesc& desc) {
  if (auto kernel = lower_depthwise_weight(desc)) return kernel;
  if (wants_short_chains(desc))
    if (auto kernel = lower_direct_convolution(desc)) return kernel;
  for (const auto* provider : contraction_providers())
    if (auto kernel = provider->convolution(desc)) return kernel;
  return nullptr;
}

}  // namespace

std::unique_ptr<Kernel> lower_matmul(const MatmulDesc& desc) {
  if (auto kernel = lower_split_matmul(desc, lower_whole_matmul)) return kernel;
  return lower_whole_matmul(desc);
}

std::unique_ptr<Kernel> lower_convolution(const ConvDesc& desc) {
  if (auto kernel = lower_split_convolution(desc, lower_whole_convolution)) return kernel;
  return lower_whole_convolution(desc);
}

}  // namespace ingot::cpu
