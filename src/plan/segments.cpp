#include "plan/segments.h"

#include <algorithm>

#include "plan/transfer.h"

namespace ingot::plan {
namespace {

void wait(const Plan& plan, Segment& segment, std::uint32_t other) {
  const std::uint8_t on = plan.segments[other].on;
  if (on == segment.on || on == kHost) return;  // in order anyway
  // The last one of a stream is enough.
  for (std::uint32_t& known : segment.waits_for)
    if (plan.segments[known].on == on) {
      known = std::max(known, other);
      return;
    }
  segment.waits_for.push_back(other);
}

}  // namespace

void Segments::add(Plan& plan, const DraftStep& step) {
  const std::size_t number = plan.steps.size();
  if (plan.segments.empty() || plan.segments.back().on != step.on)
    plan.segments.push_back({.on = step.on, .first_step = number});
  Segment& segment = plan.segments.back();
  segment.end_step = number + 1;
  if (draft_.devices.size() == 1) return;
  for (const Place& p : step.from)
    if (const std::int32_t writer = writers_[static_cast<std::size_t>(p.buffer)]; writer >= 0)
      wait(plan, segment, static_cast<std::uint32_t>(writer));
  for (const Place& p : step.to)
    writers_[static_cast<std::size_t>(p.buffer)] =
        static_cast<std::int32_t>(plan.segments.size() - 1);
}

void Segments::wait_before_commit(Plan& plan) {
  for (std::size_t s = 0; s < plan.segments.size(); ++s) {
    Segment& segment = plan.segments[s];
    if (segment.end_step <= plan.commit_step) continue;
    for (std::size_t other = 0; other < s; ++other)
      wait(plan, segment, static_cast<std::uint32_t>(other));
  }
}

}  // namespace ingot::plan
