# Prints what the time daemons of this host say of themselves, for fleetsync. Sent to `sh -s` on
# standard input; reads only, writes no file, runs under dash and busybox ash. Nothing runs before
# the last line has arrived, so a script that is cut off does nothing.
#
# Output: `fleetsync-observe 1 begin`, then of each daemon that runs `@daemon NAME` and of each
# question `@ask NAME`, the answer's lines, and `@end CODE`; then `fleetsync-observe 1 end`.

fleetsync_observe() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH; export PATH
  printf '\nfleetsync-observe 1 begin\n'
  own=$(readlink /proc/$$/ns/pid 2>/dev/null)
  chronyd= ntpd= timesyncd=
  # Not comm: kernels before 2.6.33 have none.
  for path in $(grep -l -s -E '^Name:.(chronyd|ntpd|openntpd|busybox|systemd-timesyn)$' \
      /proc/[0-9]*/status); do
    { read -r key name <"$path"; } 2>/dev/null || continue
    path=${path%/status}
    ours "$path" || continue
    case $name in
      chronyd) chronyd=1 ;;
      ntpd|openntpd) ntpd="$ntpd $path" ;;
      busybox) is_busybox_ntpd "$path" && ntpd="$ntpd $path" ;;
      systemd-timesyn) timesyncd=1 ;;
    esac
  done
  [ -n "$chronyd" ] && observe_chronyd
  [ -n "$ntpd" ] && observe_ntpd
  [ -n "$timesyncd" ] && observe_timesyncd
  printf 'fleetsync-observe 1 end\n'
}

# Daemons of containers on this host have a pid namespace of their own and do not count.
ours() {
  other=$(readlink "$1/ns/pid" 2>/dev/null)
  [ -z "$other" ] || [ "$other" = "$own" ]
}

is_busybox_ntpd() {
  case $(tr '\0' ' ' <"$1/cmdline" 2>/dev/null) in
    *busybox\ ntpd*|ntpd*|*/ntpd*) return 0 ;;
  esac
  return 1
}

# ask NAME COMMAND…: what it prints; its exit code stays in $code.
ask() {
  printf '@ask %s\n' "$1"
  shift
  "$@" 2>&1
  code=$?
  printf '\n@end %s\n' "$code"
  return "$code"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Before chrony 2.4 there was no -c.
observe_chronyd() {
  echo '@daemon chrony'
  has chronyc || return
  if ask chrony-tracking chronyc -n -c tracking; then
    ask chrony-sources chronyc -n -c sources
  elif chronyc -n tracking >/dev/null 2>&1; then
    ask chrony-tracking chronyc -n tracking
    ask chrony-sources chronyc -n sources
  fi
}

# ntpd is the name of four programs: the classic one, ntpsec's, OpenNTPD's and busybox's.
observe_ntpd() {
  for path in $ntpd; do
    case $(readlink "$path/exe" 2>/dev/null) in
      *busybox*)
        echo '@daemon busybox-ntpd'
        ask adjtimex busybox adjtimex
        return ;;
    esac
  done
  if has ntpctl; then
    echo '@daemon openntpd'
    ask openntpd ntpctl -s all
  elif has ntpq; then
    echo '@daemon ntp'
    ask ntp-variables ntpq -c rv 127.0.0.1 && ask ntp-peers ntpq -pn 127.0.0.1
  else
    echo '@daemon ntp'
  fi
}

observe_timesyncd() {
  echo '@daemon timesyncd'
  has timedatectl || return
  ask timesync-status timedatectl --no-pager timesync-status ||
    ask timedatectl timedatectl --no-pager
}

fleetsync_observe </dev/null
