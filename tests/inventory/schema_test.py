"""docs/fleet.schema.json: what the documentation shows validates, and what fleetsync refuses does not.

Usage: schema_test.py SOURCE_FOLDER FLEETSYNC
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(sys.argv[1])
FLEETSYNC = sys.argv[2]


class Loader(yaml.SafeLoader):
    """YAML 1.2 as editors read it: yes, no, on and off are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first in "tTfF" or tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def schema() -> dict:
    return json.loads((ROOT / "docs/fleet.schema.json").read_text(encoding="utf-8"))


def problems(text: str) -> list[str]:
    validator = jsonschema.Draft7Validator(schema())
    return [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(yaml.load(text, Loader))]


def yaml_blocks():
    """Every yaml block of the documentation that is a fleet.yaml, with the page it is on."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        block = None
        for line in page.read_text(encoding="utf-8").splitlines():
            if line == "```yaml":
                block = []
            elif line == "```" and block is not None:
                if block[0] != "all:":  # Ansible's
                    yield page.name, "\n".join(block) + "\n"
                block = None
            elif block is not None:
                block.append(line)


def table_rows():
    """Key, built-in value and example of docs/inventory.md's table."""
    for line in (ROOT / "docs/inventory.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5 and cells[3].startswith("`"):
            yield cells[0].strip("`"), cells[2], cells[3].strip("`")


def as_host(key: str, setting: str) -> str:
    return f"hosts:\n  h: {{time: {{{setting}}}}}\n" if key.startswith("time.") else f"hosts:\n  h: {{{setting}}}\n"


def accepted(text: str) -> bool:
    """Whether fleetsync takes this fleet.yaml."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([FLEETSYNC, "-i", file.name, "inventory", "list"], capture_output=True, check=False)
    return done.returncode == 0


class Schema(unittest.TestCase):
    def test_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(schema())

    def test_every_example_of_the_pages_validates(self):
        blocks = list(yaml_blocks())
        self.assertGreaterEqual(len(blocks), 4)
        for page, block in blocks:
            with self.subTest(page=page):
                self.assertEqual(problems(block), [], block)

    def test_every_example_of_the_table_validates(self):
        rows = list(table_rows())
        self.assertGreaterEqual(len(rows), 40)
        for key, _, example in rows:
            with self.subTest(key=key):
                self.assertEqual(problems(as_host(key, example)), [])

    def test_every_word_of_an_enumeration_is_one_that_fleetsync_takes(self):
        """And its default is what the table has as built in."""
        definitions = schema()["definitions"]
        built_in = {key: built for key, built, _ in table_rows()}
        for prefix, place in (("", "settings"), ("time.", "time")):
            for name, one in definitions[place]["properties"].items():
                for word in one.get("enum", []):
                    with self.subTest(key=name, word=word):
                        self.assertTrue(accepted(as_host(prefix + name, f"{name}: {word}")))
                if "default" in one:
                    self.assertEqual(one["default"], yaml.load(built_in[prefix + name], Loader), name)
                    self.assertTrue(accepted(as_host(prefix + name, f"{name}: {json.dumps(one['default'])}")))

    def test_both_refuse(self):
        for text in (
            "host: [a]\n",
            "defaults: {usr: ops}\n",
            "defaults: {address: a}\n",
            "hosts: {a: {role: server}}\n",
            "hosts: {a: {password: x}}\n",
            "hosts: {a: {port: 70000}}\n",
            "hosts: {a: {port: ssh}}\n",
            "hosts: {a: {identity: ~root/key}}\n",
            "hosts: {all: {}}\n",
            "groups: {g: {hosts: {a: {}}}}\n",
            "groups: {all: {hosts: [a]}}\n",
            "hosts: {a: {tolerance: 1ms}}\n",
            "time: {tolerance: 10}\n",
            "time: {tolerance: -1ms}\n",
            "time: {dhcp_servers: true}\n",
            "time: {log: [everything]}\n",
            "time: {step: {limit: 3}}\n",
            "time: {servers: [{prefer: true}]}\n",
            "time: {servers: [{address: a, minpol: 4}]}\n",
            "time: {servers: ['a minpol 4']}\n",
            "time: {keys: [{id: 7}]}\n",
            "time: {keys: [{id: 7, type: SHA3, file: a}]}\n",
            "time: {ratelimit: {rate: 3}}\n",
            "time: {timezone: /Europe/Berlin}\n",
            "time: {extra: [{a: b}]}\n",
        ):
            with self.subTest(text=text):
                self.assertNotEqual(problems(text), [])
                self.assertFalse(accepted(text))

    def test_both_take(self):
        for text in (
            "defaults:\ngroups:\nhosts:\n  a:\n",
            "hosts: [a, 'web[1,3-5]', '2001:db8::1']\n",
            "hosts: {a: {port: '2222', identity: key}}\n",
            "time: {ratelimit: on, step: 1s}\nhosts: [a]\n",
            "time: {ratelimit: interval 3 burst 8, step: 'threshold 1.5s limit 3', panic: 2µs}\nhosts: [a]\n",
            "time: {servers: a iburst minpoll 4, upstreams: ['pool p xleave']}\nhosts: [a]\n",
            "time: {keys: [7 type MD5 file k, {id: 8, command: pass x y}], extra: ''}\nhosts: [a]\n",
            "time: {hwtimestamp: '*', log: tracking, allow: 10.0.0.0/8}\nhosts: [a]\n",
        ):
            with self.subTest(text=text):
                self.assertEqual(problems(text), [])
                self.assertTrue(accepted(text))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
