#!/usr/bin/env python3
"""A file of several pages whose last row contests the id of its first: the greater row counts, and what was counted before that was known is void."""

import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

BINARY = sys.argv.pop(1)
ROWS = 20_000
COLUMNS = ("create_time", "ts", "custom_track", "job_id", "bid")


def row(number, job, bid):
    """A click."""
    return dict(zip(COLUMNS, (f"{number:08x}-ea4f-11ed-8000-0242ac120002", "2023-05-04 08:01:00", "click", job, bid)))


def as_csv(rows):
    return "".join(f"{line}\n" for line in [",".join(COLUMNS), *(",".join(map(str, values.values())) for values in rows)])


def as_ndjson(rows):
    return "".join("{" + ",".join(f'"{name}":"{value}"' for name, value in values.items()) + "}\n" for values in rows)


class ContestedRow(unittest.TestCase):
    def counted(self, form, text):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / f"rows.{form}").write_text(text, encoding="ascii")
            subprocess.run([BINARY, "run", "--once", "-q", "--source", f"{form}:rows.{form}", "--warehouse", "sqlite:events.db"], cwd=folder, check=True, timeout=100)
            connection = sqlite3.connect(folder / "events.db")
            cells = connection.execute("SELECT job_id, clicks, bid_micros FROM events_micros ORDER BY job_id").fetchall()
            connection.close()
            return cells

    def test_the_greater_row_counts_once(self):
        rows = [row(number, 500, 1) for number in range(ROWS)]
        for form, write in (("csv", as_csv), ("ndjson", as_ndjson)):
            with self.subTest(form):
                self.assertEqual(self.counted(form, write([*rows, row(0, 500, 1)])), [(500, ROWS, ROWS * 1_000_000)])
                self.assertEqual(self.counted(form, write([*rows, row(0, 501, 2)])), [(500, ROWS - 1, (ROWS - 1) * 1_000_000), (501, 1, 2_000_000)])
                self.assertEqual(self.counted(form, write([*rows, row(0, 499, 2)])), [(500, ROWS, ROWS * 1_000_000)])


if __name__ == "__main__":
    unittest.main()
