fleetsync_fuzzer(servers_txt
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/servers_txt_fuzzer.cc DEPS fleetsync_inventory)
fleetsync_fuzzer(fleet_yaml
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/fleet_yaml_fuzzer.cc DEPS fleetsync_inventory)
fleetsync_fuzzer(host_pattern
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/host_pattern_fuzzer.cc DEPS fleetsync_inventory)
fleetsync_fuzzer(ansible_ini
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ansible_ini_fuzzer.cc DEPS fleetsync_inventory)
fleetsync_fuzzer(ansible_yaml
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ansible_yaml_fuzzer.cc DEPS fleetsync_inventory)
fleetsync_fuzzer(ssh_config_hosts
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/ssh_config_hosts_fuzzer.cc DEPS fleetsync_inventory)
