// fine_tune() on a device of the caller's choice, for tests of devices that are nobody's best.
#pragma once

#include <ingot/core/device.h>
#include <ingot/glue/fine_tune.h>

namespace ingot::glue {

FineTuneResults fine_tune_on(Device device, const Arguments& arguments, const Output& output = {});

}  // namespace ingot::glue
