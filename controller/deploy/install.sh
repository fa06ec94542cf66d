# Puts the agent on this host as one transaction: everything is staged and checked, then swapped in;
# whatever fails, the state before is restored, by the next run when this one was killed.
# Runs as root under dash and busybox ash; its variables were assigned by the controller before it,
# and services.sh stands there. Its standard input is what is secret, of the sizes that the
# controller said, and then the binary. Prints `key=value` lines between two marker lines.

work=/var/lib/fleetsync-install
state=/var/lib/fleetsync-agent
tls=$state/tls
keys_path=/etc/fleetsync/agent.keys
lock=/var/run/fleetsync-install.lock  # gone after a restart of the host, when its number means nothing
binary=/usr/local/sbin/fleetsync-agent
config_path=/etc/fleetsync/agent.conf
# For services.sh.
INIT=$init
PATIENCE=15
log=$work/service.out

fleetsync_install() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH; export PATH
  umask 022
  # A broken connection ends the input, not the work: what has begun is finished or undone.
  trap : HUP PIPE INT TERM
  printf '\nfleetsync-agent-install 1 begin\n'
  if lock; then
    if transaction; then
      rm -f "$work/swapping"
      rm -rf "$work/backup"
    else
      undo
    fi
    rm -rf "$work/tls"
    rm -rf "$lock"
  fi
  echo 'fleetsync-agent-install 1 end'
}

# fail TEXT: what will be reported; the first one counts.
fail() {
  [ -n "$failure" ] || failure=$1
  return 1
}

say() { printf '%s\n' "$(printf '%s' "$1" | tr '\n\r' '  ')"; }

# run DOING COMMAND…: quietly; on failure with what the command said last.
run() {
  doing=$1
  shift
  said=$("$@" 2>&1 </dev/null) || fail "$doing: ${said:-failed}"
}

lock() {
  run "making $work" mkdir -p "$work" || { say "failed=$failure"; return 1; }
  chmod 700 "$work"
  : >"$log"  # services.sh writes to it where it is
  mkdir -p "${lock%/*}" 2>/dev/null  # not on every host; what is wrong with it comes out below
  tries=0
  until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null)
    if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null; then
      say "failed=another installation runs on this host (process $holder)"
      return 1
    fi
    tries=$((tries + 1))
    if [ "$tries" -gt 3 ]; then
      said=$(mkdir "$lock" 2>&1)
      say "failed=locking $lock: $said"
      return 1
    fi
    [ -n "$holder" ] || sleep 1  # it may be about to write its number
    rm -rf "$lock"
  done
  echo "$$" >"$lock/pid"
}

transaction() {
  if [ -e "$work/swapping" ]; then
    echo recovered=1
    restore
  fi
  rm -rf "$work/backup" "$work/tls"
  stage && back_up && swap && change_keepers && start && purge
}

# ---- staging: nothing that is in use is touched

stage() {
  if [ "$action" = install ]; then
    run "making /usr/local/sbin" mkdir -p /usr/local/sbin || return
    run "making /etc/fleetsync" mkdir -p /etc/fleetsync || return
    [ -z "$keys_size" ] || stage_secret "$keys_path.new" "$keys_size" || return
    [ -z "$tls_sizes" ] || stage_tls || return
    [ -z "$send_binary" ] || stage_binary || return
    [ -z "$write_config" ] || stage_text "$config_path" "$config" 640 || return
    [ -z "$write_unit" ] || {
      run "making ${unit_path%/*}" mkdir -p "${unit_path%/*}" &&
        stage_text "$unit_path" "$unit_text" "$unit_mode"
    } || return
  fi
}

# stage_secret PATH SIZE: from standard input to the file alone, by a program that reads no further;
# no command line and no variable of this shell ever holds it.
stage_secret() {
  said=$({ umask 077 && rm -f "$1" && dd bs=1 "count=$2" of="$1"; } 2>&1) ||
    { fail "writing $1: $(printf '%s' "$said" | head -n 1)"; return; }
  [ "$(wc -c <"$1")" -eq "$2" ] || fail "writing $1: cut off"
}

# In this folder, which is root's alone: the agent's may be an unprivileged process's.
stage_tls() {
  run "making $work/tls" mkdir -m 700 "$work/tls" || return
  set -- $tls_sizes
  for name in ca.pem host.pem host.key; do
    stage_secret "$work/tls/$name" "$1" || return
    shift
  done
}

stage_binary() {
  staged=$binary.new
  if [ "$send_binary" = gzip ]; then
    said=$({ gzip -dc >"$staged"; } 2>&1) || { fail "writing $staged: ${said:-cut off}"; return; }
  else
    said=$({ cat >"$staged"; } 2>&1) || { fail "writing $staged: $said"; return; }
  fi
  got=$(sha256 "$staged")
  [ "${got%% *}" = "$binary_sum" ] ||
    { fail "writing $staged: what arrived is not what was sent"; return; }
  run "setting the mode of $staged" chmod 755 "$staged" || return
  said=$("$staged" --version 2>&1 </dev/null) || fail "starting the new binary: ${said:-failed}"
}

# stage_text PATH TEXT MODE
stage_text() {
  said=$({ printf '%s' "$2" >"$1.new"; } 2>&1) || { fail "writing $1.new: $said"; return; }
  run "setting the mode of $1.new" chmod "$3" "$1.new"
}

sha256() {
  case $sha256_tool in
    sha256sum) sha256sum <"$1" ;;
    busybox) busybox sha256sum <"$1" ;;
    openssl) openssl dgst -sha256 -r <"$1" ;;
    shasum) shasum -a 256 <"$1" ;;
  esac
}

# ---- the state before, as files under $work/backup

back_up() {
  backup=$work/backup
  run "making $backup" mkdir "$backup" || return
  back_up_file "$binary" binary && back_up_file "$config_path" config &&
    back_up_file "$unit_path" unit && back_up_file "$keys_path" keys &&
    back_up_file "$work/retired" retired_before || return
  [ -e "$tls" ] || : >"$backup/tls.absent"
  # For what systemd answers, not for a unit that is not there.
  if service_running; then : >"$backup/was_running"; fi
  if service_enabled; then : >"$backup/was_enabled"; fi
  for user in fleetsync _fleetsync; do
    if id "$user" >/dev/null 2>&1; then : >"$backup/had_$user"; fi
  done
  printf '%s' "$rivals" >"$backup/rivals" || { fail "writing $backup/rivals: no space"; return; }
  : >"$work/swapping" || fail "writing $work/swapping"
}

# back_up_file PATH NAME: a link costs nothing and the swap leaves it alone.
back_up_file() {
  if [ ! -e "$1" ]; then
    : >"$backup/$2.absent"
  else
    ln "$1" "$backup/$2" 2>/dev/null || run "keeping a copy of $1" cp -p "$1" "$backup/$2"
  fi
}

undo() {
  rm -f "$binary.new" "$config_path.new" "$unit_path.new" "$keys_path.new"
  say "failed=$failure"
  if [ -e "$work/swapping" ]; then
    if restore; then echo restored=1; else say "not_restored=$failure"; fi
  fi
  rm -rf "$work/backup"
}

restore() {
  backup=$work/backup failure=
  restore_file "$binary" binary
  restore_file "$config_path" config
  restore_file "$unit_path" unit
  restore_file "$keys_path" keys
  restore_tls
  for user in fleetsync _fleetsync; do
    [ -e "$backup/had_$user" ] || [ "$action" = remove ] || remove_user "$user"
  done
  service_reload
  if [ -e "$backup/was_enabled" ]; then service_enable; else service_disable; fi
  # Two keepers of the clock never run side by side.
  restoring=1
  if [ -e "$backup/gave" ]; then retire_services "$backup/retired_before"; fi
  if [ -e "$backup/retired" ]; then
    stop_leftover
    give_services "$backup/rivals"
  fi
  restoring=
  if [ -e "$backup/was_running" ]; then service restart; else stop_leftover; fi
  restore_file "$work/retired" retired_before
  rm -f "$work/swapping"
  [ -z "$failure" ]
}

restore_tls() {
  if [ -e "$backup/tls" ]; then
    run "restoring $tls" rm -rf "$tls" && run "restoring $tls" mv "$backup/tls" "$tls"
  elif [ -e "$backup/tls.part" ]; then
    # Moved between two file systems, it may be there still.
    [ -e "$tls" ] || run "restoring $tls" mv "$backup/tls.part" "$tls"
  elif [ -e "$backup/tls.absent" ]; then
    run "removing $tls" rm -rf "$tls"
  fi
}

# restore_file PATH NAME
restore_file() {
  if [ -e "$backup/$2" ]; then
    # Not replaced yet? A link again where it was: a full disk must not stand in the way.
    [ "$1" -ef "$backup/$2" ] 2>/dev/null && return
    ln -f "$backup/$2" "$1.old" 2>/dev/null ||
      run "restoring $1" cp -p "$backup/$2" "$1.old" || return
    run "restoring $1" mv -f "$1.old" "$1"
  elif [ -e "$backup/$2.absent" ]; then
    [ "$2" != unit ] || service stop
    run "removing $1" rm -f "$1"
  fi
}

stop_leftover() { [ ! -e "$unit_path" ] || service stop; }

# ---- the swap

swap() {
  if [ "$action" = remove ]; then
    remove
    return
  fi
  make_user fleetsync || return
  [ -z "$keeps_clock" ] || make_user _fleetsync || return
  make_state || return
  [ -z "$tls_sizes" ] || swap_tls || return
  [ -z "$keys_size" ] || swap_file "$keys_path" keys || return
  [ -z "$send_binary" ] || swap_file "$binary" binary || return
  if [ -n "$write_config" ]; then
    run "giving $config_path to fleetsync" chown root:fleetsync "$config_path.new" || return
    swap_file "$config_path" config || return
  fi
  [ -z "$write_unit" ] || swap_file "$unit_path" unit
}

# An observing time process is root without the right to pass over owners.
make_state() {
  run "making $state" mkdir -p "$state" || return
  [ -z "$observes" ] || {
    run "giving $state to root" chown root:root "$state" || return
    for path in "$state/drift" "$state/spool"; do
      [ ! -e "$path" ] || run "giving $path to root" chown -R root:root "$path" || return
    done
  }
}

swap_tls() {
  run "giving the identity to fleetsync" chown -R fleetsync:fleetsync "$work/tls" || return
  [ ! -e "$tls" ] || {
    run "keeping $tls" mv "$tls" "$backup/tls.part" &&
      run "keeping $tls" mv "$backup/tls.part" "$backup/tls"
  } || return
  run "replacing $tls" mv "$work/tls" "$tls" && echo changed=identity
}

swap_file() {
  run "replacing $1" mv -f "$1.new" "$1" && echo "changed=$2"
}

remove() {
  service stop
  service_disable
  for path in "$binary" "$config_path" "$unit_path" "$keys_path"; do
    [ ! -e "$path" ] || { run "removing $path" rm -f "$path" && echo "removed=$path"; } || return
  done
  rmdir /etc/fleetsync 2>/dev/null
  service_reload
}

purge() {
  [ -n "$purge" ] || return 0
  rm -rf "$state" /var/log/fleetsync-agent.log
  remove_user fleetsync
  remove_user _fleetsync
}

# make_user NAME
make_user() {
  id "$1" >/dev/null 2>&1 && return
  shell=/bin/false
  for path in /sbin/nologin /usr/sbin/nologin; do [ -x "$path" ] && shell=$path; done
  if command -v useradd >/dev/null 2>&1; then
    # -U is younger than some hosts, which make the group without it.
    useradd -r -U -M -d "$state" -s "$shell" "$1" >/dev/null 2>&1 </dev/null ||
      run "adding user $1" useradd -r -M -d "$state" -s "$shell" "$1" || return
  elif command -v adduser >/dev/null 2>&1; then  # busybox's: others come with useradd
    run "adding group $1" addgroup -S "$1" || return
    run "adding user $1" adduser -S -D -H -h "$state" -s "$shell" -G "$1" "$1" || return
  else
    add_user_by_hand "$1" || return
  fi
  id "$1" >/dev/null 2>&1 || { fail "adding user $1: it is not there afterwards"; return; }
  case $1 in
    _*) echo 'changed=clock user' ;;
    *) echo changed=user ;;
  esac
}

# No tool for it: the same lines that one would write.
add_user_by_hand() {
  number=999
  while grep -q "^[^:]*:[^:]*:$number:" /etc/passwd /etc/group 2>/dev/null; do
    number=$((number - 1))
    [ "$number" -gt 100 ] || { fail "adding user $1: no free number below 1000"; return; }
  done
  said=$({ echo "$1:x:$number:" >>/etc/group &&
    echo "$1:x:$number:$number:fleetsync agent:$state:$shell" >>/etc/passwd; } 2>&1) ||
    { fail "adding user $1: $said"; return; }
  [ ! -f /etc/shadow ] || echo "$1:!:1::::::" >>/etc/shadow
}

# remove_user NAME
remove_user() {
  id "$1" >/dev/null 2>&1 || return 0
  if command -v userdel >/dev/null 2>&1; then
    userdel "$1" >/dev/null 2>&1 </dev/null
  elif command -v deluser >/dev/null 2>&1; then
    deluser "$1" >/dev/null 2>&1 </dev/null
  fi
  if id "$1" >/dev/null 2>&1; then
    for path in /etc/passwd /etc/group /etc/shadow; do
      [ ! -f "$path" ] || sed -i "/^$1:/d" "$path" 2>/dev/null
    done
  fi
  return 0
}

# ---- the clock's other keepers

# Before the agent keeps the clock the others are retired, and written down; when it keeps it no
# longer, those are given back.
change_keepers() {
  if [ -n "$rivals" ]; then
    : >"$backup/retired"
    retire_services "$backup/rivals" && remember_retired
  elif [ -n "$leaves_clock" ] && [ -s "$work/retired" ]; then
    : >"$backup/gave"
    service stop
    give_services "$work/retired" && run "removing $work/retired" rm -f "$work/retired"
  elif [ -n "$leaves_clock" ]; then
    echo "warning=nothing keeps this host's clock now; fleetsync push gives it a time daemon"
  fi
}

remember_retired() {
  said=$({ cat "$work/retired" "$backup/rivals" 2>/dev/null | sort -u >"$work/retired.new" &&
    mv -f "$work/retired.new" "$work/retired"; } 2>&1) || fail "writing $work/retired: $said"
}

# retire_services FILE: lines of "SERVICE PROGRAM yes|no yes|no": whether it ran, and whether it
# started at boot.
retire_services() {
  while read -r name program ran booted; do
    if [ "$ran" = yes ]; then
      service_stop "$name" "$program" || { last_line; fail "stopping $name: $line"; return; }
    fi
    if [ "$booted" = yes ]; then
      service_boot no "$name" || { last_line; fail "disabling $name: $line"; return; }
    fi
    [ -n "$restoring" ] || echo "changed=retired $name"
  done <"$1"
}

give_services() {
  while read -r name program ran booted; do
    if [ "$booted" = yes ]; then
      service_boot yes "$name" || { last_line; fail "enabling $name: $line"; return; }
    fi
    if [ "$ran" = yes ]; then
      service_call start "$name" || { last_line; fail "starting $name: $line"; return; }
    fi
    [ -n "$restoring" ] || echo "changed=gave the clock back to $name"
  done <"$1"
}

# ---- the service, by whatever starts services here

# service DOING: its own signal handling, no input, and output to a file: a daemon that keeps its
# standard output open would keep the connection open.
service() {
  out=$work/service.out
  if [ "$init" = systemd ]; then
    systemctl "$1" fleetsync-agent >"$out" 2>&1 </dev/null
  elif [ "$init" = openrc ]; then
    rc-service fleetsync-agent "$1" >"$out" 2>&1 </dev/null
  else
    "$unit_path" "$1" >"$out" 2>&1 </dev/null
  fi
}

service_running() {
  [ -e "$unit_path" ] || return
  if [ "$init" = systemd ]; then
    systemctl is-active --quiet fleetsync-agent >/dev/null 2>&1 </dev/null
  else
    service status
  fi
}

service_enabled() {
  if [ "$init" = systemd ]; then
    systemctl is-enabled --quiet fleetsync-agent >/dev/null 2>&1 </dev/null
    return
  fi
  for path in /etc/rc[2345].d/S[0-9][0-9]fleetsync-agent \
      /etc/rc.d/rc[2345].d/S[0-9][0-9]fleetsync-agent /etc/runlevels/default/fleetsync-agent \
      /etc/init.d/S[0-9][0-9]fleetsync-agent; do
    [ ! -e "$path" ] || return 0
  done
  return 1
}

service_reload() {
  [ "$init" != systemd ] || systemctl daemon-reload >/dev/null 2>&1 </dev/null
}

service_enable() {
  case $init in
    systemd) run "enabling the service" systemctl enable fleetsync-agent ;;
    openrc) run "enabling the service" rc-update add fleetsync-agent default ;;
    *)
      if command -v update-rc.d >/dev/null 2>&1; then
        run "enabling the service" update-rc.d fleetsync-agent defaults
      elif command -v chkconfig >/dev/null 2>&1; then
        run "enabling the service" chkconfig --add fleetsync-agent &&
          run "enabling the service" chkconfig fleetsync-agent on
      elif [ -d /etc/rc3.d ]; then
        for level in 2 3 4 5; do
          [ ! -d "/etc/rc$level.d" ] ||
            run "enabling the service" ln -sf ../init.d/fleetsync-agent \
              "/etc/rc$level.d/S99fleetsync-agent" || return
        done
      elif grep -q -s 'S??\*' /etc/init.d/rcS; then
        run "enabling the service" ln -sf fleetsync-agent /etc/init.d/S99fleetsync-agent
      else
        echo 'warning=this host has no known way to start a service at boot; the agent runs, but will not after a restart of the host'
      fi ;;
  esac
}

service_disable() {
  case $init in
    systemd) systemctl disable fleetsync-agent >/dev/null 2>&1 </dev/null ;;
    openrc) rc-update del fleetsync-agent default >/dev/null 2>&1 </dev/null ;;
    *)
      if command -v update-rc.d >/dev/null 2>&1; then
        update-rc.d -f fleetsync-agent remove >/dev/null 2>&1 </dev/null
      elif command -v chkconfig >/dev/null 2>&1; then
        chkconfig --del fleetsync-agent >/dev/null 2>&1 </dev/null
      fi
      rm -f /etc/rc[2345].d/S99fleetsync-agent /etc/init.d/S99fleetsync-agent ;;
  esac
  return 0
}

start() {
  [ "$action" = install ] || return 0
  service_reload
  service_enabled || { service_enable && service_enabled && echo changed=enabled; }
  [ -z "$failure" ] || return
  [ -z "$send_binary$write_config$write_unit$tls_sizes$keys_size" ] && service_running && return
  service restart || { fail "starting the agent: $(why_not)"; return; }
  # It must still run a moment later: a daemon that refuses its configuration starts and exits.
  # systemd has heard from it that it is ready, and our init script has waited as well.
  [ "$init" != openrc ] || sleep 1
  sleep 1
  service_running || { fail "the agent does not stay up: $(why_not)"; return; }
  echo started=1
}

# What the service said last.
why_not() {
  text=
  if [ "$init" = systemd ]; then
    text=$(journalctl -u fleetsync-agent -n 2 -o cat --no-pager 2>/dev/null </dev/null)
  elif [ -s /var/log/fleetsync-agent.log ]; then
    text=$(tail -n 2 /var/log/fleetsync-agent.log)
  fi
  [ -n "$text" ] || text=$(tail -n 2 "$work/service.out" 2>/dev/null)
  printf '%s' "${text:-it says nothing}"
}

failure='' restoring=''
fleetsync_install
