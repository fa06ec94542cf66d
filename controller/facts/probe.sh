# Prints what this host is, for fleetsync. Sent to `sh -s` on standard input; reads only, writes no
# file, uses no network, runs under dash and busybox ash. Nothing runs before the last line has
# arrived, so a script that is cut off does nothing.
#
# Output, between two marker lines: `key=value` lines (in values: backslash as \\, newline as \n);
# after `file=PATH` and `encoding=…` the file's bytes, encoded, up to a line with a dot.
#
# With keys=1 before it, the checksums of key files too; what is in them is never told.
# With scope=clock before it, only what setting the clock needs to know: a third of the work. With
# scope=push, what a push needs that leaves the packet filter alone (not the machine's name, nor
# what surrounds the daemons), and a fingerprint of all that this is read from: when it is $settled
# nothing else is read.

fleetsync_probe() {
  applets=
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
  printf '\nfleetsync-probe 1 begin\n'
  identity
  paths
  processes
  if [ "$scope" = push ]; then
    fingerprint
    if [ -n "$fingerprint" ] && [ "$fingerprint" = "$settled" ]; then
      printf 'settled=1\nfleetsync-probe 1 end\n'
      return
    fi
  fi
  system
  init_system
  [ "$scope" = push ] || busybox_applets
  daemons
  busybox_ntpd
  tools
  hardware_clock
  if [ "$scope" != clock ]; then
    package_manager
    udp123
    [ "$scope" = push ] || firewall
    cron_jobs
    zone
    files
  fi
  printf 'fleetsync-probe 1 end\n'
}

has() { command -v "$1" >/dev/null 2>&1; }

first_line() { # first_line FILE: into $line
  line=
  [ -r "$1" ] && IFS= read -r line <"$1" 2>/dev/null
}

first_existing() { # first_existing PATH…: into $found, empty when there is none
  found=
  for path; do
    [ -e "$path" ] && found=$path && return
  done
}

identity() {
  uid=
  while read -r key value effective rest; do
    case $key in
      Uid:) uid=$effective ;;
      CapEff:) emit cap_eff "$value" ;;
    esac
  done </proc/self/status
  [ -n "$uid" ] || uid=$(id -u)
  emit uid "$uid"
}

# Where facts are read from; patterns, for use without quotes.
paths() {
  process_names='chronyd|ntpd|openntpd|systemd-timesyn|fleetsync-agent|fleetsync-agen|busybox|ptp4l|phc2sys|firewalld|cron|crond'
  job_files='/etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/*
    /etc/cron.monthly/* /etc/crontabs/* /etc/periodic/*/* /var/spool/cron/*
    /var/spool/cron/tabs/* /etc/rc.local /etc/rc.d/rc.local'
  # Alpine has one folder of them under two names.
  [ /var/spool/cron/crontabs -ef /etc/crontabs ] || job_files="$job_files /var/spool/cron/crontabs/*"
  config_files='/etc/chrony/chrony.conf /etc/chrony.conf /etc/chrony/conf.d/*.conf
    /etc/chrony/sources.d/*.sources /etc/chrony.d/*.conf /etc/ntp.conf /etc/ntpsec/ntp.conf
    /etc/ntpsec/ntp.d/*.conf /etc/openntpd/ntpd.conf /etc/ntpd.conf
    /etc/systemd/timesyncd.conf /etc/systemd/timesyncd.conf.d/*.conf
    /etc/default/chrony /etc/default/ntp /etc/default/ntpsec /etc/default/ntpdate
    /etc/sysconfig/chronyd /etc/sysconfig/ntpd /etc/sysconfig/ntpdate /etc/conf.d/ntpd
    /etc/conf.d/chronyd /etc/fleetsync/agent.conf /etc/cron.d/fleetsync
    /etc/systemd/system/fleetsync-job.service /etc/systemd/system/fleetsync-job.timer
    /etc/adjtime /etc/timezone'
  key_files='/etc/chrony/chrony.keys /etc/chrony.keys /etc/ntp.keys /etc/ntp/keys
    /etc/ntpsec/ntp.keys /etc/fleetsync/agent.keys'
  # Beside those: what says which daemons there are, which of them start at boot, and the zone.
  other_files='/usr/local/sbin /usr/sbin /sbin /usr/local/bin /usr/bin /bin
    /usr/sbin/chronyd /usr/sbin/ntpd /usr/sbin/openntpd /lib/systemd/systemd-timesyncd
    /etc/init.d /etc/rc[2345].d /etc/rc.d/init.d /etc/rc.d/rc[2345].d /etc/runlevels/*
    /lib/systemd/system /usr/lib/systemd/system /etc/systemd/system /etc/systemd/system/*.wants
    /etc/cron.d /var/spool/cron /var/spool/cron/crontabs /etc/localtime /etc/sysconfig/clock'
}

# Into $fingerprint: of the time of the last change, to the file and to its owner and mode, of
# whatever is looked at below, of the running daemons, and of this start of the host. Empty where
# there are no tools for it. It is taken first, so that what changes later is seen the next time.
fingerprint() {
  fingerprint=
  has stat && has sha256sum || return
  first_line /proc/sys/kernel/random/boot_id
  inputs="$line $uid $running
$(stat -L -c '%n %i %s %z' $config_files $key_files $job_files $other_files 2>/dev/null)"
  # Where there is nothing to compare with, the controller works it out.
  if [ -z "$settled" ]; then
    emit inputs "$inputs"
    return
  fi
  fingerprint=$(sha256sum <<INPUTS
$inputs
INPUTS
)
  fingerprint=${fingerprint%% *}
  emit fingerprint "$fingerprint"
}

system() {
  [ "$scope" = push ] || emit uname "$(uname -snrm)"
  for release in /etc/os-release /usr/lib/os-release; do
    [ -r "$release" ] || continue
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        ID=*|ID_LIKE=*|VERSION_ID=*|NAME=*|PRETTY_NAME=*) emit os_release "$line" ;;
      esac
    done <"$release"
    break
  done
  for release in redhat SuSE debian alpine; do
    for path in /etc/$release-release /etc/${release}_version; do
      first_line "$path"
      [ -n "$line" ] && emit "release.$release" "$line"
    done
  done
  is_applet /bin/ls && emit busybox 1
  first_line /etc/ld.so.preload
  [ -n "$line" ] && emit preload "$line"
  [ "$scope" = push ] || container
}

container() {
  if [ -r /run/systemd/container ]; then
    first_line /run/systemd/container
    emit container "${line:-systemd}"
  elif [ -e /.dockerenv ]; then
    emit container docker
  elif [ -e /run/.containerenv ]; then
    emit container podman
  elif [ -d /proc/vz ] && [ ! -d /proc/bc ]; then
    emit container openvz
  elif [ -r /proc/1/environ ]; then
    set -- "$newline$(tr '\0' '\n' </proc/1/environ 2>/dev/null)"
    name=${1#*"$newline"container=}
    [ "$name" != "$1" ] && emit container "${name%%"$newline"*}"
  fi
}

init_system() {
  first_line /proc/1/comm
  emit init_process "$line"
  if [ -d /run/systemd/system ]; then
    init=systemd
  elif has rc-service && [ -d /etc/runlevels ]; then
    init=openrc
  elif [ -d /etc/init.d ] && { has service || has update-rc.d || has chkconfig || [ -d /etc/rc3.d ]; }; then
    init=sysv
  else
    case $(readlink /proc/1/exe 2>/dev/null) in
      *busybox*) init=busybox ;;
      *) init= ;;
    esac
  fi
  emit init "$init"
}

package_manager() {
  for program in apt-get dnf yum zypper apk pacman; do
    has "$program" && emit package_manager "${program%-get}" && return
  done
}

# Processes that matter, as "pid:name" words in $running; those of containers on this host have a
# pid namespace of their own and do not count.
processes() {
  running=
  for path in $(grep -l -s -x -E "$process_names" /proc/[0-9]*/comm); do
    pid=${path#/proc/} pid=${pid%/comm}
    first_line "$path"
    [ -n "$line" ] || continue
    if [ "$uid" = 0 ] && [ -e /proc/self/ns/pid ]; then
      [ "/proc/$pid/ns/pid" -ef /proc/self/ns/pid ] || continue
    fi
    if [ "$line" = busybox ]; then
      line=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)
      case $line in
        *busybox\ ntpd*|ntpd*) line=ntpd ;;
        *busybox\ crond*|crond*) line=crond ;;
        *) continue ;;
      esac
    fi
    running="$running $pid:$line"
  done
}

# pid_of NAME…: into $pid, the oldest such process (daemons fork helpers), empty when none runs.
pid_of() {
  pid=
  for word in $running; do
    for name; do
      [ "${word#*:}" = "$name" ] || continue
      [ -z "$pid" ] && pid=${word%%:*}
      [ "${word%%:*}" -lt "$pid" ] && pid=${word%%:*}
    done
  done
}

# service_of NAME…: into $service, the first with a unit or an init script that is no mere alias.
service_of() {
  service=
  for name; do
    for path in /etc/systemd/system/$name.service /lib/systemd/system/$name.service \
        /usr/lib/systemd/system/$name.service /etc/init.d/$name /etc/rc.d/init.d/$name; do
      [ -f "$path" ] || continue
      case $init:$path in
        systemd:*.service) ;;
        systemd:*) [ -n "$service" ] && continue ;;
        *.service) continue ;;
      esac
      [ -L "$path" ] && [ "${path#/etc/systemd}" != "$path" ] && continue
      service=$name
      return
    done
  done
}

# starts_at_boot SERVICE
starts_at_boot() {
  for path in /etc/systemd/system/*.wants/"$1".service /etc/rc[2345].d/S[0-9][0-9]"$1" \
      /etc/rc.d/rc[2345].d/S[0-9][0-9]"$1" /etc/runlevels/*/"$1"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    case $init:$path in
      systemd:*/systemd/*|openrc:*/runlevels/*) return 0 ;;
      systemd:*|openrc:*) ;;
      *:*/rc*) return 0 ;;
    esac
  done
  return 1
}

# config_argument PID FLAG: into $found, the file that follows FLAG on the process's command line.
config_argument() {
  found=
  previous=
  [ -n "$2" ] || return
  # A shell's read leaves the NUL bytes between the words out: enough to see whether it is there.
  { IFS= read -r line <"/proc/$1/cmdline"; } 2>/dev/null
  case $line in
    *"$2"*) ;;
    *) return ;;
  esac
  while IFS= read -r word; do
    [ "$previous" = "$2" ] && found=$word
    previous=$word
  done <<ARGUMENTS
$(tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null)
ARGUMENTS
}

# daemon NAME BINARY VERSION FLAG CONFIG…: prints one daemon; uses $pid and $service.
daemon() {
  emit daemon "$1"
  emit daemon.binary "$2"
  emit daemon.version "$3"
  emit daemon.service "$service"
  if [ -n "$pid" ]; then
    emit daemon.pid "$pid"
    config_argument "$pid" "$4"
    [ -n "$found" ] && emit daemon.config "$found"
  fi
  [ -n "$service" ] && starts_at_boot "$service" && emit daemon.enabled 1
  shift 4
  for path; do
    [ -e "$path" ] || continue
    emit daemon.config "$path"
    break
  done
}

daemons() {
  binary=$(command -v chronyd 2>/dev/null)
  if [ -n "$binary" ]; then
    pid_of chronyd
    service_of chrony chronyd
    daemon chrony "$binary" "$(chronyd -v 2>/dev/null)" -f /etc/chrony/chrony.conf /etc/chrony.conf
  fi
  ntp_daemon
  first_existing /usr/lib/systemd/systemd-timesyncd /lib/systemd/systemd-timesyncd
  if [ -n "$found" ]; then
    binary=$found
    pid_of systemd-timesyn
    service_of systemd-timesyncd
    daemon timesyncd "$binary" "" "" /etc/systemd/timesyncd.conf
  fi
  binary=$(command -v fleetsync-agent 2>/dev/null)
  if [ -n "$binary" ]; then
    pid_of fleetsync-agent fleetsync-agen
    service_of fleetsync-agent
    daemon agent "$binary" "$(fleetsync-agent --version 2>/dev/null)" --config /etc/fleetsync/agent.conf
  fi
}

# ntpd is the name of four programs: the classic one, ntpsec's, OpenNTPD's and busybox's.
ntp_daemon() {
  binary=$(command -v ntpd 2>/dev/null)
  [ -n "$binary" ] || return
  is_busybox ntpd && return
  pid_of ntpd openntpd
  version=$(ntpd --version 2>&1 </dev/null)
  case $version in
    *ntpsec*)
      service_of ntpsec ntp ntpd
      daemon ntpsec "$binary" "$version" -c /etc/ntpsec/ntp.conf /etc/ntp.conf ;;
    *usage:*)
      service_of openntpd ntpd
      daemon openntpd "$binary" "" -f /etc/openntpd/ntpd.conf /etc/ntpd.conf ;;
    *)
      service_of ntp ntpd
      daemon ntp "$binary" "$version" -c /etc/ntp.conf ;;
  esac
}

# Into $applets, between newlines.
busybox_applets() {
  has busybox && applets="$newline$(busybox --list 2>/dev/null)$newline"
}

has_applet() {
  case $applets in
    *"$newline$1$newline"*) return 0 ;;
  esac
  return 1
}

# is_busybox PROGRAM: is it one of busybox's applets?
is_busybox() { is_applet "$(command -v "$1")"; }

# is_applet PATH: a link to busybox, also a hard one.
is_applet() {
  [ -e "$1" ] || return
  for path in /bin/busybox /usr/bin/busybox /sbin/busybox; do
    [ -e "$path" ] && [ "$1" -ef "$path" ] && return
  done
  [ -L "$1" ] || return
  case $(readlink -f "$1" 2>/dev/null) in
    *busybox*) return 0 ;;
  esac
  return 1
}

busybox_ntpd() {
  has_applet ntpd && emit tool busybox-ntpd
  is_busybox ntpd || return
  pid_of ntpd
  service_of ntpd
  [ -n "$pid$service" ] || return
  emit busybox_ntpd.service "$service"
  emit busybox_ntpd.pid "$pid"
}

tools() {
  for program in chronyc chronyd ntpd ntpdate ntpdig sntp ntpq ntpctl timedatectl hwclock date \
      adjtimex rdate systemctl service rc-service update-rc.d chkconfig crontab bash setsid timeout \
      fleetsync-agent; do
    has "$program" || continue
    case $program in
      ntpd|ntpdate|sntp) is_busybox "$program" && continue ;;
    esac
    emit tool "$program"
  done
  has_applet adjtimex && emit tool busybox-adjtimex
}

# Who holds UDP port 123: the inode from the kernel's table, then the process that has it open; the
# time daemons first, since looking at every process costs more.
udp123() {
  inode=
  for table in /proc/net/udp /proc/net/udp6; do
    [ -r "$table" ] || continue
    while read -r slot local remote state queues timer retransmit owner timeout number rest; do
      case $local in
        *:007B) inode=$number; emit udp123.address "${local%:*}" ;;
      esac
    done <"$table"
  done
  [ -n "$inode" ] || return
  emit udp123 1
  for word in $running; do
    pid=${word%%:*}
    case $(ls -l "/proc/$pid/fd" 2>/dev/null) in
      *"socket:[$inode]"*) emit udp123.holder "${word#*:} ($pid)"; return ;;
    esac
  done
  for path in /proc/[0-9]*/fd; do
    case $(ls -l "$path" 2>/dev/null) in
      *"socket:[$inode]"*)
        pid=${path#/proc/} pid=${pid%/fd}
        first_line "/proc/$pid/comm"
        emit udp123.holder "$line ($pid)"
        return ;;
    esac
  done
}

firewall() {
  pid_of firewalld
  if [ -n "$pid" ]; then
    emit firewall firewalld
    return
  fi
  if [ -e /etc/ufw/ufw.conf ] && grep -q -s -i '^ENABLED=yes' /etc/ufw/ufw.conf; then
    emit firewall ufw
    return
  fi
  if has nft; then
    nft_tables
    [ -n "$kind" ] && emit firewall "$kind"
  elif has iptables && has_legacy_tables; then
    case $(iptables -S 2>/dev/null) in
      *"${newline}-A "*|*"-P INPUT DROP"*) emit firewall iptables ;;
    esac
  fi
}

# The kernel's own list; like all of /proc it has no size.
has_legacy_tables() { first_line /proc/net/ip_tables_names && [ -n "$line" ]; }

# nftables when a table of its own has an input hook, iptables when only the tables that
# iptables-nft keeps have rules, or the legacy tables are there; into $kind.
nft_tables() {
  kind= legacy= table= chain=
  while read -r first second third rest; do
    case $first in
      table) table="$second $third" ;;
      chain) chain=1 ;;
      '}') chain= ;;
      type)
        case $table:$third$rest in
          'ip filter':*|'ip6 filter':*|ip*\ nat:*|ip*\ mangle:*|ip*\ raw:*|ip*\ security:*)
            case $rest in
              *'policy drop'*) legacy=1 ;;
            esac ;;
          *hook\ input*|*hookinput*) kind=nftables ;;
        esac ;;
      '') ;;
      *) [ -n "$chain" ] && legacy=1 ;;
    esac
  done <<RULES
$(nft -t list ruleset 2>/dev/null)
RULES
  if [ -z "$kind" ] && has iptables; then
    if [ -n "$legacy" ] || has_legacy_tables; then kind=iptables; fi
  fi
}

# Jobs that set clocks; into $crontabs, those files of root and of the system that hold one, and
# root's always where there is no /etc/cron.d.
cron_jobs() {
  cron=
  if [ -d /etc/crontabs ] || [ -L /var/spool/cron/crontabs ]; then
    cron=busybox
  elif [ -d /etc/cron.d ]; then
    cron=cron.d
  elif has crontab; then
    if is_busybox crontab; then cron=busybox; else cron=crontab; fi
  fi
  emit cron "$cron"
  root_crontab=
  for path in /etc/crontabs /var/spool/cron/crontabs /var/spool/cron/tabs /var/spool/cron; do
    [ -d "$path" ] && root_crontab=$path/root && break
  done
  emit root_crontab "$root_crontab"
  pid_of cron crond
  emit cron.pid "$pid"
  [ -L /etc/systemd/system/timers.target.wants/fleetsync-job.timer ] && emit job_timer 1
  time_job_tools='(ntpdate|ntpdig|sntp|rdate|hwclock|ntpd +-[a-z]*q|chronyd +-[a-z]*[qQ]|chronyc +.*makestep|w32tm)'
  jobs=$(grep -H -s -E "$time_job_tools" $job_files 2>/dev/null)
  crontabs=
  while IFS= read -r line; do
    text=${line#*:}
    case ${text#"${text%%[! 	]*}"} in
      '#'*|'') ;;
      *) emit time_job "${line%%:*}: $text" ;;
    esac
    case ${line%%:*} in
      ''|/etc/cron.d/fleetsync|"${crontabs##* }") ;;
      /etc/crontab|/etc/cron.d/*|/etc/crontabs/root|/var/spool/cron/root|/var/spool/cron/crontabs/root|/var/spool/cron/tabs/root)
        crontabs="$crontabs ${line%%:*}" ;;
    esac
  done <<JOBS
$jobs
JOBS
  case $cron:" $crontabs " in
    cron.d:*|*" $root_crontab "*) ;;
    *) [ -f "$root_crontab" ] && crontabs="$crontabs $root_crontab" ;;
  esac
}

zone() {
  zone_link=$(readlink /etc/localtime 2>/dev/null)
  emit localtime_link "$zone_link"
  case $zone_link in
    *zoneinfo/*) emit timezone "${zone_link#*zoneinfo/}" ;;
    *)
      first_line /etc/timezone
      if [ -n "$line" ]; then
        emit timezone "$line"
      elif [ -r /etc/sysconfig/clock ]; then
        emit timezone "$(sed -n 's/^ZONE="*\([^"]*\)"*$/\1/p' /etc/sysconfig/clock 2>/dev/null)"
      fi ;;
  esac
  emit clock "$(date '+%s %z %Z')"
}

hardware_clock() {
  first_existing /dev/rtc0 /dev/rtc /dev/misc/rtc
  emit rtc "$found"
  [ -r /etc/adjtime ] || return
  while IFS= read -r line; do
    [ "$line" = LOCAL ] && emit rtc.local 1
  done </etc/adjtime
}

# The configuration files of time daemons and what starts them, whole up to 64 KiB each. Of key
# files it is told only that they are there.
files() {
  set -- $crontabs
  for path in $config_files $key_files; do
    [ -f "$path" ] && set -- "$@" "$path"
  done
  [ $# -gt 0 ] || return
  if has base64; then encoding=base64; else encoding=hex; fi
  listing=$(ls -ldL "$@" 2>/dev/null)
  for path; do
    stat=${listing%%" $path"*}
    stat=${stat##*"$newline"}
    emit file "$path"
    emit stat "$stat"
    case $scope:$path in
      push:/etc/default/*|push:/etc/sysconfig/*|push:/etc/conf.d/*|push:/etc/adjtime) ;;
      *keys) [ -z "$keys" ] || emit sha256 "$(sha256sum <"$path" 2>/dev/null)" ;;
      *) [ -r "$path" ] && content ;;
    esac
  done
}

# The bytes of $path; a file that is longer than 64 KiB is cut.
content() {
  printf 'encoding=%s\n' "$encoding"
  set -- $stat
  if [ "$encoding" = base64 ] && [ "$5" -le 65536 ] 2>/dev/null; then
    base64 "$path"
  elif [ "$encoding" = base64 ]; then
    dd if="$path" bs=1024 count=64 2>/dev/null | base64
  else
    dd if="$path" bs=1024 count=64 2>/dev/null | od -An -v -tx1
  fi
  echo .
}

fleetsync_probe </dev/null
