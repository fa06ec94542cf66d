fleetsync_fuzzer(known_hosts SOURCES ${CMAKE_CURRENT_LIST_DIR}/known_hosts_fuzzer.cc
  DEPS fleetsync_ssh)
fleetsync_fuzzer(ssh_target SOURCES ${CMAKE_CURRENT_LIST_DIR}/ssh_target_fuzzer.cc
  DEPS fleetsync_ssh)
