// Whether random numbers keep their bits under the compiler flags that this file was built with:
// the build makes it several times (tests/CMakeLists.txt), with and without contraction of a * b +
// c. From core/random_math.h alone; the bits are those of tests/fixtures/make_random_fixtures.py.
//
// Usage: random_bits_… FIXTURE contracted|separate      (what the flags should do to a * b + c)
#include <cstdio>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "core/random_math.h"

namespace {

constexpr int kSkipped = 77;  // this machine cannot run what the flags made
int failures = 0;

template <class T>
void expect(const char* what, T got, T wanted, std::uint64_t at) {
  if (got == wanted) return;
  if (++failures <= 10)
    std::printf("%s: %llx instead of %llx (%llx)\n", what, static_cast<unsigned long long>(got),
                static_cast<unsigned long long>(wanted), static_cast<unsigned long long>(at));
}

// Without this a test that compares equal things would prove nothing.
bool is_contracted() {
  volatile float a = 1 + 0x1p-12f, c = -1 - 0x1p-11f;
  const float x = a, z = c;
  return x * x + z != 0;  // x * x rounded is -z
}

}  // namespace

int main(int argc, char** argv) {
  using namespace ingot;
  if (argc != 3) return 2;
#if defined(__FMA__) && (defined(__x86_64__) || defined(__i386__))
  if (!__builtin_cpu_supports("fma")) return kSkipped;
#endif
#if defined(__AVX512F__)
  if (!__builtin_cpu_supports("avx512vl")) return kSkipped;
#endif
  const bool expected = std::string(argv[2]) == "contracted";
  if (is_contracted() != expected) {
    std::printf("the flags do not do what they are for: a * b + c is %s\n",
                expected ? "rounded twice" : "contracted");
    return 1;
  }
  std::ifstream stream(argv[1]);
  const nlohmann::json fixture = nlohmann::json::parse(stream);

  for (const auto& row : fixture.at("normal_words")) {
    const std::uint32_t high = row[0], low = row[1];
    expect<std::uint32_t>("normal, float32", std::bit_cast<std::uint32_t>(normal_from_bits(high)),
                          row[2], high);
    expect<std::uint64_t>("normal, float64",
                          std::bit_cast<std::uint64_t>(normal_from_words(high, low)), row[3], high);
  }
  const auto& sums = fixture.at("checksums");
  const std::uint64_t count = sums.at("count");
  std::uint32_t single = 0;
  std::uint64_t wide = 0, uniform = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t high = philox_word(8, 2 * i), low = philox_word(8, 2 * i + 1);
    single = single * 31 + std::bit_cast<std::uint32_t>(normal_from_bits(philox_word(7, i)));
    wide = wide * 31 + std::bit_cast<std::uint64_t>(normal_from_words(high, low));
    uniform = uniform * 31 + std::bit_cast<std::uint64_t>(uniform_from_words(high, low));
  }
  expect<std::uint32_t>("normals, float32", single, sums.at("float32"), count);
  expect<std::uint64_t>("normals, float64", wide, sums.at("float64"), count);
  expect<std::uint64_t>("uniform, float64", uniform, sums.at("uniform float64"), count);

  for (const auto& draw : fixture.at("draws")) {
    if (draw.at("op") != "uniform" && draw.at("op") != "normal") continue;
    const bool is_uniform = draw.at("op") == "uniform";
    const std::string dtype = draw.at("dtype");
    const std::uint64_t seed = draw.at("seed");
    const auto bits = draw.at("bits").get<std::vector<std::uint64_t>>();
    for (std::uint64_t i = 0; i < bits.size(); ++i) {
      const std::uint32_t word = philox_word(seed, i);
      std::uint64_t got = 0;
      if (dtype == "float64") {
        const std::uint32_t high = philox_word(seed, 2 * i), low = philox_word(seed, 2 * i + 1);
        got = std::bit_cast<std::uint64_t>(is_uniform ? uniform_from_words(high, low)
                                                      : normal_from_words(high, low));
      } else if (dtype == "float32") {
        got = std::bit_cast<std::uint32_t>(is_uniform ? uniform_element<float>(word)
                                                      : normal_from_bits(word));
      } else if (dtype == "float16") {
        got = (is_uniform ? uniform_element<Half>(word) : Half(normal_from_bits(word))).bits;
      } else {
        got =
            (is_uniform ? uniform_element<BFloat16>(word) : BFloat16(normal_from_bits(word))).bits;
      }
      expect<std::uint64_t>(dtype.c_str(), got, bits[i], i);
    }
  }
  if (failures > 0) std::printf("%d differences\n", failures);
  return failures > 0;
}
