#!/usr/bin/env python3
"""Shows that each rule of check_structure.py can fail: a small good tree passes, and one defect at a time is reported."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import check_structure  # noqa: E402

README = """# Map

| folder | purpose | may include |
|---|---|---|
| `model/` | values | – |
| `ports/` | contracts | model |
| `config/` | options | model |
| `adapters/sqlite/` | a warehouse | ports, model, config |
| `adapters/mysql/` | another | ports, model |
| `cli/` | main | all |
"""
GOOD = {
    "src/README.md": README,
    "src/model/cell.h": "// A cell.\n#pragma once\n#include <string>\n#include <tl/expected.hpp>\n",
    "src/model/cell.cc": '#include "model/cell.h"\n#include <xxhash.h>\n',
    "src/ports/clock.h": '// Time.\n#pragma once\n#include "model/cell.h"\n',
    "src/adapters/sqlite/warehouse.cc": '#include <sqlite3.h>\n#include "ports/clock.h"\nconst char* q = "SELECT a FROM b";\n',
    "src/adapters/sqlite/rows_internal.h": "// Rows of a statement.\n#pragma once\n#include <sqlite3.h>\n",
    "src/cli/main.cc": '#include "adapters/sqlite/warehouse.h"\n#include "model/cell.h"\n// "SELECT a FROM b" in a comment\n',
    "docs/use.md": "Put it into ~/work/ or $HOME/root/ and see https://example.org/.\n",
}


class StructureRules(unittest.TestCase):
    def found(self, **changes):
        """Violations of the good tree with some files added or replaced (path -> text)."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**GOOD, **changes.get("files", {})}.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return check_structure.violations(root)

    def assert_only(self, expected, files):
        lines = self.found(files=files)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(expected, lines[0])

    def test_good_tree_passes(self):
        self.assertEqual(self.found(), [])

    def test_folder_without_a_line_in_the_table(self):
        self.assert_only("its folder is missing in the table", {"src/queue/queue.cc": "#include <deque>\n"})

    def test_json_printed_as_it_is(self):
        self.assert_only("src/cli/out.cc:1: dump() throws", {"src/cli/out.cc": "auto a = json.dump(2);\n"})
        self.assertEqual(self.found(files={"src/cli/out.cc": "auto a = json.dump(2, ' ', false, Json::error_handler_t::replace);\n"}), [])

    def test_table_that_names_an_unknown_folder(self):
        self.assert_only("may include nothing/", {"src/README.md": README.replace("| contracts | model |", "| contracts | model, nothing |")})

    def test_table_with_a_cycle(self):
        self.assert_only("has a cycle among", {"src/README.md": README.replace("| values | – |", "| values | ports |")})

    def test_missing_table(self):
        self.assertIn("no table", self.found(files={"src/README.md": "# Map\n"})[0])

    def test_include_against_the_direction(self):
        self.assert_only("model/ may not include ports/", {"src/model/a.cc": '#include "ports/clock.h"\n'})

    def test_one_adapter_includes_another(self):
        self.assert_only("adapters/mysql/ may not include adapters/sqlite/", {"src/adapters/mysql/a.cc": '#include "adapters/sqlite/b.h"\n'})

    def test_comment_that_is_too_long(self):
        for line in ["// " + "a " * 50, "  /* " + "a " * 50 + "*/", "int a;  // " + "b" * 100, "'\"'; // " + "b" * 100]:
            self.assert_only("a comment of more than 100 columns", {"src/model/a.cc": "int b;\n" + line + "\n"})
        self.assert_only("src/model/a.cc:4: a comment", {"src/model/a.cc": 'auto a = R"(\n// a\n)";\n//' + "a" * 100 + "\n"})
        self.assertEqual(self.found(files={"src/model/a.cc": 'auto a = R"(\n//' + "a" * 100 + '\n)";\nauto b = "http://' + "b" * 99 + '";\n'}), [])

    def test_declaration_that_a_comment_breaks_in_two(self):
        for torn in ["int a =\n    60;  // seconds", "std::string\n    a;  // what it is", "void f(\n    int a);  // seconds"]:
            header = "// A cell.\n#pragma once\n" + torn + "\n"
            self.assert_only("src/model/a.h:4: the comment breaks a declaration", {"src/model/a.h": header})
        whole = "// A cell.\n#pragma once\nenum A {\n  kA,  // one\n  kB,  // two\n};\nint f(int a,\n      int b);  // both\nint c;  // three\n"
        self.assertEqual(self.found(files={"src/model/a.h": whole}), [])

    def test_tests_keep_the_direction_too(self):
        self.assert_only("ports/ may not include cli/", {"src/ports/a_test.cc": '#include "cli/b.h"\n'})

    def test_relative_include(self):
        self.assert_only("no full path", {"src/model/a.cc": '#include "../ports/clock.h"\n'})
        self.assert_only("no full path", {"src/model/a.cc": '#include "cell.h"\n'})

    def test_own_header_in_angle_brackets(self):
        self.assert_only("write it in quotes", {"src/model/a.cc": "#include <model/cell.h>\n"})

    def test_library_header_in_a_plain_header(self):
        for header in ["mysql.h", "sqlite3.h", "simdjson.h", "CLI/CLI.hpp", "toml++/toml.h", "spdlog/spdlog.h", "zstd.h",
                       "prometheus/counter.h", "date/tz.h", "mysql/errmsg.h"]:
            with self.subTest(header):
                text = f"// A thing.\n#pragma once\n#include <{header}>\n"
                self.assert_only("headers of libraries belong in", {"src/adapters/sqlite/a.h": text})
        for header in ["adapters/sqlite/bridge/bridge.h", "sqlite3.h"]:
            with self.subTest(header):
                text = f'// A thing.\n#pragma once\n#include "{header}"\n'
                self.assert_only("headers of libraries belong in", {"src/adapters/sqlite/a.h": text})

    def test_internal_header_in_a_plain_header(self):
        text = '// A thing.\n#pragma once\n#include "adapters/sqlite/rows_internal.h"\n'
        self.assert_only("only .cc files may", {"src/adapters/sqlite/a.h": text})

    def test_query_outside_of_the_adapters(self):
        for query in ["SELECT a FROM b", "INSERT INTO b VALUES (1)", "UPDATE b SET a = 1", "DELETE FROM b", "CREATE TABLE b (a int)"]:
            with self.subTest(query):
                self.assert_only("SQL and CQL stand only in", {"src/cli/a.cc": f'auto q = "{query} ";\n'})

    def test_header_without_a_comment(self):
        self.assert_only("opens with a comment", {"src/model/a.h": "#pragma once\n"})

    def test_header_without_a_guard(self):
        self.assert_only("no #pragma once", {"src/model/a.h": "// A thing.\n"})

    def test_names_that_say_nothing(self):
        for path in ["src/model/util/a.cc", "src/model/common.cc", "tests/helpers/a.py", "src/cli/manager.cc", "benchmarks/misc/a.cc"]:
            with self.subTest(path):
                self.assert_only("says nothing about what is inside", {path: "\n"})

    def test_path_of_one_machine(self):
        for text in ["see /" + "work/main", 'open("/' + 'root/.cache/x")', "HOME=/" + "root/"]:
            with self.subTest(text):
                self.assert_only("a path of one machine", {"docs/a.md": text})

    def test_host_of_a_registry(self):
        for text in ["https://" + "pypi.org/simple", "https://static." + "crates.io/a", "http://deb." + "debian.org/debian",
                     '"resolved": "https://registry.' + 'npmjs.org/a.tgz"']:
            with self.subTest(text):
                self.assert_only("the host of a package registry", {"docs/a.md": text})

    def test_what_builds_leave_behind_is_not_read(self):
        self.assertEqual(self.found(files={"build-asan/a.txt": "/" + "root/x", "dashboard/node_modules/a/util.js": "/" + "root/x"}), [])

    def test_the_program_prints_and_fails(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/src")
            pathlib.Path(root, "src/README.md").write_text("# Map\n", encoding="utf-8")
            result = subprocess.run([sys.executable, HERE / "check_structure.py", root], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("1 violations", result.stdout)


if __name__ == "__main__":
    unittest.main()
