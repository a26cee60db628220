# bench/NAME_bench.cpp -> build/bin/bench/NAME_bench, a Google Benchmark program.
find_package(benchmark CONFIG QUIET)
if(NOT TARGET benchmark::benchmark_main)
  ingot_missing("Google Benchmark" libbenchmark-dev google-benchmark)
endif()
file(GLOB _benches CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*_bench.cpp")
foreach(_source IN LISTS _benches)
  cmake_path(GET _source STEM _name)
  add_executable(${_name} "${_source}")
  target_link_libraries(${_name} PRIVATE
    ingot_static ingot_private ingot_flags benchmark::benchmark benchmark::benchmark_main)
  set_target_properties(${_name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/bench")
endforeach()
