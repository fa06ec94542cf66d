fleetsync_fuzzer(observe
  SOURCES "${CMAKE_CURRENT_LIST_DIR}/observe_fuzzer.cc" DEPS fleetsync_observe)
fleetsync_fuzzer(chrony_reply
  SOURCES "${CMAKE_CURRENT_LIST_DIR}/chrony_reply_fuzzer.cc" DEPS fleetsync_agent_observe
  MUTATIONS 200000)
fleetsync_fuzzer(ntp_control
  SOURCES "${CMAKE_CURRENT_LIST_DIR}/ntp_control_fuzzer.cc" DEPS fleetsync_agent_observe
  MUTATIONS 200000)
