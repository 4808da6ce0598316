#!/usr/bin/env python3
"""The same rows in every dialect that programs write give the same table, through the program itself."""

import argparse
import codecs
import gzip
import json
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import unittest

BINARY = None
COLUMNS = "create_time ts custom_track ev job_id publisher_id campaign_id group_id bid ed agent".split()
AGENT = 'Browser/1.0 (a; b) "beta", x|y'
CELLS = [
    # dates hours job publisher campaign group impressions clicks conversion qualified disqualified spend
    ("2023-05-04", 8, 500, 3, 20, 1, 1, 1, 0, 0, 0, 0.25),
    ("2023-05-04", 9, 500, 3, 20, 0, 0, 1, 0, 0, 0, 4.0),
    ("2023-05-04", 9, 501, 4, 21, 1, 0, 0, 0, 1, 0, 0.0),
    ("2023-05-04", 10, 500, 3, 20, 1, 0, 0, 0, 0, 1, 0.0),
]
CONVERSION = ("2023-05-04", 9, 500, 3, 0, 0, 0, 0, 1, 0, 0, 0.0)


def row(number, ts, track, ev, job, publisher, campaign, group, bid, ed):
    values = (f"{number:08x}-ea4f-11ed-8000-0242ac120002", "2023-05-04 " + ts, track, ev, job, publisher, campaign,
              group, bid, ed and json.dumps(ed, separators=(",", ":")), AGENT)
    return dict(zip(COLUMNS, values))


ROWS = [
    row(1, "08:01:00.500", None, 1, 500, 3, 20, 1, None, None),
    row(2, "08:59:59.999", "click", 2, 500, 3, 20, 1, 0.25, {"customEvent": "click", "jobId": "500"}),
    row(3, "09:00:00.000", "click", 2, 500, 3, 20, None, 4, {"note": 'quoted "so", C:\\dir\n\u00e4 \\"'}),
    row(4, "09:30:00.000", "conversion", 2, None, None, None, None, None,
        {"customEvent": "conversion", "jobId": "500", "publisherId": "3", "note": 'a "b" \\ c'}),
    row(5, "09:31:00.000", "qualified", 2, 501, 4, 21, 1, None, None),
    row(6, "09:32:00.000", "alive", 2, None, None, None, None, None, {"customEvent": "alive"}),
    row(7, "09:33:00.000", None, 1, None, None, None, None, None, None),
    row(8, "10:00:00.000", "unqualified", 2, 500, 3, 20, 1, None, {"customEvent": "unqualified"}),
]


def text_of(value):
    return "" if value is None else str(value)


def written(rows, header=True, delimiter=",", end="\n", escape="double", columns=COLUMNS):
    """CSV with doubled quotes; with a backslash before quotes and backslashes; before quotes only ("plain");
    or that over texts whose backslashes had been doubled before ("twice")."""

    def field(text):
        needs_quotes = any(mark in text for mark in (delimiter, "\n", "\r"))
        if escape == "double":
            doubled = text.replace('"', '""')
            return f'"{doubled}"' if needs_quotes or '"' in text else text
        backslashes = {"backslash": "\\\\", "plain": "\\", "twice": "\\" * 4}[escape]
        escaped = text.replace("\\", backslashes).replace('"', '\\"')
        return f'"{escaped}"' if needs_quotes else escaped

    lines = [columns] if header else []
    lines += [[text_of(r[c]) for c in columns] for r in rows]
    return "".join(delimiter.join(map(field, line)) + end for line in lines)


def in_parts(rows, **how):
    return written(rows[:3], **how) + written(rows[3:], **how)


def csv_files():
    files = {}
    for escape in ("double", "backslash", "plain", "twice"):
        for name, delimiter in ((",", ","), (";", ";"), ("tab", "\t"), ("pipe", "|")):
            for end_name, end in (("lf", "\n"), ("crlf", "\r\n"), ("cr", "\r")):
                files[f"{escape} {name} {end_name}"] = written(ROWS, delimiter=delimiter, end=end, escape=escape)
    files["parts"] = in_parts(ROWS)
    files["parts backslash"] = in_parts(ROWS, escape="backslash", end="\r\n")
    files["mark"] = "\ufeff" + written(ROWS)
    files["hint"] = "sep=;\r\n" + written(ROWS, delimiter=";", end="\r\n")
    files["columns in another order"] = written(ROWS, columns=COLUMNS[::-1], escape="plain")
    bytes_of = {name: text.encode() for name, text in files.items()}
    for name in ("double , lf", "double tab crlf", "plain ; cr"):
        bytes_of[name + " utf-16le"] = codecs.BOM_UTF16_LE + files[name].encode("utf-16-le")
        bytes_of[name + " utf-16be"] = codecs.BOM_UTF16_BE + files[name].encode("utf-16-be")
    return bytes_of


def ndjson_files():
    lines = [json.dumps(r) for r in ROWS]
    nan = [json.dumps({k: float("nan") if v is None and k.endswith("_id") else v for k, v in r.items()}) for r in ROWS]
    doubled = [" " + line.replace("\\", "\\\\") for line in lines]
    frame = "\n [json]\n" + "-" * 70 + "\n"
    texts = {
        "lines": "\n".join(lines) + "\n",
        "nan": "\n".join(nan) + "\n",
        "array in one line": json.dumps(ROWS),
        "array pretty": json.dumps(ROWS, indent=2) + "\n",
        "array of lines": "[\n" + ",\n".join(lines) + "\n]\n",
        "array nan": "[" + ", ".join(nan) + "]",
        "select json": frame + "\n".join(doubled) + "\n\n(8 rows)\n",
        "select json pages": frame + "\n".join(doubled[:4]) + "\n---MORE---\n" + "\n".join(doubled[4:]) + "\n\n(8 rows)\n",
    }
    bytes_of = {name: text.encode() for name, text in texts.items()}
    bytes_of["lines utf-16"] = texts["lines"].encode("utf-16")
    return bytes_of


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hirestream-dialects-")
        self.addCleanup(self.folder.cleanup)
        self.warehouses = 0

    def path(self, name):
        return pathlib.Path(self.folder.name) / name

    def hirestream(self, *words):
        return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60, check=False)

    def run_once(self, source, *words):
        self.warehouses += 1
        warehouse = self.path(f"{self.warehouses}.db")
        result = self.hirestream("run", "--once", "--json", "--source", source, "--warehouse", f"sqlite:{warehouse}", *words)
        return result, warehouse

    def cells(self, warehouse):
        with sqlite3.connect(warehouse) as database:
            return database.execute(
                "SELECT dates, hours, job_id, publisher_id, campaign_id, group_id, impressions, clicks, conversion,"
                " qualified_application, disqualified_application, spend_hour FROM events"
                " ORDER BY dates, hours, job_id, publisher_id, campaign_id").fetchall()

    def check(self, source, *words, rows=None, cells=None):
        result, warehouse = self.run_once(source, *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        found = json.loads(result.stdout)["rows"]
        expected = rows or {"total": 8, "counted": 5, "unattributed": 2, "other": 1, "rejected": 0}
        self.assertEqual({name: found[name] for name in expected}, expected, result.stderr)
        self.assertEqual(self.cells(warehouse), cells or CELLS, result.stderr)
        return result.stderr

    def check_both(self, source, *words):
        self.check(source, *words)
        counted = {"total": 8, "counted": 6, "unattributed": 1, "other": 1, "rejected": 0}
        cells = sorted(CELLS + [CONVERSION])
        return self.check(source, "--attribution", "payload", *words, rows=counted, cells=cells)

    def refused(self, source, *words):
        result, warehouse = self.run_once(source, *words)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(self.cells(warehouse), [])
        return result.stderr


class Dialects(Program):
    def test_every_csv_dialect_gives_the_same_table(self):
        for name, content in csv_files().items():
            with self.subTest(name):
                file = self.path("rows.csv")
                file.write_bytes(content)
                self.check_both(f"csv:{file}")

    def test_every_json_dialect_gives_the_same_table(self):
        for name, content in ndjson_files().items():
            with self.subTest(name):
                file = self.path("rows.ndjson")
                file.write_bytes(content)
                self.check_both(f"ndjson:{file}")

    def test_the_dialect_is_told_in_one_line(self):
        file = self.path("rows.csv")
        file.write_text(in_parts(ROWS, delimiter=";", escape="backslash", end="\r"), newline="")
        told = self.check(f"csv:{file}")
        self.assertIn("delimiter ;, a backslash before quotes and backslashes, lines that end with CR", told)
        self.assertIn("1 more line with the header skipped", told)
        doctor = self.hirestream("doctor", "--source", f"csv:{file}", "--warehouse", f"sqlite:{self.path('d.db')}")
        self.assertIn("delimiter ;, a backslash before quotes and backslashes", doctor.stdout)
        self.assertNotIn("delimiter", self.check(f"csv:{self.write('plain.csv', written(ROWS))}"))
        told = self.check(f"ndjson:{self.write('nan.ndjson', ndjson_files()['nan'].decode())}")
        self.assertIn("NaN read as null", told)

    def write(self, name, text):
        self.path(name).write_text(text, newline="", encoding="utf-8")
        return self.path(name)

    def test_a_file_without_a_header_is_refused_until_its_columns_are_named(self):
        for escape in ("double", "backslash", "plain"):
            file = self.write("bare.csv", written(ROWS, header=False, escape=escape, delimiter=";"))
            said = self.refused(f"csv:{file}")
            self.assertIn("it has no header", said)
            self.assertIn("--csv-header", said)
            self.check_both(f"csv:{file}", "--csv-header", ",".join(COLUMNS))

    def test_settings_decide(self):
        file = self.write("rows.csv", written(ROWS, escape="backslash", delimiter=";"))
        self.check_both(f"csv:{file}", "--csv-escape", "backslash", "--csv-delimiter", ";")
        self.assertIn("no column", self.refused(f"csv:{file}", "--csv-delimiter", "tab"))
        result, _ = self.run_once(f"csv:{file}", "--csv-delimiter", "x")
        self.assertEqual(result.returncode, 2)
        self.assertIn("one of , ; tab |", result.stderr)

    def test_a_file_of_two_dialects_is_refused_by_name(self):
        many = [dict(ROWS[0], create_time=f"{n:08x}-ea50-11ed-8000-0242ac120002", agent="x") for n in range(15000)]
        folder = self.path("in")
        folder.mkdir()
        (folder / "a.csv").write_text(written(ROWS))
        (folder / "b.csv").write_text(written(many) + written([ROWS[3]], header=False, escape="backslash"))
        result, warehouse = self.run_once(f"csv:{folder}")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("b.csv:15002", result.stderr)
        self.assertIn("--csv-escape backslash-doubled or double", result.stderr)
        self.assertEqual(self.cells(warehouse), CELLS)
        self.assertEqual(self.run_once(f"csv:{folder}", "--csv-escape", "double")[0].returncode, 0)

    def test_the_output_of_spark_is_a_folder(self):
        folder = self.path("out.csv")
        folder.mkdir()
        for number, part in enumerate((ROWS[:4], ROWS[4:], [])):
            (folder / f"part-0000{number}-c000.csv").write_text(written(part, escape="backslash"))
            (folder / f".part-0000{number}-c000.csv.crc").write_bytes(b"crc\0")
        (folder / "part-00003-c000.csv").write_text("")
        (folder / "part-00004-c000.csv.gz").write_bytes(gzip.compress(b""))
        (folder / "_SUCCESS").write_text("")
        self.check_both(f"csv:{folder}")
        self.check_both(f"csv:{folder}/*")

    def test_imported_rows_are_the_same(self):
        for name in ("plain ; cr", "double tab lf"):
            file = self.path("rows.tsv")
            file.write_bytes(csv_files()[name])
            raw = self.path(name.replace(" ", "") + ".db")
            result = self.hirestream("import", str(file), "--to", f"sqlite:{raw}")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.check_both(f"sqlite:{raw}")

    def test_random_rows_give_the_same_table_in_every_dialect(self):
        chance = random.Random(7)
        pieces = [",", ";", "\t", "|", '"', "\n", "\r\n", "x", "\u00e4", "\U0001f600", "\\x", "\\\\y", ' "', "'"]
        rows = []
        for number in range(200):
            text = "".join(chance.choices(pieces, k=chance.randrange(6)))
            rows.append(row(number, f"{chance.randrange(24):02}:00:00", chance.choice(["click", None, "qualified"]), 1,
                            chance.choice([None, 1, 2]), chance.choice([None, 3]), None, None,
                            chance.choice([None, 0.5]),
                            chance.choice([None, {"jobId": "9", "customEvent": "click", "note": text}])))
            rows[-1]["agent"] = text
        # Tells the escapes apart.
        rows[-1]["ed"] = json.dumps({"note": 'say "x", C:\\dir'})
        tables = {}
        for escape in ("double", "backslash", "plain", "twice"):
            for delimiter in ",;\t|":
                for end in ("\n", "\r\n", "\r"):
                    file = self.write("random.csv", written(rows, escape=escape, delimiter=delimiter, end=end))
                    result, warehouse = self.run_once(f"csv:{file}", "--attribution", "payload")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    counted = json.loads(result.stdout)["rows"]
                    self.assertEqual((counted["total"], counted["rejected"]), (200, 0), result.stderr)
                    tables[escape, delimiter, end] = self.cells(warehouse)
        file = self.write("random.ndjson", json.dumps(rows, indent=1))
        tables["array"] = self.cells(self.run_once(f"ndjson:{file}", "--attribution", "payload")[1])
        first = tables["array"]
        self.assertGreater(len(first), 20)
        for name, table in tables.items():
            self.assertEqual(table, first, name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    options, rest = parser.parse_known_args()
    BINARY = str(options.binary.resolve())
    unittest.main(argv=[sys.argv[0], *rest])
