"""A raw log of SQLite and directories of CSV and NDJSON, counted into a SQLite warehouse by an older version. No server is needed."""

import json
import shutil

import pytest

from stored import FOLDER, read, restore_files, restore_sqlite
from upgrade import RETENTIONS, STORED, Program, check_upgrade


@pytest.fixture(params=["version_2", "version_4"])
def folder(request):
    stored = STORED / request.param
    FOLDER.mkdir()
    restore_files(read(STORED / "version_2/files.json.gz"), FOLDER)  # the same for both
    restore_sqlite(read(stored / "raw_log.sqlite.sql.gz"), FOLDER / "raw.db")
    restore_sqlite(read(stored / "counts.sqlite.sql.gz"), FOLDER / "counts.db")
    yield FOLDER
    shutil.rmtree(FOLDER)


@pytest.mark.parametrize("retention", RETENTIONS)
def test_sqlite_warehouse_is_taken_over_in_place(folder, tmp_path, retention):
    sources = [f"sqlite:{folder}/raw.db", f"csv:{folder}/csv", f"ndjson:{folder}/ndjson"]
    program = Program(f"sqlite:{folder}/counts.db", f"csv:{folder}/jobs.csv", sources, retention)

    def add_rows(seed, arrivals):
        journals = [tmp_path / f"{kind}_{seed}.csv" for kind in ("follow", "csv", "ndjson")]
        program.generate(sources[0], journals[0], seed, arrivals)
        program.generate(f"csv:{folder}/csv/{seed}.csv", journals[1], seed + 10, arrivals)
        # A file that was counted grows.
        program.generate(f"ndjson:{tmp_path}/{seed}.ndjson", journals[2], seed + 20, arrivals)
        with open(folder / "ndjson/1.ndjson", "ab") as file:
            file.write((tmp_path / f"{seed}.ndjson").read_bytes())
        return journals

    check_upgrade(program, add_rows)
    # Every slice that was counted anew has its kinds; those of before are not known by kind.
    for source in json.loads(program.call("status", "--json", "--warehouse", program.warehouse)):
        for name in ("other", "unattributed"):
            kinds = sum(kind["rows"] for kind in source["not_counted"] if kind["class"] == name)
            assert 0 < kinds <= source["rows"][name], source
