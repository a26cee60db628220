#include "plan/strides.h"

namespace ingot::plan {

std::optional<Dims> reshape_strides(const Shape& from, const Dims& strides, const Shape& to) {
  if (from.numel() == 0) return to.contiguous_strides();
  Dims result = Dims::filled(to.rank(), 1);
  // Walk both shapes from the back: a run of old dimensions that lie behind each other in memory
  // can be cut anew in any way.
  int j = to.rank() - 1;
  int i = from.rank() - 1;
  while (i >= 0) {
    std::int64_t run = from[i];
    const std::int64_t inner = strides[i];
    while (i > 0 && (from[i - 1] == 1 || run == 1 || strides[i - 1] == run * inner)) {
      if (run == 1 && from[i - 1] != 1) break;
      run *= from[i - 1];
      --i;
    }
    --i;
    if (run == 1) continue;
    std::int64_t cut = 1;
    while (j >= 0 && (cut < run || to[j] == 1)) {
      result[j] = inner * cut;
      cut *= to[j];
      --j;
    }
    if (cut != run) return std::nullopt;
  }
  while (j >= 0) {
    if (to[j] != 1) return std::nullopt;
    --j;
  }
  return result;
}

}  // namespace ingot::plan
