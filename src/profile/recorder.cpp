#include "profile/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>

#include <ingot/core/error.h>
#include <ingot/core/memory.h>

#include "backend/registry.h"

namespace ingot::profiling {
namespace {

using Kind = RunEvent::Kind;

constexpr std::size_t kMostOutstanding = std::size_t{1} << 20;  // of a device that never tells

double ms(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

// What makes two steps of one kind.
std::string key_of(const StepInfo& info) {
  return fmt::format("{}\n{}\n{}\n{}", info.what, info.kernel, info.device.str(), shapes_of(info));
}

}  // namespace

std::uint32_t thread_number() {
  static std::atomic<std::uint32_t> last{0};
  thread_local const std::uint32_t number = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

Recorder::Recorder(const ProfileOptions& options) {
  data_.options = options;
  data_.own_thread = thread_number();
  data_.begin = data_.end = observer_clock();
  devices_.emplace_back();
}

void Recorder::wait_for_devices() const {
  std::vector<Device> devices;
  {
    const std::lock_guard lock(mutex_);
    devices = devices_;
  }
  for (const Device d : devices) {
    Backend* backend = find_backend(d);
    // What failed there is not told here: it waits for who asks for the values.
    if (Stream* stream = backend ? backend->stream() : nullptr) stream->wait(stream->submitted());
  }
}

bool Recorder::knows(std::uint64_t plan) const noexcept {
  const std::lock_guard lock(mutex_);
  return plans_.contains(plan);
}

void Recorder::add_plan(PlanInfo plan) {
  const std::lock_guard lock(mutex_);
  if (closed_ || plans_.contains(plan.plan)) return;
  std::vector<std::uint32_t> numbers;
  numbers.reserve(plan.steps.size());
  for (StepInfo& info : plan.steps) {
    if (std::find(devices_.begin(), devices_.end(), info.device) == devices_.end())
      devices_.push_back(info.device);
    const auto next = static_cast<std::uint32_t>(data_.infos.size());
    const auto [found, is_new] = info_numbers_.emplace(key_of(info), next);
    if (is_new) data_.infos.push_back(std::move(info));
    numbers.push_back(found->second);
  }
  plans_.emplace(plan.plan, std::move(numbers));
}

void Recorder::add(const RunEvent& event) noexcept {
  const std::uint32_t thread = thread_number();
  // Memory is taken when a run is bound and given back by the time it has ended.
  if (event.kind == Kind::Bind || event.kind == Kind::Evaluation) sample_memory();
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  try {
    note(event, thread);
  } catch (...) {  // no memory
    ++data_.events_left_out;
  }
}

void Recorder::note(const RunEvent& event, std::uint32_t thread) {
  Event kept{.kind = event.kind,
             .built = event.built,
             .thread = thread,
             .step = event.step,
             .run = event.run,
             .begin = event.begin,
             .end = event.end};
  switch (event.kind) {
    case Kind::Step:
    case Kind::Submit:
      note_step(event, kept);
      break;
    case Kind::Device:
      if (!note_device(event, kept)) return;
      break;
    default:
      kept.text = text_of(event.text);
      break;
  }
  account(event, thread);
  keep(kept);
  if (event.kind != Kind::Submit || early_.empty()) return;
  if (const auto early = early_.extract({event.run, event.step})) note(early.mapped(), thread);
}

void Recorder::keep(const Event& event) {
  const bool is_step =
      event.kind == Kind::Step || event.kind == Kind::Submit || event.kind == Kind::Device;
  if (is_step && event.line == kNone)  // of a plan for whose description there was no memory
    ++data_.events_left_out;
  else if (data_.events.size() < data_.options.max_trace_events)
    data_.events.push_back(event);
  else
    ++data_.events_left_out;
}

Stats& Recorder::stats_of(std::uint32_t line, bool in_first) {
  Line& l = data_.lines[line];
  return in_first ? l.first : l.later;
}

void Recorder::note_step(const RunEvent& event, Event& kept) {
  kept.line = line_of(event);
  if (kept.line == kNone) return;
  Stats& stats = stats_of(kept.line, data_.steps.size() == 1);
  ++stats.calls;
  if (event.kind == Kind::Step) {
    stats.ran += event.end - event.begin;
    return;
  }
  stats.submitted += event.end - event.begin;
  if (outstanding_.size() < kMostOutstanding)
    outstanding_[{event.run, event.step}] = {kept.line, data_.steps.size() == 1,
                                             in_step_ ? data_.steps.size() - 1 : kNoStep};
}

// The time is that of the step of the program that gave it, whenever the device came to it. False
// when that is not known yet: a device may be done before submitting has been told.
bool Recorder::note_device(const RunEvent& event, Event& kept) {
  const auto found = outstanding_.find({event.run, event.step});
  if (found == outstanding_.end()) {
    if (early_.size() < kMostOutstanding)
      early_.emplace(StepKey(event.run, event.step), event);
    else
      ++data_.events_left_out;
    return false;
  }
  const Outstanding& given = found->second;
  kept.line = given.line;
  stats_of(kept.line, given.in_first).ran += event.end - event.begin;
  if (given.step != kNoStep) data_.steps[given.step].device_ms += ms(event.end - event.begin);
  outstanding_.erase(found);
  return true;
}

std::uint32_t Recorder::line_of(const RunEvent& event) {
  const auto plan = plans_.find(event.plan);
  if (plan == plans_.end() || event.step >= plan->second.size()) return kNone;
  const std::uint32_t info = plan->second[event.step];
  const LineKey key{info, event.site.file_name(), event.site.line(), event.outer_site.file_name(),
                    event.outer_site.line()};
  const auto found = line_numbers_.find(key);
  if (found != line_numbers_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(data_.lines.size());
  data_.lines.push_back({.info = info, .site = event.site, .outer_site = event.outer_site});
  line_numbers_.emplace(key, number);
  return number;
}

std::uint32_t Recorder::text_of(std::string_view text) {
  if (text.empty()) return kNone;
  auto found = text_numbers_.find(text);
  if (found == text_numbers_.end()) {
    const auto number = static_cast<std::uint32_t>(data_.texts.size());
    data_.texts.emplace_back(text);
    found = text_numbers_.emplace(std::string(text), number).first;
  }
  return found->second;
}

void Recorder::account(const RunEvent& event, std::uint32_t thread) {
  if (!in_step_) return;
  ProfileStep& step = data_.steps.back();
  // What began before the step counts in it for its part of the time.
  const std::int64_t begin = std::max(event.begin, step_begin_);
  const double time = ms(std::max<std::int64_t>(event.end - begin, 0));
  switch (event.kind) {
    case Kind::Evaluation:
      ++step.evaluations;
      break;
    case Kind::Plan:
      step.plans_made += event.built;
      step.planning_ms += time;
      break;
    case Kind::Pass:
      if (event.text == "lower") step.kernels_ms += time;
      break;
    case Kind::Bind:
      step.memory_ms += time;
      break;
    case Kind::Step:
      step.running_ms += time;
      break;
    case Kind::Submit:
      step.submit_ms += time;
      break;
    case Kind::Device:
      break;  // see note_device
    case Kind::Wait:
      step.waiting_ms += time;
      break;
    case Kind::Range:
      break;
  }
  if (thread == data_.own_thread && (event.kind == Kind::Evaluation || event.kind == Kind::Wait))
    cover(begin, event.end);
}

// Events come when they end, so the inner ones first.
void Recorder::cover(std::int64_t begin, std::int64_t end) {
  while (!covered_.empty() && covered_.back().first >= begin) covered_.pop_back();
  covered_.emplace_back(begin, end);
}

void Recorder::begin_step(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  data_.steps.push_back({.number = number});
  data_.step_ends.push_back(0);
  step_begin_ = observer_clock();
  covered_.clear();
  in_step_ = true;
}

void Recorder::end_step() {
  sample_memory();
  const std::int64_t now = observer_clock();
  const std::lock_guard lock(mutex_);
  close_step(now);
}

void Recorder::close_step(std::int64_t at) {
  if (!in_step_) return;
  ProfileStep& step = data_.steps.back();
  step.wall_ms = ms(at - step_begin_);
  std::int64_t covered = 0;
  for (const auto& [begin, end] : covered_) covered += end - begin;
  step.program_ms = std::max(step.wall_ms - ms(covered), 0.0);
  data_.step_ends.back() = at;
  data_.end = at;
  in_step_ = false;
}

void Recorder::sample_memory() noexcept {
  try {
    std::vector<Device> devices;
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || !data_.options.memory) return;
      devices = devices_;
    }
    // Asked without the lock: allocators have their own.
    std::vector<ProfileMemory> now;
    for (const Device d : devices) now.push_back({0, d, memory_allocated(d)});
    const std::int64_t clock = observer_clock();
    const std::lock_guard lock(mutex_);
    if (closed_) return;  // meanwhile
    const double at = ms(clock - data_.begin);
    std::size_t total = 0;
    for (ProfileMemory& m : now) {
      total += m.allocated_nbytes;
      m.ms = at;
      const auto last = std::find_if(data_.memory.rbegin(), data_.memory.rend(),
                                     [&](const ProfileMemory& o) { return o.device == m.device; });
      if (last != data_.memory.rend() && last->allocated_nbytes == m.allocated_nbytes) continue;
      if (data_.memory.size() < data_.options.max_trace_events) data_.memory.push_back(m);
    }
    if (in_step_) data_.steps.back().peak_nbytes = std::max(data_.steps.back().peak_nbytes, total);
  } catch (...) {  // no memory, or a device that went away: the sample is missing
  }
}

std::shared_ptr<const Data> Recorder::finish() {
  sample_memory();
  const std::int64_t now = observer_clock();
  const std::lock_guard lock(mutex_);
  const bool is_open = in_step_;
  close_step(now);
  closed_ = true;
  // What came after the last step() is no step, unless it is all there was.
  if (is_open && data_.steps.size() > 1) {
    data_.steps.pop_back();
    data_.step_ends.pop_back();
  }
  data_.end = std::max(data_.end, now);
  auto result = std::make_shared<Data>(std::move(data_));
  data_ = {};
  result->rows = make_rows(*result);
  return result;
}

}  // namespace ingot::profiling
