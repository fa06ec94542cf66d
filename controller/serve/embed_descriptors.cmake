# cmake -P: writes OUTPUT, a source file whose Descriptors() returns the bytes of INPUT.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x[0-9a-f][0-9a-f],)(0x[0-9a-f][0-9a-f],)(0x[0-9a-f][0-9a-f],)(0x[0-9a-f][0-9a-f],))" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}"
  "#include \"controller/serve/descriptors.h\"\n"
  "namespace {\n"
  "constexpr unsigned char kBytes[] = {\n${bytes}};\n"
  "}\n"
  "std::string_view fleetsync::serve::Descriptors() {\n"
  "  return {reinterpret_cast<const char*>(kBytes), sizeof kBytes};\n"
  "}\n")
