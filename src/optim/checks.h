// Checks of options of optimizers and schedules.
#pragma once

#include <string>
#include <string_view>

namespace ingot::optim {

/// Throws ValueError "Adam: eps must be at least 0, got -1" unless value >= 0.
void require_not_negative(std::string_view optimizer, std::string_view option, double value);
/// Throws ValueError unless 0 <= value < 1.
void require_fraction(std::string_view optimizer, std::string_view option, double value);
/// Throws ValueError "StepLR: gamma must be …".
[[noreturn]] void refuse(std::string_view owner, const std::string& cause);

}  // namespace ingot::optim
