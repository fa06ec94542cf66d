"""The command line of the lab."""

import argparse
import json
import os
import sys

from . import clocks, faults, folders, hosts, inventory, native, network, roots, sorts, state, teardown
from .errors import LabError


def _prepare(options):
    boot = options.kind == "systemd"
    wanted = sorts.named(options.sort) if options.sort else [
        name for name, sort in sorts.SORTS.items() if (sort.systemd_root if boot else sort.root)]
    if options.install:
        roots.install_packages(boot)
    roots.require_packages(boot)
    roots.prepare(roots.names_for(wanted, options.kind))
    native.build()


def _up(options):
    lab = state.Lab(options.lab)
    dealt = sorts.deal(options.sort, options.hosts)
    if options.kind != "sshd":
        if os.geteuid() != 0:
            raise LabError(f"kind {options.kind} needs root; --kind sshd does not")
        roots.require_packages(options.kind == "systemd")
        roots.prepare(roots.names_for(dealt, options.kind))
    native.build()
    with lab.lock() as lock:
        lab.load()
        planned = hosts.plan(lab, dealt, options.kind, options.name_prefix)
        folders.make_run_folder(lab.folder)
        hosts.bring_up(lab, planned, lock, offset_range=clocks.parse_range(options.clock_offset),
                       ppm_range=clocks.parse_range(options.clock_ppm), seed=options.seed,
                       start_daemons=options.start_daemons)


def _down(options):
    for name in teardown.known_labs() if options.all else [options.lab]:
        lab = state.Lab(name)
        with lab.lock():
            teardown.take_down(lab)


def _inventory(options):
    sys.stdout.write(inventory.text(state.open_lab(options.lab), options.format))


def run_command(lab, command):
    """The command line that runs `command` at the controller's place."""
    if os.geteuid() != 0:
        return command
    netns = network.NETNS_FOLDER / lab.netns
    if not netns.exists():  # sshd processes on loopback
        netns = "/proc/self/ns/net"
    return [native.program("labhost"), "join", str(netns), "--", *command]


def _run(options):
    _execute(run_command(state.open_lab(options.lab), options.command))


def exec_command(lab, host, command):
    """The command line that runs `command` as root inside a host."""
    return hosts.enter_command(lab.host(host), command)


def _exec(options):
    _execute(exec_command(state.open_lab(options.lab), options.host, options.command))


def _execute(command):
    sys.stdout.flush()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise LabError(f"{command[0]}: {error.strerror}") from error


def _clock(options):
    lab = state.open_lab(options.lab)
    host = lab.host(options.host)
    if options.set is not None:
        clocks.set_offset(lab, host, options.set)
    if options.ppm is not None:
        clocks.set_ppm(lab, host, options.ppm)
    reading = clocks.read(lab, [host])[0]
    print(json.dumps(reading) if options.output == "json" else clocks.describe(reading))


def _clocks(options):
    lab = state.open_lab(options.lab)
    readings = clocks.read(lab, lab.hosts.values())
    print(json.dumps(readings) if options.output == "json" else "\n".join(map(clocks.describe, readings)))


def _list(options):
    lab = state.open_lab(options.lab)
    records = [{**vars(host), "log": str(lab.host_folder(host) / "log")} for host in lab.hosts.values()]
    if options.output == "json":
        print(json.dumps(records))
        return
    for host in lab.hosts.values():
        print(f"{host.name:12} {host.kind:8} {host.sort:8} {host.address}:{host.port}")


def _key(options):
    print(state.open_lab(options.lab).key)


def _known_hosts(options):
    print(state.open_lab(options.lab).known_hosts)


def _fault(options):
    lab = state.open_lab(options.lab)
    with lab.lock():
        faults.change(lab, lab.host(options.host), options.fault, off=options.off, settings=faults.Settings(
            after=options.after, latency_ms=options.latency_ms, bytes_per_s=options.bytes_per_s))


def _add_up(commands):
    up = commands.add_parser("up", help="bring up hosts, in a new lab or in one that runs")
    up.set_defaults(action=_up)
    up.add_argument("--hosts", type=int, help="number of hosts")
    up.add_argument("--kind", choices=hosts.KINDS, default="host")
    up.add_argument("--sort", default="chrony", help="dealt round robin (chrony,ntp) or counted (chrony:8,ntp:2)")
    up.add_argument("--name-prefix", help="names of the hosts, instead of their sort; also their group")
    up.add_argument("--clock-offset", default="0", metavar="RANGE", help="seconds off the truth, as 5 or -10..10")
    up.add_argument("--clock-ppm", default="0", metavar="RANGE", help="error of the oscillators, as 5 or -50..50")
    up.add_argument("--seed", default="0", help="of the draw from these ranges")
    up.add_argument("--start-daemons", action="store_true", help="start the hosts' time daemons")


def _add_prepare(commands):
    prepare = commands.add_parser("prepare", help="build the cached root file systems")
    prepare.set_defaults(action=_prepare)
    prepare.add_argument("--sort", help="for these sorts only")
    prepare.add_argument("--kind", choices=("host", "systemd"), default="host", help="for this kind, default host")
    prepare.add_argument("--install", action="store_true", help="install the packages the lab needs on the machine")


def _add_clock(commands):
    clock = commands.add_parser("clock", help="show or set a host's true clock")
    clock.set_defaults(action=_clock)
    clock.add_argument("host")
    clock.add_argument("--set", type=float, metavar="SECONDS", help="put the clock this far off the truth")
    clock.add_argument("--ppm", type=float, help="error of the oscillator")
    _add_output(clock)
    every = commands.add_parser("clocks", help="show the true clocks of all hosts")
    every.set_defaults(action=_clocks)
    _add_output(every)


def _add_output(parser):
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")


def _add_fault(commands):
    fault = commands.add_parser("fault", help="break something in a host, or undo it")
    fault.set_defaults(action=_fault)
    fault.add_argument("host")
    fault.add_argument("fault", choices=sorted(faults.FAULTS), metavar="KIND", help=", ".join(sorted(faults.FAULTS)))
    fault.add_argument("--off", action="store_true", help="undo the fault")
    fault.add_argument("--after", type=float, metavar="SECONDS", help="kill-sshd: sessions live that long")
    fault.add_argument("--latency-ms", type=float, default=200, help="slow: delay of each direction")
    fault.add_argument("--bytes-per-s", type=float, default=8000, help="slow: bandwidth of each direction")


def _add_rest(commands):
    down = commands.add_parser("down", help="remove the lab, whatever state it is in")
    down.set_defaults(action=_down)
    down.add_argument("--all", action="store_true", help="remove every lab on this machine")
    listing = commands.add_parser("list", help="list the hosts")
    listing.set_defaults(action=_list)
    _add_output(listing)
    form = commands.add_parser("inventory", help="print a fleetsync inventory of the hosts")
    form.set_defaults(action=_inventory)
    form.add_argument("--format", default="yaml", choices=inventory.FORMATS)
    run = commands.add_parser("run", help="run a command on the controller's side of the network")
    run.set_defaults(action=_run)
    execute = commands.add_parser("exec", help="run a command as root inside a host")
    execute.set_defaults(action=_exec)
    execute.add_argument("host")
    for command in (run, execute):
        command.add_argument("command", nargs="+", metavar="-- CMD")
    commands.add_parser("key", help="path of the private key").set_defaults(action=_key)
    commands.add_parser("known-hosts", help="path of the known_hosts file").set_defaults(action=_known_hosts)


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description="Real hosts on one machine, each with its own clock.")
    parser.add_argument("--lab", default=os.environ.get("FLEETSYNC_LAB", folders.DEFAULT_LAB), metavar="NAME",
                        help="which lab, default $FLEETSYNC_LAB")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_prepare, _add_up, _add_clock, _add_fault, _add_rest):
        add(commands)
    for command in commands.choices.values():  # --lab is understood after the command as well
        command.add_argument("--lab", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def main(arguments):
    """Runs one command; the exit code is 0, 1 with a message on standard error, or the executed command's own."""
    options = _parser().parse_args(arguments)
    try:
        options.action(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0
