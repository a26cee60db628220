// The library's version.
#pragma once

namespace ingot {

/// The version of the library that runs, e.g. "0.1.0" (the headers' version is the package's).
const char* version();

}  // namespace ingot
