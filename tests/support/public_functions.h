// The operations a user can call, as the headers declare them: what completeness is measured by.
#pragma once

#include <set>
#include <string>

namespace ingot::optest {

/// Names of all functions of include/ingot/ops that give tensors, structures of tensors, or bool
/// about tensors. (Functions of dtypes, such as can_cast, are not operations.)
std::set<std::string> public_functions();

}  // namespace ingot::optest
