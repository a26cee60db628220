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
if(NOT TARGET ingot_dep_dnnl)
  find_path(INGOT_DNNL_INCLUDE_DIR dnnl.hpp)
  find_library(INGOT_DNNL_LIBRARY dnnl)
  mark_as_advanced(INGOT_DNNL_INCLUDE_DIR INGOT_DNNL_LIBRARY)
  if(NOT INGOT_DNNL_INCLUDE_DIR OR NOT INGOT_DNNL_LIBRARY)
    ingot_missing("oneDNN 2.6 or newer" libdnnl-dev onednn)
  endif()
  add_library(ingot_dep_dnnl UNKNOWN IMPORTED)
  set_target_properties(ingot_dep_dnnl PROPERTIES
    IMPORTED_LOCATION "${INGOT_DNNL_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${INGOT_DNNL_INCLUDE_DIR}")
endif()

find_package(fmt CONFIG QUIET)
if(NOT TARGET fmt::fmt)
  ingot_missing("{fmt}" libfmt-dev fmt)
endif()

# Highway: its own config where it has one, else the bare files.
find_package(hwy CONFIG QUIET)
if(NOT TARGET hwy::hwy)
  find_path(INGOT_HWY_INCLUDE_DIR hwy/highway.h)
  find_library(INGOT_HWY_LIBRARY hwy)
  mark_as_advanced(INGOT_HWY_INCLUDE_DIR INGOT_HWY_LIBRARY)
  if(NOT INGOT_HWY_INCLUDE_DIR OR NOT INGOT_HWY_LIBRARY)
    ingot_missing("Highway 1.0 or newer" libhwy-dev highway)
  endif()
  add_library(hwy::hwy UNKNOWN IMPORTED)
  set_target_properties(hwy::hwy PROPERTIES
    IMPORTED_LOCATION "${INGOT_HWY_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${INGOT_HWY_INCLUDE_DIR}")
endif()
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
if(NOT TARGET ingot_dep_zip)
  find_path(INGOT_ZIP_INCLUDE_DIR zip.h)
  find_library(INGOT_ZIP_LIBRARY zip)
  mark_as_advanced(INGOT_ZIP_INCLUDE_DIR INGOT_ZIP_LIBRARY)
  if(NOT INGOT_ZIP_INCLUDE_DIR OR NOT INGOT_ZIP_LIBRARY)
    ingot_missing("libzip 1.7 or newer" libzip-dev libzip)
  endif()
  add_library(ingot_dep_zip UNKNOWN IMPORTED)
  set_target_properties(ingot_dep_zip PROPERTIES
    IMPORTED_LOCATION "${INGOT_ZIP_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${INGOT_ZIP_INCLUDE_DIR}")
endif()
# utf8proc: the bare files, since Debian's package has no CMake configuration.
if(NOT TARGET ingot_dep_utf8proc)
  find_path(INGOT_UTF8PROC_INCLUDE_DIR utf8proc.h)
  find_library(INGOT_UTF8PROC_LIBRARY utf8proc)
  mark_as_advanced(INGOT_UTF8PROC_INCLUDE_DIR INGOT_UTF8PROC_LIBRARY)
  if(NOT INGOT_UTF8PROC_INCLUDE_DIR OR NOT INGOT_UTF8PROC_LIBRARY)
    ingot_missing("utf8proc 2.6 or newer" libutf8proc-dev utf8proc)
  endif()
  add_library(ingot_dep_utf8proc UNKNOWN IMPORTED)
  set_target_properties(ingot_dep_utf8proc PROPERTIES
    IMPORTED_LOCATION "${INGOT_UTF8PROC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${INGOT_UTF8PROC_INCLUDE_DIR}")
endif()
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
