# ingot_embed(TARGET SYMBOL FILE): compiles FILE's bytes into TARGET (see embed_file.cmake), so that
# an installed program finds its data from any folder.
set(INGOT_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/embed_file.cmake")

function(ingot_embed target symbol file)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cpp")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${file}" "-DOUTPUT=${output}" "-DSYMBOL=${symbol}"
            -P "${INGOT_EMBED_SCRIPT}"
    DEPENDS "${file}" "${INGOT_EMBED_SCRIPT}"
    COMMENT "Embedding ${symbol}"
    VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
