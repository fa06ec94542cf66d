# The apply script's own part: one transaction. What is to be done is in the functions that follow
# it, made from the plan; each calls the ones here once for a file or a service.

stage= why= begun= result= served=

# step NAME: a closed connection is noticed here.
step() {
  stage=$1
  say "stage $stage" || exit 141
}

fail() {
  why=$1
  exit 1
}

on_exit() {
  status=$?
  trap - EXIT
  trap : HUP INT TERM PIPE
  if [ -z "$why" ]; then why="stopped half way (status $status)"; fi
  if [ -n "$begun" ]; then
    # Before anything is printed: nobody may be reading any more.
    result=$(sh "$kept/undo" undo 2>&1)
  else
    rm -rf "$kept"
    result='@fleetsync untouched'
  fi
  drop_lock
  say "failed $stage $why"
  printf '%s\n' "$result"
  exit 1
}

# Ends what a push that was killed, or a power failure, left behind.
recover() {
  if [ -L "$STATE/journal" ]; then
    before=$(readlink "$STATE/journal")
    # An undo script that is not whole was never followed by a change: it is on the disk before.
    if [ "$(tail -n 1 "$STATE/journal/undo" 2>/dev/null)" = 'main "$@"' ]; then
      result=$(sh "$STATE/journal/undo" undo 2>&1)
      case $result in
        *'@fleetsync undone'*) ;;
        *) fail "an interrupted push (${before##*/}) could not be undone: ${result##*@fleetsync }" ;;
      esac
    else
      rm -f "$STATE/journal"
    fi
    say "recovered ${before##*/}"
  fi
  if [ -L "$STATE/committed" ]; then
    [ -f "$STATE/committed/undo" ] && sh "$STATE/committed/undo" clean >/dev/null 2>&1
    rm -f "$STATE/committed"
  fi
}

# check_file PATH DIGEST: DIGEST is that of the probed file, or "absent".
check_file() {
  target_of "$1" || fail "$1 is a link to nowhere"
  remove "$new" "$old" || fail "$target: cannot write beside it"
  if [ ! -e "$target" ]; then
    [ "$2" = absent ] && return
    fail "$1 has gone since it was read"
  fi
  digest "$target" || fail 'there is no sha256sum on this host'
  [ "$digest" = "$2" ] || fail "$1 has changed since it was read"
}

# check_link PATH TARGET: TARGET is where the probe saw it point, empty for no link.
check_link() {
  link_of "$1"
  remove "$new" "$old" || fail "$target: cannot write beside it"
  [ "$(readlink "$target")" = "$2" ] || fail "$1 has changed since it was read"
}

# needs_file PATH WHY
needs_file() { [ -f "$1" ] || fail "$2"; }

# write_problem PATH SAID: a shell's own printf does not say why it could not write; dd does, of more
# bytes than any script or file of ours has.
write_problem() {
  problem=$(dd if=/dev/zero of="$1" bs=1024 count=128 2>&1) && problem=$2
  printf %s "${problem%%"$newline"*}"
}

# keep_link NUMBER PATH
keep_link() {
  link_of "$2"
  kind=absent
  if [ -L "$target" ] || [ -e "$target" ]; then
    kind=there
    why=$(cp -dp "$target" "$kept/$1.before" 2>&1) || fail "$why"
  fi
  why=$( { echo "$kind" >"$kept/$1.kind" && printf '%s link %s\n' "$1" "$2" >>"$kept/manifest"; } 2>&1) ||
    fail "$why"
  why=
}

# keep_file NUMBER PATH: the backup that a rollback starts from.
keep_file() {
  target_of "$2"
  kind=absent
  if [ -e "$target" ]; then
    kind=file
    why=$(cp -p "$target" "$kept/$1.before" 2>&1) || fail "$why"
  fi
  why=$( { printf '%s %s %s\n' "$1" "$kind" "$2" >>"$kept/manifest"; } 2>&1) || fail "$why"
  why=
}

# keep_service SERVICE PROGRAM INIT WAS_RUNNING left|enabled|disabled INQUIRY: for a rollback.
keep_service() {
  why=$( { printf '%s\n' "$*" >>"$kept/services"; } 2>&1) || fail "$why"
  why=
}

keep_all() {
  [ ! -e "$kept" ] || rm -rf "$kept"
  why=$(mkdir "$kept" 2>&1) || fail "$why"
  why=$( { : >"$log" && undo_script >"$kept/undo"; } 2>&1) ||
    fail "$(write_problem "$kept/undo" "$why")"
  why=
  boot_id
  printf '%s\n' "$boot" >"$kept/boot"
  : >"$kept/manifest"
  keep_files
  begun=yes
  why=$(ln -s "backup/$RUN" "$STATE/journal" 2>&1) || fail "$why"
  why=
  durable "$kept"/* "$kept" "$STATE/backup" "$STATE"
}

# stage_file NUMBER PATH DIGEST OWNER:GROUP MODE UMASK: the last makes a new file one of that mode.
stage_file() {
  target_of "$2"
  if [ ! -d "${target%/*}" ]; then
    why=$(mkdir -m 755 "${target%/*}" 2>&1 && echo "${target%/*}" >>"$kept/folders") || fail "$why"
  fi
  why=$( { umask "$6" && "content_$1" >"$new"; } 2>&1) || fail "$(write_problem "$new" "$why")"
  digest "$new"
  [ "$digest" = "$3" ] || fail "$new did not arrive whole"
  # As it was made already, most often: owned by root, in a folder that hands down no group.
  if [ "$4" != root:root ] || [ -g "${target%/*}" ]; then
    why=$(chown "$4" "$new" 2>&1) || fail "$why"
  fi
  case $5 in
    0[0246][0246][0246]) ;;
    *) why=$(chmod "$5" "$new" 2>&1) || fail "$why" ;;
  esac
  if [ -e /sys/fs/selinux/enforce ] && [ -e "$target" ] && has chcon; then
    why=$(chcon --reference="$target" "$new" 2>&1) || fail "$why"
  fi
  why=
  durable "$new"
}

# check_chronyd PROGRAM PATH
check_chronyd() {
  target_of "$2"
  if why=$("$1" -p -f "$new" 2>&1 >/dev/null); then
    why=
    return
  fi
  why=${why##*"$newline"}
  fail "chronyd refuses the file: ${why#*Fatal error : }"
}

# check_openntpd PROGRAM PATH
check_openntpd() {
  target_of "$2"
  if why=$("$1" -n -f "$new" 2>&1); then
    why=
    return
  fi
  fail "openntpd refuses the file: ${why##*"$newline"}"
}

# check_agent PROGRAM PATH
check_agent() {
  target_of "$2"
  if why=$("$1" check --config "$new" 2>&1); then
    why=
    return
  fi
  why=${why##*"$newline"}
  fail "the agent refuses the file: ${why#fleetsync-agent: }"
}

# check_ntpd PROGRAM PATH: ntpd has no checker, and runs on after a line that it does not
# understand. The classic one can read its file and quit; else it reads it in a network of its own
# without the right to touch the clock, where that can be had.
check_ntpd() {
  target_of "$2"
  case $("$1" --help 2>&1 </dev/null) in
    *saveconfigquit*) why=$("$1" --saveconfigquit /dev/null -c "$new" 2>&1) ;;
    *) ntpd_in_a_box "$1" ;;
  esac
  case $why in
    *'syntax error in '*)
      why=${why#*syntax error in }
      fail "ntpd does not understand the file: ${why%%"$newline"*}" ;;
  esac
  why=
}

ntpd_in_a_box() {
  why=
  has unshare && has setpriv || return 0
  unshare -n setpriv --bounding-set=-sys_time --inh-caps=-sys_time "$1" -n -c "$new" \
    >"$kept/check" 2>&1 9>&- &
  box=$!
  within 3 has_been_read "$box" "$kept/check"
  kill "$box" 2>/dev/null
  wait "$box" 2>/dev/null
  why=$(cat "$kept/check")
  rm -f "$kept/check"
}

# It opens its sockets when it has read its file.
has_been_read() { grep -q -e Listen "$2" || ! kill -0 "$1" 2>/dev/null; }

# swap_file PATH: the way back first. A link to the old file needs no room on a full disk.
swap_file() {
  target_of "$1"
  if [ -e "$target" ]; then
    ln "$target" "$old" 2>/dev/null || why=$(cp -p "$target" "$old" 2>&1) || fail "$why"
  fi
  why=$(mv -f "$new" "$target" 2>&1) || fail "$why"
  why=
  durable "${target%/*}"
}

# take_file PATH: away, with the same way back.
take_file() {
  target_of "$1"
  why=$(mv -f "$target" "$old" 2>&1) || fail "$why"
  why=
  durable "${target%/*}"
}

# swap_link PATH TARGET
swap_link() {
  link_of "$1"
  if [ -L "$target" ] || [ -e "$target" ]; then
    why=$(cp -dp "$target" "$old" 2>&1) || fail "$why"
  fi
  why=$(ln -s "$2" "$new" 2>&1) && why=$(mv -f "$new" "$target" 2>&1) || fail "$why"
  why=
  durable "${target%/*}"
}

# From here on the undo looks after services and packages as well.
touch_services() {
  why=$( { : >"$kept/touched"; } 2>&1) || fail "$why"
  why=
  durable "$kept"
}

# change_service SERVICE PROGRAM left|started|restarted|stopped left|enabled|disabled
change_service() {
  touch_services
  case $4 in
    left) ;;
    enabled) service_boot yes "$1" ;;
    disabled) service_boot no "$1" ;;
  esac || {
    last_line
    fail "$1 cannot be $4 at boot: $line"
  }
  case $3 in
    left) return ;;
    started) service_call start "$1" ;;
    restarted) service_restart "$1" "$2" ;;
    stopped)
      service_stop "$1" "$2" && return
      last_line
      fail "$1 does not stop: $line" ;;
  esac || {
    last_line
    fail "$1 does not start: $line"
  }
}

# set_clock KIND PROGRAM SERVICE NAME SERVER…: once, by the daemon's own one-shot mode, before it is
# started. A clock that cannot be set now is left to the daemon: what it says is a note.
set_clock() {
  kind=$1 program=$2
  touch_services
  service_stop "$3" "$4"
  shift 4
  if ask_once "$@" >"$log" 2>&1; then
    say 'note the clock was set before the daemon was started'
  else
    last_line
    say "note the clock could not be set before the daemon was started: $line"
  fi
}

ask_once() {
  case $kind in
    chrony)
      for server; do
        shift
        set -- "$@" "server $server iburst"
      done
      limited 20 "$program" -q "$@" ;;
    agent)
      for server; do
        shift
        set -- "$@" --server "$server"
      done
      limited 60 "$program" run --once "$@" ;;
    *)
      if has ntpdig; then limited 20 ntpdig -S -p 4 "$@"
      elif has ntpdate; then limited 20 ntpdate -b -p 4 "$@"
      else limited 60 "$program" -gq; fi ;;
  esac </dev/null 9>&-
}

limited() {
  if has timeout; then timeout "$@"; else shift; "$@"; fi
}

# change_firewall COMMAND…
change_firewall() {
  touch_services
  why=$("$@" 2>&1) || fail "${why:-$1 failed}"
  why=
}

# keep_firewall COMMAND: how a rollback goes back.
keep_firewall() {
  why=$( { printf '%s\n' "$1" >>"$kept/firewall"; } 2>&1) || fail "$why"
  why=
}

# install_package MANAGER PACKAGE
install_package() {
  touch_services
  package install "$1" "$2" && return
  last_line
  fail "$1 does not install $2: $line"
}

# remove_package MANAGER PACKAGE
remove_package() {
  package remove "$1" "$2" && return
  last_line
  fail "$1 does not remove $2: $line"
}

# verify_service SERVICE PROGRAM INQUIRY
verify_service() {
  service_verify "$@" || fail "$1 has been started and does not answer"
}

# Does the relay give time? Asked of itself.
is_serving() {
  if [ "$1" = agent ]; then
    fleetsync-agent check --serving >/dev/null 2>&1
    return
  fi
  grep -q -s -i '^ *[0-9]*: [0-9a-f]*:007b ' /proc/net/udp /proc/net/udp6 && is_synchronised "$1"
}

# is_synchronised INQUIRY: has the daemon a source?
is_synchronised() {
  case $1 in
    chronyc)
      case $(chronyc -n tracking 2>/dev/null) in
        *'Not synchronised'*) return 1 ;;
        *'Leap status'*) return 0 ;;
      esac
      return 1 ;;
    ntpq)
      case $(ntpq -n -c 'rv 0 leap' 127.0.0.1 2>/dev/null) in
        *leap=11*|*leap=3*) return 1 ;;
        *leap=*) return 0 ;;
      esac
      return 1 ;;
    ntpctl)
      case $(ntpctl -s status 2>/dev/null) in
        *'clock synced'*) return 0 ;;
      esac
      return 1 ;;
    timesyncd) [ -e /run/systemd/timesync/synchronized ] ;;
    agent) fleetsync-agent check --clock >/dev/null 2>&1 ;;
  esac
}

ask_served() { is_serving "$1" && served=yes; }

# verify_synchronised SERVICE INQUIRY: the run asked to wait for it.
verify_synchronised() {
  within "$SERVING" is_synchronised "$2" ||
    fail "$1 has selected no source ${SERVING} s after its start"
}

# verify_serving SERVICE INQUIRY: a relay that gave time before is to give time again.
verify_serving() {
  within "$SERVING" is_serving "$2" && return
  [ -n "$served" ] && fail "$1 gave time before, and gives none ${SERVING} s after its start"
  say "note $1 runs and gives no time yet, as before: it is not synchronised"
}

# commit: a signal counts before the renaming or not at all.
commit() {
  trap : HUP INT TERM PIPE
  make_final || fail "$why"
  trap - EXIT
  tidy
  finish
}

finish() {
  trap - EXIT
  drop_lock
  say "done $RUN"
  exit 0
}

# hand_over: what may have cut the host off is in force for $CONFIRM seconds; then the guard goes
# back, unless somebody who reached the host anew has confirmed it.
hand_over() {
  trap : HUP INT TERM PIPE
  if ! { [ -d /run/systemd/system ] && has systemd-run &&
    systemd-run --quiet --unit="fleetsync-guard-$RUN" sh "$kept/undo" guard; } >/dev/null 2>&1; then
    set -- sh "$kept/undo" guard
    if has setsid; then set -- setsid "$@"; fi
    (exec "$@") </dev/null >/dev/null 2>&1 9>&- &
  fi
  trap - EXIT
  drop_lock
  say "provisional $RUN"
  exit 0
}

main() {
  trap on_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 141' PIPE
  step lock
  [ -d "$STATE/backup" ] || why=$(mkdir -p "$STATE/backup" 2>&1) || fail "$why"
  why=
  take_lock || fail "$why"
  step recover
  recover
  [ "$CHANGES" = yes ] || finish
  step check
  check_files
  step backup
  keep_all
  step stage
  stage_files
  step validate
  validate_files
  step swap
  swap_files
  step service
  change_services
  step verify
  verify_services
  if [ "$CONFIRM" -gt 0 ]; then
    step confirm
    hand_over
  fi
  step commit
  commit
}
