// Streams and events as users see them (core/stream.h). An event is a step of its own in the
// device's queue, which notes the time; nothing depends on it.
#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include <ingot/core/error.h>
#include <ingot/core/stream.h>

#include "backend/backend.h"
#include "core/observe.h"
#include "plan/in_flight.h"

namespace ingot {

struct Event::Marker {
  Device device;
  Stream* stream = nullptr;  ///< null: the cpu, which has come by
  std::uint64_t seq = 0;
  std::atomic<std::int64_t> time{0};  ///< nanoseconds; 0: not noted
  std::unique_ptr<Kernel> kernel;
  Bound no_workspace;

  bool passed() const { return !stream || stream->passed(seq); }
};

namespace {

// Markers that their stream may not have passed yet: it reads them, whoever forgets the event.
class Submitted {
 public:
  using Markers = std::list<std::shared_ptr<Event::Marker>>;

  void drop_passed() noexcept {
    Markers passed;  // they go without the lock
    const std::lock_guard lock(mutex_);
    for (auto marker = markers_.begin(); marker != markers_.end();) {
      const auto next = std::next(marker);
      if ((*marker)->passed()) passed.splice(passed.end(), markers_, marker);
      marker = next;
    }
  }
  void add(Markers one) noexcept {
    const std::lock_guard lock(mutex_);
    markers_.splice(markers_.end(), one);
  }

 private:
  std::mutex mutex_;
  Markers markers_;
};
Submitted& submitted_markers() {
  static auto* const markers = new Submitted;  // outlives every thread
  return *markers;
}

Stream* stream_of(Device device) { return backend_for(device).stream(); }

}  // namespace

// -- Streams --------------------------------------------------------------------------------------

void synchronize(Device device) {
  if (Stream* stream = stream_of(device)) plan::synchronize(*stream);
}

void synchronize() { plan::synchronize_all(); }

DeviceStream current_stream(Device device) {
  backend_for(device);  // throws when there is none
  return DeviceStream(device);
}
DeviceStream current_stream() { return current_stream(best_device()); }

void DeviceStream::synchronize() const { ingot::synchronize(device_); }

bool DeviceStream::query() const {
  const Stream* stream = stream_of(device_);
  return !stream || stream->passed(stream->submitted());
}

void DeviceStream::wait_event(const Event& event) const {
  const std::shared_ptr<Event::Marker> marker = event.marker_;
  if (!marker || marker->passed()) return;
  Stream* stream = stream_of(device_);
  if (!stream) return event.synchronize();
  const plan::ValuesStay stay;
  const std::lock_guard lock(stream->submitting());
  stream->wait_for({marker->stream, marker->seq});
}

Event DeviceStream::record_event() const {
  Event event;
  event.record(*this);
  return event;
}

// -- Events ---------------------------------------------------------------------------------------

void Event::record(const DeviceStream& stream) {
  auto marker = std::make_shared<Marker>();
  marker->device = stream.device();
  marker->stream = stream_of(stream.device());
  if (!marker->stream) {
    marker->time = observer_clock();
    marker_ = std::move(marker);
    return;
  }
  Marker* const m = marker.get();
  marker->kernel = make_kernel([m](const KernelArgs&) { m->time = observer_clock(); });
  StepCall call;
  call.kernel = marker->kernel.get();
  call.workspace = &marker->no_workspace;
  submitted_markers().drop_passed();
  Submitted::Markers place{marker};
  {
    const plan::ValuesStay stay;
    const std::lock_guard lock(marker->stream->submitting());
    marker->seq = marker->stream->submitted() + 1;
    submitted_markers().add(std::move(place));  // first: from here on the stream has it
    marker->stream->submit(call);
    marker->stream->flush();
  }
  marker_ = std::move(marker);
}

void Event::record() { record(current_stream()); }

bool Event::query() const { return !marker_ || marker_->passed(); }

void Event::synchronize() const {
  if (!marker_ || !marker_->stream) return;
  Stream& stream = *marker_->stream;
  stream.wait(marker_->seq);
  // What lies behind the event is waited for only to tell a failure.
  if (stream.failed()) plan::synchronize(stream);
  plan::tell_untold();
}

double Event::elapsed_time(const Event& end) const {
  for (const Event* event : {this, &end})
    if (!event->marker_) throw ValueError("elapsed_time: record() both events first");
  const Marker &from = *marker_, &to = *end.marker_;
  if (from.device != to.device)
    throw DeviceError(fmt::format("elapsed_time: one event is of {}, the other of {}",
                                  from.device.str(), to.device.str()));
  synchronize();
  end.synchronize();
  const std::int64_t begin = from.time, finish = to.time;
  if (begin == 0 || finish == 0)
    throw DeviceError(
        fmt::format("elapsed_time: {} failed before it came by the event, which has no time",
                    from.device.str()));
  return static_cast<double>(finish - begin) / 1e6;
}

}  // namespace ingot
