// What BERT's relatives share when they are read.
#pragma once

#include <ingot/models/bert.h>

namespace ingot::models::detail {

/// Throws ValueError for a config of another family than `type`, which messages call `name`.
void require_type(const BertConfig& config, const char* type, const char* name);

}  // namespace ingot::models::detail
