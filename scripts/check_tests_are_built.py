#!/usr/bin/env python3
"""Every test file of the tree must be run by something: C++ tests and fuzzers must be compiled
(compile_commands.json), Python tests must be named in a CMakeLists.txt.

Usage: check_tests_are_built.py SOURCE_FOLDER BUILD_FOLDER
"""
import json
import pathlib
import sys


def main() -> int:
    root, build = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    commands = json.loads((build / "compile_commands.json").read_text())
    compiled = {pathlib.Path(c["directory"], c["file"]).resolve() for c in commands}
    tests = root / "tests"
    cxx = [*tests.rglob("*_test.cc"), *tests.rglob("*_fuzzer.cc")]
    missing = [f for f in cxx if f.resolve() not in compiled]
    lists = "\n".join(f.read_text() for f in tests.rglob("CMakeLists.txt"))
    python = [f for f in tests.rglob("*_test.py")]
    missing += [f for f in python if f.name not in lists and f.stem not in lists]
    for file in sorted(missing):
        print(f"{file.relative_to(root)}: in the tree, but no target builds or runs it")
    print(f"{len(cxx) + len(python)} test files, {len(missing)} not run")
    return 1 if missing or not cxx else 0


if __name__ == "__main__":
    sys.exit(main())
