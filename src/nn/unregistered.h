// Modules that have no owner (yet).
#pragma once

#include <ingot/nn/module.h>

namespace ingot::nn {

void add_ownerless(const Module& module);
void remove_ownerless(const Module& module);

}  // namespace ingot::nn
