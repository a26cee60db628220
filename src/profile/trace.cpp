// The result as a trace, in Chrome's format: "X" events with a duration, which nest by time on
// their thread; counters; arrows from where a step was given to a device to where it ran.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <ingot/core/version.h>

#include "profile/data.h"

namespace ingot {
namespace {

using Kind = RunEvent::Kind;
using profiling::Data;
using profiling::Event;
using profiling::kNone;

constexpr int kHost = 1;             // the process that threads of the host are shown in
constexpr int kFirstDevice = 2;      // a process for each device that runs by itself
constexpr std::uint32_t kSteps = 0;  // the thread with the steps of the program

// What users and files name may hold anything; the result is valid JSON in ASCII.
std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

class Trace {
 public:
  explicit Trace(const Data& data) : data_(data) {}

  std::string str() {
    std::vector<const Event*> events;
    for (const Event& e : data_.events) events.push_back(&e);
    // Outer ones first, where they begin at the same time.
    std::stable_sort(events.begin(), events.end(), [](const Event* a, const Event* b) {
      return a->begin != b->begin ? a->begin < b->begin : a->end > b->end;
    });
    text_ = "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"made_by\":" +
            json_text(fmt::format("Ingot {}", version())) +
            fmt::format(",\"events_left_out\":{}}},\n\"traceEvents\":[\n", data_.events_left_out);
    names(events);
    steps();
    for (const Event* e : events) add(*e);
    counters();
    text_ += "\n]}\n";
    return std::move(text_);
  }

 private:
  double us(std::int64_t at) const {
    return static_cast<double>(std::max(at, data_.begin) - data_.begin) / 1e3;
  }

  void line(const std::string& event) {
    if (!is_first_) text_ += ",\n";
    is_first_ = false;
    text_ += event;
  }

  void name(const char* what, int pid, std::uint32_t tid, std::string_view name) {
    line(fmt::format(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}}}})", what,
                     pid, tid, json_text(name)));
  }

  void names(const std::vector<const Event*>& events) {
    name("process_name", kHost, kSteps, "host");
    name("thread_name", kHost, kSteps, "steps");
    std::set<std::uint32_t> threads;
    for (const Event* e : events)
      if (e->kind == Kind::Device)
        device_of(*e);
      else
        threads.insert(e->thread);
    for (const std::uint32_t t : threads)
      name("thread_name", kHost, t,
           t == data_.own_thread ? "thread of the profile" : fmt::format("thread {}", t));
  }

  // The process that a device is shown as.
  int device_of(const Event& e) {
    const std::string device = data_.infos[data_.lines[e.line].info].device.str();
    const auto [found, is_new] =
        devices_.emplace(device, kFirstDevice + static_cast<int>(devices_.size()));
    if (is_new) {
      name("process_name", found->second, 0, device);
      name("thread_name", found->second, 0, "stream");
    }
    return found->second;
  }

  void complete(std::string_view shown, const char* category, std::int64_t begin, std::int64_t end,
                int pid, std::uint32_t tid, const std::string& args) {
    line(fmt::format(
        R"({{"ph":"X","name":{},"cat":"{}","ts":{:.3f},"dur":{:.3f},"pid":{},"tid":{},"args":{{{}}}}})",
        json_text(shown), category, us(begin), us(end) - us(begin), pid, tid, args));
  }

  void steps() {
    for (std::size_t i = 0; i < data_.steps.size(); ++i) {
      const ProfileStep& s = data_.steps[i];
      const std::int64_t end = data_.step_ends[i];
      complete(fmt::format("step {}", s.number), "step",
               end - static_cast<std::int64_t>(s.wall_ms * 1e6), end, kHost, kSteps,
               fmt::format(R"("evaluations":{},"plans made":{})", s.evaluations, s.plans_made));
    }
  }

  std::string text(const Event& e) const {
    return e.text == kNone ? std::string() : data_.texts[e.text];
  }

  std::string arguments(const Event& e) const {
    const profiling::Line& line = data_.lines[e.line];
    const StepInfo& info = data_.infos[line.info];
    std::string args =
        fmt::format(R"("device":{},"shapes":{},"bytes read":{},"bytes written":{})",
                    json_text(info.device.str()), json_text(profiling::shapes_of(info)),
                    info.nbytes_read, info.nbytes_written);
    if (info.flops >= 0) args += fmt::format(R"(,"FLOP":{:.0f})", info.flops);
    const auto add = [&](const char* key, const std::string& value) {
      if (!value.empty()) args += fmt::format(",\"{}\":{}", key, json_text(value));
    };
    add("kernel", info.kernel);
    add("source", profiling::user_line(line, true));
    add("within", profiling::inner_line(line, true));
    return args;
  }

  const std::string& what(const Event& e) const {
    return data_.infos[data_.lines[e.line].info].what;
  }

  // An arrow's end: the same name and number at both.
  void arrow(const Event& e, char end, int pid, std::uint32_t tid) {
    line(fmt::format(
        R"({{"ph":"{}","name":"submitted","cat":"flow","id":"{}.{}","ts":{:.3f},"pid":{},"tid":{}{}}})",
        end, e.run, e.step, us(e.begin), pid, tid, end == 'f' ? R"(,"bp":"e")" : ""));
  }

  void add(const Event& e) {
    const auto host = [&](std::string_view shown, const char* category,
                          const std::string& args = {}) {
      complete(shown, category, e.begin, e.end, kHost, e.thread, args);
    };
    switch (e.kind) {
      case Kind::Evaluation:
        return host("evaluation", "evaluation");
      case Kind::Plan:
        return host(e.built ? "make the plan" : "find the plan", "plan");
      case Kind::Pass:
        return host(text(e), "plan");
      case Kind::Bind:
        return host("memory", "memory");
      case Kind::Wait:
        return host("wait for " + text(e), "wait");
      case Kind::Range:
        return host(text(e), "range");
      case Kind::Step:
        return host(what(e), "op", arguments(e));
      case Kind::Submit:
        host(what(e), "submit", arguments(e));
        return arrow(e, 's', kHost, e.thread);
      case Kind::Device: {
        const int pid = device_of(e);
        complete(what(e), "op", e.begin, e.end, pid, 0, arguments(e));
        return arrow(e, 'f', pid, 0);
      }
    }
  }

  void counters() {
    for (const ProfileMemory& m : data_.memory)
      line(fmt::format(
          R"({{"ph":"C","name":{},"ts":{:.3f},"pid":{},"tid":0,"args":{{"allocated":{}}}}})",
          json_text("memory of " + m.device.str()), 1e3 * m.ms, kHost, m.allocated_nbytes));
  }

  const Data& data_;
  std::string text_;
  bool is_first_ = true;
  std::map<std::string, int> devices_;
};

}  // namespace

std::string ProfileResult::chrome_trace() const { return Trace(*data_).str(); }

}  // namespace ingot
