#!/usr/bin/env python3
"""Checks proto/ by the default rules of buf's linter that apply here, from what protoc makes of the files.

  scripts/check_proto.py [ROOT]

Prints FILE: what is wrong, and exits 1 when anything is. What this project does otherwise on purpose is in ALLOWED.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# Rules of buf that are not kept: files are named from the repository's root, as includes are
# (proto/fleetsync/v1/fleet.proto, package fleetsync.v1).
ALLOWED = {"PACKAGE_DIRECTORY_MATCH"}

LENGTH, VARINT, FIXED64, FIXED32 = 2, 0, 1, 5


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """The fields of a message on the wire: {number: [value, …]}."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == LENGTH:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif kind == VARINT:
            value, at = varint(data, at)
        else:
            size = 8 if kind == FIXED64 else 4
            value, at = data[at:at + size], at + size
        found.setdefault(number, []).append(value)
    return found


def text(message, number):
    return message.get(number, [b""])[0].decode()


def name_of(message):
    return text(message, 1)


def pascal(name):
    return re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) is not None


def snake(name):
    return re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None


def upper_snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


def enum_problems(enum):
    name, values = name_of(enum), [fields(v) for v in enum.get(2, [])]
    if not pascal(name):
        yield f"ENUM_PASCAL_CASE: enum {name}"
    prefix = upper_snake(name) + "_"
    for value in values:
        label = name_of(value)
        if not label.startswith(prefix):
            yield f"ENUM_VALUE_PREFIX: {label} of enum {name} does not begin with {prefix}"
        if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", label):
            yield f"ENUM_VALUE_UPPER_SNAKE_CASE: {label}"
    if not values or name_of(values[0]) != prefix + "UNSPECIFIED" or values[0].get(2, [0])[0] != 0:
        yield f"ENUM_ZERO_VALUE_SUFFIX: the first value of enum {name} is not {prefix}UNSPECIFIED = 0"
    if fields(enum.get(3, [b""])[0]).get(2, [0])[0]:
        yield f"ENUM_NO_ALLOW_ALIAS: enum {name}"


def message_problems(message):
    name = name_of(message)
    if not pascal(name):
        yield f"MESSAGE_PASCAL_CASE: message {name}"
    for raw in message.get(2, []):
        field = fields(raw)
        if not snake(name_of(field)):
            yield f"FIELD_LOWER_SNAKE_CASE: {name}.{name_of(field)}"
        if name_of(field) == "descriptor":
            yield f"FIELD_NO_DESCRIPTOR: {name}.{name_of(field)}"
        if field.get(4, [0])[0] == 2:
            yield f"FIELD_NOT_REQUIRED: {name}.{name_of(field)}"
    for raw in message.get(8, []):
        if not snake(name_of(fields(raw))):
            yield f"ONEOF_LOWER_SNAKE_CASE: {name}.{name_of(fields(raw))}"
    for raw in message.get(3, []):
        yield from message_problems(fields(raw))
    for raw in message.get(4, []):
        yield from enum_problems(fields(raw))


def service_problems(service, used):
    name = name_of(service)
    if not pascal(name):
        yield f"SERVICE_PASCAL_CASE: service {name}"
    if not name.endswith("Service"):
        yield f"SERVICE_SUFFIX: service {name}"
    for raw in service.get(2, []):
        method = fields(raw)
        rpc, asked, answered = name_of(method), text(method, 2), text(method, 3)
        if not pascal(rpc):
            yield f"RPC_PASCAL_CASE: {name}.{rpc}"
        for rule, type_name, suffix in (("RPC_REQUEST_STANDARD_NAME", asked, "Request"),
                                        ("RPC_RESPONSE_STANDARD_NAME", answered, "Response")):
            if type_name.rsplit(".", 1)[-1] not in (rpc + suffix, name + rpc + suffix):
                yield f"{rule}: {type_name} of {name}.{rpc}"
            if used.setdefault(type_name, f"{name}.{rpc}") != f"{name}.{rpc}":
                yield f"RPC_REQUEST_RESPONSE_UNIQUE: {type_name} of {name}.{rpc} and {used[type_name]}"


def file_problems(file, used):
    path, package = name_of(file), text(file, 2)
    if not package:
        yield "PACKAGE_DEFINED: no package"
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", package):
        yield f"PACKAGE_LOWER_SNAKE_CASE: {package}"
    if not re.search(r"\.v[1-9][0-9]*((alpha|beta)[1-9]*[0-9]*)?$", package):
        yield f"PACKAGE_VERSION_SUFFIX: {package}"
    if "PACKAGE_DIRECTORY_MATCH" not in ALLOWED and str(pathlib.Path(path).parent) != package.replace(".", "/"):
        yield f"PACKAGE_DIRECTORY_MATCH: {package}"
    if not str(pathlib.Path(path).parent).endswith(package.replace(".", "/")):
        yield f"PACKAGE_SAME_DIRECTORY: package {package} in {path}"
    if not snake(pathlib.Path(path).stem):
        yield f"FILE_LOWER_SNAKE_CASE: {path}"
    if text(file, 12) != "proto3":
        yield "SYNTAX_SPECIFIED: not proto3"
    if 10 in file or 11 in file:
        yield "IMPORT_NO_PUBLIC, IMPORT_NO_WEAK: a public or weak import"
    for raw in file.get(5, []):
        yield from enum_problems(fields(raw))
    for raw in file.get(4, []):
        yield from message_problems(fields(raw))
    for raw in file.get(6, []):
        yield from service_problems(fields(raw), used)


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = sorted(p.relative_to(root).as_posix() for p in (root / "proto").rglob("*.proto"))
    if not files:
        print(f"{root}/proto: no .proto files", file=sys.stderr)
        return 1
    with tempfile.NamedTemporaryFile() as output:
        made = subprocess.run(["protoc", f"--proto_path={root}", f"--descriptor_set_out={output.name}", *files],
                              capture_output=True, text=True, check=False)
        # protoc tells of imports that are not used.
        found = [(line.split(":")[0], line) for line in made.stderr.splitlines()]
        if made.returncode != 0:
            print(made.stderr, file=sys.stderr)
            return 1
        used = {}
        for raw in fields(output.read()).get(1, []):
            file = fields(raw)
            found += [(name_of(file), problem) for problem in file_problems(file, used)]
    for path, problem in found:
        print(f"{path}: {problem}")
    print(f"{len(files)} files, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
