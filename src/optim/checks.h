// Checks of optimizer options.
#pragma once

#include <string_view>

namespace ingot::optim {

/// Throws ValueError "Adam: eps must be at least 0, got -1" unless value >= 0.
void require_not_negative(std::string_view optimizer, std::string_view option, double value);
/// Throws ValueError unless 0 <= value < 1.
void require_fraction(std::string_view optimizer, std::string_view option, double value);

}  // namespace ingot::optim
