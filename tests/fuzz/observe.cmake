fleetsync_fuzzer(observe
  SOURCES "${CMAKE_CURRENT_LIST_DIR}/observe_fuzzer.cc" DEPS fleetsync_observe)
