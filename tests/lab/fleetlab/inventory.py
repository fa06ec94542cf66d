"""The lab's hosts in the formats fleetsync reads."""

from . import hosts as hosts_module
from .errors import LabError

FORMATS = ("yaml", "servers.txt")
# The lab has no upstream: its relay serves its own clock, as the one it starts with does.
RELAY_TIME = "{local_stratum: 8, allow: [198.18.0.0/16]}"


def _yaml(lab):
    user = hosts_module.login_user(lab)
    lines = [f"defaults: {{user: {user}, identity: {lab.key}, known_hosts: {lab.known_hosts}}}",
             "time: {tolerance: 10ms}", "groups:"]
    groups = {}
    for host in lab.hosts.values():
        groups.setdefault(host.group, []).append(host.name)
    for group, names in groups.items():
        members = f"hosts: [{', '.join(names)}]"
        if group == "relay":
            lines.append(f"  relays: {{role: relay, {members}, time: {RELAY_TIME}}}")
        else:
            lines.append(f"  {group}: {{{members}}}")
    lines.append("hosts:")
    lines += [f"  {host.name}: {{address: {host.address}, port: {host.port}}}" for host in lab.hosts.values()]
    return "\n".join(lines) + "\n"


def _servers_txt(lab):
    user = hosts_module.login_user(lab)
    lines = [f"{user}@{host.address}:{host.port}\n" for host in lab.hosts.values()]
    return "".join(lines)


def text(lab, form):
    if form == "yaml":
        return _yaml(lab)
    if form == "servers.txt":
        return _servers_txt(lab)
    raise LabError(f"--format {form}: give one of {', '.join(FORMATS)}")
