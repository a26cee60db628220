// Mixing of 64-bit hashes. Not cryptographic: every use compares whole structures after a match.
#pragma once

#include <cstdint>
#include <string_view>

namespace ingot {

constexpr std::uint64_t hash_mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9E3779B97F4A7C15ull;
  h *= 0xBF58476D1CE4E5B9ull;
  return h ^ (h >> 29);
}

/// FNV-1a, 64 bit.
constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325ull;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return h;
}

}  // namespace ingot
