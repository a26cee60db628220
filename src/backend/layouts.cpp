#include "backend/layouts.h"

namespace ingot {

Dims channels_last_strides(const Shape& shape) {
  const std::int64_t c = shape[1], h = shape[2], w = shape[3];
  return {h * w * c, 1, w * c, c};
}

bool is_channels_last(const TensorDesc& t) {
  return t.shape.rank() == 4 && t.shape[1] > 1 && !t.is_contiguous() &&
         t.strides == channels_last_strides(t.shape);
}

bool fits_channels_last(const TensorDesc& t) {
  return t.shape.rank() == 4 && same_order(t, channels_last_strides(t.shape));
}

bool same_order(const TensorDesc& wanted, const Dims& actual) {
  for (int d = 0; d < wanted.shape.rank(); ++d)
    if (wanted.shape[d] > 1 && wanted.strides[d] != actual[d]) return false;
  return true;
}

Dims broadcast_strides(const Shape& from, const Dims& strides, const Shape& to) {
  Dims result = Dims::filled(to.rank(), 0);
  const int added = to.rank() - from.rank();
  for (int d = 0; d < from.rank(); ++d)
    if (from[d] != 1 || to[d + added] == 1) result[d + added] = strides[d];
  return result;
}

void make_row_major(TensorDesc& t) { t.strides = t.shape.contiguous_strides(); }

void make_channels_last(TensorDesc& t) {
  t.strides = t.shape[1] > 1 ? channels_last_strides(t.shape) : t.shape.contiguous_strides();
}

void follow_input(StepDesc& step, std::size_t lead) {
  const bool channels_last = is_channels_last(step.inputs[lead]);
  for (auto* list : {&step.inputs, &step.outputs})
    for (TensorDesc& t : *list)
      t.strides = channels_last && t.shape.rank() == 4 ? channels_last_strides(t.shape)
                                                       : t.shape.contiguous_strides();
}

void keep_channels_last(StepDesc& step) {
  if (step.inputs.empty() || !is_channels_last(step.inputs[0])) return;
  for (TensorDesc& out : step.outputs)
    if (out.shape.rank() == 4) out.strides = channels_last_strides(out.shape);
}

}  // namespace ingot
