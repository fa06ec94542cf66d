# Brings a host back to where it was before the transaction, from wherever that was broken off. Run
# as `sh undo undo` by the apply script itself, or by the next one; `sh undo clean` removes what a
# finished transaction left. A transaction that waits to be confirmed has `sh undo guard` running,
# and is confirmed by `sh undo confirm`.

problem=

# undo_file PATH file|absent
undo_file() {
  target_of "$1" || return
  if [ "$2" = absent ]; then
    rm -f "$target" || problem="$target cannot be removed"
  elif [ -e "$old" ]; then
    if cmp -s "$old" "$target"; then
      rm -f "$old"
    else
      mv -f "$old" "$target" && rm -f "$old" || problem="$target cannot be put back"
    fi
  fi
  rm -f "$new"
  durable "${target%/*}"
}

# undo_link NUMBER PATH
undo_link() {
  link_of "$2"
  case $(cat "$kept/$1.kind" 2>/dev/null) in
    there)
      if [ -L "$old" ] || [ -e "$old" ]; then
        mv -f "$old" "$target" || problem="$target cannot be put back"
      fi ;;
    absent) rm -f "$target" || problem="$target cannot be removed" ;;
  esac
  rm -f "$new"
  durable "${target%/*}"
}

# A host that has started anew may have started the daemon with the new file.
service_was_touched() {
  [ -e "$kept/touched" ] && return
  boot_id
  [ "$(cat "$kept/boot" 2>/dev/null)" != "$boot" ]
}

# undo_service SERVICE PROGRAM INQUIRY WAS_RUNNING left|enabled|disabled: what was done to it
undo_service() {
  service_was_touched || return
  case $5 in
    enabled) service_boot no "$1" ;;
    disabled) service_boot yes "$1" ;;
  esac
  if [ "$4" = yes ]; then
    service_restart "$1" "$2" && service_verify "$1" "$2" "$3" ||
      service_problem="$1 does not run with the old file either"
  else
    service_stop "$1" "$2"
  fi
}

# undo_firewall COMMAND…: what was not done yet cannot be undone, and need not be.
undo_firewall() {
  service_was_touched || return
  "$@" >/dev/null 2>&1
}

# undo_package MANAGER PACKAGE
undo_package() {
  service_was_touched || return
  package remove "$1" "$2" || problem="the package $2 cannot be removed again"
}

# is_settled: confirmed, or undone by somebody else.
is_settled() { [ "$(readlink "$STATE/journal" 2>/dev/null)" != "backup/$RUN" ]; }

# guard: goes back when nobody confirms the transaction in time.
guard() {
  uptime
  deadline=$((uptime + CONFIRM))
  while [ "$uptime" -lt "$deadline" ]; do
    is_settled && exit
    sleep 1
    uptime
  done
  within 60 take_lock || exit
  is_settled || undo
  drop_lock
}

# confirm: the transaction stands.
confirm() {
  if take_lock && is_settled; then why='it was not confirmed in time, and the host has gone back'; fi
  if [ -n "$why" ] || ! make_final; then
    say "failed confirm $why"
    exit 1
  fi
  tidy
  drop_lock
  say "done $RUN"
}

main() {
  trap : HUP INT TERM PIPE
  case $1 in
    clean) clean_files ;;
    guard) guard ;;
    confirm) confirm ;;
    undo) undo ;;
  esac
}

undo() {
  service_problem=
  undo_packages
  undo_files
  undo_services
  if [ -f "$kept/folders" ]; then
    while IFS= read -r folder; do rmdir "$folder" 2>/dev/null; done <"$kept/folders"
  fi
  if [ -n "$problem" ]; then
    say "undo-failed $problem"
    exit 1
  fi
  rm -f "$STATE/journal"
  durable "$STATE"
  rm -rf "$kept"
  say "undone $service_problem"
}
