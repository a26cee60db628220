// Dot products of long vectors: what a matrix product with few results is made of.
#pragma once

#include <cstdint>

namespace ingot::cpu {

/// Elements of a block, each of whose chains is kDotBlock / 64 products long.
inline constexpr std::int64_t kDotBlock = 4096;

/// Σ a[i] · b[i] over count ≤ kDotBlock elements: in 64 chains, joined pairwise.
double dot_block(const float* a, const float* b, std::int64_t count);

}  // namespace ingot::cpu
