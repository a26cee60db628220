// Finding members that have no owner: `nn::Linear fc{4, 2};` inside a module compiles, and without
// this it would silently stay out of parameters(), state_dict(), to() and train().
//
// Every module is known here from its construction until it gets an owner or dies. One that lies
// within the bytes of another module is a member of it, however deep in arrays, optionals and
// structs, and should have one. The check costs a comparison unless ownerless modules have been
// made since the last one.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/nn/module.h>

#include <mutex>
#include <set>

#include "nn/unregistered.h"

namespace ingot::nn {

namespace {

// When set, `delete` only tells the size of the object.
thread_local std::size_t* asked_nbytes = nullptr;

const void* start_of(const Module& module) { return dynamic_cast<const void*>(&module); }

struct ByAddress {
  bool operator()(const Module* a, const Module* b) const { return std::less<>()(a, b); }
};

// Never destroyed: static modules may die after it would have been.
struct Ownerless {
  std::mutex mutex;
  std::set<const Module*, ByAddress> modules;
  std::atomic<std::uint64_t> made{1};
};
Ownerless& ownerless() {
  static Ownerless& all = *new Ownerless;
  return all;
}

}  // namespace

void add_ownerless(const Module& module) {
  Ownerless& all = ownerless();
  const std::lock_guard lock(all.mutex);
  all.modules.insert(&module);
  all.made.fetch_add(1, std::memory_order_relaxed);
}

void remove_ownerless(const Module& module) {
  Ownerless& all = ownerless();
  const std::lock_guard lock(all.mutex);
  all.modules.erase(&module);
}

// -- The size of the whole object ---------------------------------------------------------------
//
// Only the class of the complete object knows it, and the only way to ask is the deleting
// destructor: with a destroying operator delete it destroys nothing itself and hands the size over.

std::size_t Module::whole_nbytes() const {
  std::size_t nbytes = 0;
  asked_nbytes = &nbytes;
  delete const_cast<Module*>(this);
  asked_nbytes = nullptr;
  return nbytes;
}

void Module::operator delete(Module* module, std::destroying_delete_t, std::size_t nbytes) {
  if (asked_nbytes) {
    *asked_nbytes = nbytes;
    return;
  }
  void* const block = dynamic_cast<void*>(module);
  module->~Module();
  ::operator delete(block);
}

void Module::operator delete(Module* module, std::destroying_delete_t, std::size_t nbytes,
                             std::align_val_t alignment) {
  if (asked_nbytes) {
    *asked_nbytes = nbytes;
    return;
  }
  void* const block = dynamic_cast<void*>(module);
  module->~Module();
  ::operator delete(block, alignment);
}

// -- The check ----------------------------------------------------------------------------------

void Module::keep_apart(Module& member) { remove_ownerless(member); }

void Module::require_registered_members() const {
  const std::uint64_t made = ownerless().made.load(std::memory_order_relaxed);
  if (checked_.load(std::memory_order_relaxed) == made) return;
  find_unregistered();
  checked_.store(made, std::memory_order_relaxed);
}

bool Module::holds_as_member(const Module& other) const {
  const auto* start = static_cast<const std::byte*>(start_of(*this));
  const auto* place = static_cast<const std::byte*>(start_of(other));
  return &other != this && place >= start && place < start + whole_nbytes();
}

void Module::find_unregistered() const {
  Ownerless& all = ownerless();
  const std::lock_guard lock(all.mutex);
  // The nearest one tells whether the size needs to be asked for at all.
  constexpr std::ptrdiff_t kLargest = std::ptrdiff_t{1} << 24;
  const auto* start = static_cast<const std::byte*>(start_of(*this));
  auto next = all.modules.lower_bound(reinterpret_cast<const Module*>(start));
  if (next != all.modules.end() && *next == this) ++next;
  if (next == all.modules.end() || reinterpret_cast<const std::byte*>(*next) - start > kLargest)
    return;
  const std::byte* const end = start + whole_nbytes();
  for (; next != all.modules.end() && reinterpret_cast<const std::byte*>(*next) < end; ++next) {
    const Module& member = **next;
    if (&member == this) continue;
    // What lies in a member that has an owner is for that one to tell.
    bool deeper = false;
    for (const Child& child : children_)
      deeper = deeper || (child.member && holds_as_member(*child.member) &&
                          child.member->holds_as_member(member));
    if (!deeper) refuse_unregistered(member);
  }
}

void Module::refuse_unregistered(const Module& member) const {
  const std::string type = member.type_name(), given = member.arguments();
  // The last member with an owner before it.
  const Child* before = nullptr;
  for (const Child& child : children_)
    if (child.member && holds_as_member(*child.member) && child.member < &member &&
        (!before || before->member < child.member))
      before = &child;
  throw ValueError(fmt::format(
      "{0}: a member of type {1}{2} is not registered: {0} would be trained, saved, moved and "
      "printed without it. Name its owner, and its key in state_dict():\n"
      "  nn::{1} fc{{*this, \"fc\"{3}}};   // not: nn::{1} fc{{{4}}};\n"
      "(or keep_apart(fc) in the constructor of {0}, if that is what it is meant for)",
      type_name(), type, before ? fmt::format(", declared after '{}',", before->name) : "",
      given.empty() ? "" : ", " + given, given));
}

}  // namespace ingot::nn
