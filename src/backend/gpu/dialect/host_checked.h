// Follows dialect/host.h where accesses are watched: the compiler's instrumentation for
// ThreadSanitizer calls these, hidden from a sanitizer that the process may have.
HOST_EXPORT void (*ingot_kernel_access)(const void* address, u32 nbytes, u32 writes,
                                        const void* pc);
void (*ingot_kernel_access)(const void* address, u32 nbytes, u32 writes, const void* pc) = nullptr;
#define HOOK extern "C" __attribute__((visibility("hidden"), no_sanitize("thread"), noinline)) void
HOOK __tsan_init() {}
HOOK __tsan_func_entry(void*) {}
HOOK __tsan_func_exit() {}
#define ACCESS(name, nbytes, writes)                                           \
  HOOK __tsan_##name(void* address) {                                          \
    ingot_kernel_access(address, nbytes, writes, __builtin_return_address(0)); \
  }
#define ACCESSES(n)                \
  ACCESS(read##n, n, 0)            \
  ACCESS(write##n, n, 1)           \
  ACCESS(unaligned_read##n, n, 0)  \
  ACCESS(unaligned_write##n, n, 1) \
  ACCESS(read_write##n, n, 1)
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
HOOK __tsan_read_range(void* address, u64 nbytes) {
  ingot_kernel_access(address, (u32)nbytes, 0, __builtin_return_address(0));
}
HOOK __tsan_write_range(void* address, u64 nbytes) {
  ingot_kernel_access(address, (u32)nbytes, 1, __builtin_return_address(0));
}
HOOK* __tsan_memcpy(void* to, const void* from, u64 nbytes) {
  ingot_kernel_access(from, (u32)nbytes, 0, __builtin_return_address(0));
  ingot_kernel_access(to, (u32)nbytes, 1, __builtin_return_address(0));
  return __builtin_memcpy(to, from, nbytes);
}
HOOK* __tsan_memset(void* to, int byte, u64 nbytes) {
  ingot_kernel_access(to, (u32)nbytes, 1, __builtin_return_address(0));
  return __builtin_memset(to, byte, nbytes);
}
#undef ACCESSES
#undef ACCESS
#undef HOOK
