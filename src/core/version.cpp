#include <ingot/core/version.h>

namespace ingot {

const char* version() { return INGOT_VERSION; }

}  // namespace ingot
