# Sets this host's clock once, for fleetsync. POSIX sh, run as root with these variables set before
# it: tool, init, servers (words), services (words), pids (of the services, words), offset_ns (the
# correction measured over SSH, for the tool `date`), latency_us (from the end of a wait until date
# has set the clock), rtc (1: write the hardware clock after).
#
# A service that is stopped is started again whatever happens: the script ignores a lost connection
# and goes on to its end; should it be killed, its guard in a session of its own does it.

fleetsync_set_clock() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
  # Handled, not ignored: what is started from here must not inherit that.
  trap : HUP PIPE
  printf '\nfleetsync-set 1 begin\n'
  state=/run/fleetsync-set-clock
  [ -d /run ] || state=/var/run/fleetsync-set-clock
  stopped=$state/stopped.$$
  lock || { emit busy 1; printf 'fleetsync-set 1 end\n'; return 1; }
  trap 'start_services; rm -rf "$state"' EXIT
  trap 'exit 143' TERM INT
  set_with_tool
  result=$?
  emit tool "$tool"
  emit exit "$result"
  [ "$result" = 0 ] && write_rtc
  start_services
  printf 'fleetsync-set 1 end\n'
}

has() { command -v "$1" >/dev/null 2>&1; }

# One at a time on a host. What a killed run has left is put right first.
lock() {
  if ! mkdir "$state" 2>/dev/null; then
    read -r holder <"$state/pid" 2>/dev/null
    [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null && return 1
    for stopped in "$state"/stopped.*; do start_services; done
    stopped=$state/stopped.$$
    rm -rf "$state"
    mkdir "$state" 2>/dev/null || return 1
  fi
  echo $$ >"$state/pid"
}

# limited SECONDS COMMAND…: 124 when it had to be ended.
limited() {
  if timeout 1 true >/dev/null 2>&1; then
    timeout "$@"
    return
  fi
  seconds=$1
  shift
  "$@" &
  child=$!
  while [ "$seconds" -gt 0 ] && kill -0 "$child" 2>/dev/null; do
    sleep 1
    seconds=$((seconds - 1))
  done
  if kill -0 "$child" 2>/dev/null; then
    kill "$child"
    wait "$child"
    return 124
  fi
  wait "$child"
}

service_do() { # service_do ACTION NAME
  case $init in
    systemd) systemctl "$1" "$2" ;;
    openrc) rc-service "$2" "$1" ;;
    *)
      if has service; then
        service "$2" "$1"
      elif [ -x "/etc/init.d/$2" ]; then
        "/etc/init.d/$2" "$1"
      else
        "/etc/rc.d/init.d/$2" "$1"
      fi ;;
  esac </dev/null >"$state/log" 2>&1
}

stop_services() {
  [ -n "$services" ] || return 0
  echo "$services" >"$stopped"
  guard
  for service in $services; do
    service_do stop "$service" || emit service.stop_failed "$service: $(tail -n 3 "$state/log")"
    emit service.stopped "$service"
  done
  # Scripts of SysV return before the daemon has gone.
  for pid in $pids; do
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 25 ]; do
      nap
      tries=$((tries + 1))
    done
    kill -0 "$pid" 2>/dev/null && emit service.still_running "$pid"
  done
}

start_services() {
  [ -f "$stopped" ] || return 0
  for service in $(cat "$stopped"); do
    if service_do start "$service"; then
      emit service.started "$service"
    else
      emit service.start_failed "$service: $(tail -n 3 "$state/log")"
    fi
  done
  rm -f "$stopped"
}

# In a session of its own, so that what ends this one does not end it: when the script is gone and
# the list of stopped services is still there, it starts them. More than once, since what the
# script was running may live on for a while: a stop, or a tool that holds the port.
guard() {
  detach=
  has setsid && detach=setsid
  $detach sh -c '
    trap : HUP TERM INT
    main=$1 state=$2 stopped=$3 init=$4
    while kill -0 "$main" 2>/dev/null; do sleep 1; done
    for pause in 0 2 4 8 16; do
      sleep $pause
      [ -f "$stopped" ] || exit 0
      for service in $(cat "$stopped"); do
        case $init in
          systemd) systemctl start "$service" ;;
          openrc) rc-service "$service" start ;;
          *) service "$service" start || "/etc/init.d/$service" start ||
            "/etc/rc.d/init.d/$service" start ;;
        esac
      done
    done
    [ -f "$stopped" ] && rm -rf "$state"
  ' guard $$ "$state" "$stopped" "$init" </dev/null >/dev/null 2>&1 &
}

set_with_tool() {
  case $tool in
    chronyc)
      if follows_server; then
        set_with_chronyc
        return
      fi
      emit note "chronyd does not follow $servers: it is stopped for the time of setting"
      tool=chronyd ;;
  esac
  stop_services
  case $tool in
    date) set_with_date; return ;;
  esac
  try=1
  while :; do
    emit try "$try"
    ask_servers >"$state/output" 2>&1
    result=$?
    emit output "$(tail -n 12 "$state/output")"
    [ $result = 0 ] && return 0
    if grep -q 'socket is in use' "$state/output"; then
      # Held by something that is no service of ours: a port of its own will do.
      emit socket_in_use 1
      unprivileged=-u
    fi
    try=$((try + 1))
    [ $try -gt 3 ] && break
    sleep 2
  done
  diagnose
  return $result
}

ask_servers() {
  case $tool in
    chronyd)
      set --
      for server in $servers; do
        # The first try takes one sample and is done in three seconds.
        if [ "$try" = 1 ]; then set -- "$@" "server $server iburst maxsamples 1"
        else set -- "$@" "server $server iburst"; fi
      done
      limited 12 chronyd -q "$@" ;;
    ntpdate) limited 15 ntpdate -b -p "$(samples)" $unprivileged $servers ;;
    ntpdig) limited 15 ntpdig -S -p 4 $servers ;;
    sntp) limited 15 sntp -S $servers ;;
    ntpd)
      for server in $servers; do echo "server $server iburst"; done >"$state/ntp.conf"
      # Steps what ntpd would slew for minutes.
      echo 'tinker step 0.001' >>"$state/ntp.conf"
      limited 30 ntpd -gqn -c "$state/ntp.conf" ;;
    busybox-ntpd)
      set --
      for server in $servers; do set -- "$@" -p "$server"; done
      limited 20 busybox ntpd -n -q "$@" ;;
  esac
}

# The classic ntpdate takes its samples two seconds apart, ntpsec's one after another.
samples() {
  if [ "$try" = 1 ] && ! has ntpdig; then echo 1; else echo 4; fi
}

# Does the running chronyd have one of the servers among its sources?
follows_server() {
  sources=" $(chronyc -n sources 2>/dev/null | tr '\n' ' ') $(chronyc sources 2>/dev/null | tr '\n' ' ') "
  for server in $servers; do
    case $sources in
      *" $server "*) return 0 ;;
    esac
    has getent || continue
    for address in $(getent ahosts "$server" 2>/dev/null | cut -d' ' -f1); do
      case $sources in
        *" $address "*) return 0 ;;
      esac
    done
  done
  return 1
}

set_with_chronyc() {
  # What was measured before the clock went wrong misleads; 4.0 and later can forget it, and then
  # are synchronised anew after three answers. Older ones must have had all of a burst.
  chronyc reset sources >/dev/null 2>&1
  forgot=$?
  chronyc burst 4/8 >"$state/output" 2>&1 || {
    emit output "$(tail -n 12 "$state/output")"
    return 1
  }
  tries=0
  until [ $tries -ge 100 ] || chronyc_is_ready; do
    nap
    tries=$((tries + 1))
  done
  chronyc waitsync 1 >"$state/output" 2>&1 || {
    emit output "no suitable source$newline$(chronyc sources 2>&1)"
    diagnose
    return 1
  }
  chronyc makestep >"$state/output" 2>&1
  result=$?
  emit output "$(tail -n 12 "$state/output")"
  return $result
}

chronyc_is_ready() {
  if [ $forgot != 0 ]; then
    case $(chronyc activity 2>/dev/null) in
      *'0 sources doing burst (return to online)'*'0 sources doing burst (return to offline)'*) ;;
      *) return 1 ;;
    esac
  fi
  chronyc waitsync 1 >/dev/null 2>&1
}

nap() { sleep 0.2 2>/dev/null || sleep 1; }

# By the offset that was measured over SSH. GNU date adds it to the clock at once; busybox's takes
# whole seconds, so the script waits for one to begin. In UTC: an hour that the zone has twice
# would be taken for the other one.
set_with_date() {
  if date -d '+0.5 seconds' >/dev/null 2>&1; then
    sign=+
    [ "$offset_ns" -lt 0 ] && sign=-
    size=${offset_ns#-}
    nano=000000000$((size % 1000000000))
    date -u -s "$sign$((size / 1000000000)).${nano#"${nano%?????????}"} seconds" >"$state/output" 2>&1
  else
    set_at_whole_second >"$state/output" 2>&1
  fi
  result=$?
  emit output "$(tail -n 3 "$state/output")"
  return $result
}

set_at_whole_second() {
  read_clock
  true_us=$((now_us + offset_ns / 1000))
  target=$((true_us / 1000000 + 1))
  # When to set, by this clock; and to sleep until shortly before, since a sleep wakes up late.
  due_us=$((now_us + target * 1000000 - true_us - latency_us))
  wait_us=$((due_us - now_us - 30000))
  if [ $wait_us -lt 0 ]; then
    target=$((target + 1)) due_us=$((due_us + 1000000)) wait_us=$((wait_us + 1000000))
  fi
  micro=000000$((wait_us % 1000000))
  sleep $((wait_us / 1000000)).${micro#"${micro%??????}"}
  if [ -n "$EPOCHREALTIME" ]; then
    while read_clock; [ $now_us -lt $due_us ]; do :; done
  fi
  date -u -s "@$target"
}

# This host's clock in microseconds, into $now_us: the shell's own, or a second that just begins.
read_clock() {
  if [ -n "$EPOCHREALTIME" ]; then
    now=$EPOCHREALTIME
    # The leading one keeps zeros from meaning octal.
    now_us=$((${now%[.,]*} * 1000000 + 1${now#*[.,]} - 1000000))
    return
  fi
  second=$(date +%s)
  while now=$(date +%s); [ "$now" = "$second" ]; do :; done
  now_us=$((now * 1000000))
}

write_rtc() {
  [ "$rtc" = 1 ] || return 0
  if limited 15 hwclock -w >"$state/output" 2>&1 </dev/null; then
    emit rtc written
  else
    emit rtc.failed "$(tail -n 3 "$state/output")"
  fi
}

# Why no server was suitable, as far as the host can tell: names that do not resolve here.
diagnose() {
  for server in $servers; do
    case $server in
      *[!0-9.]*) ;;
      *) continue ;;
    esac
    case $server in
      *:*) continue ;;
    esac
    if has getent; then
      getent ahosts "$server" >/dev/null 2>&1 || getent hosts "$server" >/dev/null 2>&1 ||
        emit unresolved "$server"
    elif has ping; then
      case $(limited 5 ping -c 1 "$server" 2>&1) in
        *'bad address'*|*nknown\ host*|*'not known'*) emit unresolved "$server" ;;
      esac
    fi
  done
}

fleetsync_set_clock </dev/null
