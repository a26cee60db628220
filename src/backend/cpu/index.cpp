// gather, scatter, scatter_add, index_select, index_add, embedding and check_labels on row-major
// tensors.
//
// What adds is cut so that every element of the result belongs to one thread, which meets its terms
// in the order of the indices: the bits do not depend on the number of threads.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include <ingot/core/error.h>
#include <ingot/core/parallel.h>

#include "backend/cpu/elements.h"
#include "backend/cpu/long_chains.h"
#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/strided_copy.h"
#include "backend/cpu/tile_ops.h"
#include "backend/indexing.h"
#include "backend/kernel_table.h"
#include "core/op_attrs.h"

namespace ingot::cpu {
namespace {

// All indices before anything is written.
struct IndexCheck {
  std::string op;
  Shape shape;
  std::int64_t numel, bound, dim;

  IndexCheck(const StepDesc& step, std::int64_t the_bound, std::int64_t the_dim)
      : op(step.op->name),
        shape(step.inputs[1].shape),
        numel(shape.numel()),
        bound(the_bound),
        dim(the_dim) {}

  void operator()(const std::int64_t* index) const {
    bool outside = false;  // without branches, in vectors
    for (std::int64_t i = 0; i < numel; ++i)
      outside |= static_cast<std::uint64_t>(index[i]) >= static_cast<std::uint64_t>(bound);
    if (!outside) return;
    for (std::int64_t i = 0; i < numel; ++i)
      if (index[i] < 0 || index[i] >= bound)
        throw IndexError(
            fmt::format("{}: index {} at position {} is out of range for dimension {} of size {}",
                        op, index[i], position_text(index_at(i, shape)), dim, bound));
  }
};

// -- One index per element -----------------------------------------------------------------------

// The places that an index tensor names in another one, x: everywhere its own position but along
// `dim`. Both are row-major.
class Places {
 public:
  Places(const Shape& index, const Shape& x, std::int64_t dim)
      : shape_(index), dim_(static_cast<int>(dim)), strides_(x.contiguous_strides()) {
    std::int64_t longest = 0;
    for (int d = 0; d < shape_.rank(); ++d)
      if (d != dim_ && shape_[d] > longest) {
        longest = shape_[d];
        split_ = d;
      }
    if (longest <= 1) split_ = -1;
    row_ = shape_[shape_.rank() - 1];
  }

  /// f(position in the index tensor, place in x, count, stride): rows of `count` neighbours;
  /// element k's place is place + index[position + k] · stride + (dim is last ? 0 : k).
  /// Pieces that run at once never share a place.
  template <class F>
  void for_each_row(F f) const {
    if (shape_.numel() == 0) return;
    const int split = std::max(split_, 0);
    const std::int64_t size = shape_[split], per_piece = shape_.numel() / size;
    if (split_ < 0) return walk(0, 0, size, f);
    parallel_for(0, size, grain_for(per_piece),
                 [&](std::int64_t first, std::int64_t last) { walk(split, first, last, f); });
  }

  std::int64_t stride() const { return strides_[dim_]; }
  bool along_row() const { return dim_ == shape_.rank() - 1; }

 private:
  // All rows whose index of dimension `split` lies in [first, last).
  template <class F>
  void walk(int split, std::int64_t first, std::int64_t last, F f) const {
    const int rows = shape_.rank() - 1;
    Dims index = Dims::filled(shape_.rank(), 0);
    const Dims own = shape_.contiguous_strides();
    const bool in_row = split == rows;
    if (!in_row) index[split] = first;
    const std::int64_t k = in_row ? first : 0, count = in_row ? last - first : row_;
    while (true) {
      std::int64_t position = k, place = along_row() ? 0 : k;
      for (int d = 0; d < rows; ++d) {
        position += index[d] * own[d];
        if (d != dim_) place += index[d] * strides_[d];
      }
      f(position, place, count);
      int d = rows - 1;
      for (; d >= 0; --d) {
        if (++index[d] < (d == split ? last : shape_[d])) break;
        index[d] = d == split ? first : 0;
      }
      if (d < 0) return;
    }
  }

  Shape shape_;
  int dim_;
  Dims strides_;
  int split_ = -1;
  std::int64_t row_ = 0;
};

// f(element of the index tensor, element of x) for all of a row.
template <class F>
void for_each_place(const Places& places, const std::int64_t* index, F f) {
  const std::int64_t stride = places.stride(), next = places.along_row() ? 0 : 1;
  places.for_each_row([&](std::int64_t position, std::int64_t place, std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k)
      f(position + k, place + index[position + k] * stride + k * next);
  });
}

std::unique_ptr<Kernel> lower_gather(const StepDesc& step) {
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  const Shape& x = step.inputs[0].shape;
  return make_kernel([check = IndexCheck(step, x[static_cast<int>(dim)], dim),
                      places = Places(step.inputs[1].shape, x, dim),
                      size = nbytes_of(step.inputs[0].dtype)](const KernelArgs& args) {
    const auto* index = args.in<std::int64_t>(1);
    check(index);
    visit_element_size(size, [&]<class T>(T) {
      const T* from = args.in<T>(0);
      T* to = args.out<T>(0);
      for_each_place(places, index,
                     [&](std::int64_t i, std::int64_t place) { to[i] = from[place]; });
    });
  });
}

// x with the elements at the places replaced by those of the source; the last of several stays. It
// does not write over x, which may be the source or the index as well.
std::unique_ptr<Kernel> lower_scatter(const StepDesc& step) {
  const std::int64_t dim = step.as<AxisAttrs>().dim;
  const Shape& x = step.inputs[0].shape;
  return make_kernel([check = IndexCheck(step, x[static_cast<int>(dim)], dim),
                      places = Places(step.inputs[1].shape, x, dim),
                      size = nbytes_of(step.inputs[0].dtype),
                      numel = x.numel()](const KernelArgs& args) {
    const auto* index = args.in<std::int64_t>(1);
    check(index);
    visit_element_size(size, [&]<class T>(T) {
      const T *from = args.in<T>(0), *source = args.in<T>(2);
      T* out = args.out<T>(0);
      parallel_for(0, numel, kParallelNumel, [&](std::int64_t first, std::int64_t last) {
        std::copy(from + first, from + last, out + first);
      });
      for_each_place(places, index,
                     [&](std::int64_t i, std::int64_t place) { out[place] = source[i]; });
    });
  });
}

// Sums are held in float for 16-bit types and rounded once.
DType sum_dtype(DType t) { return is_reduced_float(t) ? DType::Float32 : t; }

std::size_t nbytes_for(std::int64_t count, std::size_t size) {
  return aligned_nbytes(times_nbytes(static_cast<std::size_t>(count), size));
}

std::size_t sums_nbytes(const TensorDesc& out) {
  return is_reduced_float(out.dtype) ? nbytes_for(out.numel(), sizeof(float)) : 0;
}

// Whether so many terms may meet at one place that float32 loses their sum.
bool has_long_chains(const TensorDesc& out, std::int64_t terms) {
  return sum_dtype(out.dtype) == DType::Float32 && terms >= kLongChain;
}

// The parts of a workspace: sums of 16-bit types, then what long chains need.
struct ChainSpace {
  std::int64_t places, longest;  ///< entries of the state, accumulators at most
  std::size_t start;

  std::size_t nbytes() const {
    return plus_nbytes(start, plus_nbytes(nbytes_for(places, sizeof(std::int32_t)),
                                          nbytes_for(longest, sizeof(double))));
  }
  std::int32_t* zeroed_state(void* workspace) const {
    auto* state = reinterpret_cast<std::int32_t*>(static_cast<std::byte*>(workspace) + start);
    std::fill_n(state, places, 0);
    return state;
  }
  double* accumulators(void* workspace) const {
    return reinterpret_cast<double*>(static_cast<std::byte*>(workspace) + start +
                                     nbytes_for(places, sizeof(std::int32_t)));
  }
};

void round_sums(const std::byte* sums, const TensorDesc& out, std::byte* to) {
  const TileFunction pack = find_pack(out.dtype);
  const auto size = static_cast<std::int64_t>(nbytes_of(out.dtype));
  parallel_for(0, out.numel(), kParallelNumel, [&](std::int64_t first, std::int64_t last) {
    pack(sums + first * static_cast<std::int64_t>(sizeof(float)), nullptr, nullptr,
         to + first * size, static_cast<std::size_t>(last - first));
  });
}

// Where the sums are built: in the result, or in the workspace if it is of 16 bits.
std::byte* zeroed_sums(const TensorDesc& out, const KernelArgs& args) {
  auto* sums =
      static_cast<std::byte*>(is_reduced_float(out.dtype) ? args.workspace : args.outputs[0]);
  const std::uint64_t zero = 0;
  fill_elements(sums, out.numel(), &zero, nbytes_of(sum_dtype(out.dtype)));
  return sums;
}

template <class T>
struct WrapsAs {
  using Type = T;
};
template <class T>
  requires std::is_integral_v<T>
struct WrapsAs<T> {
  using Type = std::make_unsigned_t<T>;
};

template <class T>
void add_floats(const Places& places, const std::int64_t* index, const T* source, auto add) {
  for_each_place(places, index, [&](std::int64_t i, std::int64_t place) {
    add(place, static_cast<float>(source[i]));
  });
}

std::unique_ptr<Kernel> lower_scatter_add(const StepDesc& step) {
  const std::int64_t dim = step.as<ScatterAttrs>().dim;
  const TensorDesc& out = step.outputs[0];
  const Shape& index_shape = step.inputs[1].shape;
  const bool chains = has_long_chains(out, index_shape[static_cast<int>(dim)]);
  const std::int64_t most = chains ? most_long_chains(index_shape.numel()) : 0;
  const ChainSpace space{chains ? out.numel() : 0, 2 * most, sums_nbytes(out)};
  return make_kernel(
      [check = IndexCheck(step, out.shape[static_cast<int>(dim)], dim),
       places = Places(index_shape, out.shape, dim), out, chains, most,
       space](const KernelArgs& args) {
        const auto* index = args.in<std::int64_t>(1);
        check(index);
        std::byte* const raw = zeroed_sums(out, args);
        visit_dtype(out.dtype, [&]<class T>(T) {
          if constexpr (std::is_same_v<T, bool>) {
            return;
          } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>) {
            using U = typename WrapsAs<T>::Type;  // integers wrap
            U* sums = reinterpret_cast<U*>(raw);
            const U* source = args.in<U>(0);
            for_each_place(places, index, [&](std::int64_t i, std::int64_t place) {
              sums[place] = static_cast<U>(sums[place] + source[i]);
            });
          } else {
            auto* sums = reinterpret_cast<float*>(raw);
            if (!chains) {
              add_floats(places, index, args.in<T>(0),
                         [&](std::int64_t place, float value) { sums[place] += value; });
              return;
            }
            double* const accumulators = space.accumulators(args.workspace);
            ElementChains all(sums, space.zeroed_state(args.workspace), accumulators,
                              reinterpret_cast<std::int64_t*>(accumulators + most));
            add_floats(places, index, args.in<T>(0),
                       [&](std::int64_t place, float value) { all.add(place, value); });
            all.finish();
          }
        });
        if (is_reduced_float(out.dtype)) round_sums(raw, out, args.out<std::byte>(0));
      },
      space.nbytes());
}

bool is_no_bool(const StepDesc& step) { return step.outputs[0].dtype != DType::Bool; }

// -- One index per slice -------------------------------------------------------------------------

// A tensor around one dimension: [outer, size, inner].
struct Around {
  std::int64_t outer = 1, size = 1, inner = 1;
  Around(const Shape& shape, std::int64_t dim) {
    for (int d = 0; d < shape.rank(); ++d) (d < dim ? outer : d == dim ? size : inner) *= shape[d];
  }
};

std::unique_ptr<Kernel> select_rows(const StepDesc& step, std::int64_t dim) {
  return make_kernel([check = IndexCheck(step, step.inputs[0].shape[static_cast<int>(dim)], dim),
                      x = Around(step.inputs[0].shape, dim), count = step.inputs[1].shape.numel(),
                      size = nbytes_of(step.inputs[0].dtype)](const KernelArgs& args) {
    const auto* index = args.in<std::int64_t>(1);
    check(index);
    if (x.inner == 1) {
      visit_element_size(size, [&]<class T>(T) {
        const T* from = args.in<T>(0);
        T* to = args.out<T>(0);
        parallel_for(0, x.outer, grain_for(count), [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t o = first; o < last; ++o)
            for (std::int64_t i = 0; i < count; ++i)
              to[o * count + i] = from[o * x.size + index[i]];
        });
      });
      return;
    }
    const std::int64_t nbytes = x.inner * static_cast<std::int64_t>(size);
    parallel_for(
        0, x.outer * count, grain_for(x.inner), [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t r = first; r < last; ++r)
            std::memcpy(args.out<std::byte>(0) + r * nbytes,
                        args.in<std::byte>(0) + (r / count * x.size + index[r % count]) * nbytes,
                        static_cast<std::size_t>(nbytes));
        });
  });
}

std::unique_ptr<Kernel> lower_index_select(const StepDesc& step) {
  return select_rows(step, step.as<AxisAttrs>().dim);
}
std::unique_ptr<Kernel> lower_embedding(const StepDesc& step) { return select_rows(step, 0); }

// Threads share the columns: each walks through all indices for its own ones.
class IndexAdd final : public Kernel {
 public:
  explicit IndexAdd(const StepDesc& step)
      : dim_(step.as<ScatterAttrs>().dim),
        out_(step.outputs[0]),
        check_(step, out_.shape[static_cast<int>(dim_)], dim_),
        to_(out_.shape, dim_),
        count_(step.inputs[1].shape.numel()),
        add_(reduce_functions(Join::Sum, sum_dtype(out_.dtype)).row),
        unpack_(find_unpack(out_.dtype)),
        size_(static_cast<std::int64_t>(nbytes_of(out_.dtype))),
        sum_size_(static_cast<std::int64_t>(nbytes_of(sum_dtype(out_.dtype)))) {
    const bool chains = has_long_chains(out_, count_);
    const std::int64_t most = chains ? most_long_chains(count_) : 0;
    space_ = {chains ? to_.size : 0, most * to_.outer * to_.inner, sums_nbytes(out_)};
  }

  std::size_t workspace_nbytes() const override { return space_.nbytes(); }

  void run(const KernelArgs& args) const override {
    const auto* index = args.in<std::int64_t>(1);
    check_(index);
    Sums s{index, args.in<std::byte>(0), zeroed_sums(out_, args), nullptr, nullptr, 0};
    if (space_.places > 0) {
      std::int32_t* const chains = space_.zeroed_state(args.workspace);
      s.num_long =
          find_long_chains(chains, to_.size, count_, [&](std::int64_t i) { return index[i]; });
      s.chains = chains;
      s.accumulators = space_.accumulators(args.workspace);
      std::fill_n(s.accumulators, s.num_long * to_.outer * to_.inner, 0.0);
    }
    parallel_for(
        0, to_.outer * to_.inner, std::max<std::int64_t>(64, grain_for(count_)),
        [&](std::int64_t first, std::int64_t last) {
          while (first < last) {
            const std::int64_t o = first / to_.inner, column = first % to_.inner;
            const std::int64_t width = std::min({last - first, to_.inner - column, kColumns});
            add_columns(s, o, column, width);
            first += width;
          }
        });
    if (s.num_long > 0) store_long_chains(s);
    if (is_reduced_float(out_.dtype)) round_sums(s.sums, out_, args.out<std::byte>(0));
  }

 private:
  static constexpr std::int64_t kColumns = 1024;  // converted at once

  struct Sums {
    const std::int64_t* index;
    const std::byte* source;
    std::byte* sums;
    const std::int32_t* chains;  ///< of each place: its accumulators' number, or −1
    double* accumulators;        ///< [outer][long chain][inner]
    std::int64_t num_long;
  };

  void add_columns(const Sums& s, std::int64_t o, std::int64_t column, std::int64_t width) const {
    const ThreadScratch scratch(ScratchUser::Tiles, unpack_ ? kColumns * sizeof(float) : 0);
    std::byte* wide = scratch.data();
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::byte* row = s.source + ((o * count_ + i) * to_.inner + column) * size_;
      if (unpack_) {
        unpack_(row, nullptr, nullptr, wide, static_cast<std::size_t>(width));
        row = wide;
      }
      const std::int64_t place = s.index[i];
      if (s.num_long > 0 && s.chains[place] >= 0) {
        const auto* from = reinterpret_cast<const float*>(row);
        double* to = s.accumulators + (o * s.num_long + s.chains[place]) * to_.inner + column;
        for (std::int64_t k = 0; k < width; ++k) to[k] += static_cast<double>(from[k]);
      } else {
        add_(s.sums + ((o * to_.size + place) * to_.inner + column) * sum_size_, row, width);
      }
    }
  }

  void store_long_chains(const Sums& s) const {
    auto* const sums = reinterpret_cast<float*>(s.sums);
    for (std::int64_t place = 0; place < to_.size; ++place) {
      if (s.chains[place] < 0) continue;
      for (std::int64_t o = 0; o < to_.outer; ++o) {
        const double* from = s.accumulators + (o * s.num_long + s.chains[place]) * to_.inner;
        float* to = sums + (o * to_.size + place) * to_.inner;
        for (std::int64_t k = 0; k < to_.inner; ++k) to[k] = static_cast<float>(from[k]);
      }
    }
  }

  std::int64_t dim_;
  TensorDesc out_;
  IndexCheck check_;
  Around to_;
  std::int64_t count_;
  void (*add_)(void*, const void*, std::int64_t);
  TileFunction unpack_;
  std::int64_t size_, sum_size_;
  ChainSpace space_{};
};

std::unique_ptr<Kernel> lower_index_add(const StepDesc& step) {
  return std::make_unique<IndexAdd>(step);
}

// ------------------------------------------------------------------------------------------------

std::unique_ptr<Kernel> lower_check_labels(const StepDesc& step) {
  return make_kernel([a = step.as<LabelAttrs>(),
                      shape = step.inputs[0].shape](const KernelArgs& args) {
    const auto* labels = args.in<std::int64_t>(0);
    auto* out = args.out<std::int64_t>(0);
    const std::int64_t numel = shape.numel();
    for (std::int64_t i = 0; i < numel; ++i) {
      const std::int64_t label = labels[i];
      if (a.can_ignore && label == a.ignore_index)
        out[i] = 0;
      else if (label < 0 || label >= a.classes)
        throw IndexError(fmt::format("{}: label {} at position {} is out of range for {} classes",
                                     a.what, label, position_text(index_at(i, shape)), a.classes));
      else
        out[i] = label;
    }
  });
}

}  // namespace

INGOT_EXPORT_CPU_KERNELS(index) {
  table.add("gather", {lower_gather});
  table.add("scatter", {lower_scatter});
  table.add("scatter_add", {lower_scatter_add, nullptr, is_no_bool});
  table.add("index_select", {lower_index_select});
  table.add("index_add", {lower_index_add, nullptr, is_no_bool});
  table.add("embedding", {lower_embedding});
  table.add("check_labels", {lower_check_labels});
}

}  // namespace ingot::cpu
