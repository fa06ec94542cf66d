# What the apply script and the undo script that it leaves on the host have in common. POSIX sh:
# dash, busybox ash, bash; no GNU-only tools. STATE, RUN and INIT are set before.

LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH
umask 077
kept=$STATE/backup/$RUN
log=$STATE/service.log

newline='
'

# One line of the report. The controller reads nothing but these.
say() {
  case $* in
    *"$newline"*) set -- "$(printf '%s' "$*" | tr '\n' ' ')" ;;
  esac
  printf '@fleetsync %s\n' "$*"
}

# boot_id: into $boot, new with each start of the host; empty where it cannot be read.
boot_id() {
  boot=
  [ ! -r /proc/sys/kernel/random/boot_id ] || read -r boot </proc/sys/kernel/random/boot_id
}

# durable PATH…: on the disk, where the tool can do single files, else everything.
durable() { sync "$@" 2>/dev/null || sync; }

# digest FILE: into $digest
digest() {
  digest=$(sha256sum <"$1" 2>/dev/null) || digest=$(openssl dgst -sha256 -r <"$1" 2>/dev/null) ||
    return 1
  digest=${digest%% *}
}

# target_of PATH: the file itself into $target (a link stays a link), the staged text beside it into
# $new, the way back into $old.
target_of() {
  target=$1
  if [ -L "$1" ]; then target=$(readlink -f "$1") || return 1; fi
  new=${target%/*}/.${target##*/}.fleetsync-new
  old=${target%/*}/.${target##*/}.fleetsync-old
}

# link_of PATH: the same for a link that is itself what changes.
link_of() {
  target=$1
  new=${1%/*}/.${1##*/}.fleetsync-new
  old=${1%/*}/.${1##*/}.fleetsync-old
}

# clean_file PATH: removes what a transaction leaves beside the file.
clean_file() { target_of "$1" && remove "$new" "$old"; }

clean_link() { link_of "$1" && remove "$new" "$old"; }

# remove PATH…: rm is called for what is there alone; most often nothing is.
remove() {
  for path; do
    if [ -L "$path" ] || [ -e "$path" ]; then rm -f "$path" || return; fi
  done
}

# take_lock: or $why. It is held until the shell ends, or until drop_lock.
take_lock() {
  why='another push is at work on this host'
  if has flock; then
    why=$( { : >>"$STATE/lock"; } 2>&1) || return 1
    exec 9>>"$STATE/lock"
    why='another push is at work on this host'
    flock -n 9 || return 1
    why=
    return
  fi
  ln -s $$ "$STATE/lock.pid" 2>/dev/null && why= && return
  holder=$(readlink "$STATE/lock.pid")
  if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null && ! is_zombie "$holder"; then
    why="$why (process $holder)"
    return 1
  fi
  mv "$STATE/lock.pid" "$STATE/lock.stale.$$" 2>/dev/null
  stale=$(readlink "$STATE/lock.stale.$$")
  rm -f "$STATE/lock.stale.$$"
  [ "$stale" = "$holder" ] && ln -s $$ "$STATE/lock.pid" 2>/dev/null || return 1
  why=
}

drop_lock() {
  [ ! -L "$STATE/lock.pid" ] || [ "$(readlink "$STATE/lock.pid")" != $$ ] || rm -f "$STATE/lock.pid"
}

# make_final: or $why. The renaming is the point of no return.
make_final() {
  why=$(mv "$STATE/journal" "$STATE/committed" 2>&1)
  [ -L "$STATE/committed" ]
}

# tidy: what a finished transaction leaves, and the backups beyond the newest.
tidy() {
  durable "$STATE"
  clean_files
  rm -f "$STATE/committed" "$kept/touched"
  set -- "$STATE"/backup/*
  while [ $# -gt "$KEEP" ]; do
    rm -rf "$1"
    shift
  done
}

# nft_close FAMILY TABLE CHAIN RULE: the rules that nft prints like this one.
nft_close() {
  nft -a list chain "$1" "$2" "$3" 2>/dev/null | while read -r line; do
    case $line in
      "$4 # handle "*) nft delete rule "$1" "$2" "$3" handle "${line##* }" || exit ;;
    esac
  done
}

# package install|remove MANAGER PACKAGE
package() {
  case $2:$1 in
    apt:install)
      DEBIAN_FRONTEND=noninteractive detached apt-get -q -y -o Dpkg::Options::=--force-confold \
        --no-install-recommends install "$3" ;;
    apt:*) DEBIAN_FRONTEND=noninteractive detached apt-get -q -y purge "$3" ;;
    dnf:*|yum:*) detached "$2" -q -y "$1" "$3" ;;
    zypper:*) detached zypper --quiet --non-interactive "$1" "$3" ;;
    apk:install) detached apk add -q "$3" ;;
    apk:*) detached apk del -q "$3" ;;
    pacman:install) detached pacman -S --noconfirm --needed "$3" ;;
    pacman:*) detached pacman -R --noconfirm "$3" ;;
    *) return 1 ;;
  esac
}
