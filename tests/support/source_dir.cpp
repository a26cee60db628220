#include "support/source_dir.h"

namespace ingot::testing {

std::string source_dir() { return INGOT_SOURCE_DIR; }

}  // namespace ingot::testing
