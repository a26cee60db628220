// Random numbers of the kernels: the stored bits (rule 19) on both backends and every instruction
// set, at any length and offset; and beyond what is stored, the reference's bits for every dtype
// and thread count.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include <ingot/core/parallel.h>

#include "backend/cpu/simd.h"
#include "core/op_attrs.h"
#include "core/op_def.h"
#include "support/json_tensor.h"
#include "support/kernel_runner.h"
// After the settings.
#include <hwy/highway.h>
#include <hwy/targets.h>

namespace ingot::testing {
namespace {

std::vector<std::byte> draw(Backend& backend, const std::string& op, DType t, std::int64_t numel,
                            std::int64_t seed, std::int64_t offset,
                            const std::vector<Scalar>& more = {}) {
  StepDesc step;
  step.op = find_op(op);
  step.attrs = CreateAttrs{.shape = {numel}, .dtype = t, .device = {}};
  step.outputs = {TensorDesc::contiguous({numel}, t)};
  RunOptions options;
  options.slots = {Scalar(seed), Scalar(offset)};
  options.slots.insert(options.slots.end(), more.begin(), more.end());
  return run_step(backend, step, {}, options)[0].bytes;
}

// Runs `body` once for each instruction set that the library was compiled for and the machine has.
int on_every_target(const std::function<void(const char*)>& body) {
  const std::int64_t all = hwy::SupportedTargets() & (HWY_TARGETS);
  int count = 0;
  for (std::int64_t target = 1; target > 0 && target <= all; target <<= 1) {
    if (!(all & target)) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body(hwy::TargetName(target));
    ++count;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return count;
}

// The stored draws, whole and in pieces: element i depends on its word alone.
void expect_stored_bits(Backend& backend, const std::string& where) {
  const nlohmann::json fixture = testing_support::read_json("random/bits.json");
  ASSERT_GE(fixture.at("draws").size(), 30u);
  for (const auto& stored : fixture.at("draws")) {
    const std::string op = stored.at("op");
    const DType t = parse_dtype(stored.at("dtype").get<std::string>());
    std::vector<Scalar> slots;
    for (const auto& s : stored.at("slots"))
      slots.push_back(s.is_number_integer() ? Scalar(s.get<std::int64_t>())
                                            : Scalar(s.get<double>()));
    const auto bits = stored.at("bits").get<std::vector<std::uint64_t>>();
    const auto total = static_cast<std::int64_t>(bits.size());
    const bool two_words = t == DType::Float64 && (op == "uniform" || op == "normal");
    for (const std::int64_t first : {0, 1, 2, 3, 6, 250})
      for (std::int64_t numel :
           {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 256, 331}) {
        numel = std::min(numel, total - first);
        const auto seed = stored.at("seed").get<std::int64_t>();
        const std::vector<std::byte> got =
            draw(backend, op, t, numel, seed, two_words ? 2 * first : first, slots);
        ASSERT_EQ(got.size(), static_cast<std::size_t>(numel) * nbytes_of(t));
        for (std::int64_t i = 0; i < numel; ++i) {
          std::uint64_t element = 0;  // little-endian
          std::memcpy(&element, got.data() + static_cast<std::size_t>(i) * nbytes_of(t),
                      nbytes_of(t));
          ASSERT_EQ(element, bits[static_cast<std::size_t>(first + i)])
              << where << " " << op << " " << name(t) << ": element " << i << " of " << numel
              << " from " << first;
        }
      }
  }
}

TEST(Rule19, TheReferenceGivesTheStoredBits) {
  expect_stored_bits(reference_backend(), "reference");
}

TEST(Rule19, TheCpuGivesTheStoredBitsWithEveryInstructionSet) {
  const int targets =
      on_every_target([](const char* target) { expect_stored_bits(cpu_backend(), target); });
  EXPECT_GE(targets, HWY_ARCH_X86 ? 2 : 1);
}

TEST(CpuRandom, GivesTheReferencesBits) {
  const int threads = num_threads();
  for (const char* op : {"uniform", "normal", "bernoulli", "randint"})
    for (const DType t : {DType::Bool, DType::UInt8, DType::Int64, DType::Float16, DType::BFloat16,
                          DType::Float32, DType::Float64})
      for (const std::int64_t numel : {0, 1, 5, 255, 1000, 20000})
        for (const std::int64_t offset :
             {std::int64_t{0}, std::int64_t{3}, (std::int64_t{1} << 34) - 2}) {
          std::vector<Scalar> more;
          if (std::string(op) == "bernoulli") more = {Scalar(0.3)};
          if (std::string(op) == "randint") more = {Scalar(-7), Scalar(90)};
          set_num_threads(1 + static_cast<int>(numel % 3));
          EXPECT_EQ(draw(cpu_backend(), op, t, numel, -123456789012345, offset, more),
                    draw(reference_backend(), op, t, numel, -123456789012345, offset, more))
              << op << " " << name(t) << " " << numel << " from " << offset;
        }
  set_num_threads(threads);
}

// Every group of a long draw has its rare far numbers.
TEST(CpuRandom, LongDrawsAreTheReferencesWithEveryInstructionSet) {
  for (const DType t : {DType::Float32, DType::Float64, DType::BFloat16}) {
    const std::vector<std::byte> expected = draw(reference_backend(), "normal", t, 200001, 5, 3);
    on_every_target([&](const char* target) {
      EXPECT_EQ(draw(cpu_backend(), "normal", t, 200001, 5, 3), expected)
          << target << " " << name(t);
    });
  }
}

}  // namespace
}  // namespace ingot::testing
