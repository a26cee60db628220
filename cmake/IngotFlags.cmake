# ingot_flags: the compiler flags of everything that is built here. Never installed.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Ingot needs GCC 12 or newer (found ${CMAKE_CXX_COMPILER_VERSION})")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR "Ingot needs Clang 16 or newer (found ${CMAKE_CXX_COMPILER_VERSION})")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "AppleClang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
  message(FATAL_ERROR "Ingot needs AppleClang 15 or newer (found ${CMAKE_CXX_COMPILER_VERSION})")
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEV "-O1 -g" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer" CACHE STRING "" FORCE)

add_library(ingot_flags INTERFACE)
target_compile_features(ingot_flags INTERFACE cxx_std_20)
target_compile_options(ingot_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow
  # Option structs are meant to be filled in part: {.lr = 1e-3}.
  -Wno-missing-field-initializers
  # Fusing a multiply and an add would make a result depend on what was compiled together.
  -ffp-contract=off
  # Recorded source sites are relative to the repository, on every machine the same.
  "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=" "-fmacro-prefix-map=../=")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives of GCC 12 in std::string (PR105329, PR105651); the others come with precompiled
  # headers, where it forgets which lines are the system's.
  target_compile_options(ingot_flags INTERFACE
    -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # A sanitizer may keep a loop from being vectorised; that is not a defect of the loop.
  target_compile_options(ingot_flags INTERFACE -Wno-pass-failed)
endif()
if(INGOT_WERROR)
  target_compile_options(ingot_flags INTERFACE -Werror)
endif()
if(INGOT_SANITIZE)
  target_compile_options(ingot_flags INTERFACE
    "-fsanitize=${INGOT_SANITIZE}" -fno-sanitize-recover=all)
  target_link_options(ingot_flags INTERFACE "-fsanitize=${INGOT_SANITIZE}")
endif()
if(INGOT_BUILD_FUZZERS)
  # The fuzzers' main comes with -fsanitize=fuzzer at their own link.
  target_link_options(ingot_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
