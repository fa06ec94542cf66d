# Writes OUTPUT, a source file that defines FUNCTION, declared in HEADER, to return the
# texts of INPUTS joined, without their comment lines: those are for readers of the repository, not
# for two hundred network connections.
separate_arguments(inputs UNIX_COMMAND "${INPUTS}")
set(script "")
foreach(input IN LISTS inputs)
  file(READ "${input}" text)
  string(APPEND script "\n${text}")
endforeach()
string(REGEX REPLACE "\n#[^\n]*" "" script "${script}")
string(REGEX REPLACE "\n\n+" "\n" script "${script}")
string(REGEX REPLACE "^\n+" "" script "${script}")
file(WRITE "${OUTPUT}"
  "#include \"${HEADER}\"\n"
  "std::string_view ${FUNCTION}() {\n"
  "  return R\"script(${script})script\";\n"
  "}\n")
