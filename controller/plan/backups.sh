# Tells what the newest pushes to this host replaced, and what is there now. Changes nothing. Before
# it: STATE, the state folder; TO, the run that the host is to go back to, empty for the one before
# the newest.

fleetsync_backups() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
  printf '\nfleetsync-backups 1 begin\n'
  if command -v base64 >/dev/null 2>&1; then encoding=base64; else encoding=hex; fi
  newest_first
  for run in $runs; do
    [ "$run" = "$TO" ] && emit reached "$run" && break
    one_run "$STATE/backup/$run"
    [ -n "$TO" ] || break
  done
  printf 'fleetsync-backups 1 end\n'
}

# Into $runs. Their names begin with the time; they hold no blanks.
newest_first() {
  runs=
  for folder in "$STATE"/backup/*; do
    [ -f "$folder/manifest" ] && runs="${folder##*/} $runs"
  done
}

one_run() {
  emit run "${1##*/}"
  while read -r number kind path; do
    emit path "$path"
    emit kind "$kind"
    case $kind in
      file) told before "$1/$number.before" ;;
      link) emit link_before "$(readlink "$1/$number.before")" ;;
    esac
    if [ -L "$path" ] && [ "$kind" = link ]; then emit link_now "$(readlink "$path")"
    elif [ -f "$path" ]; then told now "$path"
    fi
  done <"$1/manifest"
  if [ -r "$1/firewall" ]; then
    while IFS= read -r line; do emit firewall "$line"; done <"$1/firewall"
  fi
  [ -r "$1/services" ] || return
  while IFS= read -r line; do emit service "$line"; done <"$1/services"
}

# told before|now FILE
told() {
  emit "$1" "$(ls -ldL "$2" 2>/dev/null)"
  printf 'encoding=%s\n' "$encoding"
  if [ "$encoding" = base64 ]; then base64 "$2"; else od -An -v -tx1 "$2"; fi
  echo .
}

fleetsync_backups </dev/null
