// What happens where a device has no kernel for an op: the cpu computes it, with a warning, or not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <ingot/core/device.h>

namespace ingot::plan {

enum class Fallback : std::uint8_t { Warn, Silent, Error };

/// INGOT_FALLBACK=warn|silent|error, by default warn. For mps, where that is not set,
/// PYTORCH_ENABLE_MPS_FALLBACK counts: 0 is error, anything else warn. Throws ValueError for
/// another word in INGOT_FALLBACK.
Fallback fallback_for(Device device);

/// Tells once per op and device what the cpu computes instead, to stderr.
void warn_of_fallback(std::string_view op, Device device, std::string_view operand);

/// What INGOT_FALLBACK is taken for; empty for not set.
std::string fallback_word();
/// As if INGOT_FALLBACK was that ("" for not set), and nobody had been warned.
void set_fallback(std::string_view word);

}  // namespace ingot::plan
