#include "data/collate.h"

#include <fmt/format.h>

#include <cstring>

#include <ingot/core/error.h>

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

}  // namespace

void Collator::add(const Sample& sample, std::int64_t index) {
  if (added_ == 0) first_index_ = index;
  add_field(batch_.inputs, sample.input, "input", index);
  add_field(batch_.targets, sample.target, "target", index);
  ++added_;
}

HostBatch Collator::take() {
  if (added_ > 0) batch_.inputs.shape[0] = batch_.targets.shape[0] = added_;
  return std::move(batch_);
}

void Collator::add_field(HostPart& part, const Field& field, const char* half, std::int64_t index) {
  visit_field(field, [&](const Shape& shape, DType dtype, const auto& copy) {
    const std::size_t nbytes = static_cast<std::size_t>(shape.numel()) * nbytes_of(dtype);
    if (added_ == 0) {
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
      throw ShapeError(
          fmt::format("DataLoader: samples of one batch differ in shape: the {} of sample {} is "
                      "{}, of sample {} "
                      "{}; bring them to one size with a transform (Resize), or use batch_size 1",
                      half, index, shape.str(), first_index_, first.str()));
    }
    if (dtype != part.dtype) {
      throw DTypeError(
          fmt::format("DataLoader: samples of one batch differ in dtype: the {} of sample {} is "
                      "{}, of sample {} "
                      "{}",
                      half, index, name(dtype), first_index_, name(part.dtype)));
    }
    copy(part.buffer->host() + static_cast<std::size_t>(added_) * nbytes);
  });
}

}  // namespace ingot::data
