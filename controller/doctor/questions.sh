# Prints what the doctor wants to know of this host beside its facts. Sent to `sh -s` on standard
# input, behind the lines names=…, daemon=…, pid=… and filter=…; reads only, writes no file, runs
# under dash and busybox ash. Nothing runs before the last line has arrived, so a script that is
# cut off does nothing.
#
# Output, between two marker lines: `key=value` lines; those of whole listings one a line.

fleetsync_doctor() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH; export PATH
  printf '\nfleetsync-doctor 1 begin\n'
  unresolved
  heard
  [ -n "$pid" ] && emit arguments "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
  packet_filter
  settings
  scripts
  password_lists
  printf 'fleetsync-doctor 1 end\n'
}

has() { command -v "$1" >/dev/null 2>&1; }

# keyed KEY: the lines of standard input as KEY=LINE, as they are.
keyed() { sed "1,4000s/^/$1=/;4000q"; }

# All at once, since a resolver that is silent takes its time for each.
unresolved() {
  [ -n "$names" ] && has getent && has timeout || return
  for name in $names; do
    {
      timeout 4 getent ahosts "$name" >/dev/null 2>&1
      code=$?
      [ "$code" = 0 ] || printf 'unresolved=%s %s\n' "$code" "$name"
    } &
  done
  wait
}

# What the daemon heard from each source: more than what it tells of those that it may follow.
heard() {
  case $daemon in
    chrony) chronyc -n ntpdata 2>/dev/null | keyed ntpdata ;;
    ntp|ntpsec)
      has ntpq || return
      set --
      while read -r index id rest; do
        case $id in
          ''|*[!0-9]*) ;;
          *) set -- "$@" -c "rv $id srcadr,flash" ;;
        esac
      done <<ASSOCIATIONS
$(ntpq -n -c associations 127.0.0.1 2>/dev/null)
ASSOCIATIONS
      [ $# -gt 0 ] && ntpq -n "$@" 127.0.0.1 2>/dev/null | keyed peer ;;
  esac
}

packet_filter() {
  case $filter in
    nftables) nft list ruleset 2>/dev/null | keyed nft ;;
    iptables|ufw)
      iptables -S 2>/dev/null | keyed iptables ;;
    firewalld)
      [ -f /etc/firewalld/services/ntp.xml ] || return
      emit firewalld_service /etc/firewalld/services/ntp.xml
      grep -H -n -s -E 'ntp|123' /etc/firewalld/zones/*.xml /etc/firewalld/policies/*.xml | keyed firewalld_zone ;;
  esac
}

settings() {
  grep -H -n -s -E '^ntp[[:space:]]' /etc/services | keyed services
  grep -H -n -s -E '^[[:space:]]*((export|setenv)[[:space:]]+)?TZ($|[=[:space:]])' \
    /etc/environment /etc/profile /etc/profile.d/* | keyed tz
}

# Of jobs and their scripts, what belongs to loops over ssh; what expect sends stays here.
scripts() {
  job_files='/etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/*
    /etc/cron.monthly/* /etc/crontabs/* /etc/periodic/*/* /var/spool/cron/*
    /var/spool/cron/crontabs/* /var/spool/cron/tabs/*'
  for path in $(grep -l -s -E 'while.*read' $job_files); do
    grep -q -s ssh "$path" &&
      grep -H -n -E 'while|until|for|do|done|ssh' "$path" | keyed loop
  done
  for path in $(grep -l -s -E 'spawn.*ssh' $job_files); do
    grep -H -n -E '^[[:space:]]*(expect.*)?send[[:space:]]+(--[[:space:]]+)?["$]' "$path" |
      grep -v '\\[rn]' | sed 's/^\([^:]*:[0-9]*\):.*/expect=\1:/'
  done
}

# Their content stays here.
password_lists() {
  for path in /tmp/*servers*.txt /root/*servers*.txt; do
    [ -f "$path" ] && [ ! -L "$path" ] && [ -r "$path" ] || continue
    case $(ls -ld "$path") in
      -??????r*) ;;
      *) continue ;;
    esac
    three_words_a_line "$path" && emit password_list "$path:$three"
  done
}

# three_words_a_line FILE: their number into $three; lines of a time daemon's configuration are none.
three_words_a_line() {
  three=0
  while read -r first second third rest || [ -n "$first" ]; do
    case $first in
      ''|'#'*) continue ;;
      server|pool|peer) return 1 ;;
    esac
    [ -n "$third" ] && [ -z "$rest" ] || return 1
    three=$((three + 1))
    [ "$three" -ge 1000 ] && break
  done <"$1"
  [ "$three" -gt 0 ]
}

fleetsync_doctor </dev/null
