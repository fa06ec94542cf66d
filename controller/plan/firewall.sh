# Tells what the packet filter of a relay says: read-only, put before the probe.

fleetsync_firewall() {
  LC_ALL=C; export LC_ALL
  PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
  printf '\nfleetsync-firewall 1 begin\n'
  if command -v base64 >/dev/null 2>&1; then encoding=base64; else encoding=hex; fi
  output nft nft -a list ruleset
  output iptables iptables -S INPUT
  output ip6tables ip6tables -S INPUT
  output ufw ufw show added
  if command -v firewall-cmd >/dev/null 2>&1; then
    zone=$(firewall-cmd --get-default-zone 2>/dev/null)
    emit zone "$zone"
    output rich_rules firewall-cmd --permanent --zone="$zone" --list-rich-rules
  fi
  for path in /etc/nftables.conf /etc/iptables/rules.v4 /etc/iptables/rules.v6 \
      /etc/sysconfig/iptables /etc/sysconfig/ip6tables; do
    [ -f "$path" ] || continue
    emit path "$path"
    emit stat "$(ls -ldL "$path" 2>/dev/null)"
    output file cat "$path"
  done
  printf 'fleetsync-firewall 1 end\n'
}

# output KEY COMMAND…
output() {
  key=$1
  shift
  command -v "$1" >/dev/null 2>&1 || return
  emit output "$key"
  printf 'encoding=%s\n' "$encoding"
  if [ "$encoding" = base64 ]; then "$@" 2>/dev/null | base64; else "$@" 2>/dev/null | od -An -v -tx1; fi
  echo .
}

fleetsync_firewall </dev/null
