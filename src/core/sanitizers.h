// Which sanitizers this is built with: INGOT_ADDRESS_SANITIZER, INGOT_THREAD_SANITIZER and
// INGOT_MEMORY_SANITIZER are defined or not. GCC says it by macros, Clang when it is asked.
#pragma once

#if defined(__has_feature)
#define INGOT_HAS_FEATURE(feature) __has_feature(feature)
#else
#define INGOT_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || INGOT_HAS_FEATURE(address_sanitizer)
#define INGOT_ADDRESS_SANITIZER 1
#endif
#if defined(__SANITIZE_THREAD__) || INGOT_HAS_FEATURE(thread_sanitizer)
#define INGOT_THREAD_SANITIZER 1
#endif
#if INGOT_HAS_FEATURE(memory_sanitizer)
#define INGOT_MEMORY_SANITIZER 1
#endif
