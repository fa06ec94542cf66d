fleetsync_fuzzer(facts
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/facts_fuzzer.cc
  DEPS fleetsync_facts)
