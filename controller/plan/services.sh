# What is done to services of a host, by whatever starts them there. POSIX sh as in transaction.sh,
# which push has in front of it and the agent's installation has not. INIT, PATIENCE and log, a file
# for what services say, are set before.

has() { command -v "$1" >/dev/null 2>&1; }

pause() { sleep 0.2 2>/dev/null || sleep 1; }

# In seconds, by the clock that nobody sets.
uptime() {
  read -r uptime rest </proc/uptime
  uptime=${uptime%%.*}
}

# within SECONDS COMMAND…: tries until it succeeds.
within() {
  uptime
  end=$((uptime + $1))
  shift
  until "$@"; do
    uptime
    [ "$uptime" -lt "$end" ] || return 1
    pause
  done
}

# is_zombie PID: it has ended, though nobody may have asked how.
is_zombie() {
  { read -r status <"/proc/$1/stat"; } 2>/dev/null || return 0
  case $status in
    *') Z '*) return 0 ;;
  esac
  return 1
}

# detached COMMAND…: in a session of its own, so that a lost connection does not end it half way,
# without our lock, and without our output, which a daemon would hold open.
detached() {
  output=$log
  [ -w "$log" ] || output=/dev/null
  if has setsid; then set -- setsid "$@"; fi
  (exec "$@") </dev/null >"$output" 2>&1 9>&-
}

last_line() {
  line=
  [ -r "$log" ] || return 0
  while IFS= read -r next || [ -n "$next" ]; do
    [ -n "$next" ] && line=$next
  done <"$log"
}

# processes NAME: their numbers into $pids, those of containers on this host left out.
processes() {
  pids=
  for path in $(grep -l -s -x -e "$1" /proc/[0-9]*/comm); do
    pid=${path#/proc/} pid=${pid%/comm}
    if [ -e /proc/self/ns/pid ]; then
      [ "/proc/$pid/ns/pid" -ef /proc/self/ns/pid ] || continue
    fi
    is_zombie "$pid" || pids="$pids $pid"
  done
}

# unit_of SERVICE: into $unit
unit_of() {
  case $1 in
    *.timer) unit=$1 ;;
    *) unit=$1.service ;;
  esac
}

# service_call VERB SERVICE. An init script is called as service(8) calls it, without the four
# processes that service takes for that; jobs of Upstart are left to it.
service_call() {
  case $INIT in
    systemd)
      unit_of "$2"
      # Its unit is a file of ours.
      case $2 in *.timer) detached systemctl daemon-reload ;; esac
      detached systemctl "$1" "$unit" ;;
    openrc) detached rc-service "$2" "$1" ;;
    *)
      if [ -x "/etc/init.d/$2" ] && [ ! -e "/etc/init/$2.conf" ]; then
        (cd / && detached env -i PATH="$PATH" TERM=dumb "/etc/init.d/$2" "$1")
      else
        detached service "$2" "$1"
      fi ;;
  esac
}

# service_stop SERVICE PROGRAM: init scripts return before the daemon has gone.
service_stop() {
  if [ "$INIT" = systemd ]; then
    service_call stop "$1"
  else
    service_call stop "$1"
    within "$PATIENCE" gone "$2"
  fi
}

gone() {
  processes "$1"
  [ -z "$pids" ]
}

# service_restart SERVICE PROGRAM. An init script's own restart may find the old daemon still there
# and start none.
service_restart() {
  case $INIT in
    systemd)
      unit_of "$1"
      systemctl reset-failed "$unit" >/dev/null 2>&1
      service_call restart "$1" ;;
    openrc) service_call restart "$1" ;;
    *) service_stop "$1" "$2" && service_call start "$1" ;;
  esac
}

# sysv_starts SERVICE: at boot, by the links that update-rc.d and chkconfig make.
sysv_starts() {
  for path in /etc/rc[2345].d/S[0-9][0-9]"$1" /etc/rc.d/rc[2345].d/S[0-9][0-9]"$1"; do
    [ -L "$path" ] && return
  done
  return 1
}

# Debian's tool leaves a service alone that has some links already, and enables none that has no
# start links at all: then all of them are made anew.
sysv_enable() {
  if has chkconfig; then
    detached chkconfig "$1" on
    return
  fi
  detached update-rc.d "$1" defaults
  sysv_starts "$1" && return
  detached update-rc.d "$1" enable
  sysv_starts "$1" && return
  detached update-rc.d -f "$1" remove
  detached update-rc.d "$1" defaults
  sysv_starts "$1"
}

# service_boot yes|no SERVICE
service_boot() {
  case $INIT:$1 in
    systemd:yes)
      # On Debian it keeps the links of the init script in step, and gives up where those are broken.
      unit_of "$2"
      detached systemctl enable "$unit" ||
        { sysv_enable "$2" && detached systemctl enable "$unit"; } ;;
    systemd:no)
      unit_of "$2"
      # A timer's unit may have gone already; then only its link is left.
      detached systemctl disable "$unit" ||
        { [ "$unit" = "$2" ] && rm -f "/etc/systemd/system/timers.target.wants/$unit"; } ||
        { sysv_enable "$2" && detached systemctl disable "$unit"; } ;;
    openrc:yes) detached rc-update add "$2" default ;;
    openrc:no) detached rc-update del "$2" default ;;
    *:yes) sysv_enable "$2" ;;
    *:no)
      if has chkconfig; then detached chkconfig "$2" off
      else detached update-rc.d "$2" disable; fi ;;
  esac
}

# service_runs SERVICE PROGRAM INQUIRY
service_runs() {
  if [ "$INIT" = systemd ]; then
    unit_of "$1"
    systemctl is-active --quiet "$unit" || return 1
  else
    processes "$2"
    [ -n "$pids" ] || return 1
  fi
  case $3 in
    chronyc) chronyc -n tracking >/dev/null 2>&1 ;;
    ntpctl) ntpctl -s status >/dev/null 2>&1 ;;
    ntpq)
      case $(ntpq -n -c rv 127.0.0.1 2>/dev/null) in
        *stratum=*) ;;
        *) return 1 ;;
      esac ;;
  esac
}

# service_verify SERVICE PROGRAM INQUIRY: waits until it runs and answers.
service_verify() { within "$PATIENCE" service_runs "$@"; }
