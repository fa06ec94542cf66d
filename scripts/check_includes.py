#!/usr/bin/env python3
"""Enforces the arrows of docs/architecture.md: who may include whom, and what pure code may name.

Prints FILE:LINE: what is wrong, and exits 1 when anything is.
"""
import pathlib
import re
import sys

# A folder may include headers of these folders, and its own. The longest prefix counts.
MAY_INCLUDE = {
    "base": [],
    "proto/ntp": ["base"],
    "proto/tls": ["base"],
    "proto/chrony": ["base"],
    "inventory": ["base"],
    "db": ["base"],
    "agent": ["base", "proto", "agent"],
    "agent/engine": ["base", "proto/ntp"],
    "agent/server": ["base", "proto/ntp", "agent/engine"],
    "agent/observe": ["base", "proto/ntp", "proto/chrony", "agent/engine", "agent/net"],
    "controller": ["base", "proto", "inventory", "db", "controller",
                   "agent/engine", "agent/observe", "agent/server", "agent/serve", "agent/clock",
                   "agent/net"],
    "controller/relay": ["base", "proto", "inventory", "controller", "agent/engine", "agent/server",
                         "agent/serve", "agent/clock", "agent/net", "agent/daemon"],
    "tests": ["base", "proto", "inventory", "db", "agent", "controller", "tests"],
}
OURS = ("base", "proto", "inventory", "db", "agent", "controller", "tests")

# State machines and plain functions: time and randomness are arguments, nothing is read or printed.
PURE = ["proto/ntp", "proto/chrony", "agent/engine", "agent/observe", "agent/server", "agent/report/uplink",
        "agent/report/event_watch", "inventory", "controller/plan", "controller/render", "controller/policy",
        "controller/doctor", "controller/serve/ingest.", "controller/serve/stream_clock",
        "controller/serve/command_desk", "controller/serve/connection_table", "controller/serve/fleet_message",
        "controller/status/", "controller/ui/braille", "controller/ui/fold", "controller/ui/keys",
        "controller/ui/png", "controller/ui/raster", "controller/ui/scale", "controller/ui/screen",
        "controller/ui/sparkline", "controller/ui/stroke_font", "controller/ui/styled_text",
        "controller/ui/table", "controller/ui/utf8"]
NOT_PURE = ["inventory/load.cc", "controller/status/fleet_source.cc"]
# Patterns, each with what it is for in the message.
FORBIDDEN_IN_PURE = [
    (r"std::chrono::\w+_clock", "a clock"),
    (r"\btime\(", "a clock"),
    (r"\bclock_gettime\b|\bgettimeofday\b|\bReadClocks\b", "a clock"),
    (r"\brand\(|\brandom_device\b", "randomness"),
    (r"\bsocket\(", "a socket"),
    (r"\bgetenv\b", "the environment"),
    (r"\bstd::j?thread\b", "a thread"),
    (r"\bexit\(|\babort\(", "the end of the process"),
    (r"\bstd::cout\b|\bstd::cerr\b|\bprintf\(", "output"),
    (r"\bfopen\b|\bifstream\b|\bofstream\b|\bReadFile\(", "a file"),
]


def allowed_for(path: str) -> list[str] | None:
    prefixes = [p for p in MAY_INCLUDE if path.startswith(p + "/")]
    return MAY_INCLUDE[max(prefixes, key=len)] if prefixes else None


def without_comments_and_strings(line: str) -> str:
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    return line.split("//")[0]


def include_problems(path: str, lines: list[str]):
    allowed = allowed_for(path)
    folder = path.rsplit("/", 1)[0]
    for number, line in enumerate(lines, 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match or allowed is None:
            continue
        header = match.group(1)
        if not header.startswith(tuple(o + "/" for o in OURS)):
            continue
        if header.startswith(folder + "/"):
            continue
        if not any(header.startswith(a + "/") for a in allowed):
            yield number, f'may not include "{header}"; allowed: its own folder, {", ".join(allowed) or "nothing"}'


def purity_problems(path: str, lines: list[str]):
    if not path.startswith(tuple(PURE)) or path in NOT_PURE:
        return
    for number, line in enumerate(lines, 1):
        code = without_comments_and_strings(line)
        for pattern, what in FORBIDDEN_IN_PURE:
            if re.search(pattern, code):
                yield number, f"pure code names {what} ('{code.strip()}'); take it as an argument"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = [f for folder in OURS for f in sorted((root / folder).rglob("*")) if f.suffix in (".h", ".cc")]
    if not files:
        print(f"{root}: no sources found", file=sys.stderr)
        return 1
    found = 0
    for file in files:
        path = file.relative_to(root).as_posix()
        lines = file.read_text(encoding="utf-8").splitlines()
        for number, text in [*include_problems(path, lines), *purity_problems(path, lines)]:
            print(f"{path}:{number}: {text}")
            found += 1
    print(f"{len(files)} files, {found} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
