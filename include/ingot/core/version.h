// The library's version, and those of what it was built with.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ingot {

/// The version of the library that runs, e.g. "0.1.0" (the headers' version is the package's).
const char* version();

/// Name and version of everything that results and timings depend on: "ingot", "compiler",
/// "onednn", "highway" and "simd" (the vector instructions that kernels choose on this machine).
std::vector<std::pair<std::string, std::string>> versions();

}  // namespace ingot
