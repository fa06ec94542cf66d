fleetsync_fuzzer(push_answers
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/push_answers_fuzzer.cc DEPS fleetsync_push)
fleetsync_fuzzer(rendered_conf
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/rendered_conf_fuzzer.cc DEPS fleetsync_plan)
fleetsync_fuzzer(policy_script
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/policy_script_fuzzer.cc DEPS fleetsync_plan)
