#include "optim/checks.h"

#include <fmt/format.h>
#include <ingot/core/error.h>

namespace ingot::optim {

void require_not_negative(std::string_view optimizer, std::string_view option, double value) {
  if (!(value >= 0))
    throw ValueError(fmt::format("{}: {} must be at least 0, got {}", optimizer, option, value));
}

void require_fraction(std::string_view optimizer, std::string_view option, double value) {
  if (!(value >= 0 && value < 1))
    throw ValueError(
        fmt::format("{}: {} must be at least 0 and below 1, got {}", optimizer, option, value));
}

void refuse(std::string_view owner, const std::string& cause) {
  throw ValueError(fmt::format("{}: {}", owner, cause));
}

}  // namespace ingot::optim
