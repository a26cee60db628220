# Installs the built tree into a fresh prefix, then builds and runs the outside project in this
# folder against it, once with the static and once with the shared library.
#
#   cmake -DBUILD_DIR= -DSOURCE_DIR= -DWORK_DIR= -DGENERATOR= -DCXX= -DVERSION= -P run.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "failed (${status}): ${line}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/prefix")

foreach(shared OFF ON)
  set(build "${WORK_DIR}/shared-${shared}")
  run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${build}" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix" "-DCMAKE_CXX_COMPILER=${CXX}"
    -DBUILD_SHARED_LIBS=${shared} -DCMAKE_BUILD_TYPE=Release)
  run("${CMAKE_COMMAND}" --build "${build}")
  execute_process(COMMAND "${build}/consumer" RESULT_VARIABLE status OUTPUT_VARIABLE output)
  message(STATUS "BUILD_SHARED_LIBS=${shared}: ${output}")
  if(NOT status EQUAL 0 OR NOT output STREQUAL "ingot ${VERSION}\n")
    message(FATAL_ERROR "the consumer printed '${output}' and exited with ${status}")
  endif()
endforeach()
