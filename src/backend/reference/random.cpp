// uniform, normal, bernoulli, randint: element i from word offset + i of the seed's sequence, real
// numbers of float64 from words offset + 2i and offset + 2i + 1.
#include "backend/kernel_table.h"
#include "backend/reference/loops.h"
#include "core/random_math.h"

namespace ingot::reference {
namespace {

// A kernel that writes element i of an output of type T as f(T{}, word, slots).
template <class F>
std::unique_ptr<Kernel> draw(const StepDesc& step, F f) {
  return make_kernel([f, desc = step.outputs[0]](const KernelArgs& args) {
    const auto seed = static_cast<std::uint64_t>(args.slots[0].to_int64());
    const auto offset = static_cast<std::uint64_t>(args.slots[1].to_int64());
    visit_dtype(desc.dtype, [&](auto type) {
      using T = decltype(type);
      T* out = args.out<T>(0);
      const auto numel = static_cast<std::uint64_t>(desc.numel());
      for (std::uint64_t i = 0; i < numel; ++i)
        out[i] = f(type, philox_word(seed, offset + i), args.slots);
    });
  });
}

// The same for float64, whose elements take two words each: f(first, second).
template <class F>
std::unique_ptr<Kernel> draw_doubles(F f, std::int64_t numel) {
  return make_kernel([=](const KernelArgs& args) {
    const auto seed = static_cast<std::uint64_t>(args.slots[0].to_int64());
    auto word = static_cast<std::uint64_t>(args.slots[1].to_int64());
    for (std::int64_t i = 0; i < numel; ++i, word += 2)
      args.out<double>(0)[i] = f(philox_word(seed, word), philox_word(seed, word + 1));
  });
}

std::unique_ptr<Kernel> lower_uniform(const StepDesc& step) {
  if (step.outputs[0].dtype == DType::Float64)
    return draw_doubles([](std::uint32_t a, std::uint32_t b) { return uniform_from_words(a, b); },
                        step.outputs[0].numel());
  return draw(step, [](auto type, std::uint32_t word, const Scalar*) {
    return uniform_element<decltype(type)>(word);
  });
}

std::unique_ptr<Kernel> lower_normal(const StepDesc& step) {
  if (step.outputs[0].dtype == DType::Float64)
    return draw_doubles([](std::uint32_t a, std::uint32_t b) { return normal_from_words(a, b); },
                        step.outputs[0].numel());
  return draw(step, [](auto type, std::uint32_t word, const Scalar*) {
    return convert_element<decltype(type)>(normal_from_bits(word));
  });
}

std::unique_ptr<Kernel> lower_bernoulli(const StepDesc& step) {
  return draw(step, [](auto type, std::uint32_t word, const Scalar* slots) {
    const bool hit = word < bernoulli_threshold(slots[2].to_double());
    return convert_element<decltype(type)>(std::int64_t{hit});
  });
}

std::unique_ptr<Kernel> lower_randint(const StepDesc& step) {
  return draw(step, [](auto type, std::uint32_t word, const Scalar* slots) {
    const std::int64_t low = slots[2].to_int64(), high = slots[3].to_int64();
    const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    return convert_element<decltype(type)>(low +
                                           static_cast<std::int64_t>(scale_to_range(word, range)));
  });
}

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(random) {
  table.add("uniform", {lower_uniform, take_any_strides});
  table.add("normal", {lower_normal, take_any_strides});
  table.add("bernoulli", {lower_bernoulli, take_any_strides});
  table.add("randint", {lower_randint, take_any_strides});
}

}  // namespace ingot::reference
