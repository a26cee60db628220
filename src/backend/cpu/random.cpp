// uniform, normal, bernoulli, randint: the reference's numbers bit for bit (random_math.h), several
// Philox blocks at a time and in parallel.
#include <algorithm>
#include <iterator>
#include <type_traits>

#include <ingot/core/parallel.h>

#include "backend/cpu/simd.h"
#include "backend/kernel_table.h"
#include "core/convert.h"
#include "core/random_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/random.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef INGOT_BACKEND_CPU_RANDOM_ONCE
#define INGOT_BACKEND_CPU_RANDOM_ONCE
namespace ingot::cpu {

enum class Draw { Uniform, Normal, Bernoulli, Randint };

struct DrawParameters {
  std::uint64_t seed = 0;
  std::uint64_t threshold = 0;  ///< Bernoulli
  std::int64_t low = 0;         ///< Randint
  std::uint64_t range = 0;
};

}  // namespace ingot::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ingot::cpu {
namespace HWY_NAMESPACE {
namespace {

// Plain loops over independent elements, which the compiler vectorises. What they inline is
// compiled for this target, so that fused multiply-adds are instructions.

constexpr std::size_t kBlocks = 64;  // Philox blocks worked on together
constexpr std::size_t kWords = 4 * kBlocks;

// The words of blocks `first` … first + kBlocks of the seed's sequence; philox4x32 side by side.
void philox_words(std::uint64_t seed, std::uint64_t first, std::uint32_t* words) {
  std::uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks], c3[kBlocks];
  for (std::size_t i = 0; i < kBlocks; ++i) {
    const std::uint64_t counter = first + i;
    c0[i] = static_cast<std::uint32_t>(counter);
    c1[i] = static_cast<std::uint32_t>(counter >> 32);
    c2[i] = c3[i] = 0;
  }
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    INGOT_INDEPENDENT
    for (std::size_t i = 0; i < kBlocks; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2[i];
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<std::uint32_t>(p1);
      c3[i] = static_cast<std::uint32_t>(p0);
      c0[i] = n0;
      c2[i] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (std::size_t i = 0; i < kBlocks; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

template <Draw draw, class T>
constexpr std::size_t kWordsOf =
    draw == Draw::Uniform || draw == Draw::Normal ? kWordsPerReal<T> : 1;

#if HWY_NATIVE_FMA
using Fma = NativeFma;
#else
using Fma = EmulatedFma;
#endif

// Elements whose far numbers are looked for together: most groups have none.
constexpr std::size_t kGroup = 32;

// Of `words` also the rest of the last group is read.
template <class T>
void normal_numbers(const std::uint32_t* words, std::size_t count, T* out) {
  using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
  constexpr std::size_t kOwn = kWordsPerReal<T>;
  for (std::size_t first = 0; first < count; first += kGroup, words += kOwn * kGroup) {
    Real z[kGroup];
    std::uint32_t least = 0x7fffffff;
    for (std::size_t i = 0; i < kGroup; ++i) {
      if constexpr (kOwn == 2)
        z[i] = normal_near<Fma>(words[2 * i], words[2 * i + 1]);
      else
        z[i] = normal_near<Fma>(words[i]);
      least = std::min(least, words[kOwn * i] & 0x7fffffff);
    }
    if (!is_near_word(least))
      for (std::size_t i = 0; i < kGroup; ++i) {
        if (is_near_word(words[kOwn * i])) continue;
        if constexpr (kOwn == 2)
          z[i] = normal_far<Fma>(words[2 * i], words[2 * i + 1]);
        else
          z[i] = normal_far<Fma>(words[i]);
      }
    const std::size_t last = std::min(kGroup, count - first);
    for (std::size_t i = 0; i < last; ++i) out[first + i] = convert_element<T>(z[i]);
  }
}

template <Draw draw, class T>
void convert_words(const std::uint32_t* words, const DrawParameters& p, std::size_t count, T* out) {
  if constexpr (draw == Draw::Normal) return normal_numbers(words, count, out);
  const std::uint64_t threshold = p.threshold, range = p.range;
  const std::int64_t low = p.low;
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (kWordsOf<draw, T> == 2)
      out[i] = uniform_from_words(words[2 * i], words[2 * i + 1]);
    else if constexpr (draw == Draw::Uniform)
      out[i] = uniform_element<T>(words[i]);
    else if constexpr (draw == Draw::Bernoulli)
      out[i] = convert_element<T>(std::int64_t{words[i] < threshold});
    else
      out[i] = convert_element<T>(low + static_cast<std::int64_t>(scale_to_range(words[i], range)));
  }
}

// Elements first … last of an output whose element 0 begins with word `offset`.
template <Draw draw, class T>
void draw_elements(const DrawParameters& p, std::uint64_t offset, std::int64_t first,
                   std::int64_t last, T* out) {
  // normal_numbers reads a whole last group.
  std::uint32_t words[kWords + 2 * kGroup];
  std::fill(words + kWords, std::end(words), ~std::uint32_t{0});
  while (first < last) {
    constexpr std::size_t kOwn = kWordsOf<draw, T>;
    const std::uint64_t index = offset + static_cast<std::uint64_t>(first) * kOwn;
    philox_words(p.seed, index / 4, words);
    const std::uint64_t skip = index % 4;
    const auto count =
        std::min<std::int64_t>(last - first, static_cast<std::int64_t>((kWords - skip) / kOwn));
    convert_words<draw>(words + skip, p, static_cast<std::size_t>(count), out + first);
    first += count;
  }
}

template <Draw draw>
void draw_dtype(const DrawParameters& p, DType t, std::uint64_t offset, std::int64_t first,
                std::int64_t last, void* out) {
  visit_dtype(
      t, [&]<class T>(T) { draw_elements<draw>(p, offset, first, last, static_cast<T*>(out)); });
}

}  // namespace

void draw_numbers(Draw draw, const DrawParameters& p, DType t, std::uint64_t offset,
                  std::int64_t first, std::int64_t last, void* out) {
  switch (draw) {
    case Draw::Uniform:
      return draw_dtype<Draw::Uniform>(p, t, offset, first, last, out);
    case Draw::Normal:
      return draw_dtype<Draw::Normal>(p, t, offset, first, last, out);
    case Draw::Bernoulli:
      return draw_dtype<Draw::Bernoulli>(p, t, offset, first, last, out);
    case Draw::Randint:
      return draw_dtype<Draw::Randint>(p, t, offset, first, last, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingot::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingot::cpu {
namespace {

HWY_EXPORT(draw_numbers);

// A Philox block costs about as much as a hundred additions.
constexpr std::int64_t kGrain = 4096;

template <Draw draw>
std::unique_ptr<Kernel> lower_draw(const StepDesc& step) {
  return make_kernel([desc = step.outputs[0]](const KernelArgs& args) {
    DrawParameters p;
    p.seed = static_cast<std::uint64_t>(args.slots[0].to_int64());
    const auto offset = static_cast<std::uint64_t>(args.slots[1].to_int64());
    if constexpr (draw == Draw::Bernoulli)
      p.threshold = bernoulli_threshold(args.slots[2].to_double());
    if constexpr (draw == Draw::Randint) {
      p.low = args.slots[2].to_int64();
      p.range =
          static_cast<std::uint64_t>(args.slots[3].to_int64()) - static_cast<std::uint64_t>(p.low);
    }
    parallel_for(0, desc.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
      HWY_DYNAMIC_DISPATCH(draw_numbers)
      (draw, p, desc.dtype, offset, first, last, args.outputs[0]);
    });
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(random) {
  table.add("uniform", {lower_draw<Draw::Uniform>, take_any_strides});
  table.add("normal", {lower_draw<Draw::Normal>, take_any_strides});
  table.add("bernoulli", {lower_draw<Draw::Bernoulli>, take_any_strides});
  table.add("randint", {lower_draw<Draw::Randint>, take_any_strides});
}

}  // namespace ingot::cpu
#endif
