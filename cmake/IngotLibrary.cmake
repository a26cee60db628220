# The library: every src/**/*.cpp compiled once, archived (ingot_static) and linked (ingot_shared).
# ingot::ingot is one of the two, by BUILD_SHARED_LIBS.

find_package(nlohmann_json CONFIG QUIET)
if(NOT TARGET nlohmann_json::nlohmann_json)
  ingot_missing("nlohmann-json" nlohmann-json3-dev nlohmann-json)
endif()

file(GLOB_RECURSE INGOT_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/core/version.cpp"
  APPEND PROPERTY COMPILE_DEFINITIONS "INGOT_VERSION=\"${PROJECT_VERSION}\"")

# Plain loops that the compiler is to vectorise. Without the precompiled headers: GCC takes the
# level of optimisation from them, whatever the command line says.
set(_vectorised
  "${PROJECT_SOURCE_DIR}/src/backend/cpu/batch_norm.cpp"
  "${PROJECT_SOURCE_DIR}/src/backend/cpu/float_tiles.cpp"
  "${PROJECT_SOURCE_DIR}/src/backend/cpu/pool.cpp"
  "${PROJECT_SOURCE_DIR}/src/backend/cpu/random.cpp"
  "${PROJECT_SOURCE_DIR}/src/backend/cpu/tile_ops.cpp")
set_property(SOURCE ${_vectorised} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Release>:-O3>")
set_property(SOURCE ${_vectorised} PROPERTY SKIP_PRECOMPILE_HEADERS ON)

# Coverage guides the fuzzers through what reads files; elsewhere it would only cost time.
if(INGOT_BUILD_FUZZERS)
  set(_readers ${INGOT_SOURCES})
  list(FILTER _readers INCLUDE REGEX "/src/(io|data|text|train|glue)/")
  set_property(SOURCE ${_readers} APPEND PROPERTY COMPILE_OPTIONS -fsanitize=fuzzer-no-link)
endif()

# What a program that links the library must link as well.
set(INGOT_LINK_DEPENDENCIES
  ingot_dep_dnnl hwy::hwy_contrib hwy::hwy fmt::fmt ZLIB::ZLIB ingot_dep_zip JPEG::JPEG PNG::PNG
  ingot_dep_utf8proc ingot_dep_threads)
if(TARGET ingot_dep_blas)
  list(APPEND INGOT_LINK_DEPENDENCIES ingot_dep_blas)
endif()
if(TARGET ingot_dep_curl)
  list(APPEND INGOT_LINK_DEPENDENCIES ingot_dep_curl)
  set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/data/download.cpp"
    APPEND PROPERTY COMPILE_DEFINITIONS INGOT_HAVE_CURL=1)
endif()

# For targets that may see the library's insides: tests, benchmarks, fuzzers.
add_library(ingot_private INTERFACE)
target_include_directories(ingot_private INTERFACE
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(ingot_private INTERFACE
  ${INGOT_LINK_DEPENDENCIES} nlohmann_json::nlohmann_json)

add_library(ingot_objects OBJECT ${INGOT_SOURCES} ${INGOT_GENERATED_SOURCES})
set_target_properties(ingot_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_link_libraries(ingot_objects PRIVATE ingot_private ingot_flags)
if(INGOT_PRECOMPILE)
  target_precompile_headers(ingot_objects PRIVATE "${PROJECT_SOURCE_DIR}/src/precompiled.h")
  # jpeglib.h wants to come before other headers.
  set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/data/jpeg.cpp"
    PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endif()

# The MNIST subset of the demo, inside the library.
include(IngotEmbed)
foreach(_part train t10k)
  string(REPLACE t10k test _split ${_part})
  set(_folder "${PROJECT_SOURCE_DIR}/data/mnist-1k")
  ingot_embed(ingot_objects mnist_${_split}_images "${_folder}/${_part}-images-idx3-ubyte.gz")
  ingot_embed(ingot_objects mnist_${_split}_labels "${_folder}/${_part}-labels-idx1-ubyte.gz")
endforeach()

# The GPU's kernels and dialects as text: compiled when a program runs.
set(_gpu "${PROJECT_SOURCE_DIR}/src/backend/gpu")
file(GLOB _texts CONFIGURE_DEPENDS "${_gpu}/kernels/*.h" "${_gpu}/dialect/*.h")
set(_declarations "")
set(_entries "")
foreach(_text IN LISTS _texts)
  cmake_path(GET _text STEM _name)
  cmake_path(GET _text PARENT_PATH _folder)
  set(_symbol "gpu_text_${_name}")
  if(_folder MATCHES "/dialect$")
    set(_symbol "gpu_dialect_${_name}")
    string(PREPEND _name "dialect/")
  endif()
  ingot_embed(ingot_objects "${_symbol}" "${_text}")
  string(APPEND _declarations
    "extern const unsigned char ${_symbol}[];\nextern const unsigned long ${_symbol}_nbytes;\n")
  string(APPEND _entries
    "      {\"${_name}\", {reinterpret_cast<const char*>(embedded::${_symbol}), embedded::${_symbol}_nbytes}},\n")
endforeach()
set(INGOT_GENERATED_SOURCES "")
ingot_write_list(gpu_texts.cpp "\
#include \"backend/gpu/text.h\"

#include <map>
#include <string>
#include <string_view>

#include <ingot/core/error.h>

namespace ingot::embedded {
${_declarations}}  // namespace ingot::embedded

namespace ingot::gpu {

std::string_view text_of(std::string_view name) {
  static const std::map<std::string_view, std::string_view> texts = {
${_entries}  };
  const auto found = texts.find(name);
  if (found == texts.end())
    throw InternalError(\"there is no kernel text '\" + std::string(name) + \"'\");
  return found->second;
}

}  // namespace ingot::gpu
")
target_sources(ingot_objects PRIVATE ${INGOT_GENERATED_SOURCES})

# ingot_add_library(<STATIC|SHARED>)
function(ingot_add_library kind)
  string(TOLOWER "${kind}" suffix)
  set(name ingot_${suffix})
  add_library(${name} ${kind} $<TARGET_OBJECTS:ingot_objects>)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME ingot
    EXPORT_NAME ${suffix}
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${name} PRIVATE ${INGOT_LINK_DEPENDENCIES} $<BUILD_INTERFACE:ingot_flags>)
  add_library(ingot::${suffix} ALIAS ${name})
  install(TARGETS ${name} EXPORT ingot-${suffix}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(EXPORT ingot-${suffix} NAMESPACE ingot::
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/ingot")
endfunction()

ingot_add_library(STATIC)
if(INGOT_BUILD_SHARED)
  ingot_add_library(SHARED)
endif()
if(BUILD_SHARED_LIBS)
  add_library(ingot::ingot ALIAS ingot_shared)
else()
  add_library(ingot::ingot ALIAS ingot_static)
endif()

# The package: find_package(ingot) gives ingot::ingot, ingot::static and ingot::shared.
include(CMakePackageConfigHelpers)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/ingotConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/ingotConfig.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/ingot")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ingotConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/ingotConfig.cmake" "${PROJECT_BINARY_DIR}/ingotConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/IngotDependencies.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/ingot")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ingot" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/data/mnist-1k/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
  RENAME LICENSE.mnist)
