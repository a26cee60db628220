// Collating: samples, one after the other, into the memory of a batch. Records nothing and needs no
// tensor (unless a sample holds one), so it runs in the loader's workers.
#pragma once

#include <cstdint>

#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>
#include <ingot/data/dataset.h>

#include "core/buffer.h"

namespace ingot::data {

/// Row-major host memory of one half of a batch.
struct HostPart {
  Ref<Buffer> buffer;
  Shape shape;  // [samples, ...]
  DType dtype = DType::Float32;
};

struct HostBatch {
  HostPart inputs;
  HostPart targets;
  std::int64_t samples() const { return inputs.shape.empty() ? 0 : inputs.shape[0]; }
};

/// Fills a batch of up to `count` samples; the first decides shapes and dtypes.
class Collator {
 public:
  /// The batch gets its memory from `memory`.
  explicit Collator(std::int64_t count, Allocator& memory = host_allocator())
      : count_(count), memory_(memory) {}

  /// `index` is the sample's place in the data set, for messages. Throws ShapeError or DTypeError
  /// when the sample does not fit the first one.
  void add(const Sample& sample, std::int64_t index);

  /// The batch of the samples added; without any, it has no memory.
  HostBatch take();

 private:
  void add_field(HostPart& part, const Field& field, const char* half, std::int64_t index);

  std::int64_t count_;
  Allocator& memory_;
  std::int64_t added_ = 0;
  std::int64_t first_index_ = 0;
  HostBatch batch_;
};

}  // namespace ingot::data
