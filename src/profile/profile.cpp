#include <ingot/profile/profile.h>

#include <atomic>
#include <string>

#include <ingot/core/error.h>

#include "profile/recorder.h"

namespace ingot {
namespace {

// One profile at a time, also while it skips steps.
std::atomic<bool> is_taken{false};

void take() {
  if (is_taken.exchange(true))
    throw ValueError("Profile: another profile is running; stop() it first: they do not nest");
}

}  // namespace

class Profile::Session {
 public:
  explicit Session(const ProfileOptions& options)
      : options_(options), recorder_(std::make_shared<profiling::Recorder>(options)) {
    take();
    try {
      begin_step();
    } catch (...) {
      is_taken = false;
      throw;
    }
  }

  void step() {
    if (!running_ || paused_) return;
    end_step();
    begin_step();
  }

  void pause() {
    if (!running_ || paused_) return;
    end_step();
    unwatch();
    paused_ = true;
  }

  void resume() {
    if (!running_ || !paused_) return;
    paused_ = false;
    begin_step();
  }

  const ProfileResult& stop() {
    if (!running_) return result_;
    unwatch();
    recorder_->wait_for_devices();
    running_ = false;
    is_taken = false;
    result_ = ProfileResult(recorder_->finish());
    return result_;
  }

  bool is_running() const { return running_; }

 private:
  void end_step() {
    if (is_watching_) {
      recorder_->end_step();
      ++watched_;
    }
    ++number_;
  }

  void begin_step() {
    if (number_ < options_.skip_steps) return;
    if (options_.steps > 0 && watched_ >= options_.steps) return unwatch();
    if (!is_watching_) {
      is_watching_ = start_observing(recorder_);
      if (!is_watching_) throw InternalError("Profile: somebody else watches evaluations");
    }
    recorder_->begin_step(number_);
  }

  void unwatch() noexcept {
    if (is_watching_) stop_observing(*recorder_);
    is_watching_ = false;
  }

  const ProfileOptions options_;
  std::shared_ptr<profiling::Recorder> recorder_;
  bool running_ = true, paused_ = false, is_watching_ = false;
  std::int64_t number_ = 0, watched_ = 0;
  ProfileResult result_;
};

Profile::Profile(ProfileOptions options) {
  if (options.skip_steps < 0 || options.steps < 0)
    throw ValueError("Profile: skip_steps and steps must not be negative");
  session_ = std::make_unique<Session>(options);
}

Profile::~Profile() {
  try {
    session_->stop();
  } catch (...) {  // no memory for a result that nobody can ask for
  }
}

void Profile::step() { session_->step(); }
void Profile::pause() { session_->pause(); }
void Profile::resume() { session_->resume(); }
ProfileResult Profile::stop() { return session_->stop(); }
bool Profile::is_running() const { return session_->is_running(); }

struct ProfileRange::Open {
  std::string name;
  ObservedSpan span;
  Open(std::shared_ptr<RunObserver> observer, std::string_view text)
      : name(text), span(std::move(observer), RunEvent::Kind::Range, name) {}
};

ProfileRange::ProfileRange(std::string_view name) {
  if (std::shared_ptr<RunObserver> observer = current_observer())
    open_ = std::make_unique<Open>(std::move(observer), name);
}
ProfileRange::~ProfileRange() = default;

}  // namespace ingot
