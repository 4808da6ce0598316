#!/usr/bin/env python3
"""Bids that fit 64 bits in each hour and not in their day: said with job and date, and never counted as something else."""

import datetime
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import uuid

BINARY = os.path.abspath(sys.argv.pop(1))
CLICKS = 6000  # at 10^9 each; a sum holds 9.2 * 10^12


def rows_of(hour):
    yield "create_time,ts,custom_track,ev,job_id,publisher_id,campaign_id,group_id,bid,ed"
    begin = (datetime.datetime(2022, 7, 1, hour, 5) - datetime.datetime(1582, 10, 15)) // datetime.timedelta(microseconds=1) * 10
    for ticks in range(begin, begin + CLICKS):
        identifier = uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, 0x1000 | ticks >> 48, 0x80, 1, 0x0242AC120002))
        yield f"{identifier},2022-07-01 {hour}:05:00,click,,188,1,10,5,1000000000,"


class BidsOfADay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "in").mkdir()

    def count(self):
        return subprocess.run([BINARY, "run", "--once", "--quiet", "--source", "csv:in", "--warehouse", "sqlite:w.db"], cwd=self.folder,
                              capture_output=True, text=True, timeout=60)

    def write(self, name, *hours):
        header, *rows = rows_of(hours[0])
        for hour in hours[1:]:
            rows += list(rows_of(hour))[1:]
        (self.folder / "in" / name).write_text("\n".join([header, *rows, ""]), encoding="ascii")

    def counted(self):
        with sqlite3.connect(self.folder / "w.db") as database:
            return database.execute("SELECT COALESCE(SUM(clicks), 0) FROM events").fetchone()[0]

    def refused(self):
        done = self.count()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("job 188", done.stderr)
        self.assertIn("2022-07-01", done.stderr)

    def test_in_one_file(self):
        self.write("both.csv", 10, 11)
        self.refused()
        self.assertEqual(self.counted(), 0)

    def test_in_two_files_one_after_the_other(self):
        self.write("a.csv", 10)
        done = self.count()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.write("b.csv", 11)
        self.refused()
        self.assertEqual(self.counted(), CLICKS)


if __name__ == "__main__":
    unittest.main()
