fleetsync_fuzzer(certificate_request
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/certificate_request_fuzzer.cc
  DEPS fleetsync_ca)
