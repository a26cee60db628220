# examples/NAME.cpp -> build/bin/examples/NAME. Examples see the public headers only.
file(GLOB _examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cpp")
foreach(_source IN LISTS _examples)
  cmake_path(GET _source STEM _name)
  add_executable(example_${_name} "${_source}")
  target_link_libraries(example_${_name} PRIVATE ingot_static ingot_flags)
  set_target_properties(example_${_name} PROPERTIES
    OUTPUT_NAME ${_name}
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/examples")
endforeach()
