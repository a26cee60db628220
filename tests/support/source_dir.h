// source_dir(): the folder of the checkout, where fixtures lie.
//
// A function, not a macro of every test: only one object then depends on the path, and a compiler
// cache serves all others to every checkout.
#pragma once

#include <string>

namespace ingot::testing {

std::string source_dir();

}  // namespace ingot::testing
