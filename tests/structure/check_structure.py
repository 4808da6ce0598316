#!/usr/bin/env python3
"""Checks that the tree keeps to its own rules; prints one line a violation, exit 1 if there is one.

usage: check_structure.py ROOT

The rules (each function below whose name begins with `check_`):
  table        src/README.md has a table folder -> what it may include; it knows every folder of sources and has no cycle
  includes     a file of src/ includes only its own folder, what the table allows, and by full path
  vendors      headers of other people's libraries occur only in .cc files and *_internal.h, and are then included by no plain header
  queries      SQL and CQL stand only in adapters
  headers      a header opens with a comment that says what it is for, and has #pragma once
  names        no folder or file is called util, common, helpers, misc or manager
  comments     in C++ a comment takes at most 100 columns, and in a header stands above a declaration that it would break in two
  dumps        JSON becomes text in src/cli/ and src/http/ only where bytes that are no UTF-8 are replaced
  mentions     no file names a path of one machine or the host of a package registry
"""
import os
import re
import sys

# Also files of these names: a worktree's .git is one.
SKIPPED = {".git", ".cache", "build", "node_modules", "target", "dist", "__pycache__"}
EVERYTHING = "all"
# Besides the standard library (no slash, no dot in the name) plain headers may show these: they are the vocabulary of interfaces.
HEADERS_IN_INTERFACES = re.compile(r"^(tl/expected\.hpp|boost/unordered/unordered_flat_(map|set)\.hpp|fmt/(core|format)\.h|std(def|int|bool)\.h)$")
VENDOR_IN_QUOTES = re.compile(r"(^|/)(mysql|sqlite3|bridge|simdjson|zstd|lz4|snappy-c|xxhash|zlib)\.h$|^(CLI|toml\+\+|spdlog|prometheus|date|nlohmann)/")
MEANINGLESS = {"util", "utils", "utilities", "common", "helper", "helpers", "misc", "manager", "managers"}
QUERY = re.compile(r'"\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|DELETE\s+FROM\s|UPDATE\s+\S+\s+SET\s|CREATE\s+(TABLE|KEYSPACE|VIEW)\s|ALTER\s+TABLE\s)')
COLUMNS_MAX = 100
# A line of code that does not end what it began, as clang-format leaves it when a comment behind the rest needs the room.
BROKEN = re.compile(r"^(?!\s*#).*[^;{}:,\\\s]$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Written in pieces, or this file would break its own rule.
MACHINE_PATH = re.compile(r"(?<![\w./$~}\-*])/(?:" + "work|root" + r")/")
REGISTRY_HOSTS = [
    "registry." + "npmjs.org", "static." + "crates.io", "index." + "crates.io", "files." + "pythonhosted.org",
    "repo1." + "maven.org", "repo." + "maven.apache.org", "proxy." + "golang.org", "deb." + "debian.org",
    "security." + "debian.org",
]
REGISTRY_URL = re.compile(r"https?://(?:[\w.-]+\.)?(?:" + "pypi" + r"\.org|" + "crates" + r"\.io)\b")


def walk(root):
    """Relative paths of all files, without what builds leave behind."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("build-"))
        for name in sorted(set(files) - SKIPPED):
            yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def is_cpp(path):
    return path.startswith("src/") and path.endswith((".cc", ".h"))


def is_header(path):
    """A header that others may include: not one of tests (GoogleTest shows there), not an internal one."""
    return path.endswith(".h") and not path.endswith(("_internal.h", "_test.h"))


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def without_raw_strings(text):
    """Their lines stay, empty, so that the others keep their numbers."""
    return re.sub(r'R"(\w*)\(.*?\)\1"', lambda match: '""' + "\n" * match[0].count("\n"), text, flags=re.DOTALL)


def split_comment(line):
    """Code and comment of a line; one of them may be empty."""
    in_block = re.match(r"\s*(/\*|\*( |/|$))", line)
    match = in_block or re.match(r"""((?:[^"'/]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|'|/(?![/*]))*)(?://|/\*)""", line)
    if not match:
        return line, ""
    begin = 0 if in_block else len(match[1])
    return line[:begin].rstrip(), line[begin:]


def allowed_includes(root):
    """The table of src/README.md: folder -> set of folders, or EVERYTHING."""
    table = {}
    for line in read(root, "src/README.md").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        match = re.fullmatch(r"`([\w/]+)/`", cells[0]) if line.startswith("|") and len(cells) == 3 else None
        if not match:
            continue
        if cells[2] == EVERYTHING:
            table[match[1]] = EVERYTHING
        else:
            table[match[1]] = {name.strip(" `/") for name in cells[2].split(",")} - {"–", "-", ""}
    return table


def folder_of(table, path):
    """The row of the table that a path (relative to src/) belongs to: the longest that fits."""
    return max((row for row in table if path.startswith(row + "/")), key=len, default=None)


def check_table(root, table, paths):
    if not table:
        yield "src/README.md: no table with lines | `folder/` | purpose | may include |"
    for row, allowed in table.items():
        for name in () if allowed == EVERYTHING else sorted(allowed):
            if name not in table:
                yield f"src/README.md: {row}/ may include {name}/, which is no line of the table"
    for path in paths:
        if is_cpp(path) and folder_of(table, path[4:]) is None:
            yield f"{path}: its folder is missing in the table of src/README.md"
    unordered = {row: set() if allowed == EVERYTHING else allowed & set(table) for row, allowed in table.items()}
    while unordered:
        free = [row for row, allowed in unordered.items() if not allowed & set(unordered)]
        if not free:
            yield "src/README.md: the table has a cycle among " + ", ".join(sorted(unordered))
            return
        for row in free:
            del unordered[row]


def check_includes(root, table, paths):
    for path in filter(is_cpp, paths):
        own = folder_of(table, path[4:])
        if own is None:
            continue
        for kind, name in INCLUDE.findall(read(root, path)):
            other = folder_of(table, name)
            if other is None:
                if kind == '"' and not VENDOR_IN_QUOTES.search(name):
                    yield f'{path}: includes "{name}", which is no full path from src/'
            elif kind == "<":
                yield f"{path}: includes <{name}> of this project, write it in quotes"
            elif other != own and table[own] != EVERYTHING and other not in table[own]:
                yield f'{path}: {own}/ may not include {other}/ ("{name}"), see src/README.md'


def check_vendors(root, table, paths):
    for path in filter(is_cpp, paths):
        if not is_header(path):
            continue
        for kind, name in INCLUDE.findall(read(root, path)):
            if kind == "<" and re.search(r"[./]", name) and not HEADERS_IN_INTERFACES.search(name):
                yield f"{path}: includes <{name}>; headers of libraries belong in .cc files or *_internal.h"
            elif kind == '"' and VENDOR_IN_QUOTES.search(name):
                yield f'{path}: includes "{name}"; headers of libraries belong in .cc files or *_internal.h'
            elif name.endswith("_internal.h"):
                yield f'{path}: includes "{name}", which brings a library\'s header along; only .cc files may'


def check_queries(root, table, paths):
    for path in filter(is_cpp, paths):
        if path.startswith("src/adapters/") or path.endswith("_test.cc"):
            continue
        match = QUERY.search(without_comments(read(root, path)))
        if match:
            yield f"{path}: a query ({match[0][1:40]}…); SQL and CQL stand only in src/adapters/"


def check_headers(root, table, paths):
    for path in paths:
        if not path.endswith(".h") or not path.startswith(("src/", "tests/", "benchmarks/")):
            continue
        text = read(root, path)
        if not text.startswith(("//", "/*")):
            yield f"{path}: a header opens with a comment: what it is for, and its contract"
        if "#pragma once" not in text and "#ifndef" not in text:
            yield f"{path}: no #pragma once"


def check_names(root, table, paths):
    for path in paths:
        if not path.startswith(("src/", "tests/", "benchmarks/", "dashboard/", "integrations/")):
            continue
        parts = path.split("/")
        for part in [*parts[:-1], parts[-1].split(".")[0]]:
            if part.lower() in MEANINGLESS:
                yield f"{path}: '{part}' says nothing about what is inside"
                break


def check_comments(root, table, paths):
    for path in paths:
        if not path.endswith((".cc", ".h")):
            continue
        before = ""
        for number, line in enumerate(without_raw_strings(read(root, path)).splitlines(), 1):
            code, comment = split_comment(line)
            if comment and len(line) > COLUMNS_MAX:
                yield f"{path}:{number}: a comment of more than {COLUMNS_MAX} columns"
            if path.endswith(".h") and code.strip() and comment and BROKEN.search(before):
                yield f"{path}:{number}: the comment breaks a declaration in two; put it above"
            before = code


def check_dumps(root, table, paths):
    for path in filter(is_cpp, paths):
        if not path.startswith(("src/cli/", "src/http/")) or path.endswith("_test.cc"):
            continue
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if re.search(r"(\.|->)dump\(", line) and "error_handler_t::replace" not in line:
                yield f"{path}:{number}: dump() throws at bytes that are no UTF-8; see src/cli/printed_json_internal.h"


def check_mentions(root, table, paths):
    for path in paths:
        if os.path.getsize(os.path.join(root, path)) > 4 << 20:
            continue
        text = read(root, path)
        if "\0" in text:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                yield f"{path}:{number}: a path of one machine"
            if REGISTRY_URL.search(line) or any(host in line for host in REGISTRY_HOSTS):
                yield f"{path}:{number}: the host of a package registry"


CHECKS = [check_table, check_includes, check_vendors, check_queries, check_headers, check_names, check_comments, check_dumps,
          check_mentions]


def violations(root):
    paths = [path for path in walk(root) if os.path.isfile(os.path.join(root, path))]
    table = allowed_includes(root)
    return [line for check in CHECKS for line in check(root, table, paths)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = violations(sys.argv[1])
    for line in found:
        print(line)
    print(f"{len(found)} violations")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
