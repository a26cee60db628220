#include "backend/gpu/drivers/host/access_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/drivers/host/fiber.h"

namespace ingot::gpu {
namespace {

thread_local AccessChecker* watching = nullptr;

bool inside(const Argument& range, const std::byte* address, std::size_t nbytes) {
  const auto* start = static_cast<const std::byte*>(range.data);
  return address >= start && address + nbytes <= start + range.nbytes;
}

}  // namespace

AccessChecker::AccessChecker(std::span<const Argument> buffers, std::span<const Argument> readable,
                             std::function<bool(const void*)> is_constant)
    : buffers_(buffers.begin(), buffers.end()),
      readable_(readable.begin(), readable.end()),
      is_constant_(std::move(is_constant)) {}

void AccessChecker::begin_group(const std::byte* shared, std::size_t nbytes) {
  shared_ = shared;
  shared_nbytes_ = nbytes;
  ++epoch_;
  ++group_;
}

void AccessChecker::enter(const HostContext& thread, Fiber& fiber) {
  thread_ = &thread;
  fiber_ = &fiber;
  watching = this;
}

void AccessChecker::leave() { watching = nullptr; }

void AccessChecker::access(const void* address, std::uint32_t nbytes, std::uint32_t writes,
                           const void* pc) {
  AccessChecker* self = watching;
  if (!self || self->fault()) return;
  self->check(static_cast<const std::byte*>(address), nbytes, writes != 0, pc);
  // The access itself must not happen; the executor sees the fault and gives the thread up. Only
  // here, where nothing is on the stack that would have to be destroyed.
  if (self->fault()) self->fiber_->pause();
}

void AccessChecker::check(const std::byte* address, std::uint32_t nbytes, bool writes,
                          const void* pc) {
  if (fiber_->holds(address)) return;
  const auto holds = [&](const Argument& range) { return inside(range, address, nbytes); };
  const bool shared =
      address >= shared_ && address + nbytes <= shared_ + shared_nbytes_ && shared_nbytes_ > 0;
  if (!shared && std::none_of(buffers_.begin(), buffers_.end(), holds)) {
    if (!writes && (std::any_of(readable_.begin(), readable_.end(), holds) ||
                    is_context(address, nbytes) || is_constant_(address)))
      return;
    return report(
        pc, fmt::format("{} {} bytes {}", writes ? "writes" : "reads", nbytes, place_of(address)));
  }
  for (std::uint32_t i = 0; i < nbytes; ++i)
    if (races(address + i, writes, shared)) {
      const Seen& s = seen_[address + i];
      const std::string who = !shared && (s.group != group_ || s.many_groups)
                                  ? "another group touches"
                              : s.writer >= 0  ? fmt::format("thread {} wrote", s.writer)
                              : s.many_readers ? "several threads read"
                                               : fmt::format("thread {} read", s.reader);
      return report(pc, fmt::format("{} {} bytes {}, which {} with no barrier between",
                                    writes ? "writes" : "reads", nbytes, place_of(address), who));
    }
}

bool AccessChecker::races(const std::byte* address, bool writes, bool shared) {
  Seen& s = seen_[address];
  const auto me = static_cast<std::int64_t>(thread_->tid);
  // Shared memory begins anew with each group. What is in a buffer nobody orders between groups.
  if (!shared) {
    if (s.group != 0 && s.group != group_) {
      if (writes || s.group_wrote) return true;
      s.many_groups = true;
    }
    if (writes && s.many_groups) return true;
    s.group = group_;
  }
  if (s.epoch != epoch_) {
    s.writer = s.reader = -1;
    s.many_readers = false;
    s.epoch = epoch_;
  }
  if (s.writer >= 0 && s.writer != me) return true;
  if (writes) {
    if (s.many_readers || (s.reader >= 0 && s.reader != me)) return true;
    s.writer = me;
    s.group_wrote = true;
  } else {
    s.many_readers = s.many_readers || (s.reader >= 0 && s.reader != me);
    s.reader = me;
  }
  return false;
}

// What the executor gives each thread, and the functions behind it.
bool AccessChecker::is_context(const std::byte* address, std::size_t nbytes) const {
  return inside({const_cast<HostContext*>(thread_), sizeof(HostContext)}, address, nbytes) ||
         inside({const_cast<HostCalls*>(thread_->calls), sizeof(HostCalls)}, address, nbytes);
}

std::string AccessChecker::place_of(const std::byte* address) const {
  if (address >= shared_ && address < shared_ + shared_nbytes_)
    return fmt::format("of shared memory at {}", address - shared_);
  std::string nearest = "at no place of the kernel's";
  std::ptrdiff_t least = 1 << 20;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const auto* start = static_cast<const std::byte*>(buffers_[i].data);
    const std::byte* end = start + buffers_[i].nbytes;
    if (address >= start && address < end)
      return fmt::format("of buffer {} at byte {} of {}", i, address - start, buffers_[i].nbytes);
    const std::ptrdiff_t away = address >= end ? address - end : start - address;
    if (away >= least) continue;
    least = away;
    nearest = address >= end ? fmt::format("{} bytes behind the end of buffer {}", away, i)
                             : fmt::format("{} bytes before buffer {}", away, i);
  }
  return nearest;
}

void AccessChecker::report(const void* pc, const std::string& what) {
  fault_ = {pc, fmt::format("thread {} of group ({}, {}, {}) {}", thread_->tid, thread_->gx,
                            thread_->gy, thread_->gz, what)};
}

}  // namespace ingot::gpu
