// nonzero and unique of row-major tensors; how many results there are is in the attributes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

#include "backend/kernel_table.h"
#include "core/ceil_div.h"
#include "core/distinct.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

// The values were counted when the op was recorded, and values never change.
void check_count(const StepDesc& step, std::int64_t found) {
  if (found != step.as<CountAttrs>().count)
    throw InternalError(fmt::format("{}: {} places found, {} were recorded", step.op->name, found,
                                    step.as<CountAttrs>().count));
}

// Writes the indices of the true elements among mask[first, last).
void write_places(const bool* mask, const Shape& shape, std::int64_t first, std::int64_t last,
                  std::int64_t* to) {
  const int rank = shape.rank();
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t rest = first;
  for (int d = rank - 1; d >= 0; --d) {
    index[static_cast<std::size_t>(d)] = rest % shape[d];
    rest /= shape[d];
  }
  for (std::int64_t i = first; i < last; ++i) {
    if (mask[i]) to = std::copy_n(index.data(), rank, to);
    for (int d = rank - 1; d >= 0; --d) {
      std::int64_t& place = index[static_cast<std::size_t>(d)];
      if (++place < shape[d]) break;
      place = 0;
    }
  }
}

// Sections are counted first, so that each knows where its results begin.
std::unique_ptr<Kernel> lower_nonzero(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const Shape& shape = step.inputs[0].shape;
    const std::int64_t numel = shape.numel();
    const bool* const mask = args.in<bool>(0);
    constexpr std::int64_t kSection = kParallelNumel;
    const std::int64_t sections = ceil_div(numel, kSection);
    const auto end_of = [&](std::int64_t s) { return std::min(numel, (s + 1) * kSection); };
    std::vector<std::int64_t> before(static_cast<std::size_t>(sections) + 1);
    parallel_for(0, sections, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t s = first; s < last; ++s)
        before[static_cast<std::size_t>(s) + 1] =
            std::count(mask + s * kSection, mask + end_of(s), true);
    });
    for (std::size_t s = 1; s < before.size(); ++s) before[s] += before[s - 1];
    check_count(step, before.back());
    if (shape.rank() == 0) return;
    std::int64_t* const out = args.out<std::int64_t>(0);
    parallel_for(0, sections, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t s = first; s < last; ++s)
        write_places(mask, shape, s * kSection, end_of(s),
                     out + before[static_cast<std::size_t>(s)] * shape.rank());
    });
  });
}

std::unique_ptr<Kernel> lower_unique(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const TensorDesc& table = step.inputs[0];
    const std::int64_t width = table.shape[1];
    const Distinct d = find_distinct(args.inputs[0], table.dtype, table.shape[0], width);
    const auto count = static_cast<std::int64_t>(d.first.size());
    check_count(step, count);
    const std::size_t row = static_cast<std::size_t>(width) * nbytes_of(table.dtype);
    if (row > 0)
      parallel_for(0, count, grain_for(width), [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i)
          std::memcpy(args.out<std::byte>(0) + static_cast<std::size_t>(i) * row,
                      args.in<std::byte>(0) +
                          static_cast<std::size_t>(d.first[static_cast<std::size_t>(i)]) * row,
                      row);
      });
    std::copy(d.inverse.begin(), d.inverse.end(), args.out<std::int64_t>(1));
    std::copy(d.counts.begin(), d.counts.end(), args.out<std::int64_t>(2));
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(dynamic) {
  table.add("nonzero", {.lower = lower_nonzero});
  table.add("unique", {.lower = lower_unique});
}

}  // namespace ingot::cpu
