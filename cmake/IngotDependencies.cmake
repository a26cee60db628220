# What the library is built from. Used by this build and, installed, by ingotConfig.cmake, so it
# only looks for things and never aborts for something an installed library does not need.
#
# Reads   INGOT_CBLAS, INGOT_CURL.
# Leaves  the targets ingot_dep_dnnl, ingot_dep_zip, ingot_dep_utf8proc, ingot_dep_threads and, where they were found, ingot_dep_blas and
#         ingot_dep_curl;
#         the packages' own targets hwy::hwy hwy::hwy_contrib fmt::fmt ZLIB::ZLIB JPEG::JPEG PNG::PNG;
#         Header-only ones (nlohmann_json, CLI11) are looked for by whoever uses them.

# ingot_missing(<what> <Debian package> <Homebrew formula>): stops with what to install.
function(ingot_missing what debian brew)
  message(FATAL_ERROR
    "Ingot needs ${what}, which was not found.\n"
    "  Debian, Ubuntu:  apt-get install ${debian}\n"
    "  macOS:           brew install ${brew}\n"
    "  or run scripts/setup.sh, which installs everything.")
endfunction()

# ingot_bare_library(<target> <variables' prefix> <header> <library> <what> <Debian package> <Homebrew formula>):
# an imported target of a library whose CMake package cannot be used, or that has none.
function(ingot_bare_library target prefix header library what debian brew)
  if(TARGET ${target})
    return()
  endif()
  find_path(${prefix}_INCLUDE_DIR ${header})
  find_library(${prefix}_LIBRARY ${library})
  mark_as_advanced(${prefix}_INCLUDE_DIR ${prefix}_LIBRARY)
  if(NOT ${prefix}_INCLUDE_DIR OR NOT ${prefix}_LIBRARY)
    ingot_missing("${what}" ${debian} ${brew})
  endif()
  add_library(${target} UNKNOWN IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${${prefix}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${${prefix}_INCLUDE_DIR}")
endfunction()

# Homebrew keeps some formulas out of the default search path.
if(APPLE)
  foreach(_prefix /opt/homebrew /usr/local)
    foreach(_keg jpeg-turbo libomp zlib)
      if(EXISTS "${_prefix}/opt/${_keg}")
        list(APPEND CMAKE_PREFIX_PATH "${_prefix}/opt/${_keg}")
      endif()
    endforeach()
  endforeach()
endif()

find_package(Threads REQUIRED)

# oneDNN: the bare files, not its CMake package. Debian's package asks every program for OpenCL, which
# Ingot does not use (and which need not be installed).
ingot_bare_library(ingot_dep_dnnl INGOT_DNNL dnnl.hpp dnnl
  "oneDNN 2.6 or newer" libdnnl-dev onednn)

find_package(fmt CONFIG QUIET)
if(NOT TARGET fmt::fmt)
  ingot_missing("{fmt}" libfmt-dev fmt)
endif()

# Highway: its own config where it has one, else the bare files.
find_package(hwy CONFIG QUIET)
ingot_bare_library(hwy::hwy INGOT_HWY hwy/highway.h hwy "Highway 1.0 or newer" libhwy-dev highway)
if(NOT TARGET hwy::hwy_contrib)
  find_library(INGOT_HWY_CONTRIB_LIBRARY hwy_contrib)
  mark_as_advanced(INGOT_HWY_CONTRIB_LIBRARY)
  if(NOT INGOT_HWY_CONTRIB_LIBRARY)
    ingot_missing("Highway's contrib library" libhwy-dev highway)
  endif()
  add_library(hwy::hwy_contrib UNKNOWN IMPORTED)
  set_target_properties(hwy::hwy_contrib PROPERTIES
    IMPORTED_LOCATION "${INGOT_HWY_CONTRIB_LIBRARY}"
    INTERFACE_LINK_LIBRARIES hwy::hwy)
endif()

find_package(ZLIB QUIET)
if(NOT TARGET ZLIB::ZLIB)
  ingot_missing("zlib" zlib1g-dev zlib)
endif()
# libzip: the bare files, since Debian's package asks for its command line programs, too.
ingot_bare_library(ingot_dep_zip INGOT_ZIP zip.h zip
  "libzip 1.7 or newer" libzip-dev libzip)
# utf8proc: the bare files, since Debian's package has no CMake configuration.
ingot_bare_library(ingot_dep_utf8proc INGOT_UTF8PROC utf8proc.h utf8proc
  "utf8proc 2.6 or newer" libutf8proc-dev utf8proc)
find_package(JPEG QUIET)
if(NOT TARGET JPEG::JPEG)
  ingot_missing("libjpeg-turbo" libjpeg-dev jpeg-turbo)
endif()
find_package(PNG QUIET)
if(NOT TARGET PNG::PNG)
  ingot_missing("libpng" libpng-dev libpng)
endif()

# Threads of parallel_for. dlsym finds the OpenMP runtime of a library that brought one.
if(NOT TARGET ingot_dep_threads)
  add_library(ingot_dep_threads INTERFACE IMPORTED)
  target_link_libraries(ingot_dep_threads INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
endif()

# CBLAS, optional: Accelerate on Apple, OpenBLAS elsewhere.
if(INGOT_CBLAS AND NOT TARGET ingot_dep_blas)
  if(APPLE)
    add_library(ingot_dep_blas INTERFACE IMPORTED)
    target_link_libraries(ingot_dep_blas INTERFACE "-framework Accelerate")
    target_compile_definitions(ingot_dep_blas INTERFACE
      INGOT_HAVE_CBLAS=1 INGOT_CBLAS_ACCELERATE=1 ACCELERATE_NEW_LAPACK=1)
  else()
    find_path(INGOT_CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread)
    find_library(INGOT_CBLAS_LIBRARY openblas)
    mark_as_advanced(INGOT_CBLAS_INCLUDE_DIR INGOT_CBLAS_LIBRARY)
    if(INGOT_CBLAS_INCLUDE_DIR AND INGOT_CBLAS_LIBRARY)
      add_library(ingot_dep_blas INTERFACE IMPORTED)
      target_include_directories(ingot_dep_blas SYSTEM INTERFACE "${INGOT_CBLAS_INCLUDE_DIR}")
      target_link_libraries(ingot_dep_blas INTERFACE "${INGOT_CBLAS_LIBRARY}")
      target_compile_definitions(ingot_dep_blas INTERFACE INGOT_HAVE_CBLAS=1)
    endif()
  endif()
endif()

# libcurl, optional: `ingot train --download`.
if(INGOT_CURL AND NOT TARGET ingot_dep_curl)
  find_path(INGOT_CURL_INCLUDE_DIR curl/curl.h)
  find_library(INGOT_CURL_LIBRARY curl)
  mark_as_advanced(INGOT_CURL_INCLUDE_DIR INGOT_CURL_LIBRARY)
  if(INGOT_CURL_INCLUDE_DIR AND INGOT_CURL_LIBRARY)
    add_library(ingot_dep_curl INTERFACE IMPORTED)
    target_include_directories(ingot_dep_curl SYSTEM INTERFACE "${INGOT_CURL_INCLUDE_DIR}")
    target_link_libraries(ingot_dep_curl INTERFACE "${INGOT_CURL_LIBRARY}")
  else()
    message(STATUS "libcurl was not found; --download will say so")
  endif()
endif()
