# Prints what is on this host of the agent, for fleetsync. Follows the facts' probe in one script;
# reads only, runs under dash and busybox ash.

fleetsync_agent_probe() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
  printf '\nfleetsync-agent-probe 1 begin\n'
  for tool in sha256sum busybox openssl shasum; do
    sha256 "$tool" /dev/null >/dev/null 2>&1 || continue
    echo "sha256_tool=$tool"
    for path in /usr/local/sbin/fleetsync-agent /etc/fleetsync/agent.conf \
        /etc/systemd/system/fleetsync-agent.service /etc/init.d/fleetsync-agent \
        /etc/fleetsync/agent.keys /var/lib/fleetsync-agent/tls/ca.pem; do
      [ -f "$path" ] || continue
      sum=$(sha256 "$tool" "$path" 2>/dev/null)
      mode=$(ls -ld "$path" 2>/dev/null)
      echo "file=${sum%% *} ${mode%% *} $path"
    done
    break
  done
  command -v gzip >/dev/null 2>&1 && echo gzip=1
  id fleetsync >/dev/null 2>&1 && echo user=1
  id _fleetsync >/dev/null 2>&1 && echo time_user=1
  identity
  [ -s /var/lib/fleetsync-install/retired ] && echo retired=1
  [ -e /var/lib/fleetsync-install/swapping ] && echo unfinished=1
  if [ -d /run/systemd/system ]; then
    state=$(systemctl is-active fleetsync-agent 2>/dev/null)
    [ "$state" = active ] && echo running=1
    state=$(systemctl is-enabled fleetsync-agent 2>/dev/null)
    [ "$state" = enabled ] && echo enabled=1
    echo can_enable=1
  else
    can_enable && echo can_enable=1
    [ -x /etc/init.d/fleetsync-agent ] &&
      /etc/init.d/fleetsync-agent status >/dev/null 2>&1 && echo running=1
    for path in /etc/rc[2345].d/S[0-9][0-9]fleetsync-agent \
        /etc/rc.d/rc[2345].d/S[0-9][0-9]fleetsync-agent /etc/runlevels/default/fleetsync-agent \
        /etc/init.d/S[0-9][0-9]fleetsync-agent; do
      [ -e "$path" ] && echo enabled=1 && break
    done
  fi
  echo 'fleetsync-agent-probe 1 end'
}

# Of the agent's identity the certificate, which anybody may know; of its key that it is there and the
# reporter's.
identity() {
  reporter=$(id -u fleetsync 2>/dev/null)
  for path in /var/lib/fleetsync-agent/tls/ca.pem /var/lib/fleetsync-agent/tls/host.pem \
      /var/lib/fleetsync-agent/tls/host.key; do
    [ -f "$path" ] || continue
    # By its number: busybox cuts names off.
    set -- $(ls -ldn "$path" 2>/dev/null)
    [ "$3" = "$reporter" ] && [ -n "$reporter" ] && echo "tls=$1 $path"
  done
  path=/var/lib/fleetsync-agent/tls/host.pem
  [ -r "$path" ] || return
  # The file may hold the key as well, which stays where it is.
  certificate=
  while IFS= read -r line; do
    case $line in *'BEGIN CERTIFICATE'*) certificate=1 ;; esac
    [ -z "$certificate" ] || echo "tls_certificate=$line"
    case $line in *'END CERTIFICATE'*) break ;; esac
  done <"$path"
}

# Whether install.sh knows a way to start the agent at boot.
can_enable() {
  for program in rc-update update-rc.d chkconfig; do
    command -v "$program" >/dev/null 2>&1 && return
  done
  [ -d /etc/rc3.d ] || grep -q -s 'S??\*' /etc/init.d/rcS
}

# sha256 TOOL FILE
sha256() {
  case $1 in
    sha256sum) sha256sum <"$2" ;;
    busybox) busybox sha256sum <"$2" ;;
    openssl) openssl dgst -sha256 -r <"$2" ;;
    shasum) shasum -a 256 <"$2" ;;
  esac
}

fleetsync_agent_probe </dev/null
