# A text file of the source tree inside the program. As a module: fleetsync_embed(). As a script
# (cmake -P): writes OUTPUT, a source file that defines FUNCTION, which returns the text of INPUT.

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" text)
  if(STRIP_COMMENTS)  # they are for readers of the repository, not for every host's connection
    string(REGEX REPLACE "\n *#[^\n]*" "" text "\n${text}")
    string(REGEX REPLACE "^\n+" "" text "${text}")
  endif()
  file(WRITE "${OUTPUT}"
    "#include \"${HEADER}\"\n"
    "std::string_view ${FUNCTION}() {\n"
    "  return R\"embedded(${text})embedded\";\n"
    "}\n")
  return()
endif()

# fleetsync_embed(INPUT file OUTPUT file.cc HEADER declares.h FUNCTION ns::Name [STRIP_COMMENTS]):
# OUTPUT, in the current binary folder, is made again when INPUT changes. Comments are lines whose
# first character but spaces is #.
function(fleetsync_embed)
  cmake_parse_arguments(ARG "STRIP_COMMENTS" "INPUT;OUTPUT;HEADER;FUNCTION" "" ${ARGN})
  get_filename_component(input "${ARG_INPUT}" ABSOLUTE)
  add_custom_command(OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${ARG_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${input}"
            "-DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/${ARG_OUTPUT}" "-DHEADER=${ARG_HEADER}"
            "-DFUNCTION=${ARG_FUNCTION}" "-DSTRIP_COMMENTS=${ARG_STRIP_COMMENTS}"
            -P "${PROJECT_SOURCE_DIR}/cmake/FleetsyncEmbed.cmake"
    DEPENDS "${input}" "${PROJECT_SOURCE_DIR}/cmake/FleetsyncEmbed.cmake"
    VERBATIM)
endfunction()
