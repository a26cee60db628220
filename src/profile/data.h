// What a profile has gathered, when it has ended.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <ingot/profile/profile.h>
#include <ingot/profile/profile_result.h>

#include "core/observe.h"

namespace ingot::profiling {

inline constexpr std::uint32_t kNone = ~std::uint32_t{0};

/// Runs of a kind of step, recorded at one place. Times in nanoseconds.
struct Stats {
  std::int64_t calls = 0, ran = 0, submitted = 0;
  void add(const Stats& s) {
    calls += s.calls;
    ran += s.ran;
    submitted += s.submitted;
  }
};
struct Line {
  std::uint32_t info = 0;  ///< in Data::infos
  Site site, outer_site;
  Stats first, later;  ///< in the first step of the program, and in all others
};

/// One event of the trace; begin and end as observer_clock() has them.
struct Event {
  RunEvent::Kind kind = RunEvent::Kind::Evaluation;
  bool built = false;
  std::uint32_t thread = 0;
  std::uint32_t line = kNone;  ///< of steps
  std::uint32_t text = kNone;  ///< in Data::texts
  std::uint32_t step = 0;
  std::uint64_t run = 0;
  std::int64_t begin = 0, end = 0;
};

struct Data {
  ProfileOptions options;
  std::int64_t begin = 0, end = 0;
  std::uint32_t own_thread = 0;  ///< the one that began the profile
  std::deque<StepInfo> infos;    ///< kinds of steps, each once
  std::vector<std::string> texts;
  std::vector<Line> lines;
  std::vector<Event> events;
  std::vector<std::int64_t> step_ends;  ///< of ProfileStep i
  std::vector<ProfileStep> steps;
  std::vector<ProfileMemory> memory;
  std::vector<ProfileRow> rows;
  std::int64_t events_left_out = 0;

  bool first_is_apart() const { return options.skip_steps == 0 && steps.size() > 1; }
};

/// "float32[8, 16], float32[16, 4] -> float32[8, 4]"
std::string shapes_of(const StepInfo& info);
/// The user's line, "train.cpp:41", with or without its folder; empty where there is none.
std::string user_line(const Line& line, bool with_folder);
/// The place inside a module, where that is another one.
std::string inner_line(const Line& line, bool with_folder);

std::vector<ProfileRow> make_rows(const Data& data);

}  // namespace ingot::profiling
