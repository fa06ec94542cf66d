fleetsync_fuzzer(ingest
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ingest_fuzzer.cc
  DEPS fleetsync_ingest)
