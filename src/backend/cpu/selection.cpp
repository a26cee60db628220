// index, index_put, masked_select and masked_scatter: blocks that lie together are copied whole.
// Operands are row-major here.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/cpu/long_chains.h"
#include "backend/indexing.h"
#include "backend/kernel_table.h"

namespace ingot::cpu {
namespace {

// Offsets of all indices of the given dimensions, row-major.
std::vector<std::int64_t> offsets_over(const Shape& x, const Dims& dims) {
  const Dims strides = x.contiguous_strides();
  std::vector<std::int64_t> offsets{0};
  for (const std::int64_t dim : dims) {
    const auto d = static_cast<int>(dim);
    std::vector<std::int64_t> next;
    next.reserve(offsets.size() * static_cast<std::size_t>(x[d]));
    for (const std::int64_t start : offsets)
      for (std::int64_t i = 0; i < x[d]; ++i) next.push_back(start + i * strides[d]);
    offsets.swap(next);
  }
  return offsets;
}

// The selection's elements are blocks of x at before[i] + places[j] + between[k], in this order.
struct Walk {
  std::vector<std::int64_t> before, places, between;
  std::int64_t block = 1;

  std::int64_t rows() const { return static_cast<std::int64_t>(before.size() * places.size()); }
  std::int64_t row_numel() const { return static_cast<std::int64_t>(between.size()) * block; }
  std::int64_t start(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    return before[r / places.size()] + places[r % places.size()];
  }
};

// Checks all indices.
Walk walk_over(const StepDesc& step, const KernelArgs& args) {
  const auto& a = step.as<IndexAttrs>();
  const Shape &x = step.inputs[0].shape, &index = step.inputs[1].shape;
  const auto last = static_cast<int>(a.dims.back());
  Walk walk;
  Dims before, between;
  for (int d = 0; d < x.rank(); ++d) {
    if (a.dims.contains(d)) continue;
    if (d > last)
      walk.block *= x[d];
    else if (before.rank() < a.position)
      before.push_back(d);
    else
      between.push_back(d);
  }
  walk.before = offsets_over(x, before);
  walk.between = offsets_over(x, between);
  const Dims strides = x.contiguous_strides();
  walk.places.resize(static_cast<std::size_t>(index.numel()));
  for (std::size_t i = 0; i < walk.places.size(); ++i)
    for (int k = 0; k < a.dims.rank(); ++k) {
      const auto dim = static_cast<int>(a.dims[k]);
      walk.places[i] +=
          strides[dim] * checked_index(step.op->name, args.in<std::int64_t>(1 + k)[i], index,
                                       static_cast<std::int64_t>(i), dim, x[dim]);
    }
  return walk;
}

std::unique_ptr<Kernel> lower_index(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const Walk walk = walk_over(step, args);
    if (step.outputs[0].numel() == 0) return;
    visit_element_size(nbytes_of(step.outputs[0].dtype), [&](auto zero) {
      using T = decltype(zero);
      const T* const x = args.in<T>(0);
      T* const out = args.out<T>(0);
      const std::int64_t numel = walk.row_numel(), block = walk.block;
      parallel_for(0, walk.rows(), grain_for(numel), [&](std::int64_t first, std::int64_t end) {
        T* to = out + first * numel;
        for (std::int64_t row = first; row < end; ++row)
          for (const std::int64_t part : walk.between) {
            const T* const from = x + walk.start(row) + part;
            if (block == 1)
              *to = *from;
            else
              std::memcpy(to, from, static_cast<std::size_t>(block) * sizeof(T));
            to += block;
          }
      });
    });
  });
}

// Sums as the reference gives them: integers wrap.
template <class T>
void add_to(T& to, T value) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    to = static_cast<T>(static_cast<U>(static_cast<U>(to) + static_cast<U>(value)));
  } else {
    to += value;
  }
}

class PutKernel final : public Kernel {
 public:
  explicit PutKernel(const StepDesc& step) : step_(step) {}

  void run(const KernelArgs& args) const override {
    const Walk walk = walk_over(step_, args);  // checks, before anything is written
    const TensorDesc& out = step_.outputs[0];
    if (args.outputs[0] != args.inputs[0] && out.numel() > 0)
      std::memcpy(args.outputs[0], args.inputs[0], out.nbytes());
    if (step_.inputs.back().numel() == 0) return;
    if (!step_.as<IndexAttrs>().accumulate) {
      visit_element_size(nbytes_of(out.dtype), [&](auto zero) {
        put<decltype(zero)>(walk, args, [](auto& to, auto value) { to = value; });
      });
      return;
    }
    visit_dtype(out.dtype, [&](auto zero) {
      using T = decltype(zero);
      if constexpr (std::is_same_v<T, float>) {
        if (static_cast<std::int64_t>(walk.places.size()) >= kLongChain &&
            add_long_chains(walk, args))
          return;
      }
      if constexpr (std::is_floating_point_v<T> ||
                    (std::is_integral_v<T> && !std::is_same_v<T, bool>))
        put<T>(walk, args, [](T& to, T value) { add_to(to, value); });
    });
  }
  bool can_overwrite(int i, int) const override { return i == 0; }

 private:
  // Adds, where some place has so many terms that they are summed up in double; else does nothing.
  bool add_long_chains(const Walk& walk, const KernelArgs& args) const {
    const std::int64_t numel = step_.outputs[0].numel();
    std::vector<std::int32_t> chains(static_cast<std::size_t>(numel));
    const std::int64_t found =
        find_long_chains(chains.data(), numel, static_cast<std::int64_t>(walk.places.size()),
                         [&](std::int64_t i) { return walk.places[static_cast<std::size_t>(i)]; });
    if (found == 0) return false;
    std::vector<double> sums(static_cast<std::size_t>(found * walk.row_numel()) *
                             walk.before.size());
    float* const out = args.out<float>(0);
    const auto for_each_sum = [&](std::int64_t before, std::int64_t place, auto f) {
      const std::int64_t chain = chains[static_cast<std::size_t>(place)];
      double* sum = sums.data() + (before * found + chain) * walk.row_numel();
      for (const std::int64_t part : walk.between)
        for (std::int64_t i = 0; i < walk.block; ++i)
          f(*sum++, out[walk.before[static_cast<std::size_t>(before)] + place + part + i]);
    };
    const auto for_each_chain = [&](auto f) {
      for (std::int64_t place = 0; place < numel; ++place)
        if (chains[static_cast<std::size_t>(place)] >= 0)
          for (std::size_t b = 0; b < walk.before.size(); ++b)
            for_each_sum(static_cast<std::int64_t>(b), place, f);
    };
    for_each_chain([](double& sum, float& x) { sum = static_cast<double>(x); });
    const auto places = static_cast<std::int64_t>(walk.places.size());
    put_rows<float>(
        walk, args, [&](std::int64_t row, float* to, std::int64_t part, const float* from) {
          const std::int64_t place = walk.places[static_cast<std::size_t>(row % places)];
          const std::int64_t chain = chains[static_cast<std::size_t>(place)];
          if (chain < 0) {
            for (std::int64_t i = 0; i < walk.block; ++i) to[i] += from[i];
          } else {
            double* sum =
                sums.data() + (row / places * found + chain) * walk.row_numel() + part * walk.block;
            for (std::int64_t i = 0; i < walk.block; ++i) sum[i] += static_cast<double>(from[i]);
          }
        });
    for_each_chain([](double& sum, float& x) { x = static_cast<float>(sum); });
    return true;
  }

  template <class T, class F>
  void put(const Walk& walk, const KernelArgs& args, F f) const {
    put_rows<T>(walk, args, [&](std::int64_t, T* to, std::int64_t, const T* from) {
      for (std::int64_t i = 0; i < walk.block; ++i) f(to[i], from[i]);
    });
  }

  // f(row, place in the result, number of the part, values) for all blocks.
  // Places of different `before` never meet; the others are visited in order.
  template <class T, class F>
  void put_rows(const Walk& walk, const KernelArgs& args, F f) const {
    T* const out = args.out<T>(0);
    const T* values = args.in<T>(static_cast<int>(step_.inputs.size()) - 1);
    std::vector<T> copy;
    if (values == out) {  // x is written over, and is the values, too
      copy.assign(values, values + step_.inputs.back().numel());
      values = copy.data();
    }
    const auto places = static_cast<std::int64_t>(walk.places.size());
    const std::int64_t numel = places * walk.row_numel();
    parallel_for(0, static_cast<std::int64_t>(walk.before.size()), grain_for(numel),
                 [&](std::int64_t first, std::int64_t end) {
                   const T* from = values + first * numel;
                   for (std::int64_t row = first * places; row < end * places; ++row)
                     for (std::size_t part = 0; part < walk.between.size(); ++part) {
                       f(row, out + walk.start(row) + walk.between[part],
                         static_cast<std::int64_t>(part), from);
                       from += walk.block;
                     }
                 });
  }

  const StepDesc step_;
};

std::unique_ptr<Kernel> lower_index_put(const StepDesc& step) {
  return std::make_unique<PutKernel>(step);
}

// Sums of 16-bit floats are the reference's, in double.
bool takes_index_put(const StepDesc& step) {
  const DType t = step.outputs[0].dtype;
  return !step.as<IndexAttrs>().accumulate || !(is_reduced_float(t) || t == DType::Bool);
}

std::unique_ptr<Kernel> lower_masked_select(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const std::int64_t numel = step.inputs[0].numel();
    const bool* const mask = args.in<bool>(1);
    visit_element_size(nbytes_of(step.outputs[0].dtype), [&](auto zero) {
      using T = decltype(zero);
      const T* const x = args.in<T>(0);
      T* to = args.out<T>(0);
      for (std::int64_t i = 0; i < numel; ++i)
        if (mask[i]) *to++ = x[i];
    });
  });
}

std::unique_ptr<Kernel> lower_masked_scatter(const StepDesc& step) {
  return make_kernel([step](const KernelArgs& args) {
    const std::int64_t numel = step.inputs[0].numel();
    const bool* const mask = args.in<bool>(1);
    visit_element_size(nbytes_of(step.outputs[0].dtype), [&](auto zero) {
      using T = decltype(zero);
      const T *const x = args.in<T>(0), *source = args.in<T>(2);
      T* const out = args.out<T>(0);
      for (std::int64_t i = 0; i < numel; ++i) out[i] = mask[i] ? *source++ : x[i];
    });
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(selection) {
  table.add("index", {.lower = lower_index});
  table.add("index_put", {.lower = lower_index_put, .takes = takes_index_put});
  table.add("masked_select", {.lower = lower_masked_select});
  table.add("masked_scatter", {.lower = lower_masked_scatter});
}

}  // namespace ingot::cpu
