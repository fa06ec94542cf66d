fleetsync_fuzzer(ntp_packet
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ntp_packet_fuzzer.cc
  DEPS fleetsync_ntp)
fleetsync_fuzzer(ntp_key_file
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ntp_key_file_fuzzer.cc
  DEPS fleetsync_ntp)
fleetsync_fuzzer(spool
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/spool_fuzzer.cc
  DEPS fleetsync_report)
fleetsync_fuzzer(ntp_server
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ntp_server_fuzzer.cc
  DEPS fleetsync_server
  MUTATIONS 150000)  # of seven requests: a million in all
