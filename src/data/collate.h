// Collating: samples, one after the other, into the memory of a batch. Records nothing and needs no
// tensor (unless a sample holds one), so it runs in the loader's workers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ingot/core/dtype.h>
#include <ingot/core/shape.h>
#include <ingot/data/batch.h>
#include <ingot/data/dataset.h>

#include "core/buffer.h"

namespace ingot::data {

/// Row-major host memory of one field of a batch.
struct HostPart {
  std::string name;
  Ref<Buffer> buffer;
  Shape shape;  // [samples, ...]
  DType dtype = DType::Float32;
};

struct HostBatch {
  std::vector<HostPart> parts;
  std::int64_t samples = 0;
};

/// A field whose samples are lengthened to `length` rows of `value`.
struct PaddedField {
  std::string name;
  std::int64_t length = 0;
  double value = 0;
};

/// Fills a batch of up to `count` samples; the first decides names, shapes and dtypes.
class Collator {
 public:
  /// The batch gets its memory from `memory`.
  explicit Collator(std::int64_t count, Allocator& memory = host_allocator(),
                    std::vector<PaddedField> padded = {})
      : count_(count), memory_(memory), padded_(std::move(padded)) {}

  /// `index` is the sample's place in the data set, for messages. Throws ShapeError, DTypeError or
  /// ValueError (other fields) when the sample does not fit the first one, and ValueError when a
  /// field's dtype cannot hold its padding.
  void add(const Sample& sample, std::int64_t index);

  /// The batch of the samples added; without any, it has no parts.
  HostBatch take();

 private:
  void add_field(HostPart& part, const Field& field, std::int64_t index);
  const PaddedField* padding_of(const std::string& name) const;

  std::int64_t count_;
  Allocator& memory_;
  std::vector<PaddedField> padded_;
  std::int64_t first_index_ = 0;
  HostBatch batch_;
};

/// Rows of a field that padding would lengthen: its size in the first dimension. Throws ShapeError,
/// naming the field and the sample, for one that has none.
std::int64_t rows_of(const Field& field, const std::string& name, std::int64_t index);

/// Made where they will be used: taking in host data counts for that thread.
Batch to_batch(HostBatch&& host);

}  // namespace ingot::data
