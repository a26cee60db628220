#include "data/md5.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace ingot::data {
namespace {

/// The 64 constants: the first 32 bits of the fraction of |sin(i + 1)|.
const std::array<std::uint32_t, 64>& sines() {
  static const auto table = [] {
    std::array<std::uint32_t, 64> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<std::uint32_t>(
          std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    return values;
  }();
  return table;
}

constexpr int kTurns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

}  // namespace

void Md5::block(const std::uint8_t* bytes) {
  std::array<std::uint32_t, 16> word{};
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t b = 0; b < 4; ++b)
      word[i] |= static_cast<std::uint32_t>(bytes[4 * i + b]) << (8 * b);
  auto [a, b, c, d] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t round = i / 16;
    std::uint32_t mixed;
    std::size_t from;
    if (round == 0) {
      mixed = (b & c) | (~b & d);
      from = i;
    } else if (round == 1) {
      mixed = (b & d) | (c & ~d);
      from = (5 * i + 1) % 16;
    } else if (round == 2) {
      mixed = b ^ c ^ d;
      from = (3 * i + 5) % 16;
    } else {
      mixed = c ^ (b | ~d);
      from = 7 * i % 16;
    }
    const std::uint32_t sum = a + mixed + word[from] + sines()[i];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kTurns[round][i % 4]);
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
}

void Md5::add(const void* data, std::size_t nbytes) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  while (nbytes > 0) {
    const auto filled = static_cast<std::size_t>(nbytes_ % 64);
    const std::size_t count = std::min(nbytes, 64 - filled);
    std::copy_n(bytes, count, pending_.begin() + static_cast<std::ptrdiff_t>(filled));
    nbytes_ += count;
    bytes += count;
    nbytes -= count;
    if (filled + count == 64) block(pending_.data());
  }
}

std::string Md5::finish() {
  const std::uint64_t bits = nbytes_ * 8;
  const std::uint8_t one = 0x80, zero = 0;
  add(&one, 1);
  while (nbytes_ % 64 != 56) add(&zero, 1);
  std::array<std::uint8_t, 8> length{};
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(bits >> (8 * i));
  add(length.data(), length.size());
  std::string text;
  for (const std::uint32_t word : state_)
    for (int b = 0; b < 4; ++b) text += fmt::format("{:02x}", (word >> (8 * b)) & 0xff);
  return text;
}

}  // namespace ingot::data
