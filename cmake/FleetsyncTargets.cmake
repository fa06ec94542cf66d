# How every library, program and test of the project is built.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(fleetsync_options INTERFACE)
target_include_directories(fleetsync_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(fleetsync_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Werror=unused-result -Werror=switch
  -fstack-protector-strong
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false with std::string's operator+ in g++ 12 (GCC bug 105329)
  $<$<BOOL:${FLEETSYNC_WERROR}>:-Werror>)
target_compile_definitions(fleetsync_options INTERFACE
  FLEETSYNC_VERSION="${PROJECT_VERSION}" SPDLOG_FMT_EXTERNAL)
target_link_options(fleetsync_options INTERFACE -Wl,-z,relro,-z,now)
if(FLEETSYNC_SANITIZE)
  list(JOIN FLEETSYNC_SANITIZE "," _sanitizers)
  target_compile_options(fleetsync_options INTERFACE
    -fsanitize=${_sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(fleetsync_options INTERFACE -fsanitize=${_sanitizers})
else()
  target_compile_definitions(fleetsync_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()

# fleetsync_library(NAME SOURCES a.cc … DEPS target …): the static library fleetsync_NAME.
function(fleetsync_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(fleetsync_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(fleetsync_${name} PUBLIC fleetsync_options ${ARG_DEPS})
endfunction()

# fleetsync_program(NAME SOURCES main.cc DEPS target …): build/bin/NAME.
function(fleetsync_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE fleetsync_options ${ARG_DEPS})
endfunction()

# fleetsync_test(NAME SOURCES a_test.cc … DEPS target … [LABELS unit]): one ctest that runs all of
# the GoogleTest cases in these sources, from the source folder. The label `grpc` keeps a test out
# of the tsan preset: Debian's gRPC is not instrumented. It takes two of ctest's places, of which
# scripts/test has two a processor.
function(fleetsync_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE fleetsync_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} PROCESSORS 2)
endfunction()
