#include "plan/instance.h"

namespace ingot::plan {
namespace {

template <class T>
std::size_t room(const std::vector<T>& list) {
  return list.capacity() * sizeof(T);
}

}  // namespace

void PlanInstance::clear() {
  binding.bounds.clear();
  binding.arenas.clear();
  binding.outputs.clear();
  binding.values.clear();
  results.clear();
  timers.clear();
}

std::size_t PlanInstance::nbytes() const {
  return sizeof(PlanInstance) + room(binding.bounds) + room(binding.slots) + room(binding.arenas) +
         room(binding.outputs) + room(binding.values) + room(results) + room(addresses) +
         room(operands) + room(device_operands) + room(batch_slots) + room(leaf_nodes) +
         room(leaf_holders) + room(preferred);
}

std::unique_ptr<PlanInstance> InstancePool::take() {
  const std::lock_guard lock(mutex_);
  if (!idle_.empty()) {
    auto instance = std::move(idle_.back());
    idle_.pop_back();
    return instance;
  }
  idle_.reserve(num_instances_ + 1);
  auto instance = std::make_unique<PlanInstance>();
  ++num_instances_;
  return instance;
}

void InstancePool::give(std::unique_ptr<PlanInstance> instance) noexcept {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(instance));
}

void InstancePool::drop() noexcept {
  const std::lock_guard lock(mutex_);
  num_instances_ -= idle_.size();
  idle_.clear();  // keeps its room, for those that are in use
}

std::size_t InstancePool::nbytes() {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& instance : idle_) total += instance->nbytes();
  return total;
}

}  // namespace ingot::plan
