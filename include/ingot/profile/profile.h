// Profile: while one lives, it sees what evaluations do — every step of every plan with its device,
// shapes, bytes, arithmetic and the line that recorded it, planning, waits and memory. When none
// lives, nothing is looked at and nothing costs anything.
//
//   ingot::Profile profile;
//   for (auto& batch : loader) {
//     train_step(batch);
//     profile.step();
//   }
//   std::cout << profile.stop().table();
//
// It sees the evaluations of all threads. Since nothing is computed until somebody looks, time lies
// where the evaluation is (`item()`, `optimizer.step()`), while each step names the line that
// recorded it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <ingot/profile/profile_result.h>

namespace ingot {

struct ProfileOptions {
  bool memory = true;           ///< memory over time
  bool sources = true;          ///< a row for each line of the program
  bool shapes = false;          ///< a row for each combination of shapes
  std::int64_t skip_steps = 0;  ///< so many calls of step() pass before anything is looked at
  std::int64_t steps = 0;       ///< so many steps are then looked at; 0: all
  /// Bounds the trace, which takes about 100 bytes an event until it is written (then 300). Rows
  /// and steps go on when it is full.
  std::size_t max_trace_events = 200'000;
};

class Profile {
 public:
  /// Begins. Throws ValueError when another one has begun and not been stopped: profiles do not
  /// nest, since two could not both be told what the other costs; and for negative counts.
  explicit Profile(ProfileOptions options = {});
  /// Stops. When an exception comes through, catch it and ask a Profile outside of the `try`.
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// A step of the program ends here. The first one is told apart where there are several.
  void step();
  /// A step ends here as well, and nothing is looked at until resume(): a test pass between two
  /// passes over the training data. resume() without pause() does nothing.
  void pause();
  void resume();
  /// Stops, and says what was seen; the same again when called again. It waits until the devices
  /// that it saw have run what they were given. Evaluations that other threads are in the middle of
  /// go on unseen.
  ProfileResult stop();
  /// Begun and not yet stopped; also while steps are skipped.
  bool is_running() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

/// f() under a profile of its own. Whatever f throws is thrown.
template <class F>
[[nodiscard]] ProfileResult profile(F&& f, const ProfileOptions& options = {}) {
  Profile running(options);
  std::forward<F>(f)();
  return running.stop();
}

/// While it lives, the trace shows `name` on this thread; costs nothing when there is no profile.
/// It covers what this thread does: recording, and the evaluations that happen within.
class ProfileRange {
 public:
  explicit ProfileRange(std::string_view name);
  ~ProfileRange();
  ProfileRange(const ProfileRange&) = delete;
  ProfileRange& operator=(const ProfileRange&) = delete;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

/// `const auto range = ingot::profile_range("forward");`
[[nodiscard]] inline ProfileRange profile_range(std::string_view name) {
  return ProfileRange(name);
}

}  // namespace ingot
