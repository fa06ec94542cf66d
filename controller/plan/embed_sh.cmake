# Writes OUTPUT, a source file with the texts of the scripts in INPUTS, without their comment lines:
# those are for readers of the repository, not for two hundred network connections.
set(source "#include \"controller/plan/script_text.h\"\n\n")
foreach(input ${INPUTS})
  file(READ "${input}" script)
  string(REGEX REPLACE "\n#[^\n]*" "" script "\n${script}")
  string(REGEX REPLACE "^\n+" "" script "${script}")
  get_filename_component(name "${input}" NAME_WE)
  string(SUBSTRING "${name}" 0 1 first)
  string(SUBSTRING "${name}" 1 -1 rest)
  string(TOUPPER "${first}" first)
  string(APPEND source
    "std::string_view fleetsync::plan::${first}${rest}Text() {\n"
    "  return R\"script(${script})script\";\n"
    "}\n")
endforeach()
file(WRITE "${OUTPUT}" "${source}")
