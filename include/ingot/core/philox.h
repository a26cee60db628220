// Philox 4x32-10, a counter-based random number generator: the n-th block depends on (key, counter)
// alone, so any device and any thread count give the same numbers.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace ingot {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// Four random words of block `counter` (low 64 bits) of stream `stream` (high 64 bits) for `seed`.
constexpr PhiloxBlock philox4x32(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  constexpr std::uint32_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  std::uint32_t c0 = static_cast<std::uint32_t>(counter);
  std::uint32_t c1 = static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream);
  std::uint32_t c3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed);
  std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(kMul0) * c0;
    const std::uint64_t p1 = static_cast<std::uint64_t>(kMul1) * c2;
    const auto n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const auto n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return {c0, c1, c2, c3};
}

/// Element `i` of the sequence that starts at element `offset`: word i%4 of block (offset + i)/4.
constexpr std::uint32_t philox_word(std::uint64_t seed, std::uint64_t index) {
  return philox4x32(seed, 0, index / 4)[index % 4];
}

/// Uniform in [0, 1): the upper 24 bits times 2^-24, exact in float32.
constexpr float uniform_from_bits(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

}  // namespace ingot
