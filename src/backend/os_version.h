// Whether an operating system is new enough for a device.
#pragma once

#include <string>
#include <string_view>

namespace ingot {

/// Empty when macOS of that version ("13.5", "14.2.1") has what the Metal backend needs, else why
/// not: "macOS 13.5 found, 14.0 or later is needed; see sw_vers".
std::string macos_too_old(std::string_view version);

}  // namespace ingot
