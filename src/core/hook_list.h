// HookList: functions of a user that run at one point, such as the gradient hooks of a tensor.
//
// A user's function may register and remove hooks of the very list that runs. As in PyTorch, a run
// calls those that were registered when it began: one that is removed meanwhile is still called
// this time, one that is added waits for the next. Safe from several threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <ingot/core/tensor.h>

namespace ingot {

template <class Signature>
class HookList {
 public:
  using Hook = std::function<Signature>;
  /// Shared, so that a hook keeps its own state from run to run and lives while it is called.
  using Running = std::vector<std::shared_ptr<const Hook>>;

  /// Adds a hook to the list; the handle takes it off again, as long as the list lives.
  static HookHandle add(const std::shared_ptr<HookList>& list, Hook hook) {
    const std::lock_guard lock(list->mutex_);
    const std::int64_t id = list->next_id_++;
    list->entries_.emplace_back(id, std::make_shared<const Hook>(std::move(hook)));
    return HookHandle([weak = std::weak_ptr(list), id] {
      if (const auto still = weak.lock()) still->remove(id);
    });
  }

  /// What a run that begins now calls, in the order of registration.
  Running running() const {
    Running hooks;
    const std::lock_guard lock(mutex_);
    hooks.reserve(entries_.size());
    for (const auto& [id, hook] : entries_) hooks.push_back(hook);
    return hooks;
  }

  bool empty() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty();
  }

 private:
  void remove(std::int64_t id) {
    std::shared_ptr<const Hook> last;  // destroyed when the lock is gone: it may hold anything
    const std::lock_guard lock(mutex_);
    const auto it = std::find_if(entries_.begin(), entries_.end(),
                                 [id](const auto& entry) { return entry.first == id; });
    if (it == entries_.end()) return;
    last = std::move(it->second);
    entries_.erase(it);
  }

  mutable std::mutex mutex_;
  std::int64_t next_id_ = 0;
  std::vector<std::pair<std::int64_t, std::shared_ptr<const Hook>>> entries_;
};

using GradHooks = HookList<Tensor(const Tensor&)>;

}  // namespace ingot
