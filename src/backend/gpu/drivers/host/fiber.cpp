#include "backend/gpu/drivers/host/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "core/sanitizers.h"

#if defined(INGOT_ADDRESS_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(INGOT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#define INGOT_UCONTEXT 1
#endif

// ingot_switch_stack(save, load): keeps the registers that a call preserves on the stack, leaves
// the stack's address in *save, and goes on where `load` was left. The system's swapcontext does
// the same with two system calls.
#if defined(__APPLE__)
#define INGOT_ASM_NAME(name) "_" #name
#else
#define INGOT_ASM_NAME(name) #name
#endif
#if defined(__x86_64__)
extern "C" void ingot_switch_stack(void** save, void* load) noexcept;
asm(".text\n.globl " INGOT_ASM_NAME(ingot_switch_stack) "\n" INGOT_ASM_NAME(ingot_switch_stack) R"(:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
#elif defined(__aarch64__)
extern "C" void ingot_switch_stack(void** save, void* load) noexcept;
asm(".text\n.globl " INGOT_ASM_NAME(ingot_switch_stack) "\n" INGOT_ASM_NAME(ingot_switch_stack) R"(:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");
#endif

namespace ingot::gpu {
namespace {

constexpr std::size_t kStackNbytes = std::size_t{256} << 10;

// Thread sanitizer counts calls and returns on each stack. One that is begun anew leaves its calls
// for good; after some thousands there is no room. So there a stack lives on from body to body.
#if defined(INGOT_THREAD_SANITIZER)
constexpr bool kLivesOn = true;
#else
constexpr bool kLivesOn = false;
#endif

// Where the fiber to begin is told: a new stack has no arguments.
thread_local void* beginning = nullptr;

}  // namespace

struct Fiber::State {
  std::byte* range = nullptr;  // a guard page, then the stack
  std::size_t guard = 0;
#if defined(INGOT_UCONTEXT)
  ucontext_t own, caller;
#else
  void* own = nullptr;
  void* caller = nullptr;
#endif
#if defined(INGOT_ADDRESS_SANITIZER)
  void* own_fake = nullptr;
  void* caller_fake = nullptr;
  const void* caller_stack = nullptr;
  std::size_t caller_nbytes = 0;
#endif
#if defined(INGOT_THREAD_SANITIZER)
  void* own_tsan = nullptr;
  void* caller_tsan = nullptr;
#endif

  std::byte* stack() const { return range + guard; }
  void switch_in() {
#if defined(INGOT_THREAD_SANITIZER)
    caller_tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(own_tsan, 0);  // 0: what was done before comes before
#endif
#if defined(INGOT_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(&caller_fake, stack(), kStackNbytes);
#endif
#if defined(INGOT_UCONTEXT)
    swapcontext(&caller, &own);
#else
    ingot_switch_stack(&caller, own);
#endif
#if defined(INGOT_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(caller_fake, nullptr, nullptr);
#endif
  }
  void switch_out(bool for_good) {
#if defined(INGOT_THREAD_SANITIZER)
    __tsan_switch_to_fiber(caller_tsan, 0);
#endif
#if defined(INGOT_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &own_fake, caller_stack, caller_nbytes);
#else
    (void)for_good;
#endif
#if defined(INGOT_UCONTEXT)
    swapcontext(&own, &caller);
#else
    ingot_switch_stack(&own, caller);
#endif
    arrived(false);
  }
  // First thing on the fiber's stack.
  void arrived(bool first) {
#if defined(INGOT_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(first ? nullptr : own_fake, &caller_stack, &caller_nbytes);
#else
    (void)first;
#endif
  }
};

Fiber::Fiber() : state_(std::make_unique<State>()) {
  state_->guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* range = mmap(nullptr, state_->guard + kStackNbytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  mprotect(range, state_->guard, PROT_NONE);
  state_->range = static_cast<std::byte*>(range);
#if defined(INGOT_THREAD_SANITIZER)
  state_->own_tsan = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(INGOT_THREAD_SANITIZER)
  __tsan_destroy_fiber(state_->own_tsan);
#endif
  munmap(state_->range, state_->guard + kStackNbytes);
}

bool Fiber::holds(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  return at >= state_->stack() && at < state_->stack() + kStackNbytes;
}

// On the new stack. It never returns: there is nothing to return to.
void Fiber::enter(void* fiber) noexcept {
  auto& f = *static_cast<Fiber*>(fiber);
  f.state_->arrived(true);
  do {
    f.body_(f.context_);
    f.done_ = true;
    f.state_->switch_out(!kLivesOn);
  } while (kLivesOn);
}

void Fiber::start(void (*body)(void*), void* context) {
  const bool waits = kLivesOn && done_ && body_ != nullptr;
  body_ = body;
  context_ = context;
  done_ = false;
  if (waits) return;
  std::byte* top = state_->stack() + kStackNbytes;
  void (*entry)() = [] { enter(beginning); };
#if defined(INGOT_UCONTEXT)
  getcontext(&state_->own);
  state_->own.uc_stack = {.ss_sp = state_->stack(), .ss_flags = 0, .ss_size = kStackNbytes};
  state_->own.uc_link = nullptr;
  makecontext(&state_->own, entry, 0);
  (void)top;
#elif defined(__x86_64__)
  // As if `entry` had been called: the stack's address is 8 more than a multiple of 16.
  auto* words = reinterpret_cast<void**>(top) - 1;
  words[0] = nullptr;
  *--words = reinterpret_cast<void*>(entry);
  words -= 6;
  std::memset(words, 0, 6 * sizeof(void*));
  state_->own = words;
#else
  auto* words = reinterpret_cast<void**>(top - 160);
  std::memset(words, 0, 160);
  words[11] = reinterpret_cast<void*>(entry);  // x30
  state_->own = words;
#endif
}

void Fiber::resume() {
  beginning = this;
  state_->switch_in();
}

void Fiber::pause() { state_->switch_out(false); }

}  // namespace ingot::gpu
