// index and index_put: elements read and written by index tensors.
#include <vector>

#include "backend/indexing.h"
#include "backend/kernel_table.h"
#include "backend/reference/naive.h"

namespace ingot::reference {
namespace {

// Where in x an element of the selection is. The index tensors are inputs 1, 2, … of the step.
class Selection {
 public:
  Selection(const StepDesc& step, const KernelArgs& args)
      : step_(step), args_(args), attrs_(step.as<IndexAttrs>()), x_(step.inputs[0].shape) {
    for (int d = 0; d < x_.rank(); ++d)
      if (!attrs_.dims.contains(d)) kept_.push_back(d);
  }

  Dims operator()(const Dims& place) const {
    const int first = static_cast<int>(attrs_.position), count = step_.inputs[1].shape.rank();
    Dims from = Dims::filled(x_.rank(), 0), at;
    for (int d = 0; d < count; ++d) at.push_back(place[first + d]);
    for (int k = 0; k < kept_.rank(); ++k)
      from[static_cast<int>(kept_[k])] = place[k < first ? k : k + count];
    for (int k = 0; k < attrs_.dims.rank(); ++k) {
      const auto dim = static_cast<int>(attrs_.dims[k]);
      from[dim] = read(k + 1, at, dim);
    }
    return from;
  }

 private:
  std::int64_t read(int input, const Dims& at, int dim) const {
    const TensorDesc& index = step_.inputs[static_cast<std::size_t>(input)];
    const std::int64_t value = args_.in<std::int64_t>(input)[offset_of(at, index.strides)];
    return checked_index(step_.op->name, value, index.shape,
                         offset_of(at, index.shape.contiguous_strides()), dim, x_[dim]);
  }

  const StepDesc& step_;
  const KernelArgs& args_;
  const IndexAttrs& attrs_;
  const Shape& x_;
  Dims kept_;
};

// A selection without elements still has indices to be checked.
void check_all(const StepDesc& step, const Selection& selection, const Shape& shape) {
  if (shape.numel() > 0) return;
  const int first = static_cast<int>(step.as<IndexAttrs>().position);
  for_each_index(step.inputs[1].shape, [&](const Dims& at) {
    Dims place = Dims::filled(shape.rank(), 0);
    for (int d = 0; d < at.rank(); ++d) place[first + d] = at[d];
    selection(place);
  });
}

struct GatherPlaces {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &out = step.outputs[0];
    const Selection selection(step, args);
    check_all(step, selection, out.shape);
    for_each_index(out.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(selection(i), x.strides)];
    });
  }
};

struct PutPlaces {
  template <class T>
  static void run(const StepDesc& step, const KernelArgs& args) {
    const TensorDesc &x = step.inputs[0], &values = step.inputs.back(), &out = step.outputs[0];
    const T* const given = args.in<T>(static_cast<int>(step.inputs.size()) - 1);
    const Selection selection(step, args);
    check_all(step, selection, values.shape);
    if (step.as<IndexAttrs>().accumulate) {
      std::vector<Accumulator<T>> sums(static_cast<std::size_t>(out.numel()));
      const Dims rows = out.shape.contiguous_strides();
      const auto sum = [&](const Dims& i) -> Accumulator<T>& {
        return sums[static_cast<std::size_t>(offset_of(i, rows))];
      };
      for_each_index(x.shape,
                     [&](const Dims& i) { sum(i) = load(args.in<T>(0)[offset_of(i, x.strides)]); });
      for_each_index(values.shape, [&](const Dims& i) {
        sum(selection(i)) += load(given[offset_of(i, values.strides)]);
      });
      for_each_index(out.shape, [&](const Dims& i) {
        args.out<T>(0)[offset_of(i, out.strides)] = round_to<T>(sum(i));
      });
      return;
    }
    for_each_index(x.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(i, out.strides)] = args.in<T>(0)[offset_of(i, x.strides)];
    });
    for_each_index(values.shape, [&](const Dims& i) {
      args.out<T>(0)[offset_of(selection(i), out.strides)] = given[offset_of(i, values.strides)];
    });
  }
};

}  // namespace

INGOT_EXPORT_REFERENCE_KERNELS(advanced_index) {
  table.add("index", {lower_any<GatherPlaces>, take_any_strides});
  table.add("index_put", {lower_any<PutPlaces>, take_any_strides});
}

}  // namespace ingot::reference
