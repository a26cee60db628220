#include <fmt/format.h>
#include <ingot/nn/layer.h>

#include "nn/checks.h"

namespace ingot::nn::detail {

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(const std::string& value) { return fmt::format("'{}'", value); }
std::string text_of(const Pair& value) { return pair_str(value); }
std::string text_of(const Shape& value) { return value.str(); }

}  // namespace ingot::nn::detail
