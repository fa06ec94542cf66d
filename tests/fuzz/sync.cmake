fleetsync_fuzzer(sync
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/sync_fuzzer.cc
  DEPS fleetsync_sync)
