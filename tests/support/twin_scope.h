// A twin with the given options while it lives; plans are made anew before and after.
#pragma once

#include <utility>

#include <ingot/core/device.h>

#include "backend/twin/twin.h"
#include "plan/fallback.h"
#include "plan/in_flight.h"
#include "plan/plan.h"

namespace ingot::test {

inline const Device kTwin{DeviceType::Twin, 0};
inline const Device kOtherTwin{DeviceType::Twin, 1};

/// Whose steps wait up to so long, each a random time.
inline TwinOptions slow_twin(int delay_us) {
  TwinOptions options;
  options.max_delay_us = delay_us;
  return options;
}

/// Waits; what went wrong on the device meanwhile does not matter.
inline void settle_all() {
  try {
    plan::synchronize_all();
  } catch (const Error&) {
  }
}

class TwinScope {
 public:
  explicit TwinScope(TwinOptions options = {}, int index = 0) : twin_(ingot::twin(index)) {
    change(std::move(options));
  }
  ~TwinScope() {
    settle_all();
    change({});
    plan::set_fallback("");
  }
  TwinScope(const TwinScope&) = delete;
  TwinScope& operator=(const TwinScope&) = delete;

  void change(const TwinOptions& options) {
    twin_.configure(options);
    plan::clear_plan_cache();
  }
  Twin* operator->() const { return &twin_; }

 private:
  Twin& twin_;
};

}  // namespace ingot::test
