#include "data/collate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include <ingot/core/error.h>

#include "core/convert.h"
#include "core/fits.h"
#include "core/record.h"

namespace ingot::data {
namespace {

void check_numel(std::size_t found, const Shape& shape) {
  if (static_cast<std::int64_t>(found) != shape.numel()) {
    throw ShapeError(
        fmt::format("collate: an image of shape {} holds {} values", shape.str(), found));
  }
}

/// Calls write(shape, dtype, copy) with a function that copies the field's elements to memory.
template <class F>
void visit_field(const Field& field, F write) {
  const auto plain = [&](const Shape& shape, DType dtype, const void* data) {
    const std::size_t nbytes = static_cast<std::size_t>(shape.numel()) * nbytes_of(dtype);
    write(shape, dtype, [=](std::byte* out) {
      if (nbytes > 0) std::memcpy(out, data, nbytes);
    });
  };
  if (const auto* number = std::get_if<std::int64_t>(&field)) {
    plain(Shape{}, DType::Int64, number);
  } else if (const auto* real = std::get_if<float>(&field)) {
    plain(Shape{}, DType::Float32, real);
  } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&field)) {
    plain(Shape{static_cast<std::int64_t>(numbers->size())}, DType::Int64, numbers->data());
  } else if (const auto* planes = std::get_if<FloatImage>(&field)) {
    const Shape shape{planes->channels, planes->height, planes->width};
    check_numel(planes->values.size(), shape);
    plain(shape, DType::Float32, planes->values.data());
  } else if (const auto* array = std::get_if<HostArray>(&field)) {
    plain(array->shape(), array->dtype(), array->data());
  } else if (const auto* tensor = std::get_if<Tensor>(&field)) {
    if (!tensor->defined()) throw ValueError("collate: a sample holds an undefined tensor");
    const HostArray host = tensor->to_host();
    plain(host.shape(), host.dtype(), host.data());
  } else {
    const Image& image = std::get<Image>(field);
    const Shape shape{image.channels, image.height, image.width};
    check_numel(image.pixels.size(), shape);
    write(shape, DType::UInt8, [&](std::byte* out) {
      const auto channels = static_cast<std::size_t>(image.channels);
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t i = c; i < image.pixels.size(); i += channels) {
          *out++ = static_cast<std::byte>(image.pixels[i]);
        }
      }
    });
  }
}

/// `count` elements of the padding's value.
void fill(std::byte* out, std::size_t count, DType dtype, const PaddedField& padding) {
  if (!fits(padding.value, dtype))
    throw ValueError(fmt::format("padding_collate: the field '{}': {}", padding.name,
                                 misfit_text(padding.value, dtype)));
  visit_dtype(dtype, [&]<class T>(T) {
    const T value = convert_scalar<T>(padding.value);
    for (std::size_t i = 0; i < count; ++i) std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  });
}

}  // namespace

std::int64_t rows_of(const Field& field, const std::string& name, std::int64_t index) {
  std::int64_t rows = -1;
  visit_field(field, [&](const Shape& shape, DType, const auto&) {
    if (!shape.empty()) rows = shape[0];
  });
  if (rows < 0)
    throw ShapeError(
        fmt::format("padding: the field '{}' of sample {} is a single number, which has no length",
                    name, index));
  return rows;
}

void Collator::add(const Sample& sample, std::int64_t index) {
  std::vector<HostPart>& parts = batch_.parts;
  if (batch_.samples == 0) {
    first_index_ = index;
    for (const Sample::Entry& e : sample)
      parts.push_back({.name = e.name, .buffer = {}, .shape = {}});
  }
  std::size_t i = 0;
  for (const Sample::Entry& e : sample) {
    if (i == parts.size() || parts[i].name != e.name) {
      std::vector<std::string> names;
      for (const HostPart& part : parts) names.push_back(part.name);
      throw ValueError(fmt::format(
          "DataLoader: samples of one batch differ in fields: sample {} has {}, sample {} has {}",
          index, fmt::join(sample.names(), ", "), first_index_, fmt::join(names, ", ")));
    }
    add_field(parts[i++], e.value, index);
  }
  if (i != parts.size())
    throw ValueError(fmt::format(
        "DataLoader: samples of one batch differ in fields: sample {} lacks '{}' of sample {}",
        index, parts[i].name, first_index_));
  ++batch_.samples;
}

HostBatch Collator::take() {
  for (HostPart& part : batch_.parts) part.shape[0] = batch_.samples;
  return std::exchange(batch_, {});
}

const PaddedField* Collator::padding_of(const std::string& name) const {
  for (const PaddedField& p : padded_)
    if (p.name == name) return &p;
  return nullptr;
}

void Collator::add_field(HostPart& part, const Field& field, std::int64_t index) {
  visit_field(field, [&](const Shape& own, DType dtype, const auto& copy) {
    const PaddedField* padding = padding_of(part.name);
    Shape shape = own;
    if (padding && !own.empty()) shape[0] = padding->length;
    const std::size_t nbytes = static_cast<std::size_t>(shape.numel()) * nbytes_of(dtype);
    if (batch_.samples == 0) {
      part.dtype = dtype;
      part.shape = shape;
      part.shape.insert(0, count_);
      if (!part.shape.is_addressable(nbytes_of(dtype)))
        throw OutOfMemoryError(
            fmt::format("DataLoader: a batch of {} samples of shape {} is larger than any memory",
                        count_, shape.str()));
      part.buffer = memory_.allocate(times_nbytes(nbytes, static_cast<std::size_t>(count_)));
    }
    Shape first = part.shape;
    first.erase(0);
    if (shape != first) {
      throw ShapeError(fmt::format(
          "DataLoader: samples of one batch differ in shape: the field '{}' of sample {} is {}, of "
          "sample {} {}; bring them to one size with a transform (Resize) or padding_collate, or "
          "use batch_size 1",
          part.name, index, shape.str(), first_index_, first.str()));
    }
    if (dtype != part.dtype) {
      throw DTypeError(fmt::format(
          "DataLoader: samples of one batch differ in dtype: the field '{}' of sample {} is {}, of "
          "sample {} {}",
          part.name, index, name(dtype), first_index_, name(part.dtype)));
    }
    std::byte* out = part.buffer->host() + static_cast<std::size_t>(batch_.samples) * nbytes;
    copy(out);
    const std::size_t written = static_cast<std::size_t>(own.numel()) * nbytes_of(dtype);
    if (padding) fill(out + written, (nbytes - written) / nbytes_of(dtype), dtype, *padding);
  });
}

Batch to_batch(HostBatch&& host) {
  Batch batch;
  for (HostPart& part : host.parts)
    batch.set(part.name, from_buffer(std::move(part.buffer), part.shape, part.dtype));
  return batch;
}

}  // namespace ingot::data
