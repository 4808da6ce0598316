"""What compiler and linker were asked for is in the program and in the kernel's library (the wheel has that one): read back from them.

And the bill of materials names what it is made of.
"""

import json
import pathlib
import platform
import subprocess
import sys
import unittest

LIBRARY = sys.argv.pop()
BINARY = sys.argv.pop()
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


class Program(unittest.TestCase):
    file, some_function = BINARY, "main"

    def test_addresses_are_random_and_tables_read_only(self):
        header, segments, dynamic = (run("readelf", what, self.file) for what in ("-hW", "-lW", "-dW"))
        self.assertRegex(header, r"Type:\s+DYN")
        self.assertIn("GNU_RELRO", segments)
        self.assertIn("BIND_NOW", dynamic)
        (stack,) = [line for line in segments.splitlines() if "GNU_STACK" in line]
        self.assertNotIn("RWE", stack)
        self.assertNotIn("TEXTREL", dynamic)
        self.assertNotRegex(dynamic, r"\((RPATH|RUNPATH)\)")

    def test_stack_buffers_and_containers_are_checked(self):
        symbols = run("readelf", "--dyn-syms", "-W", self.file)
        for check in ("__stack_chk_fail", "__memcpy_chk", "__glibcxx_assert_fail"):
            self.assertIn(check, symbols)

    @unittest.skipUnless(platform.machine() == "x86_64", "indirect branches are checked on x86-64 alone")
    def test_indirect_branches_land_where_they_may(self):
        self.assertIn("endbr64", run("objdump", "-d", "--no-show-raw-insn", f"--disassemble={self.some_function}", self.file))


class Library(Program):
    file, some_function = LIBRARY, "hs_abi_version"


class Bill(unittest.TestCase):
    def test_notices_are_fresh(self):
        run(str(ROOT / ".ci" / "bill"), "check")

    def test_every_part_has_a_version_and_crates_a_licence_and_a_digest(self):
        bill = json.loads(run(str(ROOT / ".ci" / "bill"), "sbom", BINARY))
        self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
        parts = {part["purl"].split("@")[0]: part for part in bill["components"]}
        for wanted in ("pkg:cargo/hyper", "pkg:cargo/scylla", "pkg:cargo/parquet", "pkg:npm/preact", "pkg:npm/uplot", "pkg:deb/debian/libmariadb3"):
            self.assertIn(wanted, parts)
        self.assertEqual(len({part["bom-ref"] for part in bill["components"]}), len(bill["components"]))
        for part in bill["components"]:
            self.assertTrue(part["version"])
            if part["purl"].startswith("pkg:cargo/"):
                self.assertTrue(part["licenses"][0]["expression"])
                self.assertRegex(part["hashes"][0]["content"], "^[0-9a-f]{64}$")

    def test_licence_texts_are_there(self):
        text = run(str(ROOT / ".ci" / "bill"), "licences")
        for words in ("Jason Miller", "Leon Sorokin", "Apache License", "hyper 1."):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()
