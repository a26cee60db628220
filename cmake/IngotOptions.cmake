# Every switch of the build. The presets in CMakePresets.json set them for the usual cases.

option(BUILD_SHARED_LIBS "ingot::ingot means the shared library" OFF)
option(INGOT_BUILD_SHARED "Build the shared library beside the static one" ON)
option(INGOT_BUILD_APPS "Build the command line program" ON)
option(INGOT_BUILD_EXAMPLES "Build examples/" ON)
option(INGOT_BUILD_BENCH "Build bench/ (needs Google Benchmark)" ON)
option(INGOT_BUILD_TESTS "Build tests/ (needs GoogleTest and rapidcheck)" ON)
option(INGOT_BUILD_SLOW_TESTS "Also the parity, CLI, header and install tests" ON)
option(INGOT_BUILD_FUZZERS "Build fuzz/ (needs Clang)" OFF)
option(INGOT_WERROR "Warnings are errors" ON)
option(INGOT_CBLAS "Use CBLAS (OpenBLAS, Accelerate) where it is found" ON)
option(INGOT_PRECOMPILE "Precompile the most used headers" ON)
option(INGOT_CURL "Download data sets with libcurl, where it is found" ON)
set(INGOT_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")

if(BUILD_SHARED_LIBS AND NOT INGOT_BUILD_SHARED)
  message(FATAL_ERROR "BUILD_SHARED_LIBS=ON needs INGOT_BUILD_SHARED=ON")
endif()
# Files built for coverage cannot share headers with those that are not.
if(INGOT_BUILD_FUZZERS)
  set(INGOT_PRECOMPILE OFF)
endif()
if(INGOT_BUILD_FUZZERS AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "INGOT_BUILD_FUZZERS needs Clang: libFuzzer is part of it")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(INGOT_CCACHE ccache)
  mark_as_advanced(INGOT_CCACHE)
  if(INGOT_CCACHE)
    # Without these ccache keeps nothing of what is built from precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros
      "${INGOT_CCACHE}")
  endif()
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
