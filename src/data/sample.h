// What data sets of images share.
#pragma once

#include <cstdint>

#include <ingot/data/dataset.h>

namespace ingot::data {

/// Throws IndexError, beginning with `what`, unless 0 <= index < size.
void check_index(std::int64_t index, std::int64_t size, const char* what);

/// A picture in either form, and its class.
Sample to_sample(Picture picture, std::int64_t label);

}  // namespace ingot::data
